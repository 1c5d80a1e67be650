"""How alike strings, sets and vectors are.

https://docs.arangodb.com/3.12/aql/functions/string/, .../numeric/ and .../miscellaneous/
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from mcp_arangodb_async.engine.analyzers import Signature
from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_QUERY_INVALID_ARITHMETIC_VALUE,
)
from mcp_arangodb_async.engine.functions.hashing import value_hash
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import (
    Value,
    bounded,
    finite,
    is_number,
    to_integer,
    to_number,
    to_string,
)

# The inverse of a smaller number is no finite double.
_LEAST_SQUARE: Final = 1e-300
_CONSONANTS: Final = ("aeiouy", "bfpv", "cgjkqsxz", "dt", "l", "mn", "r")
_SOUNDS: Final = {letter: code for code, letters in enumerate(_CONSONANTS) for letter in letters}


def soundex(value: Value) -> Value:
    """SOUNDEX(): the first letter and three digits for the consonants after it."""
    letters = [letter for letter in to_string(value).strip().lower() if "a" <= letter <= "z"]
    if not letters:
        return ""
    codes: list[int] = []
    previous = _SOUNDS.get(letters[0], 0)
    for letter in letters[1:]:
        if letter in "hw":
            continue
        code = _SOUNDS[letter]
        if code and code != previous:
            codes.append(code)
        previous = code
    return letters[0].upper() + "".join(map(str, codes[:3])).ljust(3, "0")


def levenshtein_distance(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """LEVENSHTEIN_DISTANCE(): insertions, deletions, replacements, and swaps of neighbours."""
    return damerau_distance(ctx, to_string(left), to_string(right))


def damerau_distance(ctx: FunctionContext, left: str, right: str) -> int:
    """Return the unrestricted Damerau-Levenshtein distance: a swapped pair may be edited in between."""
    ctx.charge((len(left) + 2) * (len(right) + 2) * 8)
    worst = len(left) + len(right)
    above = [worst, *range(len(right) + 1)]
    table: list[list[int]] = [[worst] * (len(right) + 2), above]
    last_row: dict[str, int] = {}
    for row, letter in enumerate(left, 1):
        ctx.check()
        current = [worst, row]
        last_match = 0
        for column, other in enumerate(right, 1):
            if not column & 0x3FFF:
                ctx.check()
            swap_row, swap_column = last_row.get(other, 0), last_match
            cost = 1
            if letter == other:
                cost = 0
                last_match = column
            swapped = table[swap_row][swap_column] + (row - swap_row - 1) + 1 + (column - swap_column - 1)
            current.append(min(above[column] + cost, current[column] + 1, above[column + 1] + 1, swapped))
        last_row[letter] = row
        table.append(current)
        above = current
    return above[-1]


def levenshtein_match(
    ctx: FunctionContext,
    left: Value,
    right: Value,
    distance: Value,
    transpositions: Value = True,
    terms: Value = 64,
    prefix: Value = "",
) -> Value:
    """LEVENSHTEIN_MATCH() outside of SEARCH: whether the distance is small enough."""
    if not is_number(distance) or not isinstance(transpositions, bool):
        return mismatch(ctx, "LEVENSHTEIN_MATCH")
    most = to_integer(distance)
    if most < 0 or (most > 4 and not transpositions) or not is_number(terms) or not isinstance(prefix, str):
        return mismatch(ctx, "LEVENSHTEIN_MATCH")
    a = left if isinstance(left, str) else ""
    b = right if isinstance(right, str) else ""
    if prefix:
        if not a.startswith(prefix):
            return False
        a = a[len(prefix) :]
    compute = damerau_distance if transpositions else _plain_distance
    return compute(ctx, a, b) <= most


def _plain_distance(ctx: FunctionContext, left: str, right: str) -> int:
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        ctx.check()
        current = [row]
        for column, other in enumerate(right, 1):
            if not column & 0x3FFF:
                ctx.check()
            current.append(min(above[column - 1] + (letter != other), current[-1] + 1, above[column] + 1))
        above = current
    return above[-1]


def _ngram(name: str, *, positional: bool) -> Callable[..., Value]:
    def call(ctx: FunctionContext, text: Value, target: Value, size: Value) -> Value:
        if not isinstance(text, str) or not isinstance(target, str) or not is_number(size):
            return mismatch(ctx, name)
        length = to_integer(size)
        if length < 1:
            return complain(ctx, name, ERROR_BAD_PARAMETER, "Invalid ngram size. Should be 1 or greater")
        return finite(ngram_similarity(ctx, target, text, length, positional=positional))

    return call


def ngram_similarity(ctx: FunctionContext, target: str, source: str, size: int, *, positional: bool) -> float:
    """Return Kondrak's similarity: the longest sequence of matching n-grams, divided by how many there are.

    With `positional`, n-grams that agree in part count in part, and the longer string's n-grams divide.
    """
    if positional and len(target) > len(source):
        target, source = source, target
    if min(len(target), len(source)) < size:
        return _short_similarity(target, source, positional=positional)
    # An n-gram is a string of its own, and the row has a number for each.
    ctx.charge((len(source) + len(target)) * (60 + size) + len(source) * 32)
    targets = [target[at : at + size] for at in range(len(target) - size + 1)]
    sources = [source[at : at + size] for at in range(len(source) - size + 1)]
    shares = [_single(agreeing / size) for agreeing in range(size + 1)]
    row = [0.0] * (len(sources) + 1)
    for wanted in targets:
        before = 0.0
        for column, found in enumerate(sources, 1):
            if not column & 0x3FFF:
                ctx.check()
            if positional:
                score = shares[sum(a == b for a, b in zip(wanted, found, strict=True))]
            else:
                score = float(wanted == found)
            kept = row[column]
            row[column] = max(row[column - 1], kept, _single(before + score) if score else before)
            before = kept
        ctx.check()
    return _single(row[-1] / len(sources if positional else targets))


def _single(number: float) -> float:
    """Round to single precision, in which ArangoDB computes these."""
    return struct.unpack("f", struct.pack("f", number))[0]


def _short_similarity(target: str, source: str, *, positional: bool) -> float:
    """Strings shorter than an n-gram: compared letter by letter, or as a whole."""
    if not positional:
        return float(target == source)
    if not source:
        return 1.0
    return _single(sum(a == b for a, b in zip(target, source, strict=False)) / len(source))


_Measure = Callable[[Sequence[float], Sequence[float]], float | None]


def _vectors(name: str, measure: _Measure) -> Callable[..., Value]:
    """Make a function of two vectors, or of a matrix and a vector, row by row."""

    def between(ctx: FunctionContext, left: list[Any], right: list[Any]) -> Value:
        if len(left) != len(right) or not all(map(is_number, left)) or not all(map(is_number, right)):
            return mismatch(ctx, name)
        result = measure([float(to_number(a)) for a in left], [float(to_number(b)) for b in right])
        if result is None:
            return complain(ctx, name, ERROR_QUERY_INVALID_ARITHMETIC_VALUE)
        return finite(result)

    def call(ctx: FunctionContext, left: Value, right: Value) -> Value:
        if not isinstance(left, list) or not isinstance(right, list) or not left or not right:
            return mismatch(ctx, name)
        if not isinstance(left[0], list) and not isinstance(right[0], list):
            return between(ctx, left, right)
        matrix, vector = (left, right) if isinstance(left[0], list) else (right, left)
        results: list[Any] = []
        row: Value
        for row in matrix:
            result = between(ctx, row, vector) if isinstance(row, list) else mismatch(ctx, name)
            if result is None:
                return None
            results.append(result)
        return results

    return call


def _cosine(left: Sequence[float], right: Sequence[float]) -> float | None:
    size = math.sqrt(sum(item * item for item in left)) * math.sqrt(sum(item * item for item in right))
    return sum(a * b for a, b in zip(left, right, strict=True)) / size if size else None


def _manhattan(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(abs(a - b) for a, b in zip(left, right, strict=True))


def _euclid(left: Sequence[float], right: Sequence[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(left, right, strict=True)))


def minhash(ctx: FunctionContext, values: Value, count: Value) -> Value:
    """MINHASH(): the smallest hashes of the members, each written in Base64."""
    if not isinstance(values, list) or not is_number(count) or to_integer(count) < 1:
        return mismatch(ctx, "MINHASH")
    ctx.charge(len(values) * 60)
    signature = Signature(to_integer(count))
    for place, member in enumerate(values):
        if not place & 0x3FF:
            ctx.check()
        signature.add(value_hash(member))
    return list(signature.terms())


def minhash_count(ctx: FunctionContext, error: Value) -> Value:
    """MINHASH_COUNT(): how many hashes keep the error this small."""
    if not is_number(error) or to_number(error) < 0:
        return mismatch(ctx, "MINHASH_COUNT")
    size = to_number(error)
    return bounded(math.ceil(1.0 / (size * size))) if size * size >= _LEAST_SQUARE else None


def minhash_error(ctx: FunctionContext, count: Value) -> Value:
    """MINHASH_ERROR(): the error of so many hashes."""
    if not is_number(count) or to_integer(count) < 1:
        return mismatch(ctx, "MINHASH_ERROR")
    return finite(1.0 / math.sqrt(to_integer(count)))


FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("SOUNDEX", "1", soundex),
    asking("LEVENSHTEIN_DISTANCE", "2", levenshtein_distance),
    asking("LEVENSHTEIN_MATCH", "3-6", levenshtein_match),
    asking("NGRAM_SIMILARITY", "3", _ngram("NGRAM_SIMILARITY", positional=False)),
    asking("NGRAM_POSITIONAL_SIMILARITY", "3", _ngram("NGRAM_POSITIONAL_SIMILARITY", positional=True)),
    asking("COSINE_SIMILARITY", "2", _vectors("COSINE_SIMILARITY", _cosine)),
    asking("L1_DISTANCE", "2", _vectors("L1_DISTANCE", _manhattan)),
    asking("L2_DISTANCE", "2", _vectors("L2_DISTANCE", _euclid)),
    asking("MINHASH", "2", minhash),
    asking("MINHASH_COUNT", "1", minhash_count),
    asking("MINHASH_ERROR", "1", minhash_error),
)
