"""What is read from an environment to be compared: the rows of a table, or of a statement of the caller's."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.schema import ColumnType, DatabaseSchema, SchemaFilter, Table, View
from mcp_arangodb_async.sql.schema_reading import reflect

# What every ArangoDB database decides for itself is not compared.
COLLECTION = 'FOR d IN @@collection RETURN UNSET(d, "_id", "_rev")'


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A statement on an environment; of a whole table with its declared types, and the key it has."""

    environment: Environment
    text: str
    parameters: Mapping[str, Any]
    declared: Mapping[str, ColumnType] | None = None
    key: tuple[str, ...] = ()


async def table_source(environment: Environment, table: str) -> Source:
    """The rows of a table or view, or of a collection; NotFoundError if there is none of that name."""
    if environment.settings.kind == "arangodb":
        return Source(
            environment=environment, text=COLLECTION, parameters={"@collection": table}, key=("_key",)
        )
    name = glob.escape(table)
    schema = await reflect(environment, SchemaFilter(tables=(name,)))
    found = the_one(schema, table, environment.name)
    quote = environment.dialect.quote
    where = ".".join(quote(part) for part in (found.schema, found.name) if part)
    columns = ", ".join(quote(column.name) for column in found.columns)
    return Source(
        environment=environment,
        text=f"SELECT {columns} FROM {where}",  # noqa: S608 - names from the catalogue, quoted
        parameters={},
        declared={column.name: column.type for column in found.columns},
        key=key_of(found) if isinstance(found, Table) else (),
    )


def the_one(schema: DatabaseSchema, name: str, environment: str) -> Table | View:
    """The table or view that a name means: of the default schema, or the only one of that name."""
    found: list[Table | View] = [*schema.tables, *schema.views]
    own = [one for one in found if one.label == name or not one.schema]
    if len(own or found) == 1:
        return (own or found)[0]
    if found:
        raise InputError(
            f"environment {environment!r} has {len(found)} tables {name!r}: "
            f"{', '.join(one.label for one in found[:10])}",
            field="table",
            hint="name one with its schema",
        )
    raise NotFoundError(
        f"environment {environment!r}: no table {name[:128]!r}",
        field="table",
        database=environment,
        hint="list_tables names the tables",
    )


def key_of(table: Table) -> tuple[str, ...]:
    """The columns that tell a table's rows apart: its primary key, or a unique index without nulls."""
    if table.primary_key is not None:
        return table.primary_key.columns
    never_null = {column.name for column in table.columns if not column.nullable}
    for index in table.indexes:
        names = tuple(part.expression for part in index.parts)
        plain = all(part.is_column and part.prefix is None for part in index.parts)
        if index.unique and index.where is None and plain and never_null.issuperset(names):
            return names
    return ()
