"""Reading the schema of an environment from its server's catalogue.

    schema = await reflect(environment, SchemaFilter(tables=("orders",)))

The statements are ours and fixed, their values are bound. What is read is bounded in number: a schema that is
larger is read up to there, and says so in `notes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Protocol

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.errors import UnsupportedError
from mcp_arangodb_async.sql.answer import Answer
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.names import TableName
from mcp_arangodb_async.sql.policy import is_listed
from mcp_arangodb_async.sql.schema import DatabaseSchema, Routine, SchemaFilter, Table, View

MOST_TABLES = 5_000
MOST_COLUMNS = 100_000
MOST_PARTS = 100_000  # of keys and indexes
MOST_VIEWS = 2_000
MOST_ROUTINES = 2_000
# A definition of a view or routine is compared by its text, up to here.
LONGEST_DEFINITION = 64 * 1024
EVERYTHING = SchemaFilter()

RowOf = Mapping[str, Any]


class Inspected(Protocol):
    """An environment, as far as reading its schema needs it."""

    @property
    def settings(self) -> EnvironmentSettings: ...

    async def inspect(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, max_rows: int = ...
    ) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an engine's reader found."""

    tables: Sequence[Table] = ()
    views: Sequence[View] = ()
    routines: Sequence[Routine] = ()


@dataclass(slots=True, kw_only=True)
class Catalogue:
    """Asks a server's catalogue, and remembers what there was too much of."""

    environment: Inspected
    wanted: SchemaFilter
    version: str = ""
    notes: list[str] = field(default_factory=list[str])

    async def rows(self, text: str, *, most: int, of: str) -> list[RowOf]:
        """The rows of a statement of ours, by column name; `:table` is bound to a pattern of LIKE."""
        parameters = {"table": like(self.wanted.tables)} if ":table" in text else {}
        answer = await self.environment.inspect(text, parameters, max_rows=most)
        self.version = answer.version
        if answer.truncated:
            self.notes.append(f"more than {most} {of}: the others were not read")
        names = [column.name.lower() for column in answer.columns]
        return [dict(zip(names, row, strict=True)) for row in answer.rows]

    def wants(self, schema: str, table: str) -> bool:
        """Whether a table or view is among those asked for; a schema is matched by its own name."""
        return asked_for(self.wanted, schema, table)


def asked_for(wanted: SchemaFilter, schema: str, table: str) -> bool:
    """Whether a filter lets a table of a schema pass."""
    if schema and wanted.schemas and not any(fnmatchcase(schema, pattern) for pattern in wanted.schemas):
        return False
    names = (table, f"{schema}.{table}")
    return not wanted.tables or any(fnmatchcase(name, part) for name in names for part in wanted.tables)


def like(patterns: Sequence[str]) -> str:
    """A pattern of LIKE that lets pass at least what one pattern of file names does; `!` is its escape."""
    if len(patterns) != 1 or "[" in patterns[0]:
        return "%"
    name = patterns[0].rsplit(".", 1)[-1]
    for letter in ("!", "%", "_"):
        name = name.replace(letter, "!" + letter)
    return name.replace("*", "%").replace("?", "_")


def grouped(rows: Iterable[RowOf], *names: str) -> dict[tuple[str, ...], list[RowOf]]:
    """The rows by the values of some columns, in their order."""
    found: defaultdict[tuple[str, ...], list[RowOf]] = defaultdict(list)
    for row in rows:
        found[tuple(str(row[name]) for name in names)].append(row)
    return found


def definition(text: object) -> str:
    """A definition as it is kept: without spaces around it, no longer than what is compared."""
    return str(text or "").strip()[:LONGEST_DEFINITION]


def told(parts: Parts, settings: EnvironmentSettings) -> Parts:
    """What may be told: where a policy lists schemas or tables, nothing else, and no routine."""
    policy = settings.policy
    if not policy.schemas and not policy.tables:
        return parts
    dialect = DIALECTS[settings.kind]

    def listed(one: Table | View) -> bool:
        return is_listed(
            TableName(schema=one.schema or None, name=one.name), dialect, policy, settings.database
        )

    return Parts(
        tables=[one for one in parts.tables if listed(one)], views=[one for one in parts.views if listed(one)]
    )


Reader = Callable[[Catalogue], Awaitable[Parts]]


def narrowed(schema: DatabaseSchema, wanted: SchemaFilter) -> DatabaseSchema:
    """A schema that was read whole without what is not wanted; as `reflect` would have read it."""
    if wanted == EVERYTHING:
        return schema

    def keeps(one: Table | View | Routine, name: str) -> bool:
        own = one.schema or DIALECTS[schema.engine].default_schema or ""
        return asked_for(wanted, own if schema.engine == "postgresql" else one.schema, name)

    return replace(
        schema,
        tables=tuple(one for one in schema.tables if keeps(one, one.name)),
        views=tuple(one for one in schema.views if keeps(one, one.name)),
        routines=() if wanted.tables else tuple(one for one in schema.routines if keeps(one, "")),
    )


async def reflect(environment: Inspected, wanted: SchemaFilter = EVERYTHING) -> DatabaseSchema:
    """The schema of an environment; UnsupportedError for one without SQL."""
    # One reader per engine, each loaded by the first environment that needs it.
    from mcp_arangodb_async.sql import schema_mysql, schema_postgresql, schema_sqlite

    readers: Mapping[str, Reader] = {
        "postgresql": schema_postgresql.read,
        "mysql": schema_mysql.read,
        "mariadb": schema_mysql.read,
        "sqlite": schema_sqlite.read,
    }
    kind = environment.settings.kind
    if kind not in readers:
        raise UnsupportedError(
            f"environment {environment.settings.name!r} is a database of {kind}, which has no SQL schema"
        )
    catalogue = Catalogue(environment=environment, wanted=wanted)
    parts = told(await readers[kind](catalogue), environment.settings)
    return DatabaseSchema(
        engine=DIALECTS[kind].name,
        version=catalogue.version,
        tables=tuple(sorted(parts.tables, key=lambda table: table.label)),
        views=tuple(sorted(parts.views, key=lambda view: view.label)),
        routines=tuple(sorted(parts.routines, key=lambda routine: (routine.kind, routine.label))),
        notes=tuple(catalogue.notes),
    )
