"""`/_api/simple/*-by-example` and `remove-by-keys`: changes of all documents that look like an example."""

from __future__ import annotations

from typing import Any, cast

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_PARAMETER_MISSING,
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, as_object, text_field
from mcp_arangodb_async.engine.http.routing import Route


def example_filter(example: Json) -> tuple[str, Json]:
    """A FILTER for documents whose attributes equal the example's; `a.b` and nested objects reach inside."""
    conditions, binds = list[str](), Json()
    for name, value in example.items():
        number = len(conditions)
        conditions.append(f"d.@path{number} == @value{number}")
        binds[f"path{number}"] = name.split(".")
        binds[f"value{number}"] = value
    return ("FILTER " + " && ".join(conditions) if conditions else ""), binds


def _change(call: Call, operation: str, binds: Json) -> int:
    body = call.fields
    condition, example = example_filter(as_object(body.get("example")))
    limit = body.get("limit")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
        raise ArangoError(ERROR_BAD_PARAMETER, "limit must be a whole number")
    limits = "" if not limit else "LIMIT @limit"
    given = {"limit": limit} if limit else Json()
    with call.transaction(write=True) as tx:
        found = call.database.query(
            f"FOR d IN @@c {condition} {limits} {operation}",
            {"@c": text_field(body, "collection"), **example, **given, **binds},
            {},
            transaction=tx,
            access=call.allow,
            user=call.identity.user,
        )
        list(found.rows)
        return int(found.extra["stats"]["writesExecuted"])


def remove_by_example(call: Call) -> Response:
    return merged({"deleted": _change(call, "REMOVE d IN @@c", {})})


def replace_by_example(call: Call) -> Response:
    new = as_object(call.fields.get("newValue"))
    return merged({"replaced": _change(call, "REPLACE d WITH @new IN @@c", {"new": new})})


def update_by_example(call: Call) -> Response:
    body = call.fields
    options = as_object(body.get("options") or body)
    flags = {
        "keepNull": options.get("keepNull") is not False,
        "mergeObjects": options.get("mergeObjects") is not False,
    }
    written = ", ".join(f"{name}: {str(value).lower()}" for name, value in flags.items())
    new = as_object(body.get("newValue"))
    return merged(
        {"updated": _change(call, f"UPDATE d WITH @new IN @@c OPTIONS {{ {written} }}", {"new": new})}
    )


def remove_by_keys(call: Call) -> Response:
    body = call.fields
    keys = body.get("keys")
    if not isinstance(keys, list):
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting a list of keys for 'keys'")
    name = body.get("collection")
    if not isinstance(name, str):
        raise ArangoError(ERROR_ARANGO_COLLECTION_PARAMETER_MISSING)
    removed, ignored, old = 0, 0, list[Any]()
    options = body.get("options")
    wants_old = isinstance(options, dict) and cast("Json", options).get("returnOld") is True
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, name)
        for key in cast("list[Any]", keys):
            try:
                change = collection.remove(tx, str(key).rpartition("/")[2])
            except ArangoError as error:
                if error.num != ERROR_ARANGO_DOCUMENT_NOT_FOUND:
                    raise
                ignored += 1
            else:
                removed += 1
                old.append(change.old)
    answer: Json = {"removed": removed, "ignored": ignored}
    return merged({**answer, "old": old} if wants_old else answer)


_SIMPLE = "/_api/simple"
ROUTES: tuple[Route, ...] = (
    Route("PUT", f"{_SIMPLE}/remove-by-example", remove_by_example),
    Route("PUT", f"{_SIMPLE}/replace-by-example", replace_by_example),
    Route("PUT", f"{_SIMPLE}/update-by-example", update_by_example),
    Route("PUT", f"{_SIMPLE}/remove-by-keys", remove_by_keys),
)
