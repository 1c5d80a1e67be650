"""The handle that callers get: the driver's database, with checked names and our errors.

Everything the driver makes from it (collections, graphs, cursors, transactions) shares its executor and
connection, and so its guard, deadlines and translation of errors.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeVar, cast

import orjson
from arangoasync.collection import Collection, EdgeCollection, StandardCollection, VertexCollection
from arangoasync.connection import BaseConnection, Connection
from arangoasync.database import Database, StandardDatabase, TransactionDatabase
from arangoasync.exceptions import ArangoError, DeserializationError
from arangoasync.executor import DefaultApiExecutor, TransactionApiExecutor
from arangoasync.graph import Graph
from arangoasync.request import Method, Request
from arangoasync.resolver import SingleHostResolver
from arangoasync.response import Response
from arangoasync.result import Result
from arangoasync.typings import IndexProperties

from mcp_arangodb_async.config.model import DatabaseSettings
from mcp_arangodb_async.connections.checked import (
    COLLECTION_METHODS,
    DATABASE_METHODS,
    GRAPH_METHODS,
    checks_names,
)
from mcp_arangodb_async.connections.client import ServerClient
from mcp_arangodb_async.connections.guard import check_reading, encode_path, read_only
from mcp_arangodb_async.connections.json import OrjsonDeserializer, OrjsonSerializer
from mcp_arangodb_async.connections.limits import call_limits
from mcp_arangodb_async.connections.names import encode_segment, validate_document_id, validate_index_id
from mcp_arangodb_async.connections.suggest import closest, missing_name
from mcp_arangodb_async.connections.translate import server_error, translate
from mcp_arangodb_async.errors import InputError, MaaError

T = TypeVar("T")
_NUMBER = re.compile(r"[0-9]{1,20}\Z")
Json = dict[str, Any]
# Where the names stand that somebody may have meant, by the number of the error.
_LISTS: Mapping[int, Sequence[tuple[str, str]]] = {
    1203: (("/_api/collection", "result"), ("/_api/view", "result")),
    1924: (("/_api/gharial", "graphs"),),
}
_ABORT_SECONDS = 5.0
_SUGGESTION_SECONDS = 1.0


class EncodedRequest(Request):
    """A request whose path was made of encoded segments already."""


class ServerConnection(BaseConnection):
    """The driver's connection to one database: encodes the path; the server's client does the rest.

    It takes the place of the driver's own three, which repeat a failed request on every host as often as
    they like.
    """

    def __init__(self, client: ServerClient, settings: DatabaseSettings, *, reads_only: bool) -> None:
        super().__init__(
            sessions=[],
            host_resolver=SingleHostResolver(1),
            http_client=cast("Any", None),  # never used: `send_request` is ours
            db_name=settings.database,
            serializer=OrjsonSerializer(),
            deserializer=OrjsonDeserializer(),
        )
        self.client = client
        self._database = encode_segment(settings.database)
        self._timeout = settings.timeout
        self._reads_only = settings.key if reads_only else None

    async def send_request(self, request: Request) -> Response:
        """Encode the path, send, and note what the server said of an error."""
        endpoint = request.endpoint
        if not request.prefix_needed:
            raise InputError("requests outside a database are not sent through one")
        path = endpoint if isinstance(request, EncodedRequest) else encode_path(endpoint)
        if self._reads_only is not None:
            check_reading(request.method.name, path, database=self._reads_only)
        sent = Request(
            method=request.method,
            endpoint=f"/_db/{self._database}{path}",
            headers=request.headers,
            params=request.params,
            data=request.data,
            prefix_needed=False,
        )
        response = await self.client.send(sent, database=self._database, within=self._timeout)
        return self.prep_response(request, response)

    def prep_response(self, request: Request, resp: Response) -> Response:  # noqa: ARG002
        """Note number and message of an error; unlike the driver's own, it survives answers of any shape."""
        resp.is_success = 200 <= resp.status_code < 300
        if not resp.is_success and resp.raw_body:
            try:
                body = orjson.loads(resp.raw_body)
            except ValueError:
                return resp
            if isinstance(body, dict):
                error = cast("Json", body)
                number, message = error.get("errorNum"), error.get("errorMessage")
                resp.error_code = number if isinstance(number, int) else None
                resp.error_message = message if isinstance(message, str) else None
        return resp


class StandardExecutor(DefaultApiExecutor):
    """Runs the driver's requests and translates its errors, once."""

    def __init__(self, connection: Connection, key: str) -> None:
        super().__init__(connection)
        self._key = key

    async def execute(self, request: Request, response_handler: Callable[[Response], T]) -> T:
        """Send, let the driver read the answer, and raise our errors."""
        try:
            return await super().execute(request, response_handler)
        except (ArangoError, MaaError) as error:
            raise await _explained(error, self.connection, self._key) from error


class TransactionExecutor(TransactionApiExecutor):
    """The same inside a stream transaction."""

    def __init__(self, connection: Connection, key: str, transaction_id: str) -> None:
        if not _NUMBER.match(transaction_id):
            raise InputError("that is not a transaction's id", field="transaction")
        super().__init__(connection, transaction_id)
        self._key = key

    async def execute(self, request: Request, response_handler: Callable[[Response], T]) -> T:
        """Send, let the driver read the answer, and raise our errors."""
        try:
            return await super().execute(request, response_handler)
        except (ArangoError, MaaError) as error:
            raise await _explained(error, self.connection, self._key) from error


class CheckedDocuments(Collection[Json, Json, list[Json]]):
    """What collections have in common: a document's id is checked before it becomes part of a path."""

    async def get_index(self, id: str | int) -> Result[IndexProperties]:
        """One of its indexes, by id or name."""
        return await super().get_index(self._own_index(id))

    async def delete_index(self, id: str | int, ignore_missing: bool = False) -> Result[bool]:
        """Drop one of its indexes, by id or name."""
        return await super().delete_index(self._own_index(id), ignore_missing)

    def _own_index(self, index: str | int) -> str:
        # The driver takes `other/1` for an index of another collection.
        name = str(index).removeprefix(self._id_prefix)
        if "/" in name:
            raise InputError(f"{name[:80]!r} is not the id of an index of {self.name!r}", field="index")
        return validate_index_id(name)

    def _validate_id(self, doc_id: str) -> str:
        if not doc_id.startswith(self._id_prefix):
            raise InputError(f"{doc_id[:80]!r} is not the id of a document in {self.name!r}", field="id")
        return doc_id

    def _extract_id(self, body: Json, validate: bool = True) -> str:
        if "_id" not in body and "_key" not in body:
            raise InputError("a document needs a _key or an _id to be found by", field="_key")
        return validate_document_id(super()._extract_id(body, validate))

    def _get_doc_id(self, document: str | Json, validate: bool = True) -> str:
        return validate_document_id(super()._get_doc_id(document, validate))


@checks_names(COLLECTION_METHODS)
class ArangoCollection(CheckedDocuments, StandardCollection[Json, Json, list[Json]]):
    """The driver's collection."""


@checks_names(COLLECTION_METHODS)
class ArangoVertexCollection(CheckedDocuments, VertexCollection[Json, Json, list[Json]]):
    """The driver's vertex collection of a graph."""


@checks_names(COLLECTION_METHODS)
class ArangoEdgeCollection(CheckedDocuments, EdgeCollection[Json, Json, list[Json]]):
    """The driver's edge collection of a graph."""


@checks_names(GRAPH_METHODS)
class ArangoGraph(Graph[Json, Json, list[Json]]):
    """The driver's graph."""

    def vertex_collection(self, name: str) -> ArangoVertexCollection:
        """One of its vertex collections, whether it exists or not."""
        return ArangoVertexCollection(
            self._executor, self._name, name, OrjsonSerializer(), OrjsonDeserializer()
        )

    def edge_collection(self, name: str) -> ArangoEdgeCollection:
        """One of its edge collections, whether it exists or not."""
        return ArangoEdgeCollection(
            self._executor, self._name, name, OrjsonSerializer(), OrjsonDeserializer()
        )


class CheckedDatabase(Database):
    """What a database and a transaction in it have in common: everything made from them is ours too."""

    key: str
    settings: DatabaseSettings

    # The driver lets callers choose serializers and types its results by them; here they are always JSON, and
    # the signatures narrower on purpose.
    def collection(self, name: str) -> ArangoCollection:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One collection, whether it exists or not."""
        return ArangoCollection(self._executor, name, OrjsonSerializer(), OrjsonDeserializer())

    def graph(self, name: str) -> ArangoGraph:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One named graph, whether it exists or not."""
        return ArangoGraph(self._executor, name, OrjsonSerializer(), OrjsonDeserializer())

    async def create_collection(self, name: str, **options: Any) -> ArangoCollection:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Create a collection; the options are the driver's."""
        await super().create_collection(name, **options)
        return self.collection(name)

    async def create_graph(self, name: str, **options: Any) -> ArangoGraph:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Create a named graph; the options are the driver's."""
        await super().create_graph(name, **options)
        return self.graph(name)

    async def call(
        self,
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        *path: str,
        params: Mapping[str, str | int | bool] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One request where the driver has no method for it, or a slow one; the answer's JSON value.

        `path` is given in segments, each encoded by itself: `call("GET", "_api", "collection", name,
        "count")`.
        """
        request = EncodedRequest(
            method=Method[method],
            endpoint="".join(f"/{encode_segment(segment)}" for segment in path),
            params=dict(params) if params else None,
            headers=dict(headers) if headers else None,
        )
        connection = self.connection
        if isinstance(self._executor, TransactionApiExecutor):
            request.headers["x-arango-trx-id"] = self._executor.id
        try:
            if body is not None:
                request.data = self.serializer.dumps(cast("Json", body))
            response = await connection.send_request(request)
            if response.is_success:
                return orjson.loads(response.raw_body) if response.raw_body else None
        except orjson.JSONDecodeError as error:
            raise translate(DeserializationError(str(error)), database=self.key) from error
        except (ArangoError, MaaError) as error:
            raise await _explained(error, connection, self.key) from error
        failure = server_error(response.error_code, response.error_message, response.status_code)
        raise await _explained(failure, connection, self.key)


@checks_names(DATABASE_METHODS)
class ArangoTransaction(CheckedDatabase, TransactionDatabase):  # pyright: ignore[reportIncompatibleMethodOverride]
    """A stream transaction: the database's operations inside it, until it is committed or aborted."""

    def __init__(self, database: ArangoDatabase, transaction_id: str) -> None:
        connection = database.connection
        super().__init__(connection, transaction_id)
        self._executor = TransactionExecutor(connection, database.key, transaction_id)
        self._standard_executor = StandardExecutor(connection, database.key)
        self.key = database.key
        self.settings = database.settings
        self.outside_transaction = database


@checks_names(DATABASE_METHODS)
class ArangoDatabase(CheckedDatabase, StandardDatabase):  # pyright: ignore[reportIncompatibleMethodOverride]
    """One configured database: `key` is its name in the configuration, `settings.database` on the server.

    Cheap to get, safe to keep and to share between calls; it is never closed by its users. With `reads_only`
    it refuses every request that is not a read by its endpoint alone.
    """

    def __init__(self, client: ServerClient, settings: DatabaseSettings, *, reads_only: bool = False) -> None:
        connection = ServerConnection(client, settings, reads_only=reads_only)
        # The driver names its three kinds of connections; ours is a fourth, made for the same interface.
        super().__init__(cast("Connection", connection))
        self._executor = StandardExecutor(cast("Connection", connection), settings.key)
        self.key = settings.key
        self.settings = settings
        self._reads_only = reads_only

    @property
    def outside_transaction(self) -> ArangoDatabase:
        """The database itself; for a transaction, the database it is in."""
        return self

    @property
    def client(self) -> ServerClient:
        """The client of its server."""
        return cast("ServerConnection", self.connection).client

    def translated(self, error: ArangoError) -> MaaError:
        """Our error for one of the driver's, as its bulk methods return them per document."""
        return translate(error, database=self.key)

    async def begin_transaction(self, **options: Any) -> ArangoTransaction:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin a stream transaction; the options are the driver's. `transaction` also ends it."""
        if self._reads_only and (options.get("write") or options.get("exclusive")):
            raise read_only(self.key)
        begun = await super().begin_transaction(**options)
        return self.fetch_transaction(begun.transaction_id)

    def fetch_transaction(self, transaction_id: str) -> ArangoTransaction:
        """A stream transaction that was begun before."""
        return ArangoTransaction(self, transaction_id)

    @asynccontextmanager
    async def transaction(
        self,
        *,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        exclusive: Sequence[str] = (),
        allow_implicit: bool = False,
        wait_for_sync: bool | None = None,
        max_transaction_size: int | None = None,
    ) -> AsyncGenerator[ArangoTransaction]:
        """A stream transaction for a block: committed at its end, aborted when it raises or is cancelled.

        With `allow_implicit=False` only the named collections can be read, and only those under `write` and
        `exclusive` changed: a transaction without them cannot write, whatever is run in it.
        """
        transaction = await self.begin_transaction(
            read=list(read),
            write=list(write),
            exclusive=list(exclusive),
            allow_implicit=allow_implicit,
            wait_for_sync=wait_for_sync,
            max_transaction_size=max_transaction_size,
        )
        try:
            yield transaction
        except BaseException:
            await _abort(transaction)
            raise
        await transaction.commit_transaction()


async def _abort(transaction: ArangoTransaction) -> None:
    """Abort even though the caller is being cancelled; one that is gone by now needs nothing."""

    async def abort() -> None:
        with call_limits(deadline_seconds=_ABORT_SECONDS, urgent=True), suppress(MaaError):
            await transaction.abort_transaction()

    await asyncio.shield(asyncio.create_task(abort()))


async def _explained(error: ArangoError | MaaError, connection: Connection, key: str) -> MaaError:
    """Our error; one about a missing collection, view or graph also says which names come close."""
    ours = translate(error, database=key)
    lists = _LISTS.get(ours.arango_error_num or 0)
    if lists is not None and not ours.did_you_mean:
        name = missing_name(ours.message)
        if name is not None:
            ours.did_you_mean = closest(name, await _names(connection, lists))
    return ours


async def _names(connection: Connection, lists: Sequence[tuple[str, str]]) -> Sequence[str]:
    """The names in the lists, each a path and the member of its answer; without those that cannot be had."""
    found: list[str] = []
    try:
        with call_limits(deadline_seconds=_SUGGESTION_SECONDS):
            for path, member in lists:
                request = Request(method=Method.GET, endpoint=path, params={"excludeSystem": True})
                answer = orjson.loads((await connection.send_request(request)).raw_body)
                found += [one.get("name") or one["_key"] for one in answer[member]]
    except (MaaError, ValueError, LookupError, TypeError):
        return found
    return found
