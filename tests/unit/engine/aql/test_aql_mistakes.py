"""Mistakes: each names what was found, near what, and where, in ArangoDB's wording.

The queries and their answers are in `tests/goldens/aql/mistakes.txt`: a query, below it `number: message`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.errors import ArangoError

GOLDEN = Path(__file__).parents[3] / "goldens" / "aql" / "mistakes.txt"


def mistake(text: str) -> ArangoError:
    with pytest.raises(ArangoError) as raised:
        parse(text)
    return raised.value


def test_each_mistake_is_reported_as_the_golden_says(update: bool) -> None:
    given = GOLDEN.read_text(encoding="utf-8")
    blocks: list[str] = []
    for block in given.strip().split("\n\n"):
        query = block.splitlines()[0]
        error = mistake(query)
        blocks.append(f"{query}\n{error.num}: {error.message}")
    answered = "\n\n".join(blocks) + "\n"
    if update:
        GOLDEN.write_text(answered, encoding="utf-8")
    assert answered == given


def test_a_mistyped_clause_names_its_line_and_column() -> None:
    error = mistake("FOR u IN users\n  FILTER u.active\n  LIMT 5\n  RETURN u")
    assert (error.num, error.line, error.column) == (1501, 3, 3)
    assert error.message == "syntax error, unexpected identifier near 'LIMT 5\n  RETURN u' at position 3:3"


def test_a_column_counts_bytes() -> None:
    error = mistake("RETURN 1 +\n'dö€😀' 7")
    assert (error.line, error.column) == (2, 1 + len("'dö€😀' ".encode()))


def test_the_end_of_the_text_is_reported_at_its_last_token() -> None:
    error = mistake("FOR u IN users\n\n")
    assert (error.line, error.column) == (1, 10)
    assert error.message == ("syntax error, unexpected end of query string near 'users\n\n' at position 1:10")


def test_no_text_is_an_empty_query() -> None:
    assert (mistake("").num, mistake("").message) == (1502, "query is empty")
    assert mistake("  \n").num == 1501


@pytest.mark.parametrize(
    "options",
    ["{a: 1}", "{a: -1}", "{a: @b, @c: [null, true, 'x', {d: +2.5}]}", "{['a']: 1}", "{a: {b: 1}.b}", "{}"],
)
def test_options_may_be_built_of_constants_and_parameters(options: str) -> None:
    parse(f"INSERT {{}} INTO c OPTIONS {options}")


@pytest.mark.parametrize(
    "value", ["f()", "x", "1 + 1", "!true", "- x", "[1, x]", "{[x]: 1}", "1..2", "(RETURN 1)"]
)
def test_options_may_not_be_computed(value: str) -> None:
    assert mistake(f"FOR x IN c OPTIONS {{a: {value}}} RETURN x").num == 1575


def test_half_a_surrogate_pair_is_refused_where_it_stands() -> None:
    error = mistake("RETURN 'a\ud800'")
    assert (error.num, error.line, error.column) == (1501, 1, 10)
    error.message.encode()


BROKEN = """
for | for u | for u in | for u in [ | for u in [1 | for u in [1] | for u in [1] return | for f1 in x1
1 | ; | COLLECT | SORT | LIMIT | LIMIT 1, | WINDOW | UPSERT | INSERT | INSERT 1 INTO | REPLACE | WITH
RETURN LIKE | RETURN {a: 1 b: 2} | RETURN [1,,2] | RETURN {,} | RETURN [,] | RETURN ) | RETURN a[? 1]
RETURN a[* b] | RETURN @ | return 1 + | return 1 + 1 + | RETURN a.@ | RETURN a[? ALL b]
RETURN a[* RETURN] | LET a = 1, b = RETURN a | WITH 1 RETURN 1 | WITH a b | LET a = 1 WITH b RETURN 1
FOR x IN c INTO | UPDATE a WITH b | REMOVE a INTO b c | FOR x IN c RETURN x LIMIT 1 | LET 1 = 2 RETURN 3
FOR x IN c COLLECT a RETURN a | FOR v IN ANY a RETURN v | FOR x IN c COLLECT WITH COUNT n RETURN n
FOR v IN ANY a GRAPH RETURN v | FOR x, IN c RETURN x
"""


@pytest.mark.parametrize("text", BROKEN.strip().replace("\n", " | ").split(" | "))
def test_broken_queries_are_refused(text: str) -> None:
    error = mistake(text)
    assert (error.num, error.line) == (1501, 1)
    assert error.column is not None
