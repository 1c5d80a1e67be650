"""`:name` becomes each engine's own way to bind values, and nothing else in a statement does."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.parameters import template_of
from mcp_arangodb_async.sql.statement import classify

POSTGRESQL, MARIADB, SQLITE = DIALECTS["postgresql"], DIALECTS["mariadb"], DIALECTS["sqlite"]

CASES: list[tuple[str, list[str], str | None]] = [
    ("SELECT :a, :b_1, :a", ["a", "b_1", "a"], "SELECT $1, $2, $3"),
    ("SELECT ':a', \":b\", x FROM t -- :c\n WHERE /* :d */ y = :e", ["e"], None),
    ("SELECT x::int, :a::text, :b :: date FROM t", ["a", "b"], "SELECT x::int, $1::text, $2 :: date FROM t"),
    ("SELECT a[1:n], a[lo:hi] FROM t", [], "SELECT a[1:n], a[lo:hi] FROM t"),
    ("SELECT * FROM t WHERE x=:a AND y IN (:b,:c)", ["a", "b", "c"], None),
    ("SELECT $$ :a $$, $q$ :b $q$, E':c\\':d'", [], None),
    ("SELECT : a, :1, :é", [], None),
]


@pytest.mark.parametrize(("text", "names", "written"), CASES)
def test_parameters_are_found_where_values_belong(text: str, names: list[str], written: str | None) -> None:
    template = template_of(classify(text, POSTGRESQL).text, POSTGRESQL)
    assert list(template.names) == names
    if written is not None:
        assert template.text == written


def test_each_engine_gets_its_own_way() -> None:
    text = "SELECT :a + :b"
    values: dict[str, Any] = {"a": 1, "b": 2}
    made = template_of(text, POSTGRESQL).command(values, read_only=True)
    assert (made.text, made.pieces, made.parameters) == ("SELECT $1 + $2", (), (1, 2))
    made = template_of(text, SQLITE).command(values, read_only=True)
    assert (made.text, made.parameters) == ("SELECT ?1 + ?2", (1, 2))
    made = template_of(text, MARIADB).command(values, read_only=True)
    assert (made.pieces, made.parameters) == (("SELECT ", " + ", ""), (1, 2))


def test_missing_and_unknown_values_are_named_together() -> None:
    template = template_of("SELECT :first, :second", POSTGRESQL)
    with pytest.raises(InputError) as wrong:
        template.command({"frist": 1}, read_only=True)
    assert (
        wrong.value.message
        == "no value for :first, :second; 'frist' is not in the statement: :first, :second"
    )
    assert (wrong.value.field, wrong.value.did_you_mean) == ("parameters", ("first",))
    with pytest.raises(InputError, match="not in the statement: none"):
        template_of("SELECT 1", POSTGRESQL).command({"x": 1}, read_only=True)
