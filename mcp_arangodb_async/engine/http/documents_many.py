"""Lists of documents in one request: each item gets its own answer, an error among them stops nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.options import DocumentChange, WriteOptions
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_CONFLICT,
    ERROR_ARANGO_DOCUMENT_HANDLE_BAD,
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_ARANGO_DOCUMENT_TYPE_INVALID,
    ERROR_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, reply
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json
from mcp_arangodb_async.engine.values import encode_json


def _items(call: Call) -> list[Any]:
    body: Any = call.body
    if not isinstance(body, list):
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting a list of documents or keys in the body")
    return cast("list[Any]", body)


def key_of(item: Any, collection: str) -> str:
    """The key an item means: a key, an id, or an object with `_key` or `_id`."""
    handle = item
    if isinstance(item, dict):
        fields = cast("Json", item)
        handle = fields.get("_key", fields.get("_id"))
    if not isinstance(handle, str) or not handle:
        raise ArangoError(ERROR_ARANGO_DOCUMENT_HANDLE_BAD)
    name, slash, key = handle.partition("/")
    if slash and name != collection:
        raise ArangoError(ERROR_ARANGO_DOCUMENT_NOT_FOUND)
    return key if slash else name


class Answers:
    """The list of answers in the making, and how often each error came."""

    def __init__(self, call: Call) -> None:
        self._silent = call.parameters.flag("silent")
        self._old = call.parameters.flag("returnOld")
        self._new = call.parameters.flag("returnNew")
        self._codes: Counter[int] = Counter()
        self.list: list[Any] = []
        self.succeeded = False

    def failed(self, error: ArangoError) -> None:
        self._codes[error.num] += 1
        self.list.append({"error": True, "errorNum": error.num, "errorMessage": error.message})

    def changed(self, change: DocumentChange) -> None:
        self.succeeded = True
        if self._silent:
            return
        document = change.document
        answer = {"_id": document["_id"], "_key": document["_key"], "_rev": document["_rev"]}
        if change.old is not None and change.new is not None:
            answer["_oldRev"] = change.old["_rev"]
        if self._old and change.old is not None and not change.ignored:
            answer["old"] = change.old
        if self._new and change.new is not None and not change.ignored:
            answer["new"] = change.new
        self.list.append(answer)

    def found(self, document: Json) -> None:
        self.succeeded = True
        self.list.append(document)

    def response(self, status: int) -> Response:
        headers = dict[str, str]()
        if self._codes:
            codes = {str(number): count for number, count in sorted(self._codes.items())}
            headers["x-arango-error-codes"] = encode_json(codes).decode()
        return reply(status, self.list, headers)


def _is_synced(call: Call, collection: Collection, answers: Answers) -> bool:
    """Did anything wait for the disk? Nothing did when nothing was written."""
    return answers.succeeded and (call.parameters.flag("waitForSync") or collection.properties.wait_for_sync)


def insert_many(call: Call, options: WriteOptions) -> Response:
    items = _items(call)
    answers = Answers(call)
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, call.names["collection"])
        for change in collection.insert_many(tx, items, options):
            if isinstance(change, ArangoError):
                answers.failed(change)
            else:
                answers.changed(change)
    return answers.response(201 if _is_synced(call, collection, answers) else 202)


def get_many(call: Call) -> Response:
    items = _items(call)
    compare = not call.parameters.flag("ignoreRevs", True)
    answers = Answers(call)
    with call.transaction(write=False) as tx:
        collection = call.readable(tx, call.names["collection"])
        for item in items:
            try:
                document = collection.get(tx, key_of(item, collection.name))
            except ArangoError as error:
                answers.failed(error)
                continue
            if document is None:
                answers.failed(ArangoError(ERROR_ARANGO_DOCUMENT_NOT_FOUND))
            elif compare and _revision_differs(item, document):
                answers.failed(ArangoError(ERROR_ARANGO_CONFLICT))
            else:
                answers.found(document)
    return answers.response(200)


def _revision_differs(item: Any, stored: Json) -> bool:
    revision = cast("Json", item).get("_rev") if isinstance(item, dict) else None
    return isinstance(revision, str) and revision != stored["_rev"]


def _change_many(
    call: Call,
    options: WriteOptions,
    write: Callable[[Collection, Transaction, str, Any], DocumentChange],
    *,
    objects: bool,
    done: int,
) -> Response:
    """Write item by item; `objects` refuses bare keys, `done` is the status of what waited for the disk."""
    items = _items(call)
    answers = Answers(call)
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, call.names["collection"])
        for item in items:
            try:
                if objects and not isinstance(item, dict):
                    raise ArangoError(ERROR_ARANGO_DOCUMENT_TYPE_INVALID)
                key = key_of(item, collection.name)
                stored = None if options.ignore_revs else collection.get(tx, key)
                if stored is not None and _revision_differs(item, stored):
                    raise ArangoError(ERROR_ARANGO_CONFLICT)
                answers.changed(write(collection, tx, key, item))
            except ArangoError as error:
                answers.failed(error)
    return answers.response(done if _is_synced(call, collection, answers) else 202)


def replace_many(call: Call, options: WriteOptions) -> Response:
    def write(collection: Collection, tx: Transaction, key: str, item: Any) -> DocumentChange:
        return collection.replace(tx, key, item, options)

    return _change_many(call, options, write, objects=True, done=201)


def update_many(call: Call, options: WriteOptions) -> Response:
    def write(collection: Collection, tx: Transaction, key: str, item: Any) -> DocumentChange:
        return collection.update(tx, key, item, options)

    return _change_many(call, options, write, objects=True, done=201)


def remove_many(call: Call, options: WriteOptions) -> Response:
    def write(collection: Collection, tx: Transaction, key: str, _: Any) -> DocumentChange:
        return collection.remove(tx, key, options)

    return _change_many(call, options, write, objects=False, done=200)
