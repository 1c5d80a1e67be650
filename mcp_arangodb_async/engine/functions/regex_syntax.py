"""ICU's regular expressions, rewritten for the `regex` module.

ArangoDB uses ICU (https://unicode-org.github.io/icu/userguide/strings/regexp.html). The two dialects share
most of their syntax. What differs is rewritten here: line ends, what `.`, `^`, `$`, `\\s` and `\\w` mean,
free spacing, sets in sets. What only `regex` knows (recursion, fuzzy matching, ...) is refused, as ICU does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mcp_arangodb_async.engine.functions.regex_sets import (
    CLASSES,
    CODE,
    PROPERTY,
    PatternError,
    code_point,
    literal,
    posix_class,
    property_class,
    quoted,
    translate_set,
)

_LINE_ENDS: Final = r"\n\v\f\r\u0085\u2028\u2029"
_ANY_LINE_END: Final = rf"(?>\r\n|[{_LINE_ENDS}])"
_NOT_IN_PAIR: Final = r"(?<!\r(?=\n))"
_ASSERTIONS: Final = {
    "A": r"\A",
    "b": r"\b",
    "B": r"\B",
    "G": r"\G",
    "z": r"\Z",
    "Z": rf"(?={_ANY_LINE_END}?\Z){_NOT_IN_PAIR}",
}
# What `.`, `^` and `$` become: usually, when only line feeds end lines, and with (?m) or (?s).
_DOT: Final = {"": rf"[^{_LINE_ENDS}]", "d": r"[^\n]", "s": r"(?>\r\n|(?s:.))", "ds": r"(?s:.)"}
_CARET: Final = {
    "": r"\A",
    "d": r"\A",
    "m": rf"(?:\A|(?<=[{_LINE_ENDS}]){_NOT_IN_PAIR}(?!\Z))",
    "dm": r"(?:\A|(?<=\n)(?!\Z))",
}
_DOLLAR: Final = {
    "": rf"(?:(?={_ANY_LINE_END}?\Z){_NOT_IN_PAIR})",
    "d": r"(?=\n?\Z)",
    "m": rf"(?:(?=[{_LINE_ENDS}]|\Z){_NOT_IN_PAIR})",
    "dm": r"(?=\n|\Z)",
}
_GROUP: Final = re.compile(
    r"\(\?(?P<comment>#[^)]*\))|\(\?<(?P<name>[A-Za-z][A-Za-z0-9]*)>"
    r"|\(\?(?P<on>[dimsuwx]*)(?:-(?P<off>[dimsuwx]*))?(?P<end>[:)])|\(\?(?P<kind><?[=!]|>)"
)
_REPEAT: Final = re.compile(r"(?:[*+?]|\{(?P<least>\d+)(?P<range>,(?P<most>\d*))?\})[?+]?")
_NAME: Final = re.compile(r"k<([A-Za-z][A-Za-z0-9]*)>")
_FREE_SPACE: Final = re.compile(r"(?:[\t-\r \u0085\u200e\u200f\u2028\u2029]|#[^\n\r\u0085\u2028]*)+")
_MOST_REPEATS: Final = 16_000_000


def translate(pattern: str) -> str:
    """Return the same pattern for the `regex` module in version 1; PatternError if ICU refuses it."""
    return _Translator(pattern).translate()


@dataclass(frozen=True, slots=True)
class _Open:
    """A group that is not closed yet: its kind, and the flags outside of it."""

    kind: str
    flags: frozenset[str]


class _Translator:
    """A pattern while it is rewritten."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._written: list[str] = []
        self._flags: frozenset[str] = frozenset()
        self._open: list[_Open] = []
        self._names: set[str] = set()
        self._groups = 0
        # Where numbers of groups are to be written: which digits belong to one is known at the end.
        self._references: list[tuple[int, str]] = []
        self._repeatable = False

    def translate(self) -> str:
        """Rewrite all of it."""
        while self._place < len(self._pattern):
            self._next()
        if self._open:
            raise PatternError("a group has no end")
        for place, digits in self._references:
            self._written[place] = self._reference(digits)
        return "".join(self._written)

    def _write(self, length: int, text: str, *, repeatable: bool = True) -> None:
        self._place += length
        self._written.append(text)
        self._repeatable = repeatable

    def _mode(self, letters: str) -> str:
        return "".join(letter for letter in letters if letter in self._flags)

    def _next(self) -> None:
        if "x" in self._flags and (space := _FREE_SPACE.match(self._pattern, self._place)):
            self._place = space.end()
            return
        match character := self._pattern[self._place]:
            case "\\":
                self._escape()
            case "[":
                self._set()
            case "(":
                self._begin()
            case ")":
                self._end()
            case "*" | "+" | "?" | "{" | "}":
                self._repeat()
            case ".":
                self._write(1, _DOT[self._mode("ds")])
            case "^":
                self._write(1, _CARET[self._mode("dm")])
            case "$":
                self._write(1, _DOLLAR[self._mode("dm")])
            case "|":
                self._write(1, "|", repeatable=False)
            case _:
                self._write(1, literal(character))

    def _repeat(self) -> None:
        text = self._pattern
        if "x" in self._flags:
            # A count may have spaces in it.
            head, rest = text[: self._place], text[self._place :]
            text = head + _FREE_SPACE.sub("", rest[: rest.find("}") + 1]) + rest[rest.find("}") + 1 :]
        match = _REPEAT.match(text, self._place)
        if match is None or not self._repeatable:
            raise PatternError(f"'{text[self._place]}' has nothing to repeat")
        least, most = match["least"], match["most"]
        if least is not None:
            bounds = [int(bound[:12]) for bound in (least, most) if bound]
            if bounds != sorted(bounds) or bounds[-1] > _MOST_REPEATS:
                raise PatternError(f"'{match[0]}' is no number of repetitions")
        if self._in_lookbehind() and (match[0][0] in "*+" or (match["range"] and not most)):
            raise PatternError("a look-behind has no greatest length")
        self._write(match.end() - self._place + len(self._pattern) - len(text), match[0], repeatable=False)

    def _in_lookbehind(self) -> bool:
        return any(group.kind.startswith("<") for group in self._open)

    def _begin(self) -> None:
        match = _GROUP.match(self._pattern, self._place)
        if match is None:
            if self._pattern.startswith("(?", self._place):
                raise PatternError(f"'{self._pattern[self._place : self._place + 4]}' begins no group")
            self._groups += 1
            self._enter("(", 1, "(")
        elif match["comment"]:
            self._place = match.end()
        elif match["name"]:
            if match["name"] in self._names:
                raise PatternError(f"there are two groups '{match['name']}'")
            self._names.add(match["name"])
            self._groups += 1
            self._enter("(", len(match[0]), f"(?P<{match['name']}>")
        elif match["kind"]:
            self._enter(match["kind"], len(match[0]), match[0])
        else:
            self._set_flags(match)

    def _enter(self, kind: str, length: int, text: str) -> None:
        self._open.append(_Open(kind, self._flags))
        self._write(length, text, repeatable=False)

    def _set_flags(self, match: re.Match[str]) -> None:
        on, off, end = frozenset(match["on"]), frozenset(match["off"] or ""), match["end"]
        flags = (self._flags | on) - off
        # The rest of the flags is known to this module alone. `(?i)` holds until the end of the group.
        passed = ("i" if "i" in on - off else "") + ("-i" if "i" in off else "")
        if end == ":":
            self._enter("(", len(match[0]), f"(?{passed}:")
        else:
            self._write(len(match[0]), f"(?{passed})" if passed else "", repeatable=False)
        self._flags = flags

    def _end(self) -> None:
        if not self._open:
            raise PatternError("')' ends no group")
        group = self._open.pop()
        self._flags = group.flags
        self._write(1, ")", repeatable=group.kind in ("(", ">"))

    def _set(self) -> None:
        found = posix_class(self._pattern, self._place)
        text, end = found or translate_set(self._pattern, self._place, free="x" in self._flags)
        self._write(end - self._place, text)

    def _reference(self, digits: str) -> str:
        """Return a reference to a group: as many digits as there are groups, the rest is text."""
        for length in range(len(digits), 0, -1):
            if int(digits[:length]) <= self._groups:
                return rf"(?:\g<{digits[:length]}>){digits[length:]}"
        raise PatternError(f"there is no group {digits[0]}")

    def _escape(self) -> None:
        place = self._place + 1
        letter = self._pattern[place : place + 1]
        if not letter:
            raise PatternError("the pattern ends with a backslash")
        if letter == "Q":
            text, end = quoted(self._pattern, place)
            self._write(end - self._place, "".join(map(literal, text)))
        elif letter in CLASSES:
            self._write(2, CLASSES[letter])
        elif letter in _ASSERTIONS:
            self._write(2, _ASSERTIONS[letter], repeatable=False)
        elif letter in "RX":
            self._write(2, _ANY_LINE_END if letter == "R" else r"\X")
        elif letter.isascii() and letter.isdigit() and letter != "0":
            self._refer(re.compile("[0-9]{1,4}").match(self._pattern, place))
        elif letter == "k":
            self._refer(_NAME.match(self._pattern, place))
        elif match := PROPERTY.match(self._pattern, place):
            self._write(1 + len(match[0]), property_class(match))
        elif match := CODE.match(self._pattern, place):
            self._write(1 + len(match[0]), literal(code_point(match)))
        elif letter in "0NPUpux":
            raise PatternError(f"'\\{letter}' is not complete")
        else:
            self._write(2, literal(letter))

    def _refer(self, match: re.Match[str] | None) -> None:
        if match is None or (match[0][0] == "k" and match[1] not in self._names):
            raise PatternError("there is no group of this name")
        if self._in_lookbehind():
            raise PatternError("a look-behind has no greatest length")
        if match[0][0] == "k":
            self._write(1 + len(match[0]), f"(?P={match[1]})")
        else:
            self._references.append((len(self._written), match[0]))
            self._write(1 + len(match[0]), "")
