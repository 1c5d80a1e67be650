"""What differs between a schema and its baseline, and what it would take to make it like the baseline.

`baseline` is what code was written for; `other` is where it runs. So a column that is missing in `other` is
`removed` and breaks that code, an additional index is for information. Names of keys and indexes count within
one engine only. Pure: schemas in, differences out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from mcp_arangodb_async.sql.schema import (
    Check,
    Column,
    DatabaseSchema,
    ForeignKey,
    Index,
    Routine,
    Table,
    View,
)
from mcp_arangodb_async.sql.schema_alike import Pair, is_wider, same_type
from mcp_arangodb_async.sql.schema_ddl import Writer

T = TypeVar("T")
Severity = Literal["breaking", "warning", "info"]
Kind = Literal["added", "removed", "changed"]
ObjectKind = Literal[
    "table", "column", "primary_key", "index", "foreign_key", "check", "view", "function", "procedure",
    "aggregate", "trigger",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDifference:
    """One difference: which object, what about it, how much it matters, and what would undo it in `other`.

    `table` is the table, view or routine; `name` is the object, such as `orders.total`. `baseline` and
    `other` are what there is on each side. `ddl` is None where the dialect cannot do it in place.
    """

    object: ObjectKind
    table: str
    name: str
    kind: Kind
    severity: Severity
    field: str | None = None
    baseline: str | None = None
    other: str | None = None
    ddl: str | None = None


def compare_schemas(baseline: DatabaseSchema, other: DatabaseSchema) -> tuple[SchemaDifference, ...]:
    """Every difference, tables first, in the order of their names."""
    writer = Writer(source=baseline.engine, target=other.engine)
    pair = Pair(baseline=baseline, other=other, writer=writer)
    return (*tables(pair), *views(pair), *routines(pair))


def tally(differences: Sequence[SchemaDifference]) -> dict[Severity, int]:
    """How many there are of each severity."""
    counted = Counter(difference.severity for difference in differences)
    order: tuple[Severity, ...] = ("breaking", "warning", "info")
    return {severity: counted[severity] for severity in order}


def matched(
    ours: Sequence[T], theirs: Sequence[T], key: Callable[[T], object]
) -> tuple[list[tuple[T, T]], list[T], list[T]]:
    """Those on both sides, those on the first only, those on the second only; equal keys in their order."""
    rest = list(theirs)
    both: list[tuple[T, T]] = []
    alone: list[T] = []
    for one in ours:
        found = next((other for other in rest if key(other) == key(one)), None)
        if found is None:
            alone.append(one)
        else:
            rest.remove(found)
            both.append((one, found))
    return both, alone, rest


def tables(pair: Pair) -> Iterator[SchemaDifference]:
    ours = {pair.key(table.label): table for table in pair.baseline.tables}
    theirs = {pair.key(table.label): table for table in pair.other.tables}
    for name in sorted(ours | theirs):
        match ours.get(name), theirs.get(name):
            case Table() as one, None:
                yield SchemaDifference(
                    object="table", table=one.label, name=one.label, kind="removed", severity="breaking",
                    baseline=described(one), ddl=pair.writer.create_table(one),
                )  # fmt: skip
            case None, Table() as other:
                yield SchemaDifference(
                    object="table", table=other.label, name=other.label, kind="added", severity="info",
                    other=described(other), ddl=pair.writer.drop_table(other),
                )  # fmt: skip
            case Table() as one, Table() as other:
                yield from columns(pair, one, other)
                yield from primary_key(pair, one, other)
                yield from indexes(pair, one, other)
                yield from foreign_keys(pair, one, other)
                yield from checks(pair, one, other)
            case _:
                pass


def described(table: Table) -> str:
    return ", ".join(f"{column.name} {column.type.shown}" for column in table.columns)


def columns(pair: Pair, one: Table, other: Table) -> Iterator[SchemaDifference]:
    both, gone, new = matched(one.columns, other.columns, lambda column: pair.key(column.name))
    for column in gone:
        yield SchemaDifference(
            object="column", table=other.label, name=f"{other.label}.{column.name}", kind="removed",
            severity="breaking", baseline=shown_column(column),
            ddl=pair.writer.add_column(other.label, column),
        )  # fmt: skip
    for column in new:
        needed = not column.nullable and column.default is None and column.identity is None
        yield SchemaDifference(
            object="column", table=other.label, name=f"{other.label}.{column.name}", kind="added",
            severity="breaking" if needed and column.generated is None else "info",
            other=shown_column(column), ddl=pair.writer.drop_column(other.label, column.name),
        )  # fmt: skip
    for before, after in both:
        yield from column_fields(pair, other.label, before, after)
    order = [pair.key(column.name) for column, _ in both]
    kept_names = set(order)
    present = [name for column in other.columns if (name := pair.key(column.name)) in kept_names]
    if order != present:
        yield SchemaDifference(
            object="table", table=other.label, name=other.label, kind="changed", severity="info",
            field="order", baseline=", ".join(order), other=", ".join(present),
        )  # fmt: skip


def shown_column(column: Column) -> str:
    """A column in short."""
    parts = [column.type.shown]
    if column.identity is not None:
        parts.append(f"identity {column.identity}")
    if column.generated is not None:
        parts.append(f"generated {column.native_generated}")
    if column.default is not None:
        parts.append(f"default {column.native_default}")
    return " ".join(parts) + ("" if column.nullable else " not null")


def column_fields(pair: Pair, table: str, one: Column, other: Column) -> Iterator[SchemaDifference]:
    """What differs about a column; a type that differs hides a default that is only written otherwise."""

    def changed(field: str, severity: Severity, before: str | None, after: str | None) -> SchemaDifference:
        # The other's own name, should the two differ in upper case.
        wanted = one if one.name == other.name else replace(one, name=other.name)
        return SchemaDifference(
            object="column", table=table, name=f"{table}.{other.name}", kind="changed", severity=severity,
            field=field, baseline=before, other=after, ddl=pair.writer.alter_column(table, wanted, field),
        )  # fmt: skip

    if not same_type(pair, one.type, other.type):
        severity: Severity = "warning" if is_wider(one.type, other.type) else "breaking"
        yield changed("type", severity, pair.shown_type(one.type), pair.shown_type(other.type))
    if one.nullable != other.nullable:
        severity = "breaking" if one.nullable else "warning"
        yield changed("nullable", severity, yes_no(one.nullable), yes_no(other.nullable))
    if one.default != other.default:
        yield changed("default", "warning", one.native_default, other.native_default)
    if pair.is_one_engine and one.collation != other.collation:
        yield changed("collation", "warning", one.collation, other.collation)
    if not same_identity(pair, one, other):
        yield changed("identity", "breaking", one.identity, other.identity)
    generated = (one.generated, one.stored) != (other.generated, other.stored)
    if generated and (pair.is_one_engine or one.generated != other.generated):
        yield changed("generated", "warning", kept(one), kept(other))


def same_identity(pair: Pair, one: Column, other: Column) -> bool:
    """Whether both are numbered, or neither; SQLite numbers every INTEGER key, wanted or not."""
    if pair.is_one_engine:
        return one.identity == other.identity
    if pair.baseline.engine == "sqlite" and one.identity == "auto":
        return True
    if pair.other.engine == "sqlite" and other.identity == "auto":
        return True
    return bool(one.identity) == bool(other.identity)


def kept(column: Column) -> str | None:
    if column.generated is None:
        return None
    return f"{column.native_generated} {'stored' if column.stored else 'virtual'}"


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def primary_key(pair: Pair, one: Table, other: Table) -> Iterator[SchemaDifference]:
    before = one.primary_key.columns if one.primary_key else None
    after = other.primary_key.columns if other.primary_key else None
    if before is not None and after is not None and lowered(pair, before) == lowered(pair, after):
        return
    if before != after:
        kind: Kind = "added" if before is None else "removed" if after is None else "changed"
        yield SchemaDifference(
            object="primary_key", table=other.label, name=other.label, kind=kind, severity="breaking",
            field="columns" if kind == "changed" else None,
            baseline=", ".join(before) if before else None, other=", ".join(after) if after else None,
            ddl=pair.writer.set_primary_key(other.label, one.primary_key, other.primary_key),
        )  # fmt: skip


def lowered(pair: Pair, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(pair.key(name) for name in names)


def shape(pair: Pair, index: Index) -> tuple[object, ...]:
    """What an index is besides its name."""
    parts = tuple(
        (pair.key(part.expression), part.descending, part.prefix if pair.is_one_engine else None)
        for part in index.parts
    )
    more = (index.method, index.include) if pair.is_one_engine else ()
    return (parts, index.unique, index.where, *more)


def indexes(pair: Pair, one: Table, other: Table) -> Iterator[SchemaDifference]:
    """Indexes by their shape, then by name; a name alone is for information, and counts within one engine."""
    same, gone, new = matched(one.indexes, other.indexes, lambda index: shape(pair, index))
    if pair.is_one_engine:
        for before, after in same:
            if before.name != after.name and not before.name.startswith("sqlite_autoindex_"):
                yield SchemaDifference(
                    object="index", table=other.label, name=f"{other.label}.{after.name}", kind="changed",
                    severity="info", field="name", baseline=before.name, other=after.name,
                )  # fmt: skip
        gone = [index for index in gone if not comes_with_reference(index, one)]
        new = [index for index in new if not comes_with_reference(index, other)]
        both, gone, new = matched(gone, new, lambda index: index.name)
        for before, after in both:
            yield from index_fields(pair, other.label, before, after)
    else:
        gone = [index for index in gone if not serves_reference(index, one)]
        new = [index for index in new if not serves_reference(index, other)]
    for index in gone:
        yield SchemaDifference(
            object="index", table=other.label, name=f"{other.label}.{index.name}", kind="removed",
            severity="warning", baseline=shown_index(index), ddl=pair.writer.create_index(other.label, index),
        )  # fmt: skip
    for index in new:
        yield SchemaDifference(
            object="index", table=other.label, name=f"{other.label}.{index.name}", kind="added",
            severity="breaking" if index.unique else "info", other=shown_index(index),
            ddl=drop_index(pair, one, other, index),
        )  # fmt: skip


def serves_reference(index: Index, table: Table) -> bool:
    """Whether it is one that MySQL makes by itself for a foreign key; other engines have none."""
    names = tuple(part.expression for part in index.parts)
    return not index.unique and any(key.columns == names for key in table.foreign_keys)


def comes_with_reference(index: Index, table: Table) -> bool:
    """Whether MySQL made it for a foreign key of its name; it goes when another index serves as well."""
    return serves_reference(index, table) and index.name in {key.name for key in table.foreign_keys}


def drop_index(pair: Pair, one: Table, other: Table, index: Index) -> str | None:
    """What drops an index of the other; one that a foreign key needs is replaced first."""
    names = {index.name for index in other.indexes}
    needed = [made for made in one.indexes if comes_with_reference(made, one) and made.name not in names]
    kept = [
        pair.writer.create_index(other.label, made)
        for made in needed
        if made.parts[0].expression == index.parts[0].expression
    ]
    return joined(*kept, pair.writer.drop_index(other.label, index))


def joined(*statements: str | None) -> str | None:
    """Statements one after the other; None if one of them cannot be written."""
    found = [statement for statement in statements if statement is not None]
    return ";\n".join(found) if found and len(found) == len(statements) else None


def index_fields(pair: Pair, table: str, one: Index, other: Index) -> Iterator[SchemaDifference]:
    fields: Mapping[str, tuple[str | None, str | None]] = {
        "columns": (shown_parts(one), shown_parts(other)),
        "unique": (yes_no(one.unique), yes_no(other.unique)),
        "where": (one.native_where, other.native_where),
        "method": (one.method, other.method),
        "include": (", ".join(one.include), ", ".join(other.include)),
    }
    drop, create = pair.writer.drop_index(table, other), pair.writer.create_index(table, one)
    ddl = joined(drop, create)
    for field, (before, after) in fields.items():
        same = one.where == other.where if field == "where" else before == after
        if not same:
            yield SchemaDifference(
                object="index", table=table, name=f"{table}.{other.name}", kind="changed",
                severity="breaking" if other.unique and not one.unique else "warning", field=field,
                baseline=before, other=after, ddl=ddl,
            )  # fmt: skip


def shown_parts(index: Index) -> str:
    return ", ".join(
        (part.expression if part.is_column else part.native)
        + (f"({part.prefix})" if part.prefix else "")
        + (" desc" if part.descending else "")
        for part in index.parts
    )


def shown_index(index: Index) -> str:
    where = f" where {index.native_where}" if index.native_where else ""
    return f"{'unique ' if index.unique else ''}({shown_parts(index)}){where}"


def reference_shape(pair: Pair, schema: DatabaseSchema, key: ForeignKey) -> tuple[object, ...]:
    """A reference without its name and actions; columns that are not named are the other table's key."""
    there = key.references
    target = schema.table(key.table)
    if not there and target is not None and target.primary_key is not None:
        there = target.primary_key.columns
    return lowered(pair, key.columns), pair.key(key.table), lowered(pair, there)


def foreign_keys(pair: Pair, one: Table, other: Table) -> Iterator[SchemaDifference]:
    ours = {reference_shape(pair, pair.baseline, key): key for key in one.foreign_keys}
    theirs = {reference_shape(pair, pair.other, key): key for key in other.foreign_keys}
    for at in [*ours, *(at for at in theirs if at not in ours)]:
        match ours.get(at), theirs.get(at):
            case ForeignKey() as before, None:
                yield reference(pair, other.label, before, "removed")
            case None, ForeignKey() as after:
                found = reference(pair, other.label, after, "added")
                made = [index for index in other.indexes if comes_with_reference(index, other)]
                drops = [
                    pair.writer.drop_index(other.label, index) for index in made if index.name == after.name
                ]
                yield replace(found, ddl=joined(found.ddl, *drops))
            case ForeignKey() as before, ForeignKey() as after:
                yield from actions(pair, other.label, before, after)
            case _:
                pass


def shown_reference(key: ForeignKey) -> str:
    there = f" ({', '.join(key.references)})" if key.references else ""
    return f"({', '.join(key.columns)}) references {key.table}{there}"


def reference(pair: Pair, table: str, key: ForeignKey, kind: Kind) -> SchemaDifference:
    shown = shown_reference(key)
    return SchemaDifference(
        object="foreign_key", table=table, name=f"{table}.{key.name or ', '.join(key.columns)}", kind=kind,
        severity="warning" if kind == "removed" else "breaking",
        baseline=shown if kind == "removed" else None, other=shown if kind == "added" else None,
        ddl=(pair.writer.add_reference if kind == "removed" else pair.writer.drop_reference)(table, key),
    )  # fmt: skip


def actions(pair: Pair, table: str, one: ForeignKey, other: ForeignKey) -> Iterator[SchemaDifference]:
    for field, before, after in (
        ("on_update", one.on_update, other.on_update),
        ("on_delete", one.on_delete, other.on_delete),
    ):
        same = before == after or (not pair.is_one_engine and {before, after} <= {"NO ACTION", "RESTRICT"})
        if not same:
            drop, add = pair.writer.drop_reference(table, other), pair.writer.add_reference(table, one)
            yield SchemaDifference(
                object="foreign_key", table=table, name=f"{table}.{other.name or ', '.join(other.columns)}",
                kind="changed", severity="warning", field=field, baseline=before, other=after,
                ddl=joined(drop, add),
            )  # fmt: skip


def checks(pair: Pair, one: Table, other: Table) -> Iterator[SchemaDifference]:
    """Checks by what they say; within one engine, one of the same name that says another thing is changed."""
    _, gone, new = matched(one.checks, other.checks, lambda check: pair.key(check.expression))
    if pair.is_one_engine:
        named = [[check for check in side if check.name] for side in (gone, new)]
        both, _, _ = matched(named[0], named[1], lambda check: check.name)
        for before, after in both:
            gone, new = [c for c in gone if c is not before], [c for c in new if c is not after]
            drop, add = pair.writer.drop_check(other.label, after), pair.writer.add_check(other.label, before)
            yield SchemaDifference(
                object="check", table=other.label, name=f"{other.label}.{after.name}", kind="changed",
                severity="warning", field="expression", baseline=before.native, other=after.native,
                ddl=joined(drop, add),
            )  # fmt: skip
    for check in gone:
        yield one_check(pair, other.label, check, "removed")
    for check in new:
        yield one_check(pair, other.label, check, "added")


def one_check(pair: Pair, table: str, check: Check, kind: Kind) -> SchemaDifference:
    return SchemaDifference(
        object="check", table=table, name=f"{table}.{check.name or check.native}", kind=kind,
        severity="warning", baseline=check.native if kind == "removed" else None,
        other=check.native if kind == "added" else None,
        ddl=(pair.writer.add_check if kind == "removed" else pair.writer.drop_check)(table, check),
    )  # fmt: skip


def views(pair: Pair) -> Iterator[SchemaDifference]:
    """Views by name; their columns always, their queries within one engine."""
    both, gone, new = matched(pair.baseline.views, pair.other.views, lambda view: pair.key(view.label))
    for view in gone:
        yield SchemaDifference(
            object="view", table=view.label, name=view.label, kind="removed", severity="breaking",
            baseline=view.definition, ddl=pair.writer.create_view(view),
        )  # fmt: skip
    for view in new:
        yield SchemaDifference(
            object="view", table=view.label, name=view.label, kind="added", severity="info",
            other=view.definition, ddl=pair.writer.drop_view(view),
        )  # fmt: skip
    for one, other in both:
        before, after = outputs(pair, one), outputs(pair, other)
        if before != after:
            yield SchemaDifference(
                object="view", table=other.label, name=other.label, kind="changed", severity="breaking",
                field="columns", baseline=", ".join(before), other=", ".join(after),
                ddl=pair.writer.replace_view(one),
            )  # fmt: skip
        elif pair.is_one_engine and spaced(one.definition) != spaced(other.definition):
            yield SchemaDifference(
                object="view", table=other.label, name=other.label, kind="changed", severity="warning",
                field="definition", baseline=one.definition, other=other.definition,
                ddl=pair.writer.replace_view(one),
            )  # fmt: skip


def outputs(pair: Pair, view: View) -> list[str]:
    """A view's columns; between engines their names only, as few tell types of expressions alike."""
    if pair.is_one_engine:
        return [f"{column.name} {column.type.native}" for column in view.columns]
    return [pair.key(column.name) for column in view.columns]


def spaced(text: str) -> str:
    return " ".join(text.split())


def routines(pair: Pair) -> Iterator[SchemaDifference]:
    """Routines by name and arguments within one engine, else by name; there is no statement to suggest."""

    def key(routine: Routine) -> object:
        name = routine.label if pair.is_one_engine else routine.name.lower()
        return routine.kind, name, routine.returns if routine.kind == "trigger" else ""

    both, gone, new = matched(pair.baseline.routines, pair.other.routines, key)
    for routine in gone:
        yield SchemaDifference(
            object=routine.kind, table=routine.label, name=routine.label, kind="removed",
            severity="breaking", baseline=routine.definition,
        )  # fmt: skip
    for routine in new:
        severity: Severity = "warning" if routine.kind == "trigger" else "info"
        yield SchemaDifference(
            object=routine.kind, table=routine.label, name=routine.label, kind="added", severity=severity,
            other=routine.definition,
        )  # fmt: skip
    if not pair.is_one_engine:
        return
    for one, other in both:
        fields = {
            "returns": (one.returns, other.returns),
            "language": (one.language, other.language),
            "definition": (spaced(one.definition), spaced(other.definition)),
        }
        for field, (before, after) in fields.items():
            if before != after:
                yield SchemaDifference(
                    object=one.kind, table=other.label, name=other.label, kind="changed", severity="warning",
                    field=field, baseline=before, other=after,
                )  # fmt: skip
