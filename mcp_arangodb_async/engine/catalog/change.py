"""One change of a catalogue: collections, indexes, views and analyzers come and go within one transaction."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DUPLICATE_IDENTIFIER,
    ERROR_ARANGO_DUPLICATE_NAME,
    ERROR_BAD_PARAMETER,
    ERROR_FORBIDDEN,
    ERROR_GRAPH_MUST_NOT_DROP_COLLECTION,
    ArangoError,
)

from .collection import Collection
from .definitions import changed_collection, encoded_record, parse_collection
from .entries import EntryWriter, keeps_entries
from .graph_records import GRAPHS, encoded_graph, renamed_in, stored_graphs, uses
from .index import Index
from .index_definitions import parse_index, same_definition
from .names import check_collection_name
from .options import WriteOptions
from .properties import CollectionProperties
from .records import Analyzer, View
from .state import CatalogState
from .stored import (
    COLLATION,
    COLLATION_KEY,
    IDS_KEY,
    SERVER_KEY,
    VERSION_KEY,
    StateReader,
    analyzer_key,
    encoded_analyzer,
    encoded_view,
    view_key,
)
from .transaction import META, Transaction, record_key, state_key
from .views import changed_view, parse_view, with_renamed_collection, without_collection

_BATCH: Final = 20_000


class Change:
    """What `Catalog.change` lends: a writing transaction, and everything that changes the catalogue within
    it.
    """

    def __init__(self, tx: Transaction, reader: StateReader) -> None:
        """Made by the catalogue only."""
        self.tx = tx
        self._reader = reader
        #: Collections that are gone, whose cached documents can be forgotten.
        self.dropped: list[int] = []

    def finish(self) -> CatalogState:
        """Write the new version; the caller commits."""
        state = self.tx.catalog
        version = int(self.tx.store.get(META, VERSION_KEY) or b"0") + 1
        self.tx.store.put(META, VERSION_KEY, b"%d" % version)
        self.tx.catalog = replace(state, version=version)
        return self.tx.catalog

    # Collections

    def create_collection(self, body: Mapping[str, Any]) -> Collection:
        """See `Catalog.create_collection`."""
        properties = parse_collection(body, self._next_id(), self._server())
        self._check_free(properties.name)
        collection = self._reader.build(properties, ())
        collection.computation.compile()
        store = self.tx.store
        store.create_space(collection.bodies)
        for space in collection.spaces():
            store.create_space(space)
        return self._put_collection(properties, ())

    def drop_collection(self, name: str, *, allow_system: bool, from_graph: bool = False) -> None:
        """See `Catalog.drop_collection`; `from_graph`: by an operation on the graph that holds it."""
        collection = self.tx.collection(name)
        if collection.properties.is_system and not allow_system:
            raise ArangoError(
                ERROR_FORBIDDEN, f"collection {name} is a system collection and cannot be dropped"
            )
        if not from_graph and GRAPHS in self.tx.catalog.by_name:
            self._check_not_in_graph(collection.name)
        store = self.tx.store
        store.drop_space(collection.bodies)
        for space in collection.spaces():
            store.drop_space(space)
        store.delete(META, record_key(collection.id))
        store.delete(META, state_key(collection.id))
        state = self.tx.catalog
        self._set(
            by_name={other: each for other, each in state.by_name.items() if other != collection.name},
            by_id={number: each for number, each in state.by_id.items() if number != collection.id},
        )
        self.tx.forget(collection.id)
        self.dropped.append(collection.id)
        for view in list(self.tx.catalog.views.values()):
            changed = without_collection(view, collection.name)
            if changed is not None:
                self.put_view(changed)

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """See `Catalog.rename_collection`."""
        collection = self.tx.collection(name)
        if collection.properties.is_system:
            raise ArangoError(
                ERROR_FORBIDDEN, f"collection {name} is a system collection and cannot be renamed"
            )
        check_collection_name(new_name)
        if new_name == collection.name:
            return collection
        self._check_free(new_name)
        old_name = collection.name
        state = self.tx.catalog
        self._set(by_name={other: each for other, each in state.by_name.items() if other != old_name})
        properties = replace(collection.properties, name=new_name, renamed=True)
        indexes = tuple(replace(index, collection=new_name) for index in _own(collection))
        renamed = self._put_collection(properties, indexes)
        graphs = self.tx.collection(GRAPHS)
        for graph in stored_graphs(self.tx):
            if uses(graph, old_name):
                changed = encoded_graph(renamed_in(graph, old_name, new_name))
                graphs.replace(self.tx, graph.name, changed, WriteOptions())
        for view in list(self.tx.catalog.views.values()):
            changed_view_ = with_renamed_collection(view, old_name, new_name)
            if changed_view_ is not None:
                self.put_view(changed_view_)
        self.dropped.append(collection.id)  # cached documents carry the old name
        return renamed

    def change_collection(self, name: str, changes: Mapping[str, Any]) -> Collection:
        """See `Catalog.change_collection`."""
        collection = self.tx.collection(name)
        properties = changed_collection(collection.properties, changes)
        changed = self._reader.build(properties, _own(collection))
        changed.computation.compile()
        return self._put_collection(properties, _own(collection))

    # Indexes

    def create_index(self, name: str, body: Mapping[str, Any]) -> tuple[Index, bool]:
        """See `Catalog.create_index`."""
        collection = self.tx.collection(name)
        index = parse_index(body, collection.name, self._next_id(), self.tx.catalog)
        for other in collection.indexes:
            if same_definition(other, index):
                return other, False
            if other.name == index.name:
                raise ArangoError(
                    ERROR_ARANGO_DUPLICATE_IDENTIFIER,
                    f"duplicate value for `id` or `name`: another index is named {index.name}",
                )
            if other.type == index.type == "ttl":
                raise ArangoError(ERROR_BAD_PARAMETER, "there can only be one ttl index per collection")
        if keeps_entries(index):
            writer = EntryWriter(collection.id, index)
            self.tx.store.create_space(writer.space)
            self._fill(collection, writer)
        self._put_collection(collection.properties, (*_own(collection), index))
        return index, True

    def drop_index(self, name: str, handle: str) -> Index:
        """See `Catalog.drop_index`."""
        collection = self.tx.collection(name)
        index = collection.index(handle)
        if index.type in {"primary", "edge"}:
            raise ArangoError(
                ERROR_FORBIDDEN, f"the {index.type} index of {collection.name} cannot be dropped"
            )
        if keeps_entries(index):
            self.tx.store.drop_space(EntryWriter(collection.id, index).space)
        self._put_collection(
            collection.properties, tuple(other for other in _own(collection) if other.id != index.id)
        )
        return index

    def rebuild_indexes(self) -> None:
        """Make all entries anew, because strings are ordered otherwise than when they were made."""
        for collection in self.tx.collections():
            for writer in collection.writers:
                self.tx.store.clear_space(writer.space)
                self._fill(collection, writer)
        self.tx.store.put(META, COLLATION_KEY, COLLATION)

    def _fill(self, collection: Collection, writer: EntryWriter) -> None:
        """Make the entries of all documents; 1210 when two have the same in a unique index."""
        store = self.tx.store
        pairs = self._pairs(collection, writer)
        owners: dict[bytes, str] = {}
        while batch := list(islice(pairs, _BATCH)):
            if writer.is_unique:
                for key, _, owner in batch:
                    if key in owners:
                        raise writer.violated(owners[key])
                    owners[key] = owner
            entries = [writer.entry(key, number) for key, number, _ in batch]
            entries.sort()
            store.put_many(writer.space, entries)

    def _pairs(self, collection: Collection, writer: EntryWriter) -> Iterator[tuple[bytes, int, str]]:
        for number, document in collection.numbered(self.tx):
            for key in writer.keys(document):
                yield key, number, document["_key"]

    # Views and analyzers

    def create_view(self, body: Mapping[str, Any]) -> View:
        """See `Catalog.create_view`."""
        view = parse_view(body, self._next_id(), self._server(), self.tx.catalog)
        self._check_free(view.name)
        return self.put_view(view)

    def change_view(self, name: str, changes: Mapping[str, Any], *, partial: bool) -> View:
        """See `Catalog.change_view`."""
        return self.put_view(
            changed_view(self.tx.catalog.view(name), changes, self.tx.catalog, partial=partial)
        )

    def rename_view(self, name: str, new_name: str) -> View:
        """See `Catalog.rename_view`."""
        view = self.tx.catalog.view(name)
        check_collection_name(new_name)
        if new_name == view.name:
            return view
        self._check_free(new_name)
        self._set(views={other: each for other, each in self.tx.catalog.views.items() if other != view.name})
        return self.put_view(replace(view, name=new_name))

    def drop_view(self, name: str) -> None:
        """See `Catalog.drop_view`."""
        view = self.tx.catalog.view(name)
        self.tx.store.delete(META, view_key(view.id))
        self._set(views={other: each for other, each in self.tx.catalog.views.items() if other != view.name})

    def put_view(self, view: View) -> View:
        """Store a view."""
        self.tx.store.put(META, view_key(view.id), encoded_view(view))
        self._set(views={**self.tx.catalog.views, view.name: view})
        return view

    def put_analyzer(self, analyzer: Analyzer) -> None:
        """Store an analyzer."""
        self.tx.store.put(META, analyzer_key(analyzer.name), encoded_analyzer(analyzer))
        self._set(analyzers={**self.tx.catalog.analyzers, analyzer.name: analyzer})

    def drop_analyzer(self, analyzer: Analyzer) -> None:
        """Remove an analyzer."""
        self.tx.store.delete(META, analyzer_key(analyzer.name))
        kept = {name: each for name, each in self.tx.catalog.analyzers.items() if name != analyzer.name}
        self._set(analyzers=kept)

    # What they share

    def _put_collection(self, properties: CollectionProperties, indexes: tuple[Index, ...]) -> Collection:
        self.tx.store.put(META, record_key(properties.id), encoded_record(properties, indexes))
        collection = self._reader.build(properties, indexes)
        state = self.tx.catalog
        self._set(
            by_name={**state.by_name, properties.name: collection},
            by_id={**state.by_id, properties.id: collection},
        )
        return collection

    def _set(self, **parts: Any) -> None:
        self.tx.catalog = replace(self.tx.catalog, **parts)

    def _check_free(self, name: str) -> None:
        state = self.tx.catalog
        if name in state.by_name or name in state.views:
            raise ArangoError(ERROR_ARANGO_DUPLICATE_NAME, f"duplicate name: {name} exists")

    def _check_not_in_graph(self, name: str) -> None:
        for graph in stored_graphs(self.tx):
            if uses(graph, name):
                raise ArangoError(
                    ERROR_GRAPH_MUST_NOT_DROP_COLLECTION,
                    f"must not drop collection {name} while part of graph {graph.name}",
                )

    def _next_id(self) -> int:
        number = int(self.tx.store.get(META, IDS_KEY) or b"0") + 1
        self.tx.store.put(META, IDS_KEY, b"%d" % number)
        return number

    def _server(self) -> str:
        return (self.tx.store.get(META, SERVER_KEY) or b"").decode()


def _own(collection: Collection) -> tuple[Index, ...]:
    """The indexes that are stored: all but primary and edge."""
    return tuple(index for index in collection.indexes if index.type not in {"primary", "edge"})
