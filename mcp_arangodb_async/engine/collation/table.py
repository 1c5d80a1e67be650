"""Collation elements: the Unicode Collation Algorithm's default table, put into CLDR's root order.

The table comes with pyuca (`allkeys-10.0.0.txt`, always this one, so keys do not depend on the installation).
What ICU's root collation changes in it is small and written down here:

* Nothing is ignored but what has no weight at all ("alternate non-ignorable"): space and punctuation count.
* Before the digits, characters are regrouped: white space, punctuation, other symbols, currency signs.
* Upper case comes first (ArangoDB asks for that), which makes the tertiary weights of capitals the lowest
  ones.
* A few characters moved, and characters younger than the table are put in place (`younger.py`).

Han, Tangut, Nushu and Khitan characters and unassigned code points come last, each group in the order of
code points.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from mcp_arangodb_async.engine.collation import younger

ASCII_ORDER: Final = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
_FIRST_LEAD: Final = 4
COMMON: Final = 0x20

# DUCET's tertiary weights of capital letters and of full-size kana; they sort before the others, in this
# order.
_CAPITAL: Final = (0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0E, 0x11, 0x12, 0x1D)


def ascii_primary(character: str) -> int:
    """Return the one-byte primary weight of a lower-case or uncased ASCII character that is not ignorable."""
    return _FIRST_LEAD + 2 * ASCII_ORDER.index(character)


class Element(NamedTuple):
    """One collation element: the weights of a character, or of a part of it, on three levels."""

    primary: bytes
    secondary: int
    tertiary: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What a character or contraction contributes; `plain` if no other one has the same single element."""

    elements: tuple[Element, ...]
    plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything needed to turn a decomposed string into collation elements."""

    singles: dict[str, Entry]
    contractions: Mapping[str, Entry]
    longest: Mapping[str, int]
    """Characters that begin a contraction, and the length of the longest one."""
    plain: Mapping[Element, str]
    """The character or contraction that is meant when nothing else distinguishes it."""


_LINE: Final = re.compile(r"^([0-9A-F ]+?) *; (\S+)", re.MULTILINE)
_WEIGHTS: Final = re.compile(r"\[[.*]([0-9A-F]{4})\.([0-9A-F]{4})\.([0-9A-F]{4})\]")

_Ducet = tuple[int, int, int]
_YOUNGER: Final = 0x20000
_TAGS: Final = {"<super>": 0x14, "<font>": 0x05, "<square>": 0x1C}

# DUCET writes a Han character as two elements: the first holds the upper bits of the code point.
_IMPLICIT_BASE: Final = 0xFB40
_IMPLICIT_LAST: Final = 0xFBBF


def _read() -> dict[str, list[_Ducet]]:
    source = resources.files("pyuca").joinpath("allkeys-10.0.0.txt").read_text(encoding="utf-8")
    rows: dict[str, list[_Ducet]] = {}
    for codes, weights in _LINE.findall(source):
        text = "".join(chr(int(code, 16)) for code in codes.split())
        rows[text] = [(int(a, 16), int(b, 16), int(c, 16)) for a, b, c in _WEIGHTS.findall(weights)]
    return rows


def _group(character: str) -> int:
    """Return CLDR's group of a character that sorts before the digits: 0 space to 3 currency."""
    category = unicodedata.category(character)
    if character in "\t\n\v\f\r\x85\u2028\u2029" or category[0] == "Z":
        return 0
    if category[0] == "P":
        return 1
    if category == "Sc":
        return 3
    return 4 if category[0] == "N" else 2


def _cldr_order(rows: Mapping[str, list[_Ducet]]) -> list[int]:
    """Return DUCET's primary weights in CLDR's order."""
    digits = rows["0"][0][0]
    shown: dict[int, str] = {}
    for text, elements in rows.items():
        if len(text) == 1 and len(elements) == 1 and elements[0][2] == 2:
            shown.setdefault(elements[0][0], text)
    every = {element[0] for elements in rows.values() for element in elements} - {0}

    def place(weight: int) -> tuple[int, int]:
        if weight >= digits or weight not in shown:
            return (4, weight)
        return (_group(shown[weight]), weight)

    return sorted(every, key=place)


def _primaries(order: Iterable[int], ascii_weights: Mapping[int, str]) -> dict[int, bytes]:
    """Give each primary weight its bytes: one to ASCII characters, a lead byte and two more to others."""
    given: dict[int, bytes] = {}
    lead, place = _FIRST_LEAD - 1, 0
    for weight in order:
        character = ascii_weights.get(weight)
        if character is not None:
            lead, place = ascii_primary(character) + 1, 0
            given[weight] = bytes((lead - 1,))
        else:
            high, low = divmod(place, 250)
            given[weight] = bytes((lead, 4 + high, 4 + low))
            place += 1
    return given


def _tertiary(weight: int) -> int:
    if weight in _CAPITAL:
        return 0x10 + _CAPITAL.index(weight)
    return COMMON if weight == 0x02 else COMMON + weight


@cache
def load_table() -> Table:
    """Read the table; takes a fraction of a second, once, when the first non-ASCII string is seen."""
    rows = _read()
    order = _cldr_order(rows)
    _place_younger(rows, order)
    ascii_weights = {rows[character][0][0]: character for character in ASCII_ORDER}
    primaries = _primaries(order, ascii_weights)
    secondaries = {0: 0, 0x20: COMMON}
    for rank, weight in enumerate(sorted({e[1] for es in rows.values() for e in es} - secondaries.keys())):
        secondaries[weight] = COMMON + 1 + rank
    owners: dict[Element, str] = {}
    elements: dict[str, tuple[Element, ...]] = {}
    for text, ducet in rows.items():
        if len(text) == 1 and unicodedata.decomposition(text)[:1] not in ("", "<"):
            continue
        parts = tuple(_parts(ducet, primaries, secondaries))
        elements[text] = parts
        if len(parts) == 1 and (parts[0] not in owners or text < owners[parts[0]]):
            owners[parts[0]] = text
    entries = {
        text: Entry(parts, len(parts) == 1 and owners[parts[0]] == text) for text, parts in elements.items()
    }
    longest: dict[str, int] = {}
    for text in entries:
        if len(text) > 1:
            longest[text[0]] = max(len(text), longest.get(text[0], 0))
    return Table(
        singles={text: entry for text, entry in entries.items() if len(text) == 1},
        contractions={text: entry for text, entry in entries.items() if len(text) > 1},
        longest=longest,
        plain=owners,
    )


def _parts(
    ducet: list[_Ducet], primaries: Mapping[int, bytes], secondaries: Mapping[int, int]
) -> Iterator[Element]:
    """Turn DUCET's elements into ours; the two elements of a Han character become its one implicit weight."""
    block = kept = 0
    for primary, secondary, tertiary in ducet:
        if _IMPLICIT_BASE <= primary <= _IMPLICIT_LAST and secondary:
            block = primary
            kept = tertiary
        elif block and not secondary:
            code = ((block - _IMPLICIT_BASE) & 0x3F) << 15 | primary & 0x7FFF
            yield Element(implicit_primary(chr(code)), COMMON, _tertiary(kept))
            block = 0
        elif primary or secondary or tertiary:
            yield Element(primaries[primary] if primary else b"", secondaries[secondary], _tertiary(tertiary))


def _place_younger(rows: dict[str, list[_Ducet]], order: list[int]) -> None:
    """Add the characters the table lacks; their primary weights are new numbers, placed where they belong."""
    placed: dict[int, list[int]] = {}
    number = _YOUNGER
    for anchor, characters in younger.places():
        numbers = placed.setdefault(rows[anchor][0][0], [])
        for character in characters:
            rows[character] = [(number, 0x20, 0x02)]
            numbers.append(number)
            number += 1
    given = list(order)
    order.clear()
    for weight in given:
        order.append(weight)
        _append_placed(order, placed, weight)
    for character in younger.spread(younger.IGNORED):
        rows[character] = []
    for character in younger.spread(younger.CAPITALS):
        rows[character] = [(a, b, 0x08) for a, b, _ in rows.get(character.lower(), [])]
    for character in younger.spread(younger.DIGITS):
        rows[character] = rows[str(unicodedata.decimal(character))]
    for character in younger.spread(younger.VARIANTS):
        tag, *codes = unicodedata.decomposition(character).split()
        weight = _TAGS[tag]
        rows[character] = [
            (a, b, weight) for code in codes for a, b, _ in rows.get(chr(int(code, 16)), []) if a or b
        ]


def _append_placed(order: list[int], placed: Mapping[int, list[int]], weight: int) -> None:
    for number in placed.get(weight, ()):
        order.append(number)
        _append_placed(order, placed, number)


_UNASSIGNED_LEAD: Final = 0xC5
_IMPLICIT: Final = (
    (0xC0, 0x17000, 0x18AFF),  # Tangut and its components
    (0xC0, 0x18D00, 0x18D7F),
    (0xC1, 0x1B170, 0x1B2FF),  # Nushu
    (0xC2, 0x18B00, 0x18CFF),  # Khitan
    (0xC3, 0x4E00, 0x9FFF),  # Han
    (0xC4, 0x3400, 0x4DBF),
    (0xC4, 0x20000, 0x2A6DF),
    (0xC4, 0x2A700, 0x2EBEF),
    (0xC4, 0x30000, 0x323AF),
)
_CORE_COMPATIBILITY: Final = "\ufa0e\ufa0f\ufa11\ufa13\ufa14\ufa1f\ufa21\ufa23\ufa24\ufa27\ufa28\ufa29"


def implicit(character: str) -> Entry:
    """Return the entry of a character without a line of its own."""
    return Entry((Element(implicit_primary(character), COMMON, COMMON),), True)


def implicit_primary(character: str) -> bytes:
    """Return the weight of a character that is ordered by group, then by code point."""
    code = ord(character)
    lead = _UNASSIGNED_LEAD
    for group, first, last in _IMPLICIT:
        if first <= code <= last:
            lead = group
            break
    if character in _CORE_COMPATIBILITY:
        lead = 0xC3
    return bytes((lead, 2 + (code >> 14), 2 + (code >> 7 & 127), 2 + (code & 127)))


@cache
def decomposition(character: str) -> str:
    """Return the canonical decomposition of one character."""
    return unicodedata.normalize("NFD", character)
