"""String order: ICU's root collation as ArangoDB sets it up, as keys that compare byte by byte."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_ASCII_ORDER: Final = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
_IGNORABLE: Final = bytes([*range(9), *range(14, 32), 127])


def _primary_table() -> bytes:
    table = bytearray(256)
    for place, character in enumerate(_ASCII_ORDER):
        table[ord(character)] = table[ord(character.upper())] = 4 + 2 * place
    return bytes(table)


_PRIMARY: Final = _primary_table()
_UPPER: Final = re.compile(rb"[A-Z]")
_PLAIN_END: Final = b"\x01\x01\x80\x03"
_UPPER_WEIGHT: Final = b"\x10"


def collation_key(text: str) -> bytes:
    """Return the key of a string: keys compare byte by byte as ArangoDB compares the strings."""
    if not text.isascii():
        return _wide_key(text)
    raw = text.encode()
    primary = raw.translate(_PRIMARY, _IGNORABLE)
    if len(primary) == len(raw):
        if _UPPER.search(raw) is None:
            return primary + _PLAIN_END
        return primary + b"\x01\x01" + _case_tokens(raw) + b"\x80\x03"
    visible = raw.translate(None, _IGNORABLE)
    side = b"\x02" if raw < visible else b"\x04"
    return primary + b"\x01\x01" + _case_tokens(visible) + b"\x80" + side + _escape(raw)


def _case_tokens(raw: bytes) -> bytes:
    parts: list[bytes] = []
    for run in _UPPER.split(raw)[:-1]:
        full, rest = divmod(len(run), 125)
        parts.append(b"\x7f" * full)
        parts.append(bytes((2 + rest,)))
        parts.append(_UPPER_WEIGHT)
    return b"".join(parts)


def _escape(raw: bytes) -> bytes:
    return raw.replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01")


@lru_cache(maxsize=16384)
def _wide_key(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
