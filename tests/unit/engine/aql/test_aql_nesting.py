"""Nesting: bounded by a number, never by Python's stack."""

from __future__ import annotations

import sys
import time

import pytest

from mcp_arangodb_async.engine.aql import analysis, ast
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.aql.printer import print_query
from mcp_arangodb_async.engine.aql.references import references
from mcp_arangodb_async.engine.errors import ArangoError

# What is repeated before and behind the innermost part, and how often it may be at least.
NESTED = {
    "parentheses": ("RETURN ", "(", "1", ")", "", 200),
    "arrays": ("RETURN ", "[", "1", "]", "", 200),
    "objects": ("RETURN ", "{a:", "1", "}", "", 200),
    "computed keys": ("RETURN ", "{[", "1", "]: 1}", "", 200),
    "calls": ("RETURN ", "f(", "1", ")", "", 200),
    "indexes": ("RETURN ", "a[", "1", "]", "", 200),
    "expansions": ("RETURN ", "a[* FILTER ", "1", "]", "", 140),
    "array tests": ("RETURN ", "a[? AT LEAST (", "1", ") FILTER 1]", "", 140),
    "negations": ("RETURN ", "!", "1", "", "", 200),
    "ternaries": ("RETURN ", "a ? b : ", "1", "", "", 200),
    "subqueries": ("RETURN ", "(FOR x IN ", "y", " RETURN x)", "", 100),
    "subqueries as arguments": ("RETURN ", "f(UPSERT {} INSERT {} UPDATE ", "y", " IN c)", "", 70),
    "patterns": ("LET ", "[", "a", "]", " = 1 RETURN a", 200),
}


def nested(kind: str, depth: int) -> str:
    before, opening, inner, closing, behind, _ = NESTED[kind]
    return before + opening * depth + inner + closing * depth + behind


@pytest.mark.parametrize("kind", NESTED)
def test_deep_nesting_is_read(kind: str) -> None:
    parse(nested(kind, NESTED[kind][-1]))


@pytest.mark.parametrize("kind", NESTED)
def test_too_deep_nesting_is_refused_at_once(kind: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ArangoError) as raised:
        parse(nested(kind, 5000))
    assert raised.value.num == 1524
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("link", [" + 1", " AND 1", " OR 1", " == 1", " LIKE 'x'", ".a", "[0]", "..1", "[*]"])
def test_chains_are_as_long_as_in_arangodb(link: str) -> None:
    parse("RETURN a" + link * 498)
    with pytest.raises(ArangoError) as raised:
        parse("RETURN a" + link * 499)
    assert raised.value.num == 1524


def test_a_wide_tree_is_not_a_high_one() -> None:
    query = parse(f"RETURN [{'[1, {a: 2}], ' * 20_000}]")
    assert analysis.height(query) == 6


@pytest.mark.parametrize("kind", NESTED)
def test_a_caller_deep_in_pythons_stack_gets_the_same_answer(kind: str) -> None:
    text = nested(kind, NESTED[kind][-1])

    def called_from(depth: int) -> ast.Query:
        return parse(text) if depth == 0 else called_from(depth - 1)

    frame, used = sys._getframe(), 0  # pyright: ignore[reportPrivateUsage] - the only way to ask for the depth
    while frame is not None:
        frame, used = frame.f_back, used + 1
    assert print_query(called_from(sys.getrecursionlimit() - used - 150)) == print_query(parse(text))


@pytest.mark.parametrize("kind", NESTED)
def test_functions_over_trees_take_the_highest_ones(kind: str) -> None:
    query = parse(nested(kind, NESTED[kind][-1]))
    assert analysis.height(query) <= ast.MAX_HEIGHT
    assert len(list(analysis.walk(query))) >= NESTED[kind][-1] or kind == "parentheses"
    references(query)
    assert parse(print_query(query)).operations
