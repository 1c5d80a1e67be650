"""Tables for tests of schemas: generated, written for each engine by hand, and changed in exactly one way.

Nothing here uses the product's own writer: it is what the product is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from hypothesis import strategies as st

Engine = Literal["postgresql", "mariadb", "sqlite"]
ENGINES: tuple[Engine, ...] = ("postgresql", "mariadb", "sqlite")
QUOTES: Mapping[Engine, str] = {"postgresql": '"', "mariadb": "`", "sqlite": '"'}
TYPES: Mapping[str, Mapping[Engine, str]] = {
    "boolean": dict.fromkeys(ENGINES, "boolean"),
    "smallint": dict.fromkeys(ENGINES, "smallint"),
    "integer": dict.fromkeys(ENGINES, "integer"),
    "bigint": dict.fromkeys(ENGINES, "bigint"),
    "decimal(9, 2)": dict.fromkeys(ENGINES, "decimal(9, 2)"),
    "decimal(12, 4)": dict.fromkeys(ENGINES, "decimal(12, 4)"),
    "varchar(10)": dict.fromkeys(ENGINES, "varchar(10)"),
    "varchar(80)": dict.fromkeys(ENGINES, "varchar(80)"),
    "char(3)": dict.fromkeys(ENGINES, "char(3)"),
    "double": {"postgresql": "double precision", "mariadb": "double", "sqlite": "double"},
    "date": dict.fromkeys(ENGINES, "date"),
    "timestamp": {"postgresql": "timestamp(0)", "mariadb": "datetime", "sqlite": "timestamp"},
}
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "boolean": ("true", "false"), "smallint": ("0", "7", "-1"), "integer": ("0", "42", "-5"),
    "bigint": ("1", "-9"), "decimal(9, 2)": ("0", "1.5"), "decimal(12, 4)": ("0", "0.25"),
    "varchar(10)": ("'x'", "''", "'it''s'"), "varchar(80)": ("'x'", "'a b'"), "char(3)": ("'abc'",),
    "double": ("1.5", "0"), "date": ("'2024-01-31'",), "timestamp": ("CURRENT_TIMESTAMP",),
}  # fmt: skip
NAMES = ("id", "name", "order", "Total", "größe", "a b", "select", "x1")
# Columns of every table: for its check, and for its reference.
FIXED = ("amount", "parent")
ACTIONS = ("CASCADE", "SET NULL", "NO ACTION")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    name: str
    type: str
    nullable: bool = True
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    name: str
    columns: tuple[str, ...]
    unique: bool = False
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """A table; `check` is about `amount`, `reference` what a foreign key from `parent` does."""

    name: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    indexes: tuple[IndexSpec, ...] = ()
    check: int | None = None
    reference: str | None = None

    def column(self, name: str) -> ColumnSpec:
        return next(column for column in self.columns if column.name == name)

    def with_column(self, column: ColumnSpec) -> TableSpec:
        columns = tuple(column if one.name == column.name else one for one in self.columns)
        return replace(self, columns=columns)


@st.composite
def tables(draw: st.DrawFn) -> TableSpec:
    """A table with a key, some columns, and perhaps indexes, a check and a reference."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    columns: list[ColumnSpec] = []
    for place, name in enumerate(names):
        kind = draw(
            st.sampled_from(("integer", "bigint", "varchar(10)"))
            if not place
            else st.sampled_from(list(TYPES))
        )
        default = draw(st.none() | st.sampled_from(DEFAULTS[kind])) if place else None
        columns.append(
            ColumnSpec(name=name, type=kind, nullable=bool(place) and draw(st.booleans()), default=default)
        )
    indexes = tuple(
        IndexSpec(
            name=f"ix_{number}",
            columns=tuple(draw(st.lists(st.sampled_from(names[1:]), min_size=1, max_size=3, unique=True))),
            unique=draw(st.booleans()),
            descending=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 2)))
    )
    # Two indexes of the same shape are the same index.
    distinct = {(one.columns, one.descending): one for one in indexes}
    return TableSpec(
        name=draw(st.sampled_from(("things", "Order", "t 1"))),
        columns=(
            *columns,
            ColumnSpec(name="amount", type="integer"),
            ColumnSpec(name="parent", type="integer"),
        ),
        key=(names[0],),
        indexes=tuple(distinct.values()),
        check=draw(st.none() | st.integers(1, 9)),
        reference=draw(st.none() | st.sampled_from(ACTIONS)),
    )


def statements(table: TableSpec, engine: Engine) -> list[str]:
    """What makes the table, and the one it refers to."""
    mark = QUOTES[engine]

    def quoted(name: str) -> str:
        return mark + name + mark

    parts = [
        f"{quoted(column.name)} {TYPES[column.type][engine]}"
        + (f" DEFAULT {column.default}" if column.default is not None else "")
        + ("" if column.nullable else " NOT NULL")
        for column in table.columns
    ]
    parts.append(f"PRIMARY KEY ({', '.join(map(quoted, table.key))})")
    if table.check is not None:
        parts.append(f"CONSTRAINT positive CHECK (amount > {table.check} AND amount <> 99)")
    if table.reference is not None:
        parts.append(
            f"CONSTRAINT to_parent FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE {table.reference}"
        )
    made = [f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})"]
    for index in table.indexes:
        columns = ", ".join(quoted(name) + (" DESC" if index.descending else "") for name in index.columns)
        unique = "UNIQUE " if index.unique else ""
        made.append(f"CREATE {unique}INDEX {index.name} ON {quoted(table.name)} ({columns})")
    return ["CREATE TABLE parents (id integer PRIMARY KEY)", *made]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """The table afterwards, and the one difference: object, kind, field, and its name below the table's."""

    name: str
    table: TableSpec
    object: str
    kind: str
    field: str | None = None
    at: str | None = None


Mutate = Callable[[st.DrawFn, TableSpec], "Mutation | None"]


def free(table: TableSpec) -> list[ColumnSpec]:
    """The columns that nothing else names."""
    used = {*table.key, *FIXED, *(name for index in table.indexes for name in index.columns)}
    return [column for column in table.columns if column.name not in used]


def add_column(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    kind = draw(st.sampled_from(list(TYPES)))
    column = ColumnSpec(name="added", type=kind, default=draw(st.none() | st.sampled_from(DEFAULTS[kind])))
    after = replace(table, columns=(*table.columns, column))
    return Mutation(name="add column", table=after, object="column", kind="added", at="added")


def drop_column(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    if not (columns := free(table)):
        return None
    gone = draw(st.sampled_from(columns))
    after = replace(table, columns=tuple(column for column in table.columns if column is not gone))
    return Mutation(name="drop column", table=after, object="column", kind="removed", at=gone.name)


def change_type(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    columns = [column for column in free(table) if column.default is None]
    if not columns:
        return None
    column = draw(st.sampled_from(columns))
    kind = draw(st.sampled_from([one for one in TYPES if one != column.type]))
    after = table.with_column(replace(column, type=kind))
    return Mutation(name="type", table=after, object="column", kind="changed", field="type", at=column.name)


def change_nullable(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    column = draw(st.sampled_from([one for one in table.columns if one.name not in {*table.key, *FIXED}]))
    after = table.with_column(replace(column, nullable=not column.nullable))
    return Mutation(
        name="null", table=after, object="column", kind="changed", field="nullable", at=column.name
    )


def change_default(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    column = draw(st.sampled_from([one for one in table.columns if one.name not in table.key]))
    values = [value for value in (None, *DEFAULTS[column.type]) if value != column.default]
    after = table.with_column(replace(column, default=draw(st.sampled_from(values))))
    return Mutation(
        name="default", table=after, object="column", kind="changed", field="default", at=column.name
    )


def add_index(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    new = IndexSpec(name="ix_new", columns=("parent", "amount"), unique=draw(st.booleans()))
    after = replace(table, indexes=(*table.indexes, new))
    return Mutation(name="add index", table=after, object="index", kind="added", at="ix_new")


def drop_index(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    if not table.indexes:
        return None
    gone = draw(st.sampled_from(table.indexes))
    after = replace(table, indexes=tuple(index for index in table.indexes if index is not gone))
    return Mutation(name="drop index", table=after, object="index", kind="removed", at=gone.name)


def change_index(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    if not table.indexes:
        return None
    index = draw(st.sampled_from(table.indexes))
    if draw(st.booleans()):
        field, changed = "unique", replace(index, unique=not index.unique)
    else:
        field, changed = "columns", replace(index, columns=(*index.columns, "parent"))
    after = replace(table, indexes=tuple(changed if one is index else one for one in table.indexes))
    return Mutation(name=field, table=after, object="index", kind="changed", field=field, at=index.name)


def rename_index(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    if not table.indexes:
        return None
    index = draw(st.sampled_from(table.indexes))
    after = replace(
        table, indexes=tuple(replace(one, name="renamed") if one is index else one for one in table.indexes)
    )
    return Mutation(name="rename", table=after, object="index", kind="changed", field="name", at="renamed")


def change_check(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    value = draw(st.sampled_from([one for one in (None, 1, 55) if one != table.check]))
    kind = "added" if table.check is None else "removed" if value is None else "changed"
    field = "expression" if kind == "changed" else None
    after = replace(table, check=value)
    return Mutation(name="check", table=after, object="check", kind=kind, field=field, at="positive")


def change_reference(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    value = draw(st.sampled_from([one for one in (None, *ACTIONS) if one != table.reference]))
    kind = "added" if table.reference is None else "removed" if value is None else "changed"
    field = "on_delete" if kind == "changed" else None
    return Mutation(
        name="reference", table=replace(table, reference=value), object="foreign_key", kind=kind, field=field
    )


def change_key(draw: st.DrawFn, table: TableSpec) -> Mutation | None:
    other = next((one.name for one in free(table) if not one.nullable), None)
    if other is None:
        return None
    after = replace(table, key=(*table.key, other))
    return Mutation(name="key", table=after, object="primary_key", kind="changed", field="columns")


MUTATIONS: tuple[Mutate, ...] = (
    add_column, drop_column, change_type, change_nullable, change_default, add_index, drop_index,
    change_index, rename_index, change_check, change_reference, change_key,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> tuple[TableSpec, Mutation]:
    """A table, and the same with one change."""
    table = draw(tables())
    order = draw(st.permutations(MUTATIONS))
    return table, next(found for mutate in order if (found := mutate(draw, table)) is not None)
