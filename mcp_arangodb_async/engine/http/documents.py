"""`/_api/document`: one document at a time. Lists of documents are in `documents_many`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.options import DocumentChange, OverwriteMode, WriteOptions
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_PARAMETER_MISSING,
    ERROR_ARANGO_CONFLICT,
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_ARANGO_DOCUMENT_TYPE_INVALID,
    ERROR_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, failure, reply
from mcp_arangodb_async.engine.http.documents_many import (
    get_many,
    insert_many,
    remove_many,
    replace_many,
    update_many,
)
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json
from mcp_arangodb_async.engine.http.routing import Route

_MODES = {"conflict", "ignore", "replace", "update"}


def write_options(call: Call, *, insert: bool = False) -> WriteOptions:
    """The options of a write, from the query and from `If-Match`."""
    given = call.parameters
    expected = _revision_of(call.header("if-match"))
    return WriteOptions(
        overwrite_mode=_overwrite_mode(call) if insert else "conflict",
        keep_null=given.flag("keepNull", True),
        merge_objects=given.flag("mergeObjects", True),
        ignore_revs=given.flag("ignoreRevs", True),
        expected_rev=expected,
        wait_for_sync=True if given.flag("waitForSync") else None,
        is_restore=given.flag("isRestore"),
        version_attribute=given.text("versionAttribute") or None,
    )


def _overwrite_mode(call: Call) -> OverwriteMode:
    given = call.parameters
    mode = given.text("overwriteMode")
    if not mode:
        older = call.engine.compat == "3.12" and given.flag("overwrite")
        return "replace" if older else "conflict"
    if mode not in _MODES:
        raise ArangoError(
            ERROR_BAD_PARAMETER, f"overwriteMode must be one of {', '.join(sorted(_MODES))}, not {mode!r}"
        )
    return cast("OverwriteMode", mode)


def _revision_of(header: str | None) -> str | None:
    return None if header is None else header.strip().removeprefix("W/").strip('"')


def body_document(body: Any) -> Json:
    """The body as a document; anything but an object is refused."""
    if not isinstance(body, dict):
        raise ArangoError(ERROR_ARANGO_DOCUMENT_TYPE_INVALID)
    return cast("Json", body)


def identity_of(document: Json) -> Json:
    return {"_id": document["_id"], "_key": document["_key"], "_rev": document["_rev"]}


def changed(change: DocumentChange, call: Call) -> Json:
    """What a write answers: the identity, and the documents that were asked for if any was written."""
    answer = identity_of(change.document)
    if change.old is not None and change.new is not None:
        answer["_oldRev"] = change.old["_rev"]
    if change.ignored:
        return answer
    if call.parameters.flag("returnOld") and change.old is not None:
        answer["old"] = change.old
    if call.parameters.flag("returnNew") and change.new is not None:
        answer["new"] = change.new
    return answer


def precondition(document: Json) -> Response:
    """412: the document has another revision than the caller expects, this one."""
    error = ArangoError(ERROR_ARANGO_CONFLICT, "conflict, _rev values do not match", status=412)
    return failure(error, identity_of(document), {"etag": f'"{document["_rev"]}"'})


def other_revision(
    tx: Transaction, collection: Collection, key: str, options: WriteOptions, body: Json | None = None
) -> Json | None:
    """The stored document when its revision is not the expected one; `None` when the write may go on."""
    expected = options.expected_rev
    if expected is None and not options.ignore_revs and body is not None:
        given = body.get("_rev")
        expected = given if isinstance(given, str) else None
    if expected is None:
        return None
    stored = collection.get(tx, key)
    return stored if stored is not None and stored["_rev"] != expected else None


def synced(call: Call, collection: Collection) -> bool:
    return call.parameters.flag("waitForSync") or collection.properties.wait_for_sync


def written(call: Call, collection: Collection, change: DocumentChange) -> Response:
    """The answer to a single write that left a document behind."""
    document = change.document
    headers = {
        "etag": f'"{document["_rev"]}"',
        "location": call.here("_api", "document", collection.name, document["_key"]),
    }
    status = 201 if synced(call, collection) else 202
    if call.parameters.flag("silent"):
        return reply(status, {}, headers)
    return reply(status, changed(change, call), headers)


# ---- endpoints


def read_document(call: Call) -> Response:
    """GET and HEAD, with `If-Match` and `If-None-Match`."""
    with call.transaction(write=False) as tx:
        collection = call.readable(tx, call.names["collection"])
        document = collection.get(tx, call.names["key"])
    if document is None:
        raise ArangoError(ERROR_ARANGO_DOCUMENT_NOT_FOUND)
    unwanted = _revision_of(call.header("if-none-match"))
    if unwanted == document["_rev"]:
        return Response(status=304, headers={"etag": f'"{document["_rev"]}"'})
    expected = _revision_of(call.header("if-match"))
    if expected is not None and expected != document["_rev"]:
        return precondition(document)
    return reply(200, document, {"etag": f'"{document["_rev"]}"'})


def insert_document(call: Call) -> Response:
    """POST: an object makes one document, a list makes many."""
    options = write_options(call, insert=True)
    if isinstance(call.body, list):
        return insert_many(call, options)
    document = body_document(call.body)
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, call.names["collection"])
        change = collection.insert(tx, document, options)
    return written(call, collection, change)


def insert_by_parameter(call: Call) -> Response:
    """The form with the collection among the query's parameters."""
    name = call.parameters.text("collection")
    if not name:
        raise ArangoError(ERROR_ARANGO_COLLECTION_PARAMETER_MISSING)
    return insert_document(replace(call, names={**call.names, "collection": name}))


def _change_document(call: Call, *, patch: bool) -> Response:
    document = body_document(call.body)
    options = write_options(call)
    key = call.names["key"]
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, call.names["collection"])
        stored = other_revision(tx, collection, key, options, document)
        if stored is not None:
            return precondition(stored)
        write = collection.update if patch else collection.replace
        change = write(tx, key, document, options)
    return written(call, collection, change)


def replace_document(call: Call) -> Response:
    return _change_document(call, patch=False)


def update_document(call: Call) -> Response:
    return _change_document(call, patch=True)


def remove_document(call: Call) -> Response:
    options = write_options(call)
    key = call.names["key"]
    given: Any = call.body
    body = cast("Json", given) if isinstance(given, dict) else None
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, call.names["collection"])
        stored = other_revision(tx, collection, key, options, body)
        if stored is not None:
            return precondition(stored)
        change = collection.remove(tx, key, options)
    status = 200 if synced(call, collection) else 202
    headers = {
        "etag": f'"{change.document["_rev"]}"',
        "location": call.here("_api", "document", collection.name, key),
    }
    return reply(status, {} if call.parameters.flag("silent") else changed(change, call), headers)


def put_many(call: Call) -> Response:
    return get_many(call) if call.parameters.flag("onlyget") else replace_many(call, write_options(call))


def patch_many(call: Call) -> Response:
    return update_many(call, write_options(call))


def delete_many(call: Call) -> Response:
    return remove_many(call, write_options(call))


ROUTES: tuple[Route, ...] = (
    Route("POST", "/_api/document", insert_by_parameter),
    Route("POST", "/_api/document/{collection}", insert_document),
    Route("PUT", "/_api/document/{collection}", put_many),
    Route("PATCH", "/_api/document/{collection}", patch_many),
    Route("DELETE", "/_api/document/{collection}", delete_many),
    Route("GET", "/_api/document/{collection}/{key}", read_document, is_short=True),
    Route("HEAD", "/_api/document/{collection}/{key}", read_document, is_short=True),
    Route("PUT", "/_api/document/{collection}/{key}", replace_document),
    Route("PATCH", "/_api/document/{collection}/{key}", update_document),
    Route("DELETE", "/_api/document/{collection}/{key}", remove_document),
)
