"""Two tables of which one is the other with edits, as Python values; and as rows of each engine.

Python's own equality is the truth that a comparison is checked against.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st

from mcp_arangodb_async.sql.environment import Environment

Engine = Literal["postgresql", "mariadb", "sqlite"]
Row = dict[str, Any]
Table = dict[int, Row]
TABLE: Mapping[Engine, str] = {
    "postgresql": "CREATE TABLE t (id bigint PRIMARY KEY, whole bigint, exact numeric(20,6), broken float8,"
    " yes boolean, words text, placed timestamptz, document jsonb, content bytea);"
    " GRANT ALL ON t TO writer;",
    "mariadb": "CREATE TABLE t (id bigint PRIMARY KEY, whole bigint, exact decimal(24,8), broken double,"
    " yes tinyint(1), words varchar(60), placed datetime(6), document longtext, content varbinary(20));",
    "sqlite": "CREATE TABLE t (id integer PRIMARY KEY, whole integer, exact text, broken real,"
    " yes boolean, words text, placed text, document json, content blob);",
}
# A NUL is no character of a text for PostgreSQL, and half characters are none for anybody.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LEAST, MOST = -(2**63), 2**63 - 1
DOCUMENTS = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, max_size=2)
COLUMNS: Mapping[str, st.SearchStrategy[Any]] = {
    "whole": st.integers(LEAST, MOST) | st.integers(0, 2),
    "exact": st.decimals(-(10**12), 10**12, places=6) | st.sampled_from([Decimal("1.50"), Decimal(2)]),
    "broken": st.floats(-1e200, 1e200, allow_subnormal=False),
    "yes": st.booleans(),
    "words": TEXTS,
    "placed": st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - told as UTC
    "document": DOCUMENTS.map(lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False)),
    "content": st.binary(max_size=20),
}
NAMES = tuple(COLUMNS)
KEYS = st.integers(LEAST, MOST) | st.integers(0, 50)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A row with some values; the others are null."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
    return {**dict.fromkeys(NAMES), **{name: draw(COLUMNS[name]) for name in names}}


@st.composite
def edited(draw: st.DrawFn) -> tuple[Table, Table]:
    """A table, and the same with rows removed, changed and added."""
    before = draw(st.dictionaries(KEYS, rows(), max_size=6))
    after: Table = {}
    for key, row in before.items():
        match draw(st.sampled_from(["same", "same", "changed", "removed"])):
            case "same":
                after[key] = row
            case "changed":
                names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
                after[key] = {**row, **{name: draw(st.none() | COLUMNS[name]) for name in names}}
            case _:
                pass
    return before, {**after, **draw(st.dictionaries(KEYS, rows(), max_size=2))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a comparison must find: keys, and of changed rows the columns."""

    same: int
    added: frozenset[int]
    removed: frozenset[int]
    changed: Mapping[int, frozenset[str]]


def expected(before: Table, after: Table) -> Expected:
    """What differs, by Python's own equality."""
    both = before.keys() & after.keys()
    differing = {
        key: frozenset(name for name in COLUMNS if before[key][name] != after[key][name]) for key in both
    }
    changed = {key: names for key, names in differing.items() if names}
    return Expected(
        same=len(both) - len(changed),
        added=frozenset(after.keys() - before.keys()),
        removed=frozenset(before.keys() - after.keys()),
        changed=changed,
    )


async def fill(environment: Environment, table: Table) -> None:
    """Make these the rows of the environment's `t`."""
    if environment.settings.path is not None:
        fill_file(environment.settings.path, table)
        return
    await environment.query("DELETE FROM t")
    if not table:
        return
    values: dict[str, Any] = {}
    lines: list[str] = []
    of_postgresql = environment.settings.kind == "postgresql"
    for number, (key, row) in enumerate(table.items()):
        cells = {"id": key, **{name: row[name] for name in COLUMNS}}
        values |= {f"{name}{number}": sent(value, utc=of_postgresql) for name, value in cells.items()}
        lines.append(f"({', '.join(f':{name}{number}' for name in cells)})")
    names = ", ".join(("id", *COLUMNS))
    await environment.query(f"INSERT INTO t ({names}) VALUES {', '.join(lines)}", values)


def fill_file(path: Path, table: Table) -> None:
    """Make these the rows of a file's `t`, without waiting for its disk."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("DELETE FROM t")
        places = ", ".join("?" * (1 + len(COLUMNS)))
        connection.executemany(
            f"INSERT INTO t (id, {', '.join(COLUMNS)}) VALUES ({places})",
            [[key, *(kept(row[name]) for name in COLUMNS)] for key, row in table.items()],
        )


def sent(value: Any, *, utc: bool) -> Any:
    """A value as the drivers of servers take it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}".rjust(26, "0") + ("+00" if utc else "")
    return value


def kept(value: Any) -> Any:
    """A value as SQLite keeps it."""
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    return value.isoformat() if isinstance(value, datetime) else value
