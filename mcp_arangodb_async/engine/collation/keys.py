"""From a string to its collation key.

ArangoDB compares strings with ICU's collator for en_US at identical strength, upper case before lower case
and normalization off (its `Utf8Helper`), and settles what is left by the length in bytes. A key has the
same four levels:

    primary 01 secondary 01 tertiary 80 identical

* primary: one to four bytes a character, none of them 00 or 01; ASCII characters have one byte each.
* secondary (accents) and tertiary (case, width, ...): only what differs from the common weight is written,
  each with the length of the run of common weights before it: see `_tokens`.
* identical: one byte when the string is the plain one of all strings equal up to here, else its code points.

Equal keys mean equal strings. A key holds no byte 00, so whoever stores it may end it with one.
`COLLATION_VERSION` changes whenever a key does; a data directory records the version its index keys were
made with.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from mcp_arangodb_async.engine.collation.table import (
    ASCII_ORDER,
    COMMON,
    Element,
    Entry,
    Table,
    ascii_primary,
    decomposition,
    implicit,
    load_table,
)

COLLATION_VERSION: Final = "1"

_IGNORABLE: Final = bytes([*range(9), *range(14, 32), 127])
_LONGEST_RUN: Final = 124

_BELOW: Final = 0x02
_BELOW_MORE: Final = b"\x7f"
_LEVEL_END: Final = b"\x80"
_ABOVE_MORE: Final = b"\x81"
_ABOVE: Final = 0xFE

_LESS_THAN_PLAIN: Final = b"\x02"
_PLAIN_SHORT: Final = b"\x03"
_PLAIN: Final = b"\x04"
_PLAIN_LONG: Final = b"\x05"
_MORE_THAN_PLAIN: Final = b"\x06"
_PLAIN_END: Final = b"\x01\x01" + _LEVEL_END + _PLAIN
_UPPER_WEIGHT: Final = b"\x10"


def _primary_table() -> bytes:
    table = bytearray(256)
    for character in ASCII_ORDER:
        table[ord(character)] = table[ord(character.upper())] = ascii_primary(character)
    return bytes(table)


_PRIMARY: Final = _primary_table()
_UPPER: Final = re.compile(rb"[A-Z]")


def collation_key(text: str) -> bytes:
    """Return the key of a string: keys compare byte by byte as ArangoDB compares the strings."""
    if not text.isascii():
        return _wide_key(text)
    raw = text.encode()
    primary = raw.translate(_PRIMARY, _IGNORABLE)
    if len(primary) == len(raw):
        if _UPPER.search(raw) is None:
            return primary + _PLAIN_END
        return primary + b"\x01\x01" + _case_tokens(raw) + _LEVEL_END + _PLAIN
    visible = raw.translate(None, _IGNORABLE)
    side = _LESS_THAN_PLAIN if raw < visible else _MORE_THAN_PLAIN
    return (
        primary
        + b"\x01\x01"
        + _case_tokens(visible)
        + _LEVEL_END
        + side
        + _escape(raw)
        + b"\x01\x01"
        + _PLAIN
    )


def _case_tokens(raw: bytes) -> bytes:
    return b"".join([_run_below(len(run)) + _UPPER_WEIGHT for run in _UPPER.split(raw)[:-1]])


def _run_below(length: int) -> bytes:
    full, rest = divmod(length, _LONGEST_RUN + 1)
    return _BELOW_MORE * full + bytes((_BELOW + rest,))


def _run_above(length: int) -> bytes:
    full, rest = divmod(length, _LONGEST_RUN + 1)
    return _ABOVE_MORE * full + bytes((_ABOVE - rest,))


def _tokens(weights: list[int], width: int = 1) -> bytes:
    """Write a level: for each uncommon weight, the run of common ones before it and the weight.

    A longer run before a lower weight is greater, a longer run before a higher weight is less: two levels
    that first differ where one has the common weight compare as the weights there do.
    """
    parts: list[bytes] = []
    run = 0
    for weight in weights:
        if weight == COMMON:
            run += 1
            continue
        parts.append(_run_below(run) if weight < COMMON else _run_above(run))
        parts.append(bytes((weight,)) if width == 1 else bytes(((weight >> 7) + 2, (weight & 127) + 2)))
        run = 0
    return b"".join(parts)


def _escape(raw: bytes) -> bytes:
    return raw.replace(b"\x01", b"\x01\x03").replace(b"\x00", b"\x01\x02")


@lru_cache(maxsize=16384)
def _wide_key(text: str) -> bytes:
    table = load_table()
    decomposed = "".join(map(decomposition, text))
    elements, plain = _elements(table, decomposed)
    primary = b"".join([element.primary for element in elements])
    secondary = _tokens([element.secondary for element in elements if element.secondary], 2)
    tertiary = _tokens([element.tertiary for element in elements])
    head = primary + b"\x01" + secondary + b"\x01" + tertiary + _LEVEL_END
    if plain:
        return head + _spelling(text)
    raw = decomposed.encode("utf-8", "surrogatepass")
    side = _MORE_THAN_PLAIN
    letters = [table.plain.get(element) for element in elements]
    if None not in letters and decomposed < "".join([letter or "" for letter in letters]):
        side = _LESS_THAN_PLAIN
    return head + side + _escape(raw) + b"\x01\x01" + _spelling(text)


def _spelling(text: str) -> bytes:
    """Tell canonically equivalent strings apart: the one with fewer bytes first, as ArangoDB does."""
    if unicodedata.is_normalized("NFC", text):
        return _PLAIN
    raw = text.encode("utf-8", "surrogatepass")
    usual = len(unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass"))
    return (_PLAIN_SHORT if len(raw) < usual else _PLAIN_LONG) + b"%08x" % len(raw) + _escape(raw)


def _elements(table: Table, decomposed: str) -> tuple[list[Element], bool]:
    """Return the collation elements of a decomposed string, and whether it is the plain string of these."""
    elements: list[Element] = []
    plain = True
    pending = list(decomposed)
    place = 0
    while place < len(pending):
        character = pending[place]
        entry, used = None, 1
        if character in table.longest:
            entry, used = _contraction(table, pending, place)
        if entry is None:
            entry = table.singles.get(character) or implicit(character)
        elements.extend(entry.elements)
        plain = plain and entry.plain
        place += used
    return elements, plain


def _contraction(table: Table, pending: list[str], place: int) -> tuple[Entry | None, int]:
    """Find the longest contraction at a place; marks that belong to it are taken out from behind others.

    UCA, section 7.1 (S2.1): after the longest match, each following mark that no other mark blocks is tried
    too.
    """
    found, used, matched = None, 1, pending[place]
    for length in range(table.longest[pending[place]], 1, -1):
        text = "".join(pending[place : place + length])
        if text in table.contractions:
            found, used, matched = table.contractions[text], len(text), text
            break
    ahead, blocked = place + used, 0
    while ahead < len(pending):
        mark = unicodedata.combining(pending[ahead])
        if mark == 0:
            break
        if mark > blocked and matched + pending[ahead] in table.contractions:
            matched += pending.pop(ahead)
            entry = table.contractions[matched]
            found = Entry(entry.elements, entry.plain and blocked == 0)
        else:
            blocked = max(blocked, mark)
            ahead += 1
    return found, used
