"""What a collection is, as data: the record that is stored, and its parts."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

DOCUMENT: Final = 2
EDGE: Final = 3

CollectionType = Literal[2, 3]
KeyType = Literal["traditional", "autoincrement", "uuid", "padded"]
ValidationLevel = Literal["none", "new", "moderate", "strict"]
ComputeOn = Literal["insert", "update", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOptions:
    """How `_key` values come to be. `increment` and `offset` concern `autoincrement` only."""

    type: KeyType = "traditional"
    allow_user_keys: bool = True
    increment: int = 1
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A JSON Schema that documents must match, when the level says so, and what to answer when they do
    not.
    """

    rule: dict[str, Any]
    level: ValidationLevel = "strict"
    message: str = ""
    type: str = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedValue:
    """An attribute whose value an AQL expression gives when a document is written."""

    name: str
    expression: str
    overwrite: bool
    compute_on: tuple[ComputeOn, ...] = ("insert", "update", "replace")
    keep_null: bool = True
    fail_on_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionProperties:
    """Everything about a collection but its contents and its indexes."""

    id: int
    name: str
    globally_unique_id: str
    type: CollectionType = DOCUMENT
    is_system: bool = False
    wait_for_sync: bool = False
    key_options: KeyOptions = field(default_factory=KeyOptions)
    schema: Schema | None = None
    computed_values: tuple[ComputedValue, ...] = ()
    cache_enabled: bool = False
    #: Stored documents carry the name the collection had then; `_id` is made anew for those of a renamed
    #: collection.
    renamed: bool = False
