"""The schema of a database, the same model for every engine.

Names are the server's. The schema part of a name is empty for the default one (`public`, the database of a
MySQL server, `main`), so that environments of different engines can be compared. Types and defaults are kept
twice: normalised, to compare, and as the engine writes them, to show.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mcp_arangodb_async.sql.dialects.dialect import DialectName

Family = Literal[
    "boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "real", "double", "char", "varchar",
    "text", "binary", "varbinary", "blob", "date", "time", "timetz", "timestamp", "timestamptz", "interval",
    "json", "uuid", "bit", "varbit", "enum", "set", "array", "xml", "other",
]  # fmt: skip
Identity = Literal["always", "by default", "auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType:
    """A type: its family, its measures where the family has them, and the engine's own words."""

    family: Family
    native: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    unsigned: bool = False
    members: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The normalised type in short: `varchar(80)`, `decimal(12,2)`, `integer unsigned`."""
        measures = [str(part) for part in (self.length, self.precision, self.scale) if part is not None]
        if self.members:
            measures = [f"'{member}'" for member in self.members]
        name = self.native if self.family in {"other", "array"} else self.family
        return name + (f"({','.join(measures)})" if measures else "") + (" unsigned" if self.unsigned else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; `default` and `generated` are normalised, `identity` means numbered by the engine.

    `stored` tells of a generated column whether its values are kept or made when they are read.
    """

    name: str
    type: ColumnType
    nullable: bool = True
    default: str | None = None
    native_default: str | None = None
    collation: str | None = None
    identity: Identity | None = None
    generated: str | None = None
    native_generated: str | None = None
    stored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A primary key, or a set of columns that is unique."""

    name: str | None
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart:
    """A column or an expression of an index, in its place; `prefix` is how many characters MySQL indexes."""

    expression: str
    native: str = ""
    descending: bool = False
    is_column: bool = True
    prefix: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index that is not the primary key's; a unique constraint is a unique index.

    `where` is the condition of a partial one; `include` are columns that are only carried along;
    `is_constraint`: it belongs to a constraint of the same name, and goes with it.
    """

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    where: str | None = None
    native_where: str | None = None
    method: str = "btree"
    include: tuple[str, ...] = ()
    is_constraint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A reference to another table; actions are in upper case, `NO ACTION` where nothing is said."""

    name: str | None
    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]
    on_update: str = "NO ACTION"
    on_delete: str = "NO ACTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition that rows must meet; `expression` is normalised, so that spelling does not count."""

    name: str | None
    expression: str
    native: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with everything that belongs to it, columns in their order, the rest by name."""

    schema: str
    name: str
    columns: tuple[Column, ...] = ()
    primary_key: Key | None = None
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def label(self) -> str:
        """`schema.table`, or `table` in the default schema."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view: its columns with types, and its query as the engine keeps it."""

    schema: str
    name: str
    definition: str
    columns: tuple[Column, ...] = ()
    materialized: bool = False

    @property
    def label(self) -> str:
        """`schema.view`, or `view` in the default schema."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """A function, procedure or trigger (which returns its table); `arguments` tell overloaded ones apart."""

    schema: str
    name: str
    kind: Literal["function", "procedure", "aggregate", "trigger"]
    arguments: str = ""
    returns: str = ""
    language: str = ""
    definition: str = ""

    @property
    def label(self) -> str:
        """`schema.name(arguments)`."""
        name = f"{self.schema}.{self.name}" if self.schema else self.name
        return name if self.kind == "trigger" else f"{name}({self.arguments})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSchema:
    """Everything that was asked for; `notes` say what was left out because there was too much of it."""

    engine: DialectName
    version: str
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    routines: tuple[Routine, ...] = ()
    notes: tuple[str, ...] = ()

    def table(self, label: str) -> Table | None:
        """The table with this label."""
        return next((table for table in self.tables if table.label == label), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaFilter:
    """Which part of a schema is read: patterns as in file names; all where nothing is given."""

    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


def schema_hash(schema: DatabaseSchema) -> str:
    """A short name for exactly this schema: equal for equal ones, on servers of any version of the engine."""
    parts = {
        "engine": schema.engine,
        "tables": sorted((asdict(table) for table in schema.tables), key=sorting),
        "views": sorted((asdict(view) for view in schema.views), key=sorting),
        "routines": sorted((asdict(routine) for routine in schema.routines), key=sorting),
    }
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sorting(entry: Mapping[str, Any]) -> list[str]:
    return [str(entry.get(part, "")) for part in ("schema", "name", "kind", "arguments")]
