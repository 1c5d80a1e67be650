"""Expressions: what binds to what, and what the tree says of each form."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.parser import parse
from tests.unit.engine.aql.tree_shapes import shape_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "(+ 1 (* 2 3))"),
        ("1 - 2 - 3", "(- (- 1 2) 3)"),
        ("8 / 4 * 2 % 3", "(% (* (/ 8 4) 2) 3)"),
        ("(1 + 2) * 3", "(* (+ 1 2) 3)"),
        ("-1 * 2", "(* (- 1) 2)"),
        ("-a.b", "(- (. a b))"),
        ("+-5", "(+ (- 5))"),
        ("- -5", "(- (- 5))"),
        ("--5", "(- (- 5))"),
        ("!a == b", "(== (NOT a) b)"),
        ("NOT a IN b", "(IN (NOT a) b)"),
        ("NOT NOT a", "(NOT (NOT a))"),
        ("1 .. 2 + 3", "(.. 1 (+ 2 3))"),
        ("1..2..3", "(.. (.. 1 2) 3)"),
        ("1..2 == 3", "(== (.. 1 2) 3)"),
        ("a < 1..2", "(< a (.. 1 2))"),
        ("a == b < c", "(== a (< b c))"),
        ("a < b == c", "(== (< a b) c)"),
        ("a IN b < c", "(IN a (< b c))"),
        ("a == b IN c", "(== a (IN b c))"),
        ("a IN b == c", "(== (IN a b) c)"),
        ("a == b == c", "(== (== a b) c)"),
        ("a NOT IN b", "(NOT IN a b)"),
        ("a ! IN b", "(NOT IN a b)"),
        ("a != b && c >= d", "(AND (!= a b) (>= c d))"),
        ("a || b && c", "(OR a (AND b c))"),
        ("a AND b OR c AND d", "(OR (AND a b) (AND c d))"),
        ("a && b && c && d", "(AND a b c d)"),
        ("(a && b) && c", "(AND a b c)"),
        ("a && (b && c)", "(AND a (AND b c))"),
        ("a or b Or c", "(OR a b c)"),
        ("a ? b : c", "(?: a b c)"),
        ("a ? b : c ? d : e", "(?: a b (?: c d e))"),
        ("a ? b ? c : d : e", "(?: a (?: b c d) e)"),
        ("a ?: b", "(?: a - b)"),
        ("a ? : b", "(?: a - b)"),
        ("a || b ? c : d", "(?: (OR a b) c d)"),
        ("a == 1 ? b : c || d", "(?: (== a 1) b (OR c d))"),
    ],
)
def test_operators_bind_as_in_arangodb(text: str, expected: str) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a LIKE b", "LIKE(a b)"),
        ("a NOT LIKE b", "(NOT LIKE(a b))"),
        ("a =~ b", "REGEX_TEST(a b)"),
        ("a !~ b", "(NOT REGEX_TEST(a b))"),
        ("a NOT =~ b", "(NOT REGEX_TEST(a b))"),
        ("a NOT !~ b", "REGEX_TEST(a b)"),
        ("a LIKE b == c", "(== LIKE(a b) c)"),
        ("a == b LIKE c", "LIKE((== a b) c)"),
        ("a == b NOT LIKE c", "(== a (NOT LIKE(b c)))"),
        ("LIKE(a, b, true)", "LIKE(a b true)"),
        ("like (a, b)", "LIKE(a b)"),
    ],
)
def test_matching_operators_are_calls(text: str, expected: str) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ALL == b", "(ALL == a b)"),
        ("a any IN b", "(ANY IN a b)"),
        ("a NONE NOT IN b", "(NONE NOT IN a b)"),
        ("a AT LEAST (2) >= b", "(AT LEAST 2 >= a b)"),
        ("a AT LEAST (1 + 1) NOT IN b", "(AT LEAST (+ 1 1) NOT IN a b)"),
        ("a == b ALL == c", "(ALL == (== a b) c)"),
        ("a AND b ANY == c", "(AND a (ANY == b c))"),
        ("a ALL == b AND c", "(AND (ALL == a b) c)"),
        ("a ALL IN b == c", "(== (ALL IN a b) c)"),
        ("a ALL == b < c", "(ALL == a (< b c))"),
    ],
)
def test_array_comparisons_have_a_quantifier(text: str, expected: str) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b.c", "(. (. a b) c)"),
        ("a.`b c`.´d´", "(. (. a b c) d)"),
        ("a.@b.@@c", "(. (. a @b) @@c)"),
        ("a[0][-1].b[c + 1]", "(at (. (at (at a 0) (- 1)) b) (+ c 1))"),
        ("[1, 2][0]", "(at [1 2] 0)"),
        ("{a: 1}.a", '(. {"a":1} a)'),
        ("@x.y", "(. @x y)"),
        ("F(1).x", "(. F(1) x)"),
        ("('abc')[0]", '(at "abc" 0)'),
        ("(RETURN 1)[0]", "(at <Return> 0)"),
        ("a[*]", "(* a)"),
        ("a[*].b[0]", "(* a tail=(at (. _ b) 0))"),
        ("(a[*].b)[0]", "(at (* a tail=(. _ b)) 0)"),
        ("a.x[*].y", "(* (. a x) tail=(. _ y))"),
        ("a[**]", "(** a)"),
        ("a[* * *]", "(*** a)"),
        ("a[*].b[*].c", "(* a tail=(* (. _ b) tail=(. _ c)))"),
        ("a[*].b[**].c", "(** (* a tail=(. _ b)) tail=(. _ c))"),
        ("a[*].b[*].c[*].d", "(* a tail=(* (* (. _ b) tail=(. _ c)) tail=(. _ d)))"),
        ("(a[*].b)[*].c", "(* (* a tail=(. _ b)) tail=(. _ c))"),
        ("a[* FILTER CURRENT > 1].b", "(* a filter=(> CURRENT 1) tail=(. _ b))"),
        ("a[* LIMIT 2]", "(* a count=2)"),
        ("a[* LIMIT 1, 2 RETURN CURRENT.x]", "(* a offset=1 count=2 projection=(. CURRENT x))"),
        ("a[* FILTER b LIMIT c RETURN d]", "(* a filter=b count=c projection=d)"),
        ("a[? FILTER CURRENT]", "(? a - CURRENT)"),
        ("a[?]", "(? a - -)"),
        ("a[?? ANY FILTER b]", "(?? a ANY b)"),
        ("a[? ALL FILTER b]", "(? a ALL b)"),
        ("a[? NONE FILTER b]", "(? a NONE b)"),
        ("a[? AT LEAST (2) FILTER b]", "(? a AT LEAST 2 b)"),
        ("a[? 3 FILTER b]", "(? a COUNT 3 b)"),
        ("a[? 2..3 FILTER b]", "(? a COUNT (.. 2 3) b)"),
        ("a[*].b[? FILTER c]", "(* a tail=(? (. _ b) - c))"),
        ("a[? FILTER b] AND c", "(AND (? a - b) c)"),
    ],
)
def test_accesses_chain_to_the_left_and_into_expansions(text: str, expected: str) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "[]"),
        ("[1, [2], ]", "[1 [2]]"),
        ("{}", "{}"),
        ("{a: 1, 'b': 2, \"c d\": 3, `for`: 4,}", '{"a":1 "b":2 "c d":3 "for":4}'),
        ("{a, b}", '{"a"=a "b"=b}'),
        ("{[a]: 1, ['b']: 2}", '{[a]:1 ["b"]:2}'),
        ("{@a: 1}", "{@a:1}"),
        ("{a: 1, a: 2}", '{"a":1 "a":2}'),
        ("{options: count}", '{"options":count}'),
        ("f()", "F()"),
        ("f(1, [2], {})", "F(1 [2] {})"),
        ("Name::Space::f(x)", "NAME::SPACE::F(x)"),
        ("LENGTH(FOR x IN y RETURN x)", "LENGTH(<For Return>)"),
        ("f(FOR x IN y REMOVE x IN c, 1, RETURN 2)", "F(<For Remove> 1 <Return>)"),
        ("(FOR x IN y RETURN x)", "<For Return>"),
        ("@@c", "@@c"),
        ("null", "null"),
        ("True AND FALSE", "(AND true false)"),
    ],
)
def test_values_and_calls_are_read(text: str, expected: str) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 9223372036854775808.0),
        ("1" * 30, float("1" * 30)),
        ("1.0", 1.0),
        (".25", 0.25),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        ("0.0", 0.0),
        ("0e5", 0.0),
        ("0xff", 255),
        ("0XFFFFFFFF", 4294967295),
        ("0b101", 5),
        ("0b" + "1" * 32, 4294967295),
    ],
)
def test_numbers_are_integers_or_doubles(text: str, value: float) -> None:
    query = parse(f"RETURN {text}")
    assert query.operations == (ast.Return(0, ast.Literal(7, value)),)
    assert query.warnings == ()


@pytest.mark.parametrize("text", ["1e999", "9" * 400, "1e-999", "123.4e4444"])
def test_a_number_out_of_range_is_null_with_a_warning(text: str) -> None:
    query = parse(f"RETURN {text}")
    assert query.operations == (ast.Return(0, ast.Literal(7, None)),)
    assert [(warning.num, warning.message, warning.position) for warning in query.warnings] == [
        (1504, "number out of range", 7)
    ]


def test_literals_of_different_types_differ() -> None:
    literals = [ast.Literal(0, value) for value in (1, 1.0, True, None, "1", 0, False, "")]
    assert len(set(literals)) == len(literals)
    assert ast.Literal(0, 1) == ast.Literal(99, 1)


def test_positions_take_no_part_in_equality_but_are_right() -> None:
    query = parse("RETURN  a.b +\n c")
    assert query == parse("RETURN a.b+c")
    operation = query.operations[0]
    assert isinstance(operation, ast.Return)
    total = operation.value
    assert isinstance(total, ast.Arithmetic)
    assert (operation.position, total.left.position, total.position, total.right.position) == (0, 9, 12, 15)
