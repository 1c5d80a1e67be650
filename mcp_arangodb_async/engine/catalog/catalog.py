"""The catalogue of one database: begin transactions, create and drop what a database holds."""

from collections.abc import Callable, Mapping
from typing import Any

from mcp_arangodb_async.engine.storage.store import Store

from .cache import DocumentCache
from .collection import Collection
from .index import Index
from .properties import CollectionProperties
from .records import Analyzer, View
from .state import CatalogState
from .transaction import Transaction

#: From the text of a computed value's expression to a function of the document (`@doc`); the document is read
#: only. The function may raise ArangoError; warnings come as ArangoError when `fail_on_warning` (the second
#: argument) is set.
ExpressionCompiler = Callable[[str, bool], Callable[[dict[str, Any]], Any]]


class Catalog:
    """One database's collections, indexes, views and analyzers, over a store. Thread-safe."""

    def __init__(
        self, name: str, store: Store, cache: DocumentCache, *, compiler: ExpressionCompiler
    ) -> None:
        """Open the catalogue kept in `store`; an empty store gets the system collections.

        `compiler` turns computed values into functions; it is called when a collection with computed values
        is made or loaded.
        """
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The database's name."""
        raise NotImplementedError

    def state(self) -> CatalogState:
        """The current version; see `Transaction.catalog` for the version a transaction sees."""
        raise NotImplementedError

    # Transactions

    def begin(self, *, write: bool = False, timeout: float | None = None) -> Transaction:
        """Start a transaction for one statement or request.

        A writer has the database for itself until it ends and waits for others up to `timeout` seconds
        (default: the engine's lock timeout), then raises 18. Open it late, end it soon; for transactions that
        stay open use `begin_stream`.
        """
        raise NotImplementedError

    def begin_stream(self, *, max_bytes: int = 128 * 1024 * 1024) -> Transaction:
        """Start a transaction that may stay open: it keeps its writes to itself and locks nothing until it
        commits.

        Commit raises 1200 when another transaction has meanwhile written one of the same documents or unique
        values, or changed a collection written here. More than `max_bytes` of writes raise 32.
        """
        raise NotImplementedError

    # Collections. Each is a transaction of its own.

    def create_collection(self, definition: Mapping[str, Any]) -> Collection:
        """Create from the body of POST /_api/collection (`name`, `type`, `keyOptions`, `schema`, ...).

        Raises 1208 (bad name), 1207 (exists), 10 (bad option), 1620/1621 (schema), 4000s (computed values).
        """
        raise NotImplementedError

    def drop_collection(self, name: str, *, allow_system: bool = False) -> None:
        """Remove a collection, its documents and indexes. 1203 unknown; 11 system; 1942 used by a graph."""
        raise NotImplementedError

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give a collection another name; graphs that use it follow. 1203, 1207, 1208, 11."""
        raise NotImplementedError

    def truncate_collection(self, name: str) -> None:
        """Remove all documents of a collection."""
        raise NotImplementedError

    def change_collection(self, name: str, changes: Mapping[str, Any]) -> Collection:
        """Change properties from the body of PUT /_api/collection/{name}/properties; unknown ones are
        ignored.
        """
        raise NotImplementedError

    def describe(self, properties: CollectionProperties) -> dict[str, Any]:
        """All properties as HTTP shows them (camelCase)."""
        raise NotImplementedError

    # Indexes

    def create_index(self, collection: str, definition: Mapping[str, Any]) -> tuple[Index, bool]:
        """Create from the body of POST /_api/index; also whether it is new (an equal one is returned as it
        is).

        Raises 10 (bad definition), 1203, 1210 (existing documents violate uniqueness), 1207 (name taken by
        another),
        9 (type not supported).
        """
        raise NotImplementedError

    def drop_index(self, collection: str, handle: str) -> Index:
        """Remove an index. 1212 unknown, 11 primary and edge."""
        raise NotImplementedError

    def describe_index(self, tx: Transaction, collection: Collection, index: Index) -> dict[str, Any]:
        """An index as HTTP shows it, with its selectivity estimate."""
        raise NotImplementedError

    # Views and analyzers

    def create_view(self, definition: Mapping[str, Any]) -> View:
        """Create from the body of POST /_api/view. 1207, 1208, 10."""
        raise NotImplementedError

    def view(self, name: str) -> View:
        """The view with this name; 1203 when there is none."""
        raise NotImplementedError

    def change_view(self, name: str, changes: Mapping[str, Any], *, partial: bool) -> View:
        """Update (`partial`) or replace a view's properties."""
        raise NotImplementedError

    def rename_view(self, name: str, new_name: str) -> View:
        """Give a view another name."""
        raise NotImplementedError

    def drop_view(self, name: str) -> None:
        """Remove a view."""
        raise NotImplementedError

    def create_analyzer(self, definition: Mapping[str, Any]) -> tuple[Analyzer, bool]:
        """Create from the body of POST /_api/analyzer; also whether it is new. 10 when one differs under the
        name.
        """
        raise NotImplementedError

    def analyzer(self, name: str) -> Analyzer:
        """The analyzer with this name, with or without its database; 1202 when there is none."""
        raise NotImplementedError

    def drop_analyzer(self, name: str, *, force: bool = False) -> Analyzer:
        """Remove an analyzer. 1202 unknown, 28 in use (unless `force`), 11 built-in."""
        raise NotImplementedError

    # Upkeep

    def expire(self, now: float | None = None) -> int:
        """Remove documents whose time has come by a TTL index; how many. Called now and then by the
        engine.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the store."""
        raise NotImplementedError
