"""Regular expressions and LIKE.

https://docs.arangodb.com/3.12/aql/functions/string/
Patterns are ICU's, see `regex_syntax`. A search that goes on for too long is given up: patterns may come from
anybody.
"""

from __future__ import annotations

import re as simple
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import regex

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_QUERY_INVALID_REGEX
from mcp_arangodb_async.engine.functions.regex_syntax import PatternError, translate
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import Value, is_number, to_integer, to_string, truthy

_Result = TypeVar("_Result")

LONGEST_PATTERN: Final = 16_384
LONGEST_SEARCH: Final = 5.0
"""Seconds one call may search, whatever the query's own limit."""


class _SearchError(Exception):
    """The search cannot be done; the message says why."""


@lru_cache(maxsize=512)
def _compiled(pattern: str, insensitive: bool) -> regex.Pattern[str] | str:
    """Return the compiled pattern, or why there is none."""
    if len(pattern) > LONGEST_PATTERN:
        return f"the pattern is longer than {LONGEST_PATTERN} characters"
    flags = regex.VERSION1 | (regex.IGNORECASE if insensitive else 0)
    try:
        return regex.compile(translate(pattern), flags, cache_pattern=False)
    except (PatternError, regex.error, RecursionError, OverflowError, ValueError) as error:
        return str(error)


def _run(ctx: FunctionContext, name: str, work: Callable[[float], _Result]) -> _Result | None:
    """Do a search within its time; null with warning 1543 when it cannot be done."""
    try:
        return work(max(0.01, min(LONGEST_SEARCH, ctx.remaining())))
    except TimeoutError:
        ctx.check()
        return _invalid(ctx, name, f"the search took longer than {LONGEST_SEARCH:g} seconds")
    except (_SearchError, MemoryError, RecursionError) as error:
        return _invalid(ctx, name, str(error))


def _matches(
    ctx: FunctionContext, compiled: regex.Pattern[str], subject: str, seconds: float
) -> Iterator[regex.Match[str]]:
    """Return all matches as ICU finds them: after an empty one it goes on from the next character."""
    end, place = time.monotonic() + seconds, 0
    while place <= len(subject):
        for match in compiled.finditer(subject, place, timeout=max(0.001, end - time.monotonic())):
            yield match
            if match.start() == match.end():
                place = match.end() + 1
                break
        else:
            return
        ctx.check()


def _invalid(ctx: FunctionContext, name: str, reason: str) -> None:
    complain(ctx, name, ERROR_QUERY_INVALID_REGEX, f"invalid regex value: {reason}")


def _pattern(
    ctx: FunctionContext, name: str, pattern: Value, insensitive: Value
) -> regex.Pattern[str] | None:
    compiled = _compiled(to_string(pattern), truthy(insensitive))
    if isinstance(compiled, str):
        return _invalid(ctx, name, compiled)
    return compiled


def regex_test(ctx: FunctionContext, text: Value, pattern: Value, insensitive: Value = False) -> Value:
    """REGEX_TEST(): whether the pattern matches anywhere; also the operator =~."""
    compiled = _pattern(ctx, "REGEX_TEST", pattern, insensitive)
    if compiled is None:
        return None
    subject = to_string(text)
    return _run(ctx, "REGEX_TEST", lambda limit: compiled.search(subject, timeout=limit) is not None)


def regex_matches(ctx: FunctionContext, text: Value, pattern: Value, insensitive: Value = False) -> Value:
    """REGEX_MATCHES(): the first match and its groups, null if there is none."""
    compiled = _pattern(ctx, "REGEX_MATCHES", pattern, insensitive)
    if compiled is None:
        return None
    subject = to_string(text)
    if not subject and to_string(pattern):
        return [""]
    match = _run(ctx, "REGEX_MATCHES", lambda limit: compiled.search(subject, timeout=limit))
    return None if match is None else [match[0], *(group or "" for group in match.groups())]


def regex_replace(
    ctx: FunctionContext, text: Value, pattern: Value, replacement: Value, insensitive: Value = False
) -> Value:
    """REGEX_REPLACE(): every match replaced; the replacement may name groups as $1 or ${name}."""
    compiled = _pattern(ctx, "REGEX_REPLACE", pattern, insensitive)
    if compiled is None:
        return None
    subject = to_string(text)
    try:
        template = _template(to_string(replacement), compiled)
    except _SearchError as error:
        return _invalid(ctx, "REGEX_REPLACE", str(error))

    def work(seconds: float) -> str:
        parts: list[str] = []
        place = 0
        for match in _matches(ctx, compiled, subject, seconds):
            parts.append(subject[place : match.start()])
            added = [part if isinstance(part, str) else match[part] or "" for part in template]
            ctx.charge(sum(map(len, added)))
            parts += added
            place = match.end()
        return "".join((*parts, subject[place:]))

    return _run(ctx, "REGEX_REPLACE", work)


_REFERENCE: Final = simple.compile(
    r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|\$(?:\{(\w+)\}|([0-9]+))?", simple.DOTALL
)


def _template(replacement: str, compiled: regex.Pattern[str]) -> list[str | int]:
    """Cut a replacement into text and numbers of groups; `$12` is group 1 and a 2 if there is no group 12."""
    parts: list[str | int] = []
    place = 0
    for match in _REFERENCE.finditer(replacement):
        parts.append(replacement[place : match.start()])
        place = match.end()
        short, long, literal, name, digits = match.groups()
        if literal is not None:
            parts.append(literal)
        elif short or long:
            parts.append(chr(int(short or long, 16)))
        elif name is not None and name in compiled.groupindex:
            parts.append(compiled.groupindex[name])
        elif digits is not None and int(digits[0]) <= compiled.groups:
            length = max(n for n in range(1, len(digits) + 1) if int(digits[:n]) <= compiled.groups)
            parts += (int(digits[:length]), digits[length:])
        else:
            raise _SearchError(f"the replacement names no group of the pattern: '{match[0]}'")
    parts.append(replacement[place:])
    return parts


def regex_split(ctx: FunctionContext, text: Value, pattern: Value, *options: Value) -> Value:
    """REGEX_SPLIT(): the text between the matches, and the groups of these."""
    limit = -1
    if len(options) == 2:
        if not is_number(options[1]):
            return mismatch(ctx, "REGEX_SPLIT")
        limit = to_integer(options[1])
        if limit < 0:
            return None
        if limit == 0:
            return []
    compiled = _pattern(ctx, "REGEX_SPLIT", pattern, options[0] if options else False)
    if compiled is None:
        return None
    subject = to_string(text)
    if not to_string(pattern):
        return list(subject) if limit < 0 else list(subject)[:limit]
    if not subject:
        return [""]
    ctx.charge(len(subject) * 8)

    def work(seconds: float) -> list[Any]:
        parts: list[Any] = []
        place = 0
        for match in _matches(ctx, compiled, subject, seconds):
            parts += (subject[place : match.start()], *(group or "" for group in match.groups()))
            place = match.end()
            if 0 <= limit <= len(parts):
                return parts[:limit]
            if place == len(subject):
                break
        parts.append(subject[place:])
        return parts

    return _run(ctx, "REGEX_SPLIT", work)


def like(text: Value, pattern: Value, insensitive: Value = False) -> Value:
    """LIKE(): `_` is any character, `%` any number of any; a backslash makes them literal."""
    matches = like_matcher(to_string(pattern), truthy(insensitive))
    return matches(to_string(text))


@lru_cache(maxsize=512)
def like_matcher(pattern: str, insensitive: bool = False) -> Callable[[str], bool]:
    """Return the test for a LIKE pattern; more wildcards do not make it slower."""
    pieces = _like_pieces(pattern)
    if not insensitive and all(isinstance(item, str) for piece in pieces for item in piece):
        return _literal_matcher(["".join(item or "" for item in piece) for piece in pieces])
    flags = simple.DOTALL | (simple.IGNORECASE if insensitive else 0)
    return _piece_matcher([simple.compile("".join(map(_as_regex, piece)), flags) for piece in pieces])


def _as_regex(item: str | None) -> str:
    return "." if item is None else simple.escape(item)


def _like_pieces(pattern: str) -> list[list[str | None]]:
    """Cut a pattern at its `%`; a piece is characters, None standing for any one."""
    pieces: list[list[str | None]] = [[]]
    escaped = False
    for character in pattern:
        if character == "\\" and not escaped:
            escaped = True
            continue
        if character == "%" and not escaped:
            pieces.append([])
        elif character == "_" and not escaped:
            pieces[-1].append(None)
        else:
            if escaped and character not in "\\%_?+[(){}^$|.*":
                pieces[-1].append("\\")
            pieces[-1].append(character)
        escaped = False
    return pieces


def _literal_matcher(pieces: Sequence[str]) -> Callable[[str], bool]:
    head, *middle, tail = [*pieces, ""] if len(pieces) == 1 else pieces
    if len(pieces) == 1:
        return lambda text: text == head

    def matches(text: str) -> bool:
        if len(text) < len(head) + len(tail) or not text.startswith(head) or not text.endswith(tail):
            return False
        place, end = len(head), len(text) - len(tail)
        for piece in middle:
            place = text.find(piece, place, end)
            if place == -1:
                return False
            place += len(piece)
        return True

    return matches


def _piece_matcher(pieces: Sequence[simple.Pattern[str]]) -> Callable[[str], bool]:
    if len(pieces) == 1:
        return lambda text: pieces[0].fullmatch(text) is not None
    head, *middle, tail = pieces
    tail_at_end = simple.compile(f"(?:{tail.pattern})\\Z", tail.flags)

    def matches(text: str) -> bool:
        match = head.match(text)
        for piece in middle:
            match = match and piece.search(text, match.end())
        return match is not None and tail_at_end.search(text, match.end()) is not None

    return matches


FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("LIKE", "2-3", like),
    asking("REGEX_MATCHES", "2-3", regex_matches),
    asking("REGEX_REPLACE", "3-4", regex_replace),
    asking("REGEX_SPLIT", "2-4", regex_split),
    asking("REGEX_TEST", "2-3", regex_test),
)
