"""Statements that would make one schema like another, in the target's dialect.

They are suggestions for a person to read, never run by the server. What a dialect cannot change in place has
none. Between engines, types and expressions are translated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.dialects.dialect import Dialect, DialectName
from mcp_arangodb_async.sql.schema import Check, Column, ForeignKey, Index, Key, Table, View
from mcp_arangodb_async.sql.schema_expressions import translated
from mcp_arangodb_async.sql.schema_types import written_type

SERIAL = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}


P = ParamSpec("P")


class NoWordsError(Exception):
    """The target's dialect has no words for it."""


def suggestion(
    write: Callable[Concatenate[Writer, P], str | None],
) -> Callable[Concatenate[Writer, P], str | None]:
    """A method whose statement is left out where the target has no words for a part of it."""

    @wraps(write)
    def attempt(writer: Writer, /, *args: P.args, **kwargs: P.kwargs) -> str | None:
        try:
            return write(writer, *args, **kwargs)
        except NoWordsError:
            return None

    return attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes definitions of a schema of the engine `source` for the engine `target`."""

    source: DialectName
    target: DialectName

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.target]

    @property
    def is_mysql(self) -> bool:
        return self.target in {"mysql", "mariadb"}

    @property
    def is_translated(self) -> bool:
        """Whether the two are different engines."""
        return self.source != self.target

    def named(self, label: str) -> str:
        """A table's or view's label, quoted."""
        return ".".join(self.dialect.quote(part) for part in label.split(".", 1))

    def columns(self, names: Sequence[str]) -> str:
        return ", ".join(self.dialect.quote(name) for name in names)

    def expression(self, text: str) -> str:
        """An expression in the target's words; raises NoWordsError if it has none."""
        if not self.is_translated:
            return text
        written = translated(text, self.source, self.target)
        if written is None:
            raise NoWordsError(text)
        return written

    def type(self, column: Column) -> str:
        text = column.type.native if not self.is_translated else written_type(column.type, self.target)
        if text is None:
            raise NoWordsError(column.type.native)
        if self.target == "postgresql" and column.identity == "auto":
            return SERIAL.get(column.type.family, text)
        return text

    def default(self, column: Column) -> str | None:
        if column.native_default is None or column.default is None:
            return None
        if self.is_translated and column.type.family == "boolean":
            return {"true": "1", "false": "0"}.get(column.default) if self.is_mysql else column.default
        text = column.native_default
        if self.is_translated:
            text = re.sub(r"\s+on update .*", "", text, flags=re.IGNORECASE)
        return self.expression(text)

    def column(self, column: Column) -> str:
        """A column's definition, as CREATE TABLE and ADD COLUMN take it."""
        parts = [self.dialect.quote(column.name), self.type(column)]
        if column.collation is not None and not self.is_translated:
            parts.append(f"COLLATE {self.collation(column.collation)}")
        if column.generated is not None:
            how = "STORED" if column.stored or self.target == "postgresql" else "VIRTUAL"
            parts.append(f"GENERATED ALWAYS AS ({self.expression(column.native_generated or '')}) {how}")
        default = self.default(column)
        if default is not None:
            parts.append(f"DEFAULT {default}")
        if column.identity is not None:
            parts += self.identity(column)
        if not column.nullable:
            parts.append("NOT NULL")
        elif self.is_mysql:
            parts.append("NULL")
        return " ".join(parts)

    def identity(self, column: Column) -> list[str]:
        if self.is_mysql:
            return ["AUTO_INCREMENT"]
        if self.target == "postgresql" and column.identity != "auto":
            return [f"GENERATED {str(column.identity).upper()} AS IDENTITY"]
        return []

    def collation(self, name: str) -> str:
        return self.dialect.quote(name) if self.target == "postgresql" else name

    @suggestion
    def create_table(self, table: Table) -> str | None:
        """The table with its keys and checks; its indexes and references are separate statements."""
        parts = [self.column(column) for column in table.columns]
        if table.primary_key is not None:
            parts.append(f"PRIMARY KEY ({self.columns(table.primary_key.columns)})")
        parts += [self.check(check) for check in table.checks]
        if self.target == "sqlite":
            parts += [self.reference(key) for key in table.foreign_keys]
        body = ",\n    ".join(parts)
        statements: list[str | None] = [f"CREATE TABLE {self.named(table.label)} (\n    {body}\n)"]
        statements += [self.create_index(table.label, index) for index in table.indexes]
        statements += [self.add_reference(table.label, key) for key in table.foreign_keys]
        return ";\n".join(statement for statement in statements if statement is not None)

    def check(self, check: Check) -> str:
        name = f"CONSTRAINT {self.dialect.quote(check.name)} " if check.name else ""
        return f"{name}CHECK ({self.expression(check.native)})"

    def reference(self, key: ForeignKey) -> str:
        name = f"CONSTRAINT {self.dialect.quote(key.name)} " if key.name else ""
        other = f" ({self.columns(key.references)})" if key.references else ""
        return (
            f"{name}FOREIGN KEY ({self.columns(key.columns)}) REFERENCES {self.named(key.table)}{other}"
            f" ON UPDATE {key.on_update} ON DELETE {key.on_delete}"
        )

    @suggestion
    def add_column(self, table: str, column: Column) -> str | None:
        """SQLite adds what costs no rewriting only: no constant, no NOT NULL without one."""
        if self.target == "sqlite":
            default = self.default(column)
            is_constant = default is None or (
                "(" not in default and not default.upper().startswith("CURRENT")
            )
            is_kept = column.generated is not None and column.stored
            if not is_constant or is_kept or (not column.nullable and default is None):
                return None
        return f"ALTER TABLE {self.named(table)} ADD COLUMN {self.column(column)}"

    def drop_column(self, table: str, name: str) -> str:
        return f"ALTER TABLE {self.named(table)} DROP COLUMN {self.dialect.quote(name)}"

    @suggestion
    def alter_column(self, table: str, column: Column, field: str) -> str | None:
        """Make one property of a column like that of `column`."""
        if self.target == "sqlite" or field in {"generated", "order"}:
            return None
        head = f"ALTER TABLE {self.named(table)}"
        if self.is_mysql:
            return f"{head} MODIFY COLUMN {self.column(column)}"
        name = self.dialect.quote(column.name)
        match field:
            case "nullable":
                return f"{head} ALTER COLUMN {name} {'DROP' if column.nullable else 'SET'} NOT NULL"
            case "default":
                default = self.default(column)
                change = f"SET DEFAULT {default}" if default is not None else "DROP DEFAULT"
                return f"{head} ALTER COLUMN {name} {change}"
            case "type" | "collation":
                kind = written_type(column.type, self.target) if self.is_translated else column.type.native
                if kind is None:
                    return None
                collation = self.collation(column.collation or "default")
                # By way of a text: there is no cast from smallint to boolean, for one.
                rest = f"USING {name}::text::{kind}" if field == "type" else f"COLLATE {collation}"
                return f"{head} ALTER COLUMN {name} TYPE {kind} {rest}"
            case "identity":
                away = f"{head} ALTER COLUMN {name} DROP IDENTITY IF EXISTS, ALTER COLUMN {name} DROP DEFAULT"
                if column.identity is None:
                    return away
                kind = "BY DEFAULT" if column.identity == "auto" else column.identity.upper()
                return f"{away};\n{head} ALTER COLUMN {name} ADD GENERATED {kind} AS IDENTITY"
            case _:
                return None

    @suggestion
    def set_primary_key(self, table: str, wanted: Key | None, present: Key | None) -> str | None:
        """Replace the primary key."""
        if self.target == "sqlite":
            return None
        head, changes = f"ALTER TABLE {self.named(table)}", list[str]()
        if present is not None:
            name = self.dialect.quote(present.name or "")
            changes.append("DROP PRIMARY KEY" if self.is_mysql else f"DROP CONSTRAINT {name}")
        if wanted is not None:
            changes.append(f"ADD PRIMARY KEY ({self.columns(wanted.columns)})")
        return f"{head} {', '.join(changes)}"

    @suggestion
    def create_index(self, table: str, index: Index) -> str | None:
        if self.has_no_such_index(index):
            raise NoWordsError(index.name)
        parts = [
            (
                self.dialect.quote(part.expression)
                + (f"({part.prefix})" if part.prefix and self.is_mysql else "")
                if part.is_column
                else f"({self.expression(part.native)})"
            )
            + (" DESC" if part.descending else "")
            for part in index.parts
        ]
        name = self.dialect.quote(index.name)
        if index.name.startswith("sqlite_autoindex_"):
            name = self.dialect.quote("_".join((table, *(part.expression for part in index.parts), "key")))
        if index.is_constraint and self.target == "postgresql":
            return f"ALTER TABLE {self.named(table)} ADD CONSTRAINT {name} UNIQUE ({', '.join(parts)})"
        method = index.method
        special = f"{method.upper()} " if self.is_mysql and method in {"fulltext", "spatial"} else ""
        using = (
            f" USING {method}" if self.target == "postgresql" and method not in {"btree", "fulltext"} else ""
        )
        include = f" INCLUDE ({self.columns(index.include)})" if index.include and not using else ""
        where = f" WHERE {self.expression(index.native_where)}" if index.native_where else ""
        return (
            f"CREATE {'UNIQUE ' if index.unique else ''}{special}INDEX {name} ON {self.named(table)}{using}"
            f" ({', '.join(parts)}){include if self.target == 'postgresql' else ''}{where}"
        )

    def has_no_such_index(self, index: Index) -> bool:
        """MariaDB indexes no expressions, MySQL no part of the rows; other methods are an engine's own."""
        if self.is_translated and index.method != "btree":
            return True
        expressions = any(not part.is_column for part in index.parts)
        return (self.target == "mariadb" and expressions) or (self.is_mysql and index.where is not None)

    def drop_index(self, table: str, index: Index) -> str | None:
        name = self.dialect.quote(index.name)
        if index.is_constraint and self.target == "sqlite":
            return None
        if index.is_constraint:
            return f"ALTER TABLE {self.named(table)} DROP CONSTRAINT {name}"
        if self.is_mysql:
            return f"DROP INDEX {name} ON {self.named(table)}"
        schema = self.dialect.quote(table.split(".", 1)[0]) + "." if "." in table else ""
        return f"DROP INDEX {schema}{name}"

    @suggestion
    def add_reference(self, table: str, key: ForeignKey) -> str | None:
        return (
            None if self.target == "sqlite" else f"ALTER TABLE {self.named(table)} ADD {self.reference(key)}"
        )

    def drop_reference(self, table: str, key: ForeignKey) -> str | None:
        if self.target == "sqlite" or key.name is None:
            return None
        what = "FOREIGN KEY" if self.is_mysql else "CONSTRAINT"
        return f"ALTER TABLE {self.named(table)} DROP {what} {self.dialect.quote(key.name)}"

    @suggestion
    def add_check(self, table: str, check: Check) -> str | None:
        return None if self.target == "sqlite" else f"ALTER TABLE {self.named(table)} ADD {self.check(check)}"

    def drop_check(self, table: str, check: Check) -> str | None:
        if self.target == "sqlite" or check.name is None:
            return None
        return f"ALTER TABLE {self.named(table)} DROP CONSTRAINT {self.dialect.quote(check.name)}"

    def create_view(self, view: View) -> str | None:
        """A view of the same engine; queries are not translated."""
        if self.is_translated:
            return None
        if self.target == "sqlite":
            return view.definition
        kind = "MATERIALIZED VIEW" if view.materialized else "VIEW"
        return f"CREATE {kind} {self.named(view.label)} AS {view.definition.rstrip(';')}"

    def replace_view(self, view: View) -> str | None:
        made = self.create_view(view)
        return None if made is None else f"{self.drop_view(view)};\n{made}"

    def drop_view(self, view: View) -> str:
        return f"DROP {'MATERIALIZED VIEW' if view.materialized else 'VIEW'} {self.named(view.label)}"

    def drop_table(self, table: Table) -> str:
        return f"DROP TABLE {self.named(table.label)}"
