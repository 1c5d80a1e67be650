"""Revisions: numbers that grow with time, and the text ArangoDB writes them as.

A number is the milliseconds of the clock times 2**20, plus a counter: it fits into 63 bits. It serves as
the `_rev` of a document, as the number the document is stored under, and as the stamp of a commit.
"""

import threading
import time
from typing import Final

_COUNTER_BITS: Final = 20
_ALPHABET: Final = "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_LETTERS: Final = 11


class Revisions:
    """Gives out numbers, each higher than all before. Thread-safe."""

    def __init__(self) -> None:
        """Start with the clock."""
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        """The next number."""
        with self._lock:
            now = int(time.time() * 1000) << _COUNTER_BITS
            self._last = number = max(now, self._last + 1)
            return number

    def block(self, size: int) -> range:
        """The next numbers."""
        with self._lock:
            now = int(time.time() * 1000) << _COUNTER_BITS
            first = max(now, self._last + 1)
            self._last = first + size - 1
            return range(first, first + size)

    def at_least(self, number: int) -> None:
        """Go on above a number that another process has given out."""
        if number > self._last:
            with self._lock:
                self._last = max(self._last, number)


def revision_text(number: int) -> str:
    """A number as `_rev` shows it, such as `_gvF2Hqq---`; texts sort as the numbers do, by ArangoDB's
    alphabet.
    """
    return (
        _ALPHABET[number >> 60]
        + _PAIRS[number >> 48 & 4095]
        + _PAIRS[number >> 36 & 4095]
        + _PAIRS[number >> 24 & 4095]
        + _PAIRS[number >> 12 & 4095]
        + _PAIRS[number & 4095]
    )


def revision_texts(numbers: range) -> list[str]:
    """The texts of consecutive numbers; they differ in the last two letters only, mostly."""
    texts: list[str] = []
    number = numbers.start
    while number < numbers.stop:
        low = number & 4095
        beginning = revision_text(number)[:-2]
        texts += [beginning + pair for pair in _PAIRS[low : low + numbers.stop - number]]
        number += 4096 - low
    return texts


def revision_number(text: str) -> int | None:
    """The number of a revision's text; None when it is none."""
    if not text or len(text) > _LETTERS:
        return None
    number = 0
    for letter in text:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 6 | value
    return number
