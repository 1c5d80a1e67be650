"""The sets, classes and characters of ICU's regular expressions, rewritten for the `regex` module."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d"
_VERTICAL: Final = r"\n\v\f\r\u0085\u2028\u2029"
# Letters after a backslash that stand for several characters, or for one; also in sets.
CLASSES: Final = {
    "s": r"\p{White_Space}",
    "S": r"\P{White_Space}",
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "h": r"[\t\p{Zs}]",
    "H": r"[^\t\p{Zs}]",
    "v": f"[{_VERTICAL}]",
    "V": f"[^{_VERTICAL}]",
}
_CONTROLS: Final = {"a": "\a", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
CODE: Final = re.compile(
    r"x\{(?P<braces>[0-9A-Fa-f]{1,6})\}|x(?P<x>[0-9A-Fa-f]{1,2})|u(?P<u>[0-9A-Fa-f]{4})"
    r"|U(?P<U>[0-9A-Fa-f]{8})|0(?P<octal>[0-3][0-7]{0,2}|[0-7]{1,2})|c(?P<control>.)|(?P<letter>[aefnrt])",
    re.DOTALL,
)
PROPERTY: Final = re.compile(r"[pP]\{[\w .=:\-]+\}|N\{[\w \-]+\}")
_POSIX: Final = re.compile(r"\[:(\^?)([A-Za-z_ =]+):\]")
_FREE_SPACE: Final = re.compile(r"[\t-\r \u0085\u200e\u200f\u2028\u2029]+")


_IS: Final = re.compile(r"\{ *Is(?=[A-Z])")


class PatternError(Exception):
    """The pattern is no regular expression for ICU."""


def literal(character: str) -> str:
    """Return a character as itself, in and outside of sets."""
    if character.isalnum() or (not character.isascii() and not character.isspace()):
        return character
    return f"\\U{ord(character):08x}"


def code_point(match: re.Match[str]) -> str:
    """Return the character that a match of CODE describes."""
    if match["letter"]:
        return _CONTROLS[match["letter"]]
    if match["control"]:
        return chr(ord(match["control"]) & 31)
    if match["octal"]:
        return chr(int(match["octal"], 8))
    code = int(match["braces"] or match["x"] or match["u"] or match["U"], 16)
    if code >= 0x110000 or 0xD800 <= code < 0xE000:
        raise PatternError(f"no character has the code {match[0]}")
    return chr(code)


def property_class(match: re.Match[str]) -> str:
    """Return the class or character that a match of PROPERTY describes."""
    return "\\" + _IS.sub("{", match[0])


def quoted(pattern: str, place: int) -> tuple[str, int]:
    """Return the text between the Q at a place and \\E, or the end, and the place after that."""
    end = pattern.find("\\E", place)
    return (pattern[place + 1 :], len(pattern)) if end == -1 else (pattern[place + 1 : end], end + 2)


def posix_class(pattern: str, place: int) -> tuple[str, int] | None:
    """Return the class [:name:] at a place, and the place after it; None if there is none."""
    match = _POSIX.match(pattern, place)
    return match and (f"\\{'P' if match[1] else 'p'}{{{match[2]}}}", match.end())


def translate_set(pattern: str, place: int, *, free: bool) -> tuple[str, int]:
    """Return the set that begins at a place, and the place after it; `free`: spaces mean nothing."""
    reader = _SetReader(pattern, place, free)
    return reader.read(), reader.place


class _SetReader:
    def __init__(self, pattern: str, place: int, free: bool) -> None:
        self.pattern = pattern
        self.place = place
        self._free = free

    def _at(self, text: str) -> bool:
        return self.pattern.startswith(text, self.place)

    def read(self) -> str:
        """Read a set and the sets in it."""
        self.place += 1
        negative = self._at("^")
        self.place += negative
        written = ["[^" if negative else "["]
        operand = False
        if self._at("]"):
            written.append(literal("]"))
            self.place += 1
            operand = True
        after_set = False
        while self.place < len(self.pattern):
            if self._free and (space := _FREE_SPACE.match(self.pattern, self.place)):
                self.place = space.end()
            elif self._at("]"):
                if not operand:
                    raise PatternError("a set lacks an operand")
                self.place += 1
                return "".join((*written, "]"))
            elif operator := self._operator(after_set):
                if not operand:
                    raise PatternError(f"'{operator}' has nothing on its left")
                written.append(operator)
                operand = after_set = False
            else:
                after_set = self._at("[")
                written.append(self._item())
                operand = True
        raise PatternError("a set has no end")

    def _operator(self, after_set: bool) -> str | None:
        """Go past an operator: doubled, or single between sets."""
        for operator in ("--", "&&"):
            if self._at(operator):
                self.place += 2
                return operator
            if after_set and self._at(operator[0] + "["):
                self.place += 1
                return operator
        return None

    def _item(self) -> str:
        if found := posix_class(self.pattern, self.place):
            text, self.place = found
            return text
        if self._at("["):
            return self.read()
        first, single = self._character()
        if not single or not self._at("-") or self.pattern.startswith(("-[", "--", "-]"), self.place):
            return first
        self.place += 1
        last, single = self._character()
        if not single:
            raise PatternError("a range needs characters")
        return f"{first}-{last}"

    def _character(self) -> tuple[str, bool]:
        """Return a character or a class, and whether it is a single character."""
        place = self.place
        if place >= len(self.pattern):
            raise PatternError("a set has no end")
        if not self._at("\\"):
            self.place += 1
            return literal(self.pattern[place]), True
        letter = self.pattern[place + 1 : place + 2]
        if letter == "Q":
            text, self.place = quoted(self.pattern, place + 1)
            return "".join(map(literal, text)), len(text) == 1
        if letter in CLASSES:
            self.place += 2
            return CLASSES[letter], False
        if match := PROPERTY.match(self.pattern, place + 1):
            self.place = match.end()
            return property_class(match), match[0][0] == "N"
        if match := CODE.match(self.pattern, place + 1):
            self.place = match.end()
            return literal(code_point(match)), True
        if not letter or letter in "0NPUpcux":
            raise PatternError(f"'\\{letter}' is not complete")
        self.place += 2
        return literal(letter), True
