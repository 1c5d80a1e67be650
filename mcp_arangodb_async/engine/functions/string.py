"""String functions that cut, join, search and replace; positions count Unicode characters.

https://docs.arangodb.com/3.12/aql/functions/string/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_ICU_ERROR,
    ERROR_QUERY_FUNCTION_ARGUMENT_NUMBER_MISMATCH,
    ERROR_RESOURCE_LIMIT,
    ERRORS,
)
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import Value, is_number, to_integer, to_string, truthy

WHITE_SPACE: Final = "\r\n\t "
MAXIMUM_REPEATED: Final = 16 * 1024 * 1024
_TO_THE_END: Final = 2**31


def char_length(value: Value) -> Value:
    """CHAR_LENGTH()."""
    return len(to_string(value))


def concat(ctx: FunctionContext, *values: Value) -> Value:
    """CONCAT(): the members of a single array, or the arguments; nulls are left out."""
    parts = [to_string(part) for part in _parts(values)]
    ctx.charge(sum(map(len, parts)))
    return "".join(parts)


def concat_separator(ctx: FunctionContext, separator: Value, *values: Value) -> Value:
    """CONCAT_SEPARATOR(): as CONCAT(), with a separator between."""
    parts = [to_string(part) for part in _parts(values) if part is not None]
    between = to_string(separator)
    ctx.charge(sum(map(len, parts)) + len(parts) * len(between))
    return between.join(parts)


def _parts(values: Sequence[Value]) -> Sequence[Any]:
    if len(values) == 1 and isinstance(values[0], list):
        return values[0]
    return values


def lower(value: Value) -> Value:
    """LOWER()."""
    return to_string(value).lower()


def upper(value: Value) -> Value:
    """UPPER()."""
    return to_string(value).upper()


def left(value: Value, count: Value) -> Value:
    """LEFT()."""
    return to_string(value)[: max(0, to_integer(count))]


def right(value: Value, count: Value) -> Value:
    """RIGHT()."""
    text = to_string(value)
    return text[max(0, len(text) - max(0, to_integer(count))) :]


def substring(value: Value, offset: Value, length: Value = _TO_THE_END) -> Value:
    """SUBSTRING(): a negative offset counts from the end."""
    text = to_string(value)
    start = to_integer(offset)
    if start < 0:
        start = max(0, len(text) + start)
    return text[start : start + max(0, to_integer(length))]


def substring_bytes(
    ctx: FunctionContext,
    value: Value,
    offset: Value,
    length: Value = None,
    before: Value = 0,
    after: Value = None,
) -> Value:
    """SUBSTRING_BYTES(): cut at bytes of the UTF-8 form, then widen by characters on both sides."""
    if not isinstance(value, str):
        return mismatch(ctx, "SUBSTRING_BYTES")
    raw = value.encode()
    start = to_integer(offset)
    start = max(0, len(raw) + start) if start < 0 else min(start, len(raw))
    end = len(raw) if length is None else min(len(raw), start + max(0, to_integer(length)))
    if _splits_character(raw, start) or _splits_character(raw, end):
        return mismatch(ctx, "SUBSTRING_BYTES")
    first, last = len(raw[:start].decode()), len(raw[:end].decode())
    widen = max(0, to_integer(before))
    return value[max(0, first - widen) : last + (widen if after is None else max(0, to_integer(after)))]


def _splits_character(raw: bytes, place: int) -> bool:
    return place < len(raw) and raw[place] & 0xC0 == 0x80


def contains(value: Value, search: Value, return_index: Value = False) -> Value:
    """CONTAINS(): whether, or at which position, a string is in another; the empty string is in none."""
    needle = to_string(search)
    place = to_string(value).find(needle) if needle else -1
    return place if truthy(return_index) else place != -1


def starts_with(ctx: FunctionContext, value: Value, prefix: Value, minimum: Value = 1) -> Value:
    """STARTS_WITH(): with one prefix, or at least some of several."""
    if isinstance(prefix, list):
        if not is_number(minimum) or not all(isinstance(item, str) for item in prefix):
            return mismatch(ctx, "STARTS_WITH")
        if not isinstance(value, str):
            return False
        return sum(value.startswith(item) for item in prefix) >= to_integer(minimum)
    if not isinstance(prefix, str):
        return mismatch(ctx, "STARTS_WITH")
    return isinstance(value, str) and value.startswith(prefix)


def find_first(value: Value, search: Value, start: Value = 0, end: Value = None) -> Value:
    """FIND_FIRST(): the first match that lies between two positions (both included), or -1."""
    text, needle = to_string(value), to_string(search)
    bounds = _search_bounds(text, start, end)
    if bounds is None:
        return -1
    low, high = bounds
    if not needle:
        return low
    place = text.find(needle, low)
    return place if place != -1 and place + len(needle) - 1 <= high else -1


def find_last(value: Value, search: Value, start: Value = 0, end: Value = None) -> Value:
    """FIND_LAST(): the last of the matches that do not overlap, between two positions, or -1."""
    text, needle = to_string(value), to_string(search)
    bounds = _search_bounds(text, start, end)
    if bounds is None:
        return -1
    low, high = bounds
    if not needle:
        return high + (end is not None)
    last = -1
    place = text.find(needle)
    while place != -1 and place + len(needle) - 1 <= high:
        if place >= low:
            last = place
        place = text.find(needle, place + len(needle))
    return last


def _search_bounds(text: str, start: Value, end: Value) -> tuple[int, int] | None:
    low = to_integer(start)
    high = len(text) if end is None else to_integer(end)
    if low < 0 or (end is not None and (high < low or high < 0)):
        return None
    return low, high


def trim(value: Value, how: Value = 0) -> Value:
    """TRIM(): white space or the given characters; 1 trims the start only, 2 the end only."""
    text = to_string(value)
    if isinstance(how, str):
        return text.strip(how) if how else text
    side = to_integer(how) if is_number(how) else 0
    if side == 1:
        return text.lstrip(WHITE_SPACE)
    return text.rstrip(WHITE_SPACE) if side == 2 else text.strip(WHITE_SPACE)


def ltrim(value: Value, characters: Value = WHITE_SPACE) -> Value:
    """LTRIM()."""
    return to_string(value).lstrip(to_string(characters))


def rtrim(value: Value, characters: Value = WHITE_SPACE) -> Value:
    """RTRIM()."""
    return to_string(value).rstrip(to_string(characters))


def repeat(ctx: FunctionContext, value: Value, count: Value, separator: Value = "") -> Value:
    """REPEAT(): null with a warning beyond 16 MB."""
    times = to_integer(count)
    if times < 0:
        return mismatch(ctx, "REPEAT")
    if times == 0:
        return ""
    text, between = to_string(value), to_string(separator)
    size = times * len(text.encode()) + (times - 1) * len(between.encode())
    if size > MAXIMUM_REPEATED:
        message = "Output string of AQL REPEAT function was limited to 16MB."
        return complain(ctx, "REPEAT", ERROR_RESOURCE_LIMIT, message)
    ctx.charge(size)
    return between.join([text] * times) if between else text * times


def split(ctx: FunctionContext, value: Value, *options: Value) -> Value:
    """SPLIT(): at a separator or any of several; an empty one splits into characters."""
    limit = -1
    if len(options) == 2:
        if not is_number(options[1]):
            return mismatch(ctx, "SPLIT")
        limit = to_integer(options[1])
        if limit < 0:
            return None
        if limit == 0:
            return []
    if not options:
        return [value]
    separator = options[0]
    if isinstance(separator, dict):
        return mismatch(ctx, "SPLIT")
    text = to_string(value)
    ctx.charge(len(text) * 60)
    separators: list[Any] = separator if isinstance(separator, list) else [separator]
    if any(not isinstance(item, str) or not item for item in separators):
        parts = list(text)
    else:
        parts = _split_at(text, separators)
    return parts if limit < 0 else parts[:limit]


def _split_at(text: str, separators: Sequence[str]) -> list[str]:
    if len(separators) == 1:
        return text.split(separators[0])
    parts: list[str] = []
    place = 0
    found = _next_matches(text, separators, [-1] * len(separators), 0)
    while separators:
        match = min(range(len(found)), key=found.__getitem__)
        if found[match] > len(text):
            break
        parts.append(text[place : found[match]])
        place = found[match] + len(separators[match])
        found = _next_matches(text, separators, found, place)
    parts.append(text[place:])
    return parts


def _next_matches(text: str, patterns: Sequence[str], found: Sequence[int], place: int) -> list[int]:
    """Return where each pattern next occurs from a place on; past the end where it does not."""
    ahead: list[int] = []
    for at, pattern in zip(found, patterns, strict=True):
        if at >= place:
            ahead.append(at)
        else:
            at_next = text.find(pattern, place)
            ahead.append(len(text) + 1 if at_next == -1 else at_next)
    return ahead


def substitute(ctx: FunctionContext, value: Value, search: Value, *options: Value) -> Value:
    """SUBSTITUTE(): replace strings by others, at most `limit` times, leftmost match first."""
    if isinstance(search, dict):
        if len(options) > 1:
            num = ERROR_QUERY_FUNCTION_ARGUMENT_NUMBER_MISMATCH
            ctx.warn(num, ERRORS[num].message % "SUBSTITUTE")
            return None
        patterns: list[Any] = list(search)
        replacements: list[Any] = list(search.values())
        limit = options
    else:
        patterns = search if isinstance(search, list) else [search]
        given = options[0] if options else []
        replacements = given if isinstance(given, list) else [given] * len(patterns)
        limit = options[1:]
        if not isinstance(given, list) and not isinstance(given, str):
            return mismatch(ctx, "SUBSTITUTE")
    if not all(isinstance(item, str) for item in patterns):
        return mismatch(ctx, "SUBSTITUTE")
    if not all(item is None or isinstance(item, str) for item in replacements):
        return mismatch(ctx, "SUBSTITUTE")
    most = to_integer(limit[0]) if limit else -1
    if most == 0 or not patterns:
        return value
    if "" in patterns:
        message = ERRORS[ERROR_ARANGO_ICU_ERROR].message % "U_ILLEGAL_ARGUMENT_ERROR"
        return complain(ctx, "SUBSTITUTE", ERROR_ARANGO_ICU_ERROR, message)
    filled = [item or "" for item in replacements] + [""] * max(0, len(patterns) - len(replacements))
    return _substituted(ctx, to_string(value), patterns, filled, most)


def _substituted(
    ctx: FunctionContext, text: str, patterns: Sequence[str], replacements: Sequence[str], limit: int
) -> str:
    parts: list[str] = []
    place = 0
    count = 0
    found = _next_matches(text, patterns, [-1] * len(patterns), 0)
    while count != limit:
        match = min(range(len(patterns)), key=found.__getitem__)
        if found[match] > len(text):
            break
        parts += (text[place : found[match]], replacements[match])
        place = found[match] + len(patterns[match])
        found = _next_matches(text, patterns, found, place)
        count += 1
        if count & 0xFFF == 0:
            ctx.check()
            ctx.charge(0x1000 * (100 + len(replacements[match])))
    parts.append(text[place:])
    return "".join(parts)


def to_char(ctx: FunctionContext, code: Value) -> Value:
    """TO_CHAR(): the character with a code point."""
    if not is_number(code) or not 0 <= (number := to_integer(code)) < 0x110000 or 0xD800 <= number < 0xE000:
        return mismatch(ctx, "TO_CHAR")
    return chr(number)


FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("CHAR_LENGTH", "1", char_length),
    asking("CONCAT", "1+", concat),
    asking("CONCAT_SEPARATOR", "2+", concat_separator),
    plain("CONTAINS", "2-3", contains),
    plain("FIND_FIRST", "2-4", find_first),
    plain("FIND_LAST", "2-4", find_last),
    plain("LEFT", "2", left),
    plain("LOWER", "1", lower),
    plain("LTRIM", "1-2", ltrim),
    asking("REPEAT", "2-3", repeat),
    plain("RIGHT", "2", right),
    plain("RTRIM", "1-2", rtrim),
    asking("SPLIT", "1-3", split),
    asking("STARTS_WITH", "2-3", starts_with),
    asking("SUBSTITUTE", "2-4", substitute),
    plain("SUBSTRING", "2-3", substring),
    asking("SUBSTRING_BYTES", "2-5", substring_bytes),
    asking("TO_CHAR", "1", to_char),
    plain("TRIM", "1-2", trim),
    plain("UPPER", "1", upper),
)
