"""What an index is: its definition, as the optimiser reads it, and ranges of its entries."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from mcp_arangodb_async.engine.records import record

IndexType = Literal[
    "primary",
    "edge",
    "persistent",
    "hash",
    "skiplist",
    "ttl",
    "geo",
    "geo1",
    "geo2",
    "fulltext",
    "inverted",
    "mdi",
    "mdi-prefixed",
    "zkd",
    "vector",
]

#: Types whose entries `Collection.lookup` reads in the order of their fields.
SORTED_TYPES: Final = frozenset({"persistent", "hash", "skiplist"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index of a collection.

    `fields` are attribute paths as the user wrote them (`a`, `a.b`, `a[*].b`); `paths` are the same, split,
    without the `[*]`; `expanded` tells for each field after how many steps `[*]` stands, or None.
    """

    id: int
    collection: str
    type: IndexType
    name: str
    fields: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    expanded: tuple[int | None, ...]
    unique: bool = False
    sparse: bool = False
    deduplicate: bool = True
    estimates: bool = True
    cache_enabled: bool = False
    stored_values: tuple[str, ...] = ()
    #: Of `ttl`: seconds after the time in the document.
    expire_after: float | None = None
    #: What belongs to one type only, as normalised JSON: geo, fulltext, inverted, mdi and vector.
    details: dict[str, Any] | None = None

    @property
    def full_id(self) -> str:
        """The identifier with its collection, as HTTP shows it: `users/0`."""
        return f"{self.collection}/{self.id}"

    @property
    def is_sorted(self) -> bool:
        """Whether `Collection.lookup` works on ranges of this index, in the order of its fields.

        `primary` answers `lookup` for one equal value only (a `_key` or an `_id`), `edge` only `edges`.
        """
        return self.type in SORTED_TYPES

    @property
    def has_expansion(self) -> bool:
        """Whether a field is expanded with `[*]`, so that a document may have several entries."""
        return any(step is not None for step in self.expanded)


@record(kw_only=True)
class Bound:
    """One end of a range over the field after the equal prefix."""

    value: Any
    inclusive: bool = True


@record(kw_only=True)
class Bounds:
    """Which entries of a sorted index: `equal` fixes the first fields, then one range over the next field.

    `Bounds(equal=("a",), lower=Bound(value=3))` on an index over (name, age): name == "a" and age >= 3.
    No bound at all is the whole index. Missing attributes are indexed as null (unless the index is
    sparse), and null is less than everything: `upper` alone includes documents without the attribute, as
    in AQL.
    """

    equal: tuple[Any, ...] = ()
    lower: Bound | None = None
    upper: Bound | None = None
