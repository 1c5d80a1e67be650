"""The catalogue as it is stored: records in the space `meta`, and how a `CatalogState` is made of them.

format     the version of this layout
collation  the string order that index keys are made for
server     random text for the identifiers that are unique everywhere
version    grows with every change of the catalogue
ids        the last number given to a collection, index, view or database
c<id>      a collection with its indexes          s<id>      its state: see `CollectionState`
v<id>      a view                                 a<name>    an analyzer
db:<name>  a database (in `_system` only): see `databases.py`
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

import orjson

from mcp_arangodb_async.engine.collation import COLLATION_VERSION
from mcp_arangodb_async.engine.errors import ERROR_INCOMPATIBLE_VERSION, ArangoError
from mcp_arangodb_async.engine.storage.store import StoreTransaction

from .analyzers import BUILT_IN
from .collection import Collection
from .computed import Computation, ExpressionCompiler
from .definitions import decoded_record
from .index import Index
from .index_definitions import edge_index, primary_index
from .properties import EDGE, CollectionProperties
from .records import Analyzer, View
from .state import CatalogState
from .transaction import META

FORMAT: Final = b"1"
COLLATION: Final = str(COLLATION_VERSION).encode()
FORMAT_KEY: Final = b"format"
COLLATION_KEY: Final = b"collation"
SERVER_KEY: Final = b"server"
VERSION_KEY: Final = b"version"
IDS_KEY: Final = b"ids"
_FIRST_ID: Final = 100


def is_empty(tx: StoreTransaction) -> bool:
    """Whether a store has no catalogue yet. 35 for one in a layout that this version cannot read."""
    if META.name not in tx.spaces():
        return True
    found = tx.get(META, FORMAT_KEY)
    if found != FORMAT:
        raise ArangoError(
            ERROR_INCOMPATIBLE_VERSION,
            f"the data was written by another version (layout {(found or b'?').decode()}, this one reads "
            f"{FORMAT.decode()}): open it with that version and move it by dump and restore",
        )
    return False


def prepare(tx: StoreTransaction) -> None:
    """Make the records of an empty store."""
    tx.create_space(META)
    tx.put(META, FORMAT_KEY, FORMAT)
    tx.put(META, COLLATION_KEY, COLLATION)
    tx.put(META, SERVER_KEY, secrets.token_hex(6).upper().encode())
    tx.put(META, VERSION_KEY, b"0")
    tx.put(META, IDS_KEY, b"%d" % _FIRST_ID)


def all_indexes(properties: CollectionProperties, others: Iterable[Index]) -> tuple[Index, ...]:
    """The indexes of a collection with those it always has."""
    edge = (edge_index(properties.name),) if properties.type == EDGE else ()
    return (primary_index(properties.name), *edge, *others)


class StateReader:
    """Makes states of stored records; of a record that is the same it keeps the collection it made."""

    def __init__(
        self, database: str, compiler: ExpressionCompiler, shared: Callable[[], Mapping[str, Analyzer]]
    ) -> None:
        """With what compiles computed values, and what tells the analyzers of `_system`."""
        self._database = database
        self._compiler = compiler
        self._shared = shared
        self._known: dict[int, tuple[bytes, Collection]] = {}

    def read(self, tx: StoreTransaction, version: bytes) -> CatalogState:
        """The state in a snapshot whose version is `version`."""
        collections: dict[int, Collection] = {}
        views: dict[str, View] = {}
        analyzers: dict[str, Analyzer] = dict(BUILT_IN)
        for key, value in tx.scan(META):
            kind, rest = key[:1], key[1:]
            if kind == b"c" and rest.isdigit():
                collections[int(rest)] = self._collection(int(rest), value)
            elif kind == b"v" and rest.isdigit():
                view = View(**orjson.loads(value))
                views[view.name] = view
            elif kind == b"a":
                stored: dict[str, Any] = orjson.loads(value)
                stored["features"] = tuple(stored["features"])
                analyzer = Analyzer(**stored)
                analyzers[analyzer.name] = analyzer
        return CatalogState(
            version=int(version),
            by_name={collection.name: collection for collection in collections.values()},
            by_id=collections,
            views=views,
            analyzers=analyzers,
            database=self._database,
            shared=self._shared,
        )

    def build(self, properties: CollectionProperties, indexes: tuple[Index, ...]) -> Collection:
        """A collection that is not stored yet."""
        return Collection(
            properties,
            all_indexes(properties, indexes),
            Computation(properties.computed_values, self._compiler),
        )

    def _collection(self, number: int, record: bytes) -> Collection:
        known = self._known.get(number)
        if known is not None and known[0] == record:
            return known[1]
        collection = self.build(*decoded_record(record))
        self._known[number] = (record, collection)
        return collection


def view_key(number: int) -> bytes:
    """Where a view is."""
    return b"v%d" % number


def encoded_view(view: View) -> bytes:
    """A view as it is stored."""
    return orjson.dumps(asdict(view))


def analyzer_key(name: str) -> bytes:
    """Where an analyzer is."""
    return b"a" + name.encode()


def encoded_analyzer(analyzer: Analyzer) -> bytes:
    """An analyzer as it is stored."""
    return orjson.dumps(asdict(analyzer))
