"""MinHash signatures: the smallest hashes of a set, which tell how much two sets have in common.

ArangoDB hashes terms with CityHash64, version 1.1 (https://github.com/google/cityhash), and keeps the hashes
in a heap with the greatest one on top; the order of a signature is the order of that heap.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_PRIMES: Final = (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F)
_PAIR: Final = 0x9DDFEA08EB382D69


class Signature:
    """The smallest of the hashes added, at most so many, each once."""

    __slots__ = ("_hashes", "_known", "_size")

    def __init__(self, size: int) -> None:
        """Keep nothing yet."""
        self._size = size
        self._hashes: list[int] = []
        self._known: set[int] = set()

    def add(self, hashed: int) -> None:
        """Note one more hash."""
        hashes, known = self._hashes, self._known
        if hashed in known:
            return
        if len(hashes) < self._size:
            known.add(hashed)
            hashes.append(hashed)
            if len(hashes) == self._size:
                for place in reversed(range(self._size // 2)):
                    self._settle(place, hashes[place], self._size)
        elif hashed < hashes[0]:
            known.remove(hashes[0])
            known.add(hashed)
            last = hashes.pop()
            if hashes:
                self._settle(0, last, len(hashes))
            hashes.append(hashed)
            self._rise(len(hashes) - 1, hashed, 0)

    def _settle(self, hole: int, hashed: int, size: int) -> None:
        """Move the hole down along the greater children, then a hash up from there to its place."""
        hashes, top = self._hashes, hole
        while (child := 2 * hole + 2) <= size:
            if child == size or hashes[child] < hashes[child - 1]:
                child -= 1
            hashes[hole] = hashes[child]
            hole = child
        self._rise(hole, hashed, top)

    def _rise(self, hole: int, hashed: int, top: int) -> None:
        hashes = self._hashes
        while hole > top and hashes[above := (hole - 1) // 2] < hashed:
            hashes[hole] = hashes[above]
            hole = above
        hashes[hole] = hashed

    def terms(self) -> Iterator[str]:
        """The hashes as ArangoDB writes them: eight bytes in Base64, without padding."""
        return (b64encode(struct.pack("<Q", each)).decode().rstrip("=") for each in self._hashes)


def city_hash(data: bytes) -> int:
    """CityHash64 of some bytes."""
    size = len(data)
    if size <= 16:
        return _up_to_16(data)
    if size <= 32:
        return _up_to_32(data)
    return _up_to_64(data) if size <= 64 else _long(data)


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 8], "little")


def _turned(word: int, by: int) -> int:
    word &= _MASK
    return (word >> by | word << 64 - by) & _MASK


def _mixed(word: int) -> int:
    word &= _MASK
    return word ^ word >> 47


def _joined(low: int, high: int, factor: int = _PAIR) -> int:
    first = _mixed(((low ^ high) & _MASK) * factor)
    return _mixed((high & _MASK ^ first) * factor) * factor & _MASK


def _flipped(word: int) -> int:
    return int.from_bytes((word & _MASK).to_bytes(8, "little"), "big")


def _up_to_16(data: bytes) -> int:
    first, _, third = _PRIMES
    size = len(data)
    factor = third + 2 * size
    if size >= 8:
        low, high = _word(data, 0) + third, _word(data, size - 8)
        return _joined(_turned(high, 37) * factor + low, (_turned(low, 25) + high) * factor, factor)
    if size >= 4:
        low = int.from_bytes(data[:4], "little")
        return _joined(size + (low << 3), int.from_bytes(data[-4:], "little"), factor)
    if not size:
        return third
    low = data[0] + (data[size >> 1] << 8)
    high = size + (data[-1] << 2)
    return _mixed(low * third ^ high * first) * third & _MASK


def _up_to_32(data: bytes) -> int:
    _, second, third = _PRIMES
    size = len(data)
    factor = third + 2 * size
    a = _word(data, 0) * second
    b = _word(data, 8)
    c = _word(data, size - 8) * factor
    d = _word(data, size - 16) * third
    return _joined(_turned(a + b, 43) + _turned(c, 30) + d, a + _turned(b + third, 18) + c, factor)


def _up_to_64(data: bytes) -> int:
    third = _PRIMES[2]
    size = len(data)
    factor = third + 2 * size
    a, b = _word(data, 0) * third, _word(data, 8)
    c, d = _word(data, size - 24), _word(data, size - 32)
    e, f = _word(data, 16) * third, _word(data, 24) * 9
    g, h = _word(data, size - 8), _word(data, size - 16) * factor
    u = _turned(a + g, 43) + (_turned(b, 30) + c) * 9
    v = ((a + g & _MASK) ^ d) + f + 1
    w = _flipped((u + v) * factor) + h
    x = _turned(e + f, 42) + c
    y = (_flipped((v + w) * factor) + g) * factor
    z = e + f + c
    a = _flipped((x + z) * factor + y) + b
    return _mixed((z + a) * factor + d + h) * factor + x & _MASK


def _long(data: bytes) -> int:
    second = _PRIMES[1]
    size = len(data)
    x = _word(data, size - 40)
    y = _word(data, size - 16) + _word(data, size - 56)
    z = _joined(_word(data, size - 48) + size, _word(data, size - 24))
    v = _weak(data, size - 64, size, z)
    w = _weak(data, size - 32, y + second, x)
    x = x * second + _word(data, 0)
    for place in range(0, (size - 1) // 64 * 64, 64):
        x = _turned(x + y + v[0] + _word(data, place + 8), 37) * second
        y = _turned(y + v[1] + _word(data, place + 48), 42) * second
        x ^= w[1]
        y += v[0] + _word(data, place + 40)
        z = _turned(z + w[0], 33) * second
        v = _weak(data, place, v[1] * second, x + w[0])
        w = _weak(data, place + 32, z + w[1], y + _word(data, place + 16))
        x, z = z & _MASK, x & _MASK
    return _joined(_joined(v[0], w[0]) + _mixed(y) * second + z, _joined(v[1], w[1]) + x)


def _weak(data: bytes, place: int, a: int, b: int) -> tuple[int, int]:
    a += _word(data, place)
    b = _turned(b + a + _word(data, place + 24), 21)
    start = a
    a += _word(data, place + 8) + _word(data, place + 16)
    b += _turned(a, 44)
    return (a + _word(data, place + 24)) & _MASK, (b + start) & _MASK
