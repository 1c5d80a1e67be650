"""Options and results of document operations."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

OverwriteMode = Literal["conflict", "ignore", "replace", "update"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How to write a document; the defaults are those of AQL and of HTTP.

    `overwrite_mode` concerns inserts. `keep_null` and `merge_objects` concern updates (and inserts that
    update). `ignore_revs=False` compares a `_rev` inside the given document with the stored one;
    `expected_rev` is the same for a revision that came from elsewhere (`If-Match`). Both raise 1200 when they
    differ.
    """

    overwrite_mode: OverwriteMode = "conflict"
    keep_null: bool = True
    merge_objects: bool = True
    ignore_revs: bool = True
    expected_rev: str | None = None
    #: None: as the collection says.
    wait_for_sync: bool | None = None
    #: Keep the `_rev` that the document carries (what `arangorestore` asks for).
    is_restore: bool = False
    #: Skip an update whose number in this attribute is not higher than the stored one.
    version_attribute: str | None = None
    #: Ask the collection's schema, if it has one.
    validate: bool = True


class DocumentChange(NamedTuple):
    """What a write did. Both documents are shared and must never be mutated. A tuple, as there are so many.

    Insert: `old` is None unless an existing document was overwritten or kept. Remove: `new` is None.
    `ignored`: nothing was written (overwrite mode `ignore`, or an older version); then `old is new`.
    """

    old: dict[str, Any] | None
    new: dict[str, Any] | None
    ignored: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """The document the change is about: the new one, or the removed one."""
        result = self.new if self.new is not None else self.old
        assert result is not None
        return result
