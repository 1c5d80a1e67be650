"""`/_api/simple`: the queries drivers sent before there was AQL for them; each is an AQL query here."""

from __future__ import annotations

from typing import Any, cast

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_PARAMETER_MISSING,
    ERROR_BAD_PARAMETER,
    ERROR_HTTP_NOT_FOUND,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged
from mcp_arangodb_async.engine.http.cursor_store import batch_size_of
from mcp_arangodb_async.engine.http.cursors import Asked, answer_query
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, as_object
from mcp_arangodb_async.engine.http.routing import Route
from mcp_arangodb_async.engine.http.simple_writes import ROUTES as WRITES
from mcp_arangodb_async.engine.http.simple_writes import example_filter


def collection_of(call: Call) -> str:
    """The collection in the body or the parameters, which the caller has to be allowed to read."""
    name = call.fields.get("collection", call.parameters.text("collection") or None)
    if not isinstance(name, str):
        raise ArangoError(ERROR_ARANGO_COLLECTION_PARAMETER_MISSING)
    with call.transaction(write=False) as tx:
        return call.readable(tx, name).name


def _limits(body: Json) -> tuple[str, Json]:
    """`skip` and `limit` as a LIMIT clause."""
    skip, limit = body.get("skip") or 0, body.get("limit")
    if not isinstance(skip, int) or not isinstance(limit, int | None):
        raise ArangoError(ERROR_BAD_PARAMETER, "skip and limit must be whole numbers")
    if limit is None and not skip:
        return "", {}
    return "LIMIT @skip, @limit", {"skip": skip, "limit": 2**31 if limit is None else limit}


def _query(call: Call, text: str, binds: Json) -> Response:
    body = call.fields
    return answer_query(
        call,
        Asked(
            text=text,
            bind_vars=binds,
            options={},
            count=True,
            batch_size=batch_size_of(body.get("batchSize")),
        ),
    )


def all_documents(call: Call) -> Response:
    limit, binds = _limits(call.fields)
    return _query(call, f"FOR d IN @@c {limit} RETURN d", {"@c": collection_of(call), **binds})


def all_keys(call: Call) -> Response:
    kind = call.fields.get("type", "path")
    shapes = {
        "key": "d._key",
        "id": "d._id",
        "path": "CONCAT('/_db/', CURRENT_DATABASE(), '/_api/document/', d._id)",
    }
    if kind not in shapes:
        raise ArangoError(ERROR_BAD_PARAMETER, f"type must be one of {', '.join(shapes)}, not {kind!r}")
    return _query(call, f"FOR d IN @@c RETURN {shapes[kind]}", {"@c": collection_of(call)})


def any_document(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return merged({"document": call.readable(tx, collection_of(call)).any(tx)})


def by_example(call: Call) -> Response:
    condition, binds = example_filter(as_object(call.fields.get("example")))
    limit, limits = _limits(call.fields)
    return _query(
        call, f"FOR d IN @@c {condition} {limit} RETURN d", {"@c": collection_of(call), **binds, **limits}
    )


def first_example(call: Call) -> Response:
    condition, binds = example_filter(as_object(call.fields.get("example")))
    with call.transaction(write=False) as tx:
        found = call.database.query(
            f"FOR d IN @@c {condition} LIMIT 1 RETURN d",
            {"@c": collection_of(call), **binds},
            {},
            transaction=tx,
            access=call.allow,
            user=call.identity.user,
        )
        rows = list(found.rows)
    if not rows:
        raise ArangoError(ERROR_HTTP_NOT_FOUND, "no match")
    return merged({"document": rows[0]})


def in_range(call: Call) -> Response:
    body = call.fields
    attribute = body.get("attribute")
    if not isinstance(attribute, str) or not attribute:
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting a string for 'attribute'")
    limit, limits = _limits(body)
    upper = "<=" if body.get("closed") is True else "<"
    text = f"FOR d IN @@c FILTER d.@path >= @left && d.@path {upper} @right {limit} RETURN d"
    binds = {"path": attribute.split("."), "left": body.get("left"), "right": body.get("right")}
    return _query(call, text, {"@c": collection_of(call), **binds, **limits})


def _geo(call: Call, function: str, last: str) -> Response:
    body = call.fields
    numbers = {name: body.get(name) for name in ("latitude", "longitude")}
    binds: Json = {"c": collection_of(call), **numbers, "last": body.get(last, 100)}
    arguments = "@c, @latitude, @longitude, @last"
    if isinstance(body.get("distance"), str):
        arguments += ", @distance"
        binds["distance"] = body["distance"]
    limit, limits = _limits(
        {"skip": body.get("skip"), "limit": body.get("limit") if last == "radius" else None}
    )
    return _query(call, f"FOR d IN {function}({arguments}) {limit} RETURN d", {**binds, **limits})


def near(call: Call) -> Response:
    return _geo(call, "NEAR", "limit")


def within(call: Call) -> Response:
    return _geo(call, "WITHIN", "radius")


def fulltext(call: Call) -> Response:
    body = call.fields
    binds = {"c": collection_of(call), "attribute": body.get("attribute"), "query": body.get("query")}
    limit, limits = _limits(body)
    return _query(call, f"FOR d IN FULLTEXT(@c, @attribute, @query) {limit} RETURN d", {**binds, **limits})


def lookup_by_keys(call: Call) -> Response:
    keys = call.fields.get("keys")
    if not isinstance(keys, list):
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting a list of keys for 'keys'")
    wanted = [key.rpartition("/")[2] for key in cast("list[Any]", keys) if isinstance(key, str)]
    with call.transaction(write=False) as tx:
        found = call.readable(tx, collection_of(call)).get_many(tx, wanted)
    return merged({"documents": [document for document in found if document is not None]})


_SIMPLE = "/_api/simple"
ROUTES: tuple[Route, ...] = (
    Route("PUT", f"{_SIMPLE}/all", all_documents),
    Route("PUT", f"{_SIMPLE}/all-keys", all_keys),
    Route("PUT", f"{_SIMPLE}/any", any_document),
    Route("PUT", f"{_SIMPLE}/by-example", by_example),
    Route("PUT", f"{_SIMPLE}/first-example", first_example),
    Route("PUT", f"{_SIMPLE}/range", in_range),
    Route("PUT", f"{_SIMPLE}/near", near),
    Route("PUT", f"{_SIMPLE}/within", within),
    Route("PUT", f"{_SIMPLE}/fulltext", fulltext),
    Route("PUT", f"{_SIMPLE}/lookup-by-keys", lookup_by_keys),
    *WRITES,
)
