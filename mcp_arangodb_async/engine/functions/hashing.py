"""The hash that ArangoDB computes of a value: XXH64 over its VelocyPack form.

XXH64 is specified at https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. Numbers are hashed as
doubles, and arrays and objects member by member, so that equal values have equal hashes however stored.
"""

from __future__ import annotations

import struct
from typing import Final

from mcp_arangodb_async.engine.values import Value

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_PRIMES: Final = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_SEED: Final = 0xDEADBEEF
_SHORT_STRING: Final = 126


def value_hash(value: Value, seed: int = _SEED) -> int:
    """Return the 64-bit hash of a value; equal values have equal hashes."""
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        size = len(raw)
        head = bytes((0x40 + size,)) if size <= _SHORT_STRING else b"\xbf" + struct.pack("<Q", size)
        return xxh64(head + raw, seed)
    if value is None or isinstance(value, bool):
        return xxh64(b"\x18" if value is None else b"\x1a" if value else b"\x19", seed)
    if isinstance(value, int | float):
        return xxh64(struct.pack("<d", float(value)), seed)
    if isinstance(value, list):
        result = xxh64(struct.pack("<Q", len(value) ^ 0xBA5BEDF00D), seed)
        for item in value:
            result ^= value_hash(item, result)
        return result
    start = result = xxh64(struct.pack("<Q", len(value) ^ 0xF00BA44BA5), seed)
    for name, item in value.items():
        name_hash = value_hash(name, start)
        result ^= name_hash ^ value_hash(item, name_hash)
    return result


def xxh64(data: bytes, seed: int) -> int:
    """Return XXH64 of some bytes."""
    first, second, third, fourth, fifth = _PRIMES
    size = len(data)
    place = 0
    if size >= 32:
        lanes = [seed + first + second, seed + second, seed, seed - first]
        while place + 32 <= size:
            words = struct.unpack_from("<4Q", data, place)
            lanes = [_round(lane & _MASK, word) for lane, word in zip(lanes, words, strict=True)]
            place += 32
        result = sum(_rotate(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True))
        for lane in lanes:
            result = ((result ^ _round(0, lane)) * first + fourth) & _MASK
    else:
        result = seed + fifth
    result = (result + size) & _MASK
    while place + 8 <= size:
        (word,) = struct.unpack_from("<Q", data, place)
        result = (_rotate(result ^ _round(0, word), 27) * first + fourth) & _MASK
        place += 8
    if place + 4 <= size:
        (half,) = struct.unpack_from("<I", data, place)
        result = (_rotate(result ^ half * first & _MASK, 23) * second + third) & _MASK
        place += 4
    for byte in data[place:]:
        result = _rotate(result ^ byte * fifth & _MASK, 11) * first & _MASK
    result = (result ^ result >> 33) * second & _MASK
    result = (result ^ result >> 29) * third & _MASK
    return result ^ result >> 32


def _rotate(word: int, turn: int) -> int:
    return (word << turn | word >> 64 - turn) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotate((lane + word * _PRIMES[1]) & _MASK, 31) * _PRIMES[0] & _MASK
