"""Generated code means the same whatever is known of its operands, and nothing in a query becomes code."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.values import Value, compare, equal, json_text, truthy

VALUES: tuple[Value, ...] = (
    None, False, True, 0, 1, -1, 2, 1.0, 0.5, -0.0, 2**53, 2**62, "", "a", "B", "b", "ä", "1", "true",
    [], [None], [1], [1, None], [1, 2], ["a"], [[1]], {}, {"a": None}, {"a": 1}, {"b": 1}, {"a": [1]},
)  # fmt: skip
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "&&", "||", "ANY ==", "ALL <", "NONE IN", "?:")


def expected(operator: str, left: Value, right: Value) -> Any:
    """What the manual says."""
    order = compare(left, right)
    members: list[Value] = left if isinstance(left, list) else []
    match operator:
        case "==":
            return equal(left, right)
        case "!=":
            return not equal(left, right)
        case "<":
            return order < 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
        case ">=":
            return order >= 0
        case "IN":
            return isinstance(right, list) and any(equal(left, each) for each in right)
        case "NOT IN":
            return not (isinstance(right, list) and any(equal(left, each) for each in right))
        case "&&":
            return right if truthy(left) else left
        case "||" | "?:":
            return left if truthy(left) else right
        case "ANY ==":
            return any(equal(each, right) for each in members)
        case "ALL <":
            return isinstance(left, list) and all(compare(each, right) < 0 for each in left)
        case _:
            if not isinstance(left, list) or not isinstance(right, list):
                return False
            return not any(equal(each, other) for each in left for other in right)


def run(database: Database, text: str, binds: dict[str, Any] | None = None) -> list[Any]:
    return list(database.query(text, binds).rows)


#: Where the two operands come from: elements, attributes, bind parameters, or one of each.
ROLES = (
    ("FOR p IN @rows ", "p[0]", "p[1]"),
    ("FOR p IN @rows ", "p[2].x", "p[2].y"),
    ("FOR p IN @rows ", "p[0]", "@b"),
    ("FOR p IN @rows ", "@a", "p[1]"),
    ("", "@a", "@b"),
)


def test_constants_parameters_and_variables_compare_alike(database: Database) -> None:
    """Each pair of values in each role: fast paths differ with what is known, results must not."""
    for left, right in itertools.product(VALUES, VALUES):
        wanted = json_text([expected(operator, left, right) for operator in OPERATORS])
        given = {"rows": [[left, right, {"x": left, "y": right}]], "a": left, "b": right}
        for loop, first, second in ROLES:
            row = ", ".join(f"({first} {operator} {second})" for operator in OPERATORS)
            text = f"{loop}RETURN [{row}]"
            binds = {name: value for name, value in given.items() if f"@{name}" in text}
            (found,) = run(database, text, binds)
            assert json_text(found) == wanted, (text, left, right)


#: A negative zero is no literal: `-0` is the integer.
LITERALS = [value for value in VALUES if json_text(value) != "-0"]


@pytest.mark.parametrize("value", LITERALS, ids=json_text)
def test_constants_in_the_text_compare_as_values_do(database: Database, value: Value) -> None:
    literal = json_text(value)
    for other in VALUES:
        row = ", ".join(f"(p {operator} {literal}), ({literal} {operator} p)" for operator in OPERATORS)
        (found,) = run(database, f"FOR p IN @rows RETURN [{row}]", {"rows": [other]})
        wanted = [
            result
            for operator in OPERATORS
            for result in (expected(operator, other, value), expected(operator, value, other))
        ]
        assert json_text(found) == json_text(wanted), (value, other)


@pytest.mark.parametrize("value", VALUES, ids=json_text)
def test_filters_test_truth(database: Database, value: Value) -> None:
    truth = [1] if truthy(value) else []
    for condition in ("p", "@rows[0]", "!(!p)", "p && p", "p || p", "p ? p : p"):
        found = run(database, f"FOR p IN @rows FILTER {condition} RETURN 1", {"rows": [value]})
        assert found == truth, condition


NAMES = (
    "__class__", "__import__('os')", "'); raise SystemExit #", '"""', "\\", "\n", "v0", "ctx", "k1", "{}",
    "%s", "\u2028", "lambda: 0", "`", "a.b", "", " ", "\x00", "import os", "' + str(1) + '",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_becomes_code(database: Database, name: str) -> None:
    """Attribute names, strings and keys are data, however they look."""
    quoted = json_text(name)
    rows: list[Any] = [{name: "found"}]
    binds: dict[str, Any] = {"rows": rows, "n": name}
    assert run(database, "FOR d IN @rows RETURN d[@n]", binds) == ["found"]
    assert run(database, f"FOR d IN @rows RETURN d[{quoted}]", {"rows": rows}) == ["found"]
    filtered = f"FOR d IN @rows FILTER d[{quoted}] == 'found' RETURN {{{quoted}: {quoted}}}"
    assert run(database, filtered, {"rows": rows}) == [{name: name}]
    assert run(database, "FOR d IN @rows COLLECT x = d.@n RETURN x", binds) == ["found"]
    assert run(database, "RETURN {@n: @n}", {"n": name}) == [{name: name}]
    assert run(database, f"LET x = {quoted} RETURN CONCAT(x, x)") == [name + name]


DEEP = (
    "+".join(["x"] * 490),
    " && ".join(["x"] * 490),
    "x" + ".a" * 480,
    "x" + "[0]" * 480,
    "!(" * 100 + "x" + ")" * 100,
    "[" * 150 + "x" + "]" * 150,
    "{a:" * 150 + "x" + "}" * 150,
    "(x == " * 100 + "x" + ")" * 100,
    "(x < " * 90 + "x" + ")" * 90,
    "NOT_NULL(" * 100 + "x" + ")" * 100,
    "x ? (x ? 1 : " * 40 + "x" + ") : 2" * 40,
    "(x[* RETURN " * 60 + "CURRENT" + "])" * 60,
    "(x && (x || " * 45 + "x" + "))" * 45,
    "(x ? (RETURN " * 50 + "x" + ") : 0)" * 50,
)


@pytest.mark.parametrize("text", DEEP, ids=lambda text: text[:12])
def test_deep_expressions_run(database: Database, text: str) -> None:
    assert len(run(database, f"FOR x IN [1, [1], {{a: 1}}] RETURN {text}")) == 3


def test_many_loops_nest(database: Database) -> None:
    loops = " ".join(f"FOR i{n} IN [{n}]" for n in range(60))
    assert run(database, f"{loops} FILTER i0 == 0 SORT i59 RETURN i3 + i59") == [62]


MISTAKES = (("1 / 0", 1562), ("1 % 0", 1562), ("1e308 * 10", 1504), ("LENGTH(1, 2)", 1541))


@pytest.mark.parametrize(("text", "code"), MISTAKES)
def test_arithmetic_and_calls_report_by_number(database: Database, text: str, code: int) -> None:
    with pytest.raises(ArangoError) as caught:
        database.query(f"RETURN {text}", {}, {"failOnWarning": True})
    assert caught.value.num == code


NUMBERS = (
    ("9223372036854775807 + 1", 9223372036854775808.0),
    ("x + 9223372036854775806", 9223372036854775807),
    ("9007199254740993 - x", 9007199254740992),
    ("x * 4611686018427387904 * 2", 9223372036854775808.0),
    ("(x + 0.5) * 2", 3),
    ("-x / 2", -0.5),
    ("7 / (x + 1)", 3.5),
    ("6 / (x + 1)", 3),
    ("-7 % 3", -1),
    ("x + '1.5'", 2.5),
    ("x + [[2]]", 3),
    ("x + true", 2),
    ("x - {}", 1),
)


@pytest.mark.parametrize(("text", "expected_value"), NUMBERS)
def test_numbers_are_exact_within_64_bits(database: Database, text: str, expected_value: float) -> None:
    (found,) = run(database, f"FOR x IN [1] RETURN {text}")
    assert found == expected_value
