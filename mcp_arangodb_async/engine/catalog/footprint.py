"""How much memory decoded documents take, by measuring some of them.

JSON of one size may become objects of very different sizes: `0.5,` is 32 bytes and a place in a list, a long
text is hardly more than its JSON. So a share of the documents is measured, and the others are taken to be
like them, byte of JSON by byte of JSON.
"""

from collections.abc import Sequence
from sys import getsizeof
from typing import Any, Final, cast

Document = dict[str, Any]

#: A document's place in the dictionaries of the cache, and its number there.
PLACE: Final = 150
#: Integers that Python makes once for all.
_SHARED_INTEGERS: Final = range(-5, 257)
_NUMBER: Final = 32
_SAMPLES: Final = 24
#: Of documents that come one by one, the first is measured and then every so many.
_PACE: Final = 16
#: Rough figures, for what is not measured: a document for itself, and a byte of its JSON.
_FIXED_COST: Final = 500
_COST_PER_BYTE: Final = 3


def cost_of(size: int, count: int = 1) -> int:
    """About how much memory documents take whose JSON has `size` bytes together, when none is at hand."""
    return _FIXED_COST * count + _COST_PER_BYTE * size


def footprint(value: Any, keys: set[int]) -> int:
    """The bytes of a JSON value in memory; attribute names count once for each set of `keys` (they are
    shared).
    """
    total = 0
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, str):
            total += getsizeof(each) + 15 & ~15
        elif isinstance(each, dict):
            fields = cast("Document", each)
            total += getsizeof(fields)
            for name in fields:
                if id(name) not in keys:
                    keys.add(id(name))
                    total += getsizeof(name)
            stack.extend(fields.values())
        elif isinstance(each, list):
            items = cast("list[Any]", each)
            total += getsizeof(items)
            stack.extend(items)
        elif isinstance(each, float) or (isinstance(each, int) and each not in _SHARED_INTEGERS):
            total += _NUMBER
    return total


class Scale:
    """What the documents of one collection weigh. Not thread-safe: the cache's lock guards it."""

    __slots__ = ("_left", "_ratio")

    def __init__(self) -> None:
        """Know nothing yet: the first document is measured."""
        self._ratio = 0.0
        self._left = 0

    def weigh(self, documents: Sequence[Document], size: int) -> int:
        """The bytes that documents take whose JSON has `size` bytes together."""
        if self._left < len(documents):
            self._left = _PACE * _SAMPLES if len(documents) > 1 else _PACE
            sample = documents[:: max(1, len(documents) // _SAMPLES)]
            keys = set[int]()
            measured = sum(footprint(each, keys) for each in sample)
            self._ratio = measured * len(documents) / (len(sample) * max(size, 1))
        self._left -= len(documents)
        return PLACE * len(documents) + int(self._ratio * size)
