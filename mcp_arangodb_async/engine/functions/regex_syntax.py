"""ICU's regular expressions, rewritten for the `regex` module.

ArangoDB uses ICU (https://unicode-org.github.io/icu/userguide/strings/regexp.html). The two dialects share
most of their syntax. What differs is rewritten here: the line ends that `.`, `^` and `$` know, `\\s` and
`\\w`, a few escapes, sets in sets, and letters that mean nothing after a backslash, which ICU refuses.
"""

from __future__ import annotations

import re
from typing import Final

_LINE_ENDS: Final = r"\n\r\u0085\u2028\u2029"
_LINE_END: Final = r"(?:\r\n|[\n\v\f\r\u0085\u2028\u2029])"
_SPACE: Final = r"\t\n\f\r\p{Z}"
_WORD: Final = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d"
_HORIZONTAL: Final = r"\t\p{Zs}"
_VERTICAL: Final = r"\n\v\f\r\u0085\u2028\u2029"

# Letters after a backslash: what they become outside of a set, and inside of one.
_CLASSES: Final = {
    "s": (f"[{_SPACE}]", _SPACE),
    "S": (f"[^{_SPACE}]", f"[^{_SPACE}]"),
    "w": (f"[{_WORD}]", _WORD),
    "W": (f"[^{_WORD}]", f"[^{_WORD}]"),
    "d": (r"\p{Nd}", r"\p{Nd}"),
    "D": (r"\P{Nd}", r"\P{Nd}"),
    "h": (f"[{_HORIZONTAL}]", _HORIZONTAL),
    "H": (f"[^{_HORIZONTAL}]", f"[^{_HORIZONTAL}]"),
    "v": (f"[{_VERTICAL}]", _VERTICAL),
    "V": (f"[^{_VERTICAL}]", f"[^{_VERTICAL}]"),
    "a": (r"\x07", r"\x07"),
    "e": (r"\x1b", r"\x1b"),
    "f": (r"\f", r"\f"),
    "n": (r"\n", r"\n"),
    "r": (r"\r", r"\r"),
    "t": (r"\t", r"\t"),
}
_ASSERTIONS: Final = {
    "A": r"\A",
    "b": r"\b",
    "B": r"\B",
    "G": r"\G",
    "R": _LINE_END,
    "X": r"\X",
    "z": r"\Z",
    "Z": rf"(?={_LINE_END}?\Z)",
}
_CODE: Final = re.compile(
    r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|0([0-3][0-7]{0,2}|[0-7]{1,2})"
)
_NAMED: Final = re.compile(
    r"[pP]\{\^?[\w =:\-]+\}|[pP][A-Z]|N\{[\w \-]+\}|k<[A-Za-z][A-Za-z0-9]*>|[1-9][0-9]*"
)
_CONTROL: Final = re.compile(r"c([@-_a-z])")
_GROUP: Final = re.compile(r"\(\?(?:<([A-Za-z][A-Za-z0-9]*)>|([a-z]*)(?:-([a-z]*))?([:)]))")
_FLAGS: Final = frozenset("imsx")
_SPECIAL: Final = frozenset(r"\^$.|?*+()[]{}-&~#")
_POSIX: Final = re.compile(r"\[:(\^?[A-Za-z_ =]+):\]")


class PatternError(Exception):
    """The pattern is no regular expression for ICU."""


class _Reader:
    """A pattern while it is rewritten: where we are, and what has been written."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0
        self.written: list[str] = []
        flags = {flag for match in _GROUP.finditer(pattern) for flag in match[2] or ""}
        # Flags that change the meaning of `.`, `^` and `$` leave these to the module, which knows scopes.
        self.dot_is_all = "s" in flags
        self.lines = "m" in flags

    def take(self, length: int, replacement: str) -> None:
        """Go past some characters, writing others."""
        self.place += length
        self.written.append(replacement)


def translate(pattern: str) -> str:
    """Return the same pattern for the `regex` module in version 1; PatternError if ICU refuses it."""
    reader = _Reader(pattern)
    while reader.place < len(pattern):
        character = pattern[reader.place]
        if character == "\\":
            _escape(reader, in_set=False)
        elif character == "[":
            _set(reader)
        elif character == "(":
            _group(reader)
        elif character == "." and not reader.dot_is_all:
            reader.take(1, f"[^{_LINE_ENDS}]")
        elif character == "$" and not reader.lines:
            reader.take(1, rf"(?={_LINE_END}?\Z)")
        else:
            reader.take(1, character)
    return "".join(reader.written)


def _group(reader: _Reader) -> None:
    match = _GROUP.match(reader.pattern, reader.place)
    if match is None:
        reader.take(1, "(")
        return
    name, on, off, end = match.groups()
    if name is not None:
        reader.take(len(match[0]), f"(?P<{name}>")
        return
    if {*on, *(off or "")} - _FLAGS:
        raise PatternError(f"unknown flag in '{match[0]}'")
    reader.take(len(match[0]), f"(?{on}{'-' + off if off else ''}{end}")


def _escape(reader: _Reader, *, in_set: bool) -> None:
    pattern, place = reader.pattern, reader.place + 1
    if place >= len(pattern):
        raise PatternError("the pattern ends with a backslash")
    letter = pattern[place]
    if letter == "Q":
        end = pattern.find("\\E", place)
        literal = pattern[place + 1 : end if end != -1 else len(pattern)]
        reader.take(len(literal) + (4 if end != -1 else 2), "".join(map(_literal, literal)))
    elif letter in _CLASSES:
        reader.take(2, _CLASSES[letter][in_set])
    elif letter in _ASSERTIONS and not in_set:
        reader.take(2, _ASSERTIONS[letter])
    elif match := _CODE.match(pattern, place):
        hexadecimal = match[1] or match[2] or match[3] or match[4]
        code = int(hexadecimal, 16) if hexadecimal else int(match[5], 8)
        if code >= 0x110000:
            raise PatternError(f"no character has the code {match[0]}")
        reader.take(1 + len(match[0]), _literal(chr(code)))
    elif match := _CONTROL.match(pattern, place):
        reader.take(3, _literal(chr(ord(match[1].upper()) & 31)))
    elif match := _NAMED.match(pattern, place):
        text = f"g<{match[0][2:]}" if letter == "k" else match[0]
        reader.take(1 + len(match[0]), "\\" + text)
    elif letter.isascii() and letter.isalnum():
        raise PatternError(f"'\\{letter}' has no meaning")
    else:
        reader.take(2, _literal(letter))


def _literal(character: str) -> str:
    if character in _SPECIAL or character.isspace():
        return f"\\U{ord(character):08x}"
    return character


def _set(reader: _Reader) -> None:
    """Rewrite one set; sets may hold sets, and `--` and `&&` between them."""
    posix = _POSIX.match(reader.pattern, reader.place)
    if posix:
        reader.take(len(posix[0]), posix[0])
        return
    reader.take(1, "[")
    if reader.pattern.startswith("^", reader.place):
        reader.take(1, "^")
    first = True
    while reader.place < len(reader.pattern):
        character = reader.pattern[reader.place]
        if character == "]" and not first:
            reader.take(1, "]")
            return
        if character == "\\":
            _escape(reader, in_set=True)
        elif character == "[":
            _set(reader)
        elif reader.pattern.startswith(("--", "&&"), reader.place):
            reader.take(2, reader.pattern[reader.place : reader.place + 2])
        elif character == "-":
            reader.take(1, "-")
        else:
            reader.take(1, _literal(character))
        first = False
    raise PatternError("a set has no end")
