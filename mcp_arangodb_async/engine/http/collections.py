"""`/_api/collection`: list, describe, create, change and drop collections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.index import Bounds, Index
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_ILLEGAL_NAME,
    ERROR_BAD_PARAMETER,
    ERROR_CLUSTER_ONLY_ON_COORDINATOR,
    ERROR_HTTP_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, result
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, text_field
from mcp_arangodb_async.engine.http.routing import Need, Route
from mcp_arangodb_async.engine.users import Level

_LOADED = 3
_BRIEF = ("status", "id", "name", "isSystem", "type", "globallyUniqueId")


def brief(call: Call, collection: Collection) -> Json:
    """What lists and most answers tell of a collection."""
    described = _described(call, collection)
    return {name: described[name] for name in _BRIEF if name in described}


def full(call: Call, collection: Collection) -> Json:
    """Everything the API tells of a collection."""
    return _described(call, collection)


def _described(call: Call, collection: Collection) -> Json:
    described = call.catalog.describe(collection.properties)
    if call.engine.compat == "3.12":
        return {**described, "status": _LOADED, "statusString": "loaded"}
    # ArangoDB 4.0 tells no status: it was always the same.
    return {name: value for name, value in described.items() if not name.startswith("status")}


def _located(call: Call, *rest: str) -> dict[str, str]:
    return {"location": call.here("_api", "collection", call.names["name"], *rest)}


def list_collections(call: Call) -> Response:
    hide_system = call.parameters.flag("excludeSystem")
    with call.transaction(write=False) as tx:
        found = [
            brief(call, collection)
            for collection in tx.collections()
            if _may_see(call, collection.name) and not (hide_system and collection.properties.is_system)
        ]
    return result(found)


def _may_see(call: Call, name: str) -> bool:
    if call.identity.is_superuser:
        return True
    user = call.engine.users.find(call.identity.user)
    return user is not None and user.collection_level(call.location.database, name) >= Level.RO


def create_collection(call: Call) -> Response:
    body = call.fields
    text_field(body, "name", num=ERROR_ARANGO_ILLEGAL_NAME)
    collection = call.catalog.create_collection(body)
    _grant_to_creator(call, collection.name)
    return merged(full(call, collection))


def _grant_to_creator(call: Call, name: str) -> None:
    """Who makes a collection may use it, also where collections are granted one by one."""
    user = None if call.identity.is_superuser else call.engine.users.find(call.identity.user)
    if (
        user is not None
        and user.collection_level(call.location.database, name) < Level.RW
        and not name.startswith("_")
    ):
        call.engine.users.grant_collection(user.name, call.location.database, name, Level.RW)


def drop_collection(call: Call) -> Response:
    with call.catalog.begin() as tx:
        collection = call.writable(tx, call.names["name"])
        name, number = collection.name, str(collection.id)
    call.catalog.drop_collection(name, allow_system=call.parameters.flag("isSystem"))
    return merged({"id": number})


def read_collection(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return merged(brief(call, call.readable(tx, call.names["name"])))


def read_properties(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return merged(full(call, call.readable(tx, call.names["name"])), headers=_located(call, "properties"))


def _reading(
    what: str, read: Callable[[Call, Transaction, Collection], Json], show: Callable[[Call, Collection], Json]
) -> Route:
    """A route that shows a collection and something measured of it."""

    def answer(call: Call) -> Response:
        with call.transaction(write=False) as tx:
            collection = call.readable(tx, call.names["name"])
            return merged(
                {**show(call, collection), **read(call, tx, collection)}, headers=_located(call, what)
            )

    return Route("GET", f"/_api/collection/{{name}}/{what}", answer)


def _count(_: Call, tx: Transaction, collection: Collection) -> Json:
    return {"count": collection.count(tx)}


def _figures(call: Call, tx: Transaction, collection: Collection) -> Json:
    """Sizes; with `details` also how many entries each index has, which takes a walk over them."""
    figures, count = collection.figures(tx), collection.count(tx)
    if call.parameters.flag("details"):
        counts = [(index, _entries(tx, collection, index, count)) for index in collection.indexes]
        indexes = [{"type": index.type, "id": index.id, "count": entries} for index, entries in counts]
        figures = {**figures, "engine": {"documents": count, "indexes": indexes}}
    return {"count": count, "figures": figures}


def _entries(tx: Transaction, collection: Collection, index: Index, documents: int) -> int:
    """The entries of an index; those without an order of their own have at most one per document."""
    if index.type in {"primary", "edge"} or not index.is_sorted:
        return documents
    return sum(1 for _ in collection.lookup(tx, index, Bounds()))


def _revision(_: Call, tx: Transaction, collection: Collection) -> Json:
    return {"revision": collection.revision(tx)}


def _checksum(call: Call, tx: Transaction, collection: Collection) -> Json:
    checksum = collection.checksum(
        tx,
        with_revisions=call.parameters.flag("withRevisions"),
        with_data=call.parameters.flag("withData"),
    )
    return {"checksum": checksum, "revision": collection.revision(tx)}


def change_properties(call: Call) -> Response:
    name = _writable_name(call)
    collection = call.catalog.change_collection(name, call.fields)
    return merged(full(call, collection), headers=_located(call, "properties"))


def _writable_name(call: Call) -> str:
    with call.catalog.begin() as tx:
        return call.writable(tx, call.names["name"]).name


def rename(call: Call) -> Response:
    new_name = text_field(call.fields, "name", num=ERROR_ARANGO_ILLEGAL_NAME)
    collection = call.catalog.rename_collection(_writable_name(call), new_name)
    return merged(brief(call, collection), headers=_located(call, "rename"))


def truncate(call: Call) -> Response:
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, call.names["name"])
        if call.parameters.flag("waitForSync", collection.properties.wait_for_sync):
            tx.require_sync()
        collection.truncate(tx)
        return merged(brief(call, collection), headers=_located(call, "truncate"))


def _touching(what: str, *, write: bool) -> Route:
    """A route for something the storage does by itself: it shows the collection and does nothing else."""

    def answer(call: Call) -> Response:
        with call.transaction(write=False) as tx:
            name = call.names["name"]
            collection = call.writable(tx, name) if write else call.readable(tx, name)
            count: dict[str, Any] = {}
            if what == "load" and isinstance(call.body, dict) and call.fields.get("count", True):
                count = {"count": collection.count(tx)}
            return merged({**brief(call, collection), **count}, headers=_located(call, what))

    return Route("PUT", f"/_api/collection/{{name}}/{what}", answer)


def load_indexes(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        call.readable(tx, call.names["name"])
    return merged({"result": True}, headers=_located(call, "loadIndexesIntoMemory"))


def recalculate_count(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        collection = call.writable(tx, call.names["name"])
        return merged(
            {"result": True, "count": collection.count(tx)}, headers=_located(call, "recalculateCount")
        )


def refuse_shards(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        call.readable(tx, call.names["name"])
    raise ArangoError(ERROR_CLUSTER_ONLY_ON_COORDINATOR, status=501)


def refuse_without_name(call: Call) -> Response:
    message = f"expecting {call.request.method} /_api/collection/<collection-name>"
    raise ArangoError(
        ERROR_HTTP_BAD_PARAMETER, message + ("/<action>" if call.request.method == "PUT" else "")
    )


def refuse_action(call: Call) -> Response:
    action = call.names["action"]
    known = "compact, load, loadIndexesIntoMemory, properties, recalculateCount, rename, truncate, unload"
    raise ArangoError(
        ERROR_BAD_PARAMETER, f"no action '{action}' on a collection; there are {known}", status=404
    )


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/collection", list_collections),
    Route("POST", "/_api/collection", create_collection, Need.WRITE),
    Route("PUT", "/_api/collection", refuse_without_name),
    Route("DELETE", "/_api/collection", refuse_without_name),
    Route("GET", "/_api/collection/{name}", read_collection),
    Route("DELETE", "/_api/collection/{name}", drop_collection, Need.WRITE),
    Route("GET", "/_api/collection/{name}/properties", read_properties),
    _reading("count", _count, full),
    _reading("figures", _figures, full),
    _reading("revision", _revision, full),
    _reading("checksum", _checksum, brief),
    Route("PUT", "/_api/collection/{name}/properties", change_properties, Need.WRITE),
    Route("PUT", "/_api/collection/{name}/rename", rename, Need.WRITE),
    Route("PUT", "/_api/collection/{name}/truncate", truncate),
    _touching("load", write=False),
    _touching("unload", write=False),
    _touching("compact", write=True),
    Route("PUT", "/_api/collection/{name}/loadIndexesIntoMemory", load_indexes),
    Route("PUT", "/_api/collection/{name}/recalculateCount", recalculate_count),
    Route("GET", "/_api/collection/{name}/shards", refuse_shards),
    Route("PUT", "/_api/collection/{name}/responsibleShard", refuse_shards),
    Route("PUT", "/_api/collection/{name}/{action}", refuse_action),
)
