"""How the columns of all sides of a comparison are matched and read (pure).

Columns are matched by name; where none fits exactly, by a name that differs in case alone. An ArangoDB
database has no columns of its own: its documents have the others', null where an attribute is missing;
between ArangoDB databases alone every attribute is a column.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_arangodb_async.connections.suggest import closest
from mcp_arangodb_async.errors import DeniedError, InputError
from mcp_arangodb_async.sql.dialects.dialect import DialectName
from mcp_arangodb_async.sql.row_compare_buckets import Layout
from mcp_arangodb_async.sql.row_compare_values import INTEGERS, Reader, Reading, kind_of, reader, reading_of
from mcp_arangodb_async.sql.schema import ColumnType, DatabaseSchema
from mcp_arangodb_async.sql.schema_alike import Pair, same_type
from mcp_arangodb_async.sql.schema_ddl import Writer
from mcp_arangodb_async.sql.schema_types import column_type

ANYTHING = ColumnType(family="other", native="any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the rows of one side look like: its columns and their types, those whose values a policy masks.

    `declared`: the types are those of a table, not of a result, which has no lengths. `names` is None for
    documents, which say what they have one by one.
    """

    engine: str
    names: tuple[str, ...] | None
    types: Mapping[str, ColumnType] = field(default_factory=dict[str, ColumnType])
    declared: bool = False
    masked: frozenset[str] = frozenset()

    def own_name(self, name: str) -> str | None:
        """What a column of another side is called here."""
        if self.names is None or name in self.names:
            return name
        alike = [own for own in self.names if own.casefold() == name.casefold()]
        return alike[0] if len(alike) == 1 else None

    def type_of(self, name: str) -> ColumnType:
        """The type of one of its own columns."""
        return self.types.get(name, ANYTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a caller asks for: a key, only some columns, all but some. Empty: what there is."""

    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDifference:
    """A column whose type is not the baseline's."""

    column: str
    environment: str
    baseline: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How all sides are read.

    `sources` are the compared columns as each side calls them. `left_out` are a side's columns that not all
    sides have, `masked` those that nobody compares because a policy hides them somewhere.
    """

    layout: Layout
    choice: Choice
    readings: Mapping[str, Reading]
    sources: Mapping[str, tuple[str, ...]]
    types: tuple[TypeDifference, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    masked: tuple[str, ...] = ()

    def takes(self, attribute: str) -> bool:
        """Whether an attribute of a document is compared, where nothing but documents is."""
        chosen = self.choice.columns
        if attribute in self.layout.key:
            return True
        return (not chosen or attribute in chosen) and attribute not in self.choice.ignore

    def readers(self, head: Head, environment: str) -> tuple[tuple[int, Reader], ...]:
        """What reads the values of one side's columns, by their places; the others are cells already."""
        found: list[tuple[int, Reader]] = []
        for place, (name, own) in enumerate(
            zip(self.layout.names or (), self.sources[environment], strict=True)
        ):
            reads = reader(self.readings[name], head.type_of(own), head.engine)
            if reads is not None:
                found.append((place, reads))
        return tuple(found)


def result_type(engine: str, word: str) -> ColumnType:
    """The type of a column of a result; SQLite only tells what its first row has, so nothing is told."""
    match engine:
        case "postgresql" | "mysql" | "mariadb" if not word.startswith("_"):
            return column_type(word, engine)
        case "postgresql":
            return ColumnType(family="array", native=f"{word[1:]}[]")
        case _:
            return ANYTHING


def planned(heads: Mapping[str, Head], choice: Choice, *, natural_key: Sequence[str] = ()) -> Plan:
    """How to compare these sides, the baseline first; raises InputError for what cannot be.

    `natural_key` is the key that the baseline's table has; it counts where every side has its columns.
    """
    tables = {name: head for name, head in heads.items() if head.names is not None}
    if not tables:
        return documents_alone(choice, natural_key)
    leading = next(iter(tables.values()))
    assert leading.names is not None, "it is none of documents"
    common = [name for name in leading.names if all(one.own_name(name) for one in tables.values())]
    masked = {name for name in common if any(head.own_name(name) in head.masked for head in tables.values())}
    key = resolved(choice.key, common, "key")
    if key & masked:
        raise DeniedError(
            f"key: {', '.join(sorted(key & masked))} is masked, so rows cannot be matched by it"
        )
    everything = [*common, *(name for one in tables.values() for name in one.names or ())]
    ignored = resolved(choice.ignore, everything, "ignore")
    wanted = resolved(choice.columns, common, "columns") or set(common)
    if not key and natural_key and set(natural_key) <= set(common) - masked:
        key = set(natural_key)
    order = [name for name in common if name in key]
    order += [name for name in common if name in wanted - key - ignored - masked]
    if not order:
        raise InputError(
            "no column is left to compare: the environments have none in common",
            field="columns",
            hint="give columns the same names, with AS",
        )
    sources = {
        environment: tuple(head.own_name(name) or name for name in order)
        for environment, head in heads.items()
    }
    readings: dict[str, Reading] = {
        name: reading_of(kind_of(head.type_of(head.own_name(name) or name)) for head in heads.values())
        for name in order
    }
    return Plan(
        layout=Layout(key=tuple(name for name in order if name in key), names=tuple(order)),
        choice=choice,
        readings=readings,
        sources=sources,
        types=type_differences(heads, order),
        left_out={name: without(head, common, ignored) for name, head in tables.items()},
        masked=tuple(sorted(masked & wanted - ignored)),
    )


def without(head: Head, common: Sequence[str], ignored: Collection[str]) -> tuple[str, ...]:
    """The columns of a side that are neither among these nor ignored."""
    shared = {head.own_name(name) for name in common}
    return tuple(name for name in head.names or () if name not in shared and name not in ignored)


def documents_alone(choice: Choice, natural_key: Sequence[str]) -> Plan:
    """How documents are compared with each other: by every attribute that any of them has."""
    return Plan(
        layout=Layout(key=choice.key or tuple(natural_key), names=None),
        choice=choice,
        readings={},
        sources={},
    )


def resolved(names: Sequence[str], existing: Sequence[str], field_name: str) -> set[str]:
    """The columns that a caller's names mean; InputError for one that there is not."""
    found: set[str] = set()
    for name in names:
        alike = [own for own in existing if own.casefold() == name.casefold()]
        if name not in existing and not alike:
            listed = ", ".join(list(dict.fromkeys(existing))[:20])
            raise InputError(
                f"{field_name}: no column {name[:80]!r}; all of them have {listed}",
                field=field_name,
                did_you_mean=closest(name, existing),
            )
        found.update([name] if name in existing else alike)
    return found


def type_differences(heads: Mapping[str, Head], names: Sequence[str]) -> tuple[TypeDifference, ...]:
    """The columns whose types are not the baseline's, on whichever sides tell them."""
    (_, baseline), *others = heads.items()
    found: list[TypeDifference] = []
    for name in names:
        own = baseline.type_of(baseline.own_name(name) or name)
        for environment, head in others:
            other = head.type_of(head.own_name(name) or name)
            if ANYTHING not in {own, other} and not alike(baseline, own, head, other):
                found.append(
                    TypeDifference(
                        column=name, environment=environment, baseline=own.native, other=other.native
                    )
                )
    return tuple(found)


def alike(baseline: Head, own: ColumnType, head: Head, other: ColumnType) -> bool:
    """Whether two types say the same: of tables with lengths and all, of results as far as those tell."""
    if baseline.declared and head.declared:
        pair = Pair(
            baseline=DatabaseSchema(engine=dialect_of(baseline.engine), version=""),
            other=DatabaseSchema(engine=dialect_of(head.engine), version=""),
            writer=Writer(source=dialect_of(baseline.engine), target=dialect_of(head.engine)),
        )
        return same_type(pair, own, other)
    if baseline.engine == head.engine:
        return own.native == other.native
    return broad(own) == broad(other) or {broad(own), broad(other)} == {"json", "text"}


def broad(kind: ColumnType) -> str:
    """What a type amounts to in any engine's results."""
    if kind.family in INTEGERS or kind.family == "boolean":
        return "integer"
    if kind.family in {"decimal", "real", "double"}:
        return "decimal" if kind.family == "decimal" else "float"
    return "text" if kind_of(kind) == "char" else kind_of(kind)


def dialect_of(engine: str) -> DialectName:
    """The engine as one that has a dialect."""
    match engine:
        case "postgresql" | "mysql" | "mariadb" | "sqlite":
            return engine
        case _:
            raise ValueError(engine)
