"""Printing: canonical text, from which the same tree is read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.aql.printer import print_expression, print_query, quote_name
from mcp_arangodb_async.engine.errors import ArangoError
from tests.unit.engine.aql.tree_shapes import shape

LATER = (
    "RETURN [1, ...a, ...[2]]",
    "RETURN {...a, b: 1, ...{c: 2}}",
    "RETURN [...(a ? b : c)]",
    'RETURN a ANY LIKE "b%"',
    'RETURN a AT LEAST (2) NOT LIKE "b%"',
    "RETURN (a ALL =~ b) == c",
    "RETURN a NONE !~ b || c",
)
"""What ArangoDB 4.0 added."""


@pytest.mark.parametrize("text", LATER)
def test_what_4_0_added_prints_as_it_is_read(text: str) -> None:
    query = parse(text, "4.0")
    printed = print_query(query)
    assert parse(printed, "4.0") == query
    assert print_query(parse(printed, "4.0")) == printed
    with pytest.raises(ArangoError) as error:
        parse(text)
    assert error.value.num == 1501


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("return  1+2 *3", "RETURN 1 + 2 * 3"),
        ("RETURN (1 + 2) * 3", "RETURN (1 + 2) * 3"),
        ("RETURN 1 - (2 - 3)", "RETURN 1 - (2 - 3)"),
        ("RETURN ((1)) - (2) - 3", "RETURN 1 - 2 - 3"),
        ("RETURN a and b OR not c", "RETURN a && b || !c"),
        ("RETURN a AND (b AND c)", "RETURN a && (b && c)"),
        ("RETURN (a ? b : c) ? d : (e ? f : g)", "RETURN (a ? b : c) ? d : e ? f : g"),
        ("RETURN a ? : b", "RETURN a ?: b"),
        ("RETURN a NOT LIKE 'x'", 'RETURN !LIKE(a, "x")'),
        ("RETURN a !~ 'x'", 'RETURN !REGEX_TEST(a, "x")'),
        ("RETURN -(-1)", "RETURN --1"),
        ("RETURN (a any == b) == c", "RETURN (a ANY == b) == c"),
        ("RETURN a AT  LEAST(2) NOT IN b", "RETURN a AT LEAST (2) NOT IN b"),
        ("RETURN 0xff + 1e3 + .5 + 1e300", "RETURN 255 + 1000.0 + 0.5 + 1e+300"),
        (r"RETURN 'a\"b\n\u00e4'", 'RETURN "a\\"b\\nä"'),
        ("RETURN {'a': 1, `for`: 2, b, [c]: 3, @d: 4}", 'RETURN {a: 1, "for": 2, b, [c]: 3, @d: 4}'),
        ("RETURN a.`for`.b.@c[1]", "RETURN a.`for`.b.@c[1]"),
        ("RETURN (a[*].b)[0]", "RETURN (a[*].b)[0]"),
        ("RETURN a[*].b[0]", "RETURN a[*].b[0]"),
        ("RETURN ('a')[0]", 'RETURN ("a")[0]'),
        ("RETURN a[* FILTER b LIMIT 1,2 RETURN c].d[*]", "RETURN a[* FILTER b LIMIT 1, 2 RETURN c].d[*]"),
        ("RETURN a[? 2 FILTER b]", "RETURN a[? 2 FILTER b]"),
        ("RETURN f(for x in y return x)", "RETURN F((FOR x IN y RETURN x))"),
        (
            "FOR x IN c SORT x, y DESC, z @d RETURN DISTINCT x",
            "FOR x IN c SORT x ASC, y DESC, z @d RETURN DISTINCT x",
        ),
        ("REMOVE a IN c", "REMOVE a INTO c"),
        ("UPDATE a WITH b IN 'c d'", "UPDATE a WITH b INTO `c d`"),
        ("UPSERT {a: 1} INSERT {} REPLACE {} IN c", "UPSERT {a: 1} INSERT {} REPLACE {} INTO c"),
        ("UPSERT FILTER a INSERT {} UPDATE {} IN c", "UPSERT FILTER a INSERT {} UPDATE {} INTO c"),
        ("LIMIT 5,1 RETURN 1", "LIMIT 5, 1 RETURN 1"),
        ("WITH a b @@c RETURN 1", "WITH a, b, @@c RETURN 1"),
        (
            "FOR v,e IN 1..2 ANY s GRAPH 'g' PRUNE p = v OPTIONS {a:1} RETURN v",
            'FOR v, e IN 1..2 ANY s GRAPH "g" PRUNE p = v OPTIONS {a: 1} RETURN v',
        ),
        (
            "FOR v IN ANY SHORTEST_PATH a TO b e, OUTBOUND f RETURN v",
            "FOR v IN ANY SHORTEST_PATH a TO b e, OUTBOUND f RETURN v",
        ),
        (
            "FOR x IN c COLLECT a = x AGGREGATE n = SUM(x) INTO g = x OPTIONS {m: 1} RETURN n",
            "FOR x IN c COLLECT a = x AGGREGATE n = SUM(x) INTO g = x OPTIONS {m: 1} RETURN n",
        ),
        ("COLLECT WITH COUNT INTO n RETURN n", "COLLECT WITH COUNT INTO n RETURN n"),
        ("COLLECT a = 1 INTO g KEEP x, y RETURN g", "COLLECT a = 1 INTO g KEEP x, y RETURN g"),
        (
            "WINDOW x WITH {preceding: 1} AGGREGATE a = SUM(x) RETURN a",
            "WINDOW x WITH {preceding: 1} AGGREGATE a = SUM(x) RETURN a",
        ),
    ],
)
def test_text_is_canonical_and_keeps_its_meaning(text: str, printed: str) -> None:
    query = parse(text)
    assert print_query(query) == printed
    assert parse(printed) == query


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("a", "a"),
        ("_a1", "_a1"),
        ("$a", "$a"),
        ("Sort", "`Sort`"),
        ("", "``"),
        ("1a", "`1a`"),
        ("a b", "`a b`"),
        ("ä", "`ä`"),
        ("a`\\b", "`a\\`\\\\b`"),
        ("_", "`_`"),
        ("a´\nb", "`a´\nb`"),
    ],
)
def test_names_are_quoted_when_they_must_be(name: str, quoted: str) -> None:
    assert quote_name(name) == quoted
    assert parse(f"RETURN {quoted}").operations == (ast.Return(0, ast.Name(0, name)),)


def test_one_expression_prints_alone() -> None:
    assert print_expression(ast.Arithmetic(0, "+", ast.Name(0, "a"), ast.Literal(0, None))) == "a + null"


# Trees at random: all kinds of expression, nested a few levels deep.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
NAMES = st.sampled_from(["a", "b", "for", "x y", "_id", "CURRENT", "like", "at", "least"]) | TEXT
PARAMETERS = st.sampled_from(["p", "1", "_q"])
NUMBERS = st.integers(0, 2**63 - 1) | st.floats(
    0, allow_nan=False, allow_infinity=False, allow_subnormal=False
)
VALUES = st.none() | st.booleans() | NUMBERS | TEXT
LEAVES: st.SearchStrategy[ast.Expression] = (
    st.builds(ast.Literal, st.just(0), VALUES)
    | st.builds(ast.Name, st.just(0), NAMES)
    | st.builds(ast.BindParameter, st.just(0), PARAMETERS)
    | st.builds(ast.CollectionParameter, st.just(0), PARAMETERS)
)


def subquery(value: ast.Expression) -> ast.Expression:
    return ast.Subquery(0, ast.Query(0, (ast.Filter(0, value), ast.Return(0, value))))


def joined(operator: ast.LogicalOperator) -> Callable[[list[ast.Expression]], ast.Expression]:
    """Join as the parser does, for which `(a AND b) AND c` is one `Logical`."""

    def join(operands: list[ast.Expression]) -> ast.Expression:
        first, *others = operands
        if isinstance(first, ast.Logical) and first.operator == operator:
            return ast.Logical(0, operator, (*first.operands, *others))
        return ast.Logical(0, operator, tuple(operands))

    return join


def quantifiers(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Quantifier]:
    return st.sampled_from(("ALL", "ANY", "NONE")).map(lambda kind: ast.Quantifier(0, kind)) | inner.map(
        lambda count: ast.Quantifier(0, "AT LEAST", count)
    )


def combined(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    here = st.just(0)
    maybe = st.none() | inner
    some = st.lists(inner, max_size=3).map(tuple)
    comparison = st.sampled_from(("==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"))
    members = st.builds(ast.ObjectMember, here, st.builds(ast.Literal, here, TEXT), inner) | st.builds(
        ast.ObjectMember, here, inner, inner, st.just(True)
    )
    # A tail begins at the element, and ends before the next expansion.
    tails = NAMES.map(lambda name: ast.AttributeAccess(0, ast.Element(0), name)) | inner.map(
        lambda index: ast.IndexAccess(0, ast.Element(0), index)
    )
    return st.one_of(
        st.builds(ast.ArrayLiteral, here, some),
        st.builds(ast.ObjectLiteral, here, st.lists(members, max_size=3).map(tuple)),
        st.builds(ast.AttributeAccess, here, inner, NAMES),
        st.builds(ast.IndexAccess, here, inner, inner),
        st.builds(ast.BoundAttributeAccess, here, inner, st.builds(ast.BindParameter, here, PARAMETERS)),
        st.builds(ast.Unary, here, st.sampled_from(("+", "-", "NOT")), inner),
        st.builds(ast.Arithmetic, here, st.sampled_from(("+", "-", "*", "/", "%")), inner, inner),
        st.builds(ast.Comparison, here, comparison, inner, inner),
        st.builds(ast.ArrayComparison, here, quantifiers(inner), comparison, inner, inner),
        st.lists(inner, min_size=2, max_size=4).map(joined("AND")),
        st.lists(inner, min_size=2, max_size=4).map(joined("OR")),
        st.builds(ast.Ternary, here, inner, maybe, inner),
        st.builds(ast.Range, here, inner, inner),
        st.builds(ast.FunctionCall, here, st.sampled_from(("F", "LIKE", "A::B::C")), some),
        st.builds(
            ast.Expansion, here, inner, st.integers(1, 3), maybe, st.none(), maybe, maybe, st.none() | tails
        ),
        st.builds(ast.Expansion, here, inner, st.just(1), maybe, inner, inner, maybe),
        st.builds(ast.ArrayTest, here, inner, st.integers(1, 3), st.none(), maybe),
        st.builds(ast.ArrayTest, here, inner, st.just(1), quantifiers(inner), inner),
        inner.map(subquery),
    )


@settings(max_examples=400, deadline=None)
@given(st.recursive(LEAVES, combined, max_leaves=12))
def test_any_expression_is_read_back_as_it_was(expression: ast.Expression) -> None:
    printed = print_expression(expression)
    again = parse(f"RETURN {printed}").operations[0]
    assert isinstance(again, ast.Return)
    assert shape(again.value) == shape(expression)
    assert again.value == expression
    assert print_expression(again.value) == printed
