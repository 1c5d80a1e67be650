"""When two types are the same, and which of two holds more; within one engine, and between engines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mcp_arangodb_async.sql.schema import ColumnType, DatabaseSchema, Family
from mcp_arangodb_async.sql.schema_ddl import Writer
from mcp_arangodb_async.sql.schema_types import column_type, written_type

INTEGERS: Mapping[Family, int] = {"boolean": 0, "tinyint": 1, "smallint": 2, "integer": 4, "bigint": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two schemas, and what is the same for every comparison between them."""

    baseline: DatabaseSchema
    other: DatabaseSchema
    writer: Writer

    @property
    def is_one_engine(self) -> bool:
        """Whether both are of one engine, so that names and the engine's own words count."""
        return self.baseline.engine == self.other.engine

    def shown_type(self, kind: ColumnType) -> str:
        """A type for people: the engine's own words, or the common ones between engines."""
        return kind.native if self.is_one_engine else kind.shown

    def key(self, name: str) -> str:
        """A name to match by: engines differ in how they write upper case."""
        return name if self.is_one_engine else name.lower()


def same_type(pair: Pair, one: ColumnType, other: ColumnType) -> bool:
    """Whether two types are the same: within one engine by its words, else as each would be written there."""
    if pair.is_one_engine:
        return exact(one) == exact(other)
    if "sqlite" in {pair.baseline.engine, pair.other.engine}:
        return loose(one) == loose(other)
    there = written_type(one, pair.other.engine)
    here = written_type(other, pair.baseline.engine)
    return (there is not None and alike(column_type(there, pair.other.engine), other)) or (
        here is not None and alike(column_type(here, pair.baseline.engine), one)
    )


def exact(kind: ColumnType) -> tuple[object, ...]:
    """What counts of a type within one engine: all but how wide MySQL shows integers."""
    words = " ".join(re.sub(r"\([^)]*\)", " ", kind.native.lower()).replace("zerofill", "").split())
    measures = (kind.length, kind.precision, kind.scale, kind.members)
    return (kind.family, kind.native if kind.family == "array" else words, *measures)


def alike(one: ColumnType, other: ColumnType) -> bool:
    measures = [
        (kind.family, kind.length, kind.precision, kind.scale, kind.unsigned) for kind in (one, other)
    ]
    return measures[0] == measures[1]


# SQLite keeps any length and width; its types are words that say what is meant.
LOOSE: Mapping[Family, str] = {
    "tinyint": "integer", "smallint": "integer", "bigint": "integer", "real": "double", "varchar": "text",
    "char": "text", "enum": "text", "set": "text", "xml": "text", "interval": "text", "bit": "text",
    "varbit": "text", "timetz": "text", "binary": "blob", "varbinary": "blob",
}  # fmt: skip


def loose(kind: ColumnType) -> tuple[object, ...]:
    """What counts of a type where one side is SQLite."""
    if kind.family in {"other", "array"}:
        return (kind.native.lower(),)
    measures = (kind.precision, kind.scale) if kind.family == "decimal" else ()
    return (LOOSE.get(kind.family, kind.family), *measures)


def is_wider(one: ColumnType, other: ColumnType) -> bool:
    """Whether the other holds every value of the first."""
    if one.family in INTEGERS and other.family in INTEGERS:
        return INTEGERS[other.family] >= INTEGERS[one.family] and one.unsigned == other.unsigned
    if one.family == other.family == "decimal":
        if other.precision is None:
            return True
        if one.precision is None:
            return False
        whole = (one.precision - (one.scale or 0), other.precision - (other.scale or 0))
        return whole[1] >= whole[0] and (other.scale or 0) >= (one.scale or 0)
    if one.family == "real" and other.family == "double":
        return True
    texts = {"varchar", "text"}
    if one.family in texts and other.family in texts:
        return other.length is None or (one.length is not None and other.length >= one.length)
    if one.family == other.family and one.family in {"enum", "set"}:
        return set(one.members) <= set(other.members)
    if one.family == other.family and one.precision is not None and other.precision is not None:
        return other.precision >= one.precision
    return False
