"""Generated orders on two engines, one side with known edits; for a test of some and a measurement of many.

The rows mean the same, and their types differ in scale, precision and kind of truth value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sql_servers import SqlServer

# Of every so many rows one is edited in this way on the second server.
CHANGED, REMOVED, ADDED = 199, 997, 661
TABLE = {
    "postgresql": "CREATE TABLE orders (id bigint PRIMARY KEY, name text, amount numeric(12,2), paid boolean,"
    " placed timestamptz, note text);",
    "mariadb": "CREATE TABLE orders (id bigint PRIMARY KEY, name varchar(80), amount decimal(14,4), paid"
    " tinyint(1), placed datetime(3), note text);",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What must be found."""

    rows: tuple[int, int]
    same: int
    added: frozenset[int]
    removed: frozenset[int]
    changed: frozenset[int]


def truth(rows: int) -> Truth:
    """The edits: a row that is removed is not changed besides."""
    removed = frozenset(range(REMOVED, rows + 1, REMOVED))
    changed = frozenset(range(CHANGED, rows + 1, CHANGED)) - removed
    added = frozenset(range(rows + ADDED, 2 * rows + 1, ADDED))
    return Truth(
        rows=(rows, rows - len(removed) + len(added)),
        same=rows - len(removed) - len(changed),
        added=added,
        removed=removed,
        changed=changed,
    )


def filled(server: SqlServer, rows: int, *, edited: bool) -> str:
    """A database with the rows; its name."""
    if server.kind == "postgresql":
        numbers = f"generate_series(1, {rows}) AS n(i)"
        more = f"generate_series({rows + ADDED}, {2 * rows}, {ADDED}) AS n(i)"
        values = (
            "i, 'customer ' || i, ((i % 100000) / 100.0)::numeric(12,2), i % 3 = 0,"
            " timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second',"
            " CASE WHEN i % 7 > 0 THEN repeat('x', (i % 40)::int) END"
        )
    else:
        numbers = f"(SELECT seq AS i FROM seq_1_to_{rows}) AS n"
        more = f"(SELECT seq AS i FROM seq_{rows + ADDED}_to_{2 * rows}_step_{ADDED}) AS n"
        values = (
            "i, concat('customer ', i), (i % 100000) / 100, i % 3 = 0,"
            " timestamp '2024-01-01 00:00:00' + INTERVAL i SECOND,"
            " IF(i % 7 > 0, repeat('x', i % 40), NULL)"
        )
    script = f"{TABLE[server.kind]} INSERT INTO orders SELECT {values} FROM {numbers};"
    if edited:
        script += (
            f" UPDATE orders SET name = concat(name, '!') WHERE id % {CHANGED} = 0;"
            f" DELETE FROM orders WHERE id % {REMOVED} = 0;"
            f" INSERT INTO orders SELECT {values} FROM {more};"
        )
    if server.kind == "postgresql":
        script += " GRANT SELECT ON orders TO writer;"
    name = server.create_database()
    server.run(script, name)
    return name


def mistakes(found: dict[str, Any], expected: Truth) -> list[str]:
    """Where the answer is not what was made."""
    mine, theirs = (found["environments"][kind] for kind in ("postgresql", "mariadb"))
    listed: dict[str, set[int]] = {"added": set(), "removed": set(), "changed": set()}
    for one in found["differences"]:
        listed[one["kind"]].add(int(one["key"]["id"]))
    checks: dict[str, tuple[object, object]] = {
        "rows": ((mine["rows"], theirs["rows"]), expected.rows),
        "same": (theirs["same"], expected.same),
        "changed columns": (theirs["changed_columns"], {"name": len(expected.changed)}),
        "omitted": (found["omitted"], 0),
    }
    for kind in ("added", "removed", "changed"):
        truth_of_kind: frozenset[int] = getattr(expected, kind)
        checks[f"{kind}, counted"] = (theirs[kind], len(truth_of_kind))
        checks[f"{kind}, listed"] = (listed[kind], truth_of_kind)
    return [f"{what}: {got} instead of {wanted}" for what, (got, wanted) in checks.items() if got != wanted]
