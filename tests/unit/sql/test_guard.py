"""What the guard's parts decide, as tables of cases: the lexer, masks, lists, the second reader, costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.environments import EnvironmentKind, EnvironmentSettings, PolicySettings
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.lexer import UnreadableError, calls, outline
from mcp_arangodb_async.sql.masking import MASK
from mcp_arangodb_async.sql.names import TableName
from mcp_arangodb_async.sql.policy import Guard
from mcp_arangodb_async.sql.second_opinion import is_installed, second_opinion
from mcp_arangodb_async.sql.statement import classify

POSTGRESQL, MARIADB, SQLITE = DIALECTS["postgresql"], DIALECTS["mariadb"], DIALECTS["sqlite"]


@pytest.mark.parametrize(
    ("kind", "text", "blanked"),
    [
        ("postgresql", "SELECT 1 -- one\n, 2", "SELECT 1       \n, 2"),
        ("postgresql", "SELECT /* a /* b */ c */ 1", "SELECT                   1"),
        ("postgresql", "SELECT '--', $$/*$$, $q$ -- $q$ ;", "SELECT '--', $$/*$$, $q$ -- $q$"),
        ("postgresql", 'SELECT "a--b" ; ; ', 'SELECT "a--b"'),
        ("mariadb", "SELECT 1 # one", "SELECT 1"),
        ("mariadb", "SELECT 1 --1", "SELECT 1 --1"),
        ("mariadb", "SELECT `a#b`, '#', \"--\"", "SELECT `a#b`, '#', \"--\""),
        ("mariadb", "SELECT /* a /* b */ 1", "SELECT              1"),
        ("sqlite", "SELECT [a--b], 'it''s' -- x", "SELECT [a--b], 'it''s'"),
    ],
)
def test_comments_are_blanked_and_literals_are_not(kind: EnvironmentKind, text: str, blanked: str) -> None:
    read = outline(text, DIALECTS[kind].lexing)
    assert read.text == blanked
    assert all(text[token.start : token.end] == token.text for token in read.tokens)


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("postgresql", "SELECT 'open", "line 1, column 8: a quote that is never closed"),
        ("postgresql", "SELECT\n  /* open", "line 2, column 3: a comment that is never closed"),
        ("postgresql", "SELECT /* a /* b */ 1", "a comment that is never closed"),
        ("postgresql", "SELECT E'a' 'b'", "a string that continues one with escapes"),
        ("mariadb", "SELECT /*! 1 */", "line 1, column 8"),
        ("mariadb", "SELECT `open", "a quote that is never closed"),
        ("sqlite", "SELECT 1\x00", "character '\\x00'"),
        ("sqlite", "SELECT 1, " * 30_000, "characters, at most 262144 are read"),
        ("sqlite", "SELECT " + "1," * 60_000, "more than 50000 words and symbols"),
    ],
)
def test_what_cannot_be_read_with_certainty_is_not_read(kind: EnvironmentKind, text: str, why: str) -> None:
    with pytest.raises(UnreadableError) as found:
        outline(text, DIALECTS[kind].lexing)
    assert why in str(found.value)


def test_calls_are_names_before_a_parenthesis() -> None:
    read = outline('SELECT count(*), "Odd" (1), a.b(2), x FROM t WHERE y IN (1)', POSTGRESQL.lexing)
    assert [token.name for token in calls(read.tokens)] == ["count", "Odd", "b", "in"]


def guard(kind: EnvironmentKind = "postgresql", access: Any = "read", **policy: Any) -> Guard:
    path = Path("x.db") if kind == "sqlite" else None
    return Guard(
        EnvironmentSettings(
            name="e", kind=kind, database="shop", path=path, access=access, policy=PolicySettings(**policy)
        )
    )


PEOPLE: dict[str, Any] = {"tables": ("people",)}
PUBLIC: dict[str, Any] = {"schemas": ("public",)}
MASKED = guard(masked_columns=("people.email", "token"))
NAMES = {"id": 1, "email": "a@b", "token": "t", "name": "n"}


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("SELECT id, email FROM people", ["id", "email"], [1, MASK]),
        ("SELECT * FROM people", ["id", "email", "token", "name"], [1, MASK, MASK, "n"]),
        ("SELECT p.* FROM people p", ["id", "email"], [1, MASK]),
        ("SELECT email AS name FROM people", ["name"], [MASK]),
        ("SELECT id, token FROM other", ["id", "token"], [1, MASK]),
        ("SELECT email FROM other", ["email"], ["a@b"]),
        ("SELECT id FROM people UNION SELECT id FROM other", ["id"], [1]),
        ("SELECT id, email FROM people UNION ALL SELECT id, name FROM other", ["id", "email"], [1, MASK]),
        ("SELECT email FROM (SELECT email, id FROM people) s WHERE s.id > 1", ["email"], [MASK]),
        ("WITH s AS (SELECT email FROM people) SELECT email FROM s", ["email"], [MASK]),
        ("SELECT count(*) AS id FROM people", ["id"], [1]),
    ],
)
def test_masked_columns_are_shown_as_such(text: str, columns: list[str], shown: list[Any]) -> None:
    decision = MASKED.judge(text).decision
    assert decision.ruling == "allow", decision.why
    row = tuple(NAMES.get(name, "a@b") for name in columns)
    rows = [row] if decision.masking is None else decision.masking.apply(columns, [row])
    if shown == [MASK]:
        assert rows == [(MASK,)]
    else:
        assert [list(one) for one in rows] == [shown]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT id FROM people WHERE email = 'a'", "may be shown as it is, and not be used"),
        ("SELECT upper(email) FROM people", "may be shown as it is, and not be used"),
        ("SELECT id FROM people ORDER BY email", "may be shown as it is, and not be used"),
        ("SELECT id, email FROM people ORDER BY 2", "a number in ORDER BY or GROUP BY"),
        ("SELECT email, count(*) FROM people GROUP BY 1", "a number in ORDER BY or GROUP BY"),
        ("SELECT people FROM people", "stands for whole rows"),
        ("SELECT row_to_json(p) FROM people p", "stands for whole rows"),
        ("SELECT s.x FROM (SELECT email FROM people) s(x)", "new names could hide"),
        ("SELECT id FROM people NATURAL JOIN other", "NATURAL JOIN may compare"),
        ("SELECT id FROM people JOIN other USING (email)", "USING would compare"),
        ("SELECT x FROM (SELECT email AS x FROM people) s", "may be shown as it is, and not be used"),
        ("SELECT * FROM people UNION SELECT * FROM other", "masked columns cannot be told"),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM people WHERE token LIKE 'a%')", "not be used"),
    ],
)
def test_what_would_tell_a_masked_value_is_refused(text: str, why: str) -> None:
    decision = MASKED.judge(text).decision
    assert decision.ruling == "deny"
    assert why in decision.why


@pytest.mark.parametrize(
    ("kind", "policy", "text", "denied"),
    [
        ("postgresql", PEOPLE, "SELECT 1 FROM people", None),
        ("postgresql", PEOPLE, "SELECT 1 FROM public.people", None),
        ("postgresql", PEOPLE, "SELECT 1 FROM other", "table other"),
        ("postgresql", PEOPLE, "SELECT 1 FROM people, (SELECT 1 FROM other) s", "table other"),
        ("postgresql", PEOPLE, "WITH other AS (SELECT 1 FROM people) SELECT 1 FROM other", None),
        ("postgresql", {"tables": ("sales.*",)}, "SELECT 1 FROM sales.orders", None),
        ("postgresql", {"tables": ("sales.*",)}, "SELECT 1 FROM orders", "table orders"),
        ("postgresql", PEOPLE, "SELECT 1 FROM pg_catalog.pg_class", "table pg_catalog.pg_class"),
        ("postgresql", {"tables": ("*",)}, "SELECT 1 FROM pg_class", "table pg_class"),
        ("postgresql", PUBLIC, "SELECT 1 FROM people", None),
        ("postgresql", PUBLIC, "SELECT 1 FROM hr.people", "table hr.people"),
        ("postgresql", PUBLIC, "SELECT 1 FROM other.public.people", "table other.public.people"),
        ("postgresql", {"schemas": ("hr",), "tables": ("people",)}, "SELECT 1 FROM hr.pay", "table hr.pay"),
        ("mariadb", {"schemas": ("shop",)}, "SELECT 1 FROM people", None),
        ("mariadb", {"schemas": ("shop",)}, "SELECT 1 FROM hr.pay", "table hr.pay"),
        ("mariadb", PEOPLE, "SELECT 1 FROM `People`", "table People"),
        ("sqlite", PEOPLE, "SELECT 1 FROM People", None),
        ("sqlite", PEOPLE, "SELECT 1 FROM sqlite_schema", "table sqlite_schema"),
        ("postgresql", {"denied_functions": ("md5",)}, "SELECT md5('x')", "function md5 is denied"),
        ("postgresql", {"denied_functions": ("JSON*",)}, "SELECT jsonb_agg(1)", "jsonb_agg is denied"),
        ("postgresql", {}, "SELECT my_own(1)", "may only be read"),
        ("postgresql", {"functions": ("my_*",)}, "SELECT my_own(1)", None),
        ("postgresql", {"rules": {"read": "deny"}}, "SELECT 1", "its policy denies a statement that reads"),
    ],
)  # fmt: skip
def test_lists_of_the_policy(
    kind: EnvironmentKind, policy: dict[str, Any], text: str, denied: str | None
) -> None:
    decision = guard(kind, **policy).judge(text).decision
    if denied is None:
        assert decision.ruling == "allow", decision.why
    else:
        assert decision.ruling == "deny"
        assert denied in decision.why


@pytest.mark.parametrize(
    ("access", "rules", "rulings"),
    [
        ("read", {}, {"read": "allow", "dml": "deny", "ddl": "deny", "admin": "deny", "unknown": "deny"}),
        ("write", {}, {"read": "allow", "dml": "allow", "ddl": "deny", "admin": "deny", "unknown": "deny"}),
        ("admin", {}, {"read": "allow", "dml": "allow", "ddl": "allow", "admin": "allow", "unknown": "deny"}),
        ("admin", {"ddl": "confirm", "admin": "deny"}, {"dml": "allow", "ddl": "confirm", "admin": "deny"}),
        ("read", {"dml": "allow"}, {"dml": "deny"}),
        ("write", {"dml": "confirm"}, {"dml": "confirm", "read": "allow"}),
    ],
)
def test_rules_only_narrow_the_access(access: str, rules: dict[str, Any], rulings: dict[str, str]) -> None:
    texts = {
        "read": "SELECT 1",
        "dml": "DELETE FROM people",
        "ddl": "DROP TABLE people",
        "admin": "VACUUM",
        "unknown": "SELECT 1; SELECT 2",
    }
    judge = guard(access=access, rules=rules).judge
    for kind, ruling in rulings.items():
        judged = judge(texts[kind])
        assert (judged.statement.kind, judged.decision.ruling) == (kind, ruling)


reads_twice = pytest.mark.skipif(not is_installed(), reason="no pglast")


def opinion(text: str, functions: tuple[str, ...] = (), tables: tuple[str, ...] = ()) -> str | None:
    """What the second reader says where the first one saw these functions and tables and no change."""
    found = [TableName(name=name) for name in tables]
    return second_opinion(outline(text, POSTGRESQL.lexing), POSTGRESQL, (), functions, found)


@reads_twice
@pytest.mark.parametrize(
    ("text", "functions", "tables", "why"),
    [
        ("SELECT upper(a) FROM t WHERE b = :b", (), ("t",), None),
        ("SELECT position('a' IN b) FROM t", (), ("t",), None),
        ("WITH s AS (SELECT 1) SELECT * FROM s", (), (), None),
        ("SELECT own(1)", ("own",), (), None),
        ("SELECT pg_sleep(1)", (), (), "a call of pg_sleep"),
        ("SELECT pg_catalog.pg_read_file('x')", (), (), "a call of pg_read_file"),
        ("SELECT (SELECT 1 FROM secret)", (), (), "the table secret"),
        ("SELECT 1 FROM t FOR UPDATE", (), ("t",), "INTO or a lock"),
        ("SELECT 1 INTO x FROM t", (), ("t",), "INTO or a lock"),
        ("WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d", (), ("t",), "sees Delete in it"),
        ("COPY t TO PROGRAM 'x'", (), ("t",), "sees Copy in it"),
        ("SELECT 1 +", (), (), "cannot read it"),
        ("SELECT 1; SELECT 2", (), (), "more than one statement"),
    ],
)
def test_postgresqls_own_parser_has_to_agree(
    text: str, functions: tuple[str, ...], tables: tuple[str, ...], why: str | None
) -> None:
    found = opinion(text, functions, tables)
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert why in found


@reads_twice
def test_a_disagreement_makes_a_statement_unknown() -> None:
    # The first reader takes this for a cast of a number; for PostgreSQL it is no statement at all.
    judged = classify("SELECT 1 :: int ::", POSTGRESQL)
    assert judged.kind == "unknown"


PG = json.dumps(
    [{"Plan": {"Node Type": "Seq Scan", "Startup Cost": 0.0, "Total Cost": 35.5, "Plan Rows": 9}}]
)
NESTED = '{"query_block": {"nested_loop": [{"table": {"rows": 10}}, %s]}}'


@pytest.mark.parametrize(
    ("kind", "rows", "cost"),
    [
        ("postgresql", [(PG,)], 35.5),
        ("postgresql", [(json.loads(PG),)], 35.5),
        ("postgresql", [], None),
        ("mariadb", [('{"query_block": {"cost_info": {"query_cost": "12.50"}}}',)], 12.5),
        ("mariadb", [('{"query_block": {"cost": 0.25, "nested_loop": []}}',)], 0.25),
        ("mariadb", [('{"query_block": {"table": {"rows": 7}}}',)], 7.0),
        ("mariadb", [(NESTED % '{"table": {"rows": 3}}',)], 40.0),
        ("mariadb", [(NESTED % '{"block-nl-join": {"table": {"rows": 1000}}}',)], 10_010.0),
        ("mariadb", [()], None),
        ("sqlite", [(2, 0, 0, "SCAN t")], None),
    ],
)
def test_the_planners_cost_is_read(kind: EnvironmentKind, rows: list[Any], cost: float | None) -> None:
    assert DIALECTS[kind].plan_cost(rows) == cost


def test_a_cost_above_the_limit_or_none_at_all_is_refused() -> None:
    assert guard().over_cost([(PG,)]) is None
    assert guard(max_cost=35.5).over_cost([(PG,)]) is None
    assert guard(max_cost=10.0).over_cost([(PG,)]) == "its cost is 35.5, at most 10 is allowed"
    assert (
        guard("sqlite", max_cost=1.0).over_cost([(0,)]) == "its cost may be at most 1, and SQLite states none"
    )
