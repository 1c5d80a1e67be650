"""View definitions: from the body of a request to a `View`, with all that ArangoDB adds to it.

Rules: https://docs.arangodb.com/3.12/develop/http-api/views/.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATA_SOURCE_NOT_FOUND,
    ERROR_BAD_PARAMETER,
    ArangoError,
)

from .analyzers import check_analyzers
from .inverted import check_numbers, consolidation_policy
from .names import check_collection_name, shown
from .records import View
from .state import CatalogState

_SETTINGS: Final[dict[str, Any]] = {
    "cleanupIntervalStep": 2,
    "commitIntervalMsec": 1000,
    "consolidationIntervalMsec": 5000,
    "consolidationPolicy": consolidation_policy({}),
    "writebufferIdle": 64,
    "writebufferActive": 0,
    "writebufferSizeMax": 33554432,
}
#: Fixed when the view is made.
_FIXED: Final[dict[str, Any]] = {
    "primarySort": [],
    "primarySortCompression": "lz4",
    "storedValues": [],
    "optimizeTopK": [],
}
_LINK: Final[dict[str, Any]] = {
    "analyzers": ["identity"],
    "fields": {},
    "includeAllFields": False,
    "storeValues": "none",
    "trackListPositions": False,
}


def parse_view(body: Mapping[str, Any], number: int, server: str, state: CatalogState) -> View:
    """The view that POST /_api/view asks for. 1208 name, 10 bad option, 1203 unknown collection."""
    kind = body.get("type")
    if kind not in ("arangosearch", "search-alias"):
        raise _bad(f"the type of a view is arangosearch or search-alias; not {shown(kind)}")
    view = View(
        id=number,
        name=check_collection_name(body.get("name")),
        type=kind,
        globally_unique_id=f"h{server}/{number}",
    )
    if kind == "search-alias":
        return replace(view, properties={"indexes": _indexes([], body.get("indexes", []), state)})
    properties = {
        **{name: body.get(name, default) for name, default in {**_SETTINGS, **_FIXED}.items()},
        "links": _links({}, body.get("links", {}), state),
    }
    properties["storedValues"] = _stored(properties["storedValues"])
    return replace(view, properties=_checked(properties))


def changed_view(view: View, changes: Mapping[str, Any], state: CatalogState, *, partial: bool) -> View:
    """The view after PATCH (`partial`) or PUT of its properties; fixed ones are passed over."""
    if view.type == "search-alias":
        before: list[dict[str, Any]] = view.properties["indexes"] if partial else []
        given = changes.get("indexes", [])
        return replace(view, properties={"indexes": _indexes(before, given, state)})
    old = view.properties
    properties = {
        name: changes.get(name, old[name] if partial else default) for name, default in _SETTINGS.items()
    }
    properties |= {name: old[name] for name in _FIXED}
    properties["links"] = _links(old["links"] if partial else {}, changes.get("links", {}), state)
    return replace(view, properties=_checked(properties))


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with the policy completed; 10 for a setting that is of the wrong type."""
    check_numbers(properties)
    return {**properties, "consolidationPolicy": consolidation_policy(properties["consolidationPolicy"])}


def without_collection(view: View, name: str) -> View | None:
    """The view without a collection that is dropped; None when it does not use it."""
    if view.type == "search-alias":
        kept = [index for index in view.properties["indexes"] if index["collection"] != name]
        if len(kept) == len(view.properties["indexes"]):
            return None
        return replace(view, properties={"indexes": kept})
    if name not in view.properties["links"]:
        return None
    links = {other: link for other, link in view.properties["links"].items() if other != name}
    return replace(view, properties={**view.properties, "links": links})


def with_renamed_collection(view: View, name: str, new_name: str) -> View | None:
    """The view after a collection got another name; None when it does not use it."""
    if without_collection(view, name) is None:
        return None
    if view.type == "search-alias":
        indexes = [
            {**index, "collection": new_name} if index["collection"] == name else index
            for index in view.properties["indexes"]
        ]
        return replace(view, properties={"indexes": indexes})
    links = {new_name if other == name else other: link for other, link in view.properties["links"].items()}
    return replace(view, properties={**view.properties, "links": links})


def describe_view(view: View) -> dict[str, Any]:
    """A view as HTTP shows it, with all properties."""
    return {
        "id": str(view.id),
        "name": view.name,
        "type": view.type,
        "globallyUniqueId": view.globally_unique_id,
        **view.properties,
    }


def _links(before: Mapping[str, Any], given: Any, state: CatalogState) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _bad("'links' must be an object: collection names and what to index of each")
    links = dict(before)
    for name, link in cast("dict[str, Any]", given).items():
        if link is None:
            links.pop(name, None)
            continue
        if not isinstance(link, dict):
            raise _bad(f"the link of {shown(name)} must be an object")
        collection = state.by_name.get(name)
        if collection is None:
            raise ArangoError(
                ERROR_ARANGO_DATA_SOURCE_NOT_FOUND, f"collection or view not found: {name} in 'links'"
            )
        links[name] = _link({**_LINK, **cast("dict[str, Any]", link)}, state)
    return links


def _link(link: dict[str, Any], state: CatalogState) -> dict[str, Any]:
    if link["storeValues"] not in ("none", "id"):
        raise _bad(f"'storeValues' of a link is none or id; not {shown(link['storeValues'])}")
    _check_fields(link, state)
    return link


def _check_fields(link: dict[str, Any], state: CatalogState) -> None:
    """Refuse analyzers that do not exist, here and in the fields below."""
    if "analyzers" in link:
        if not isinstance(link["analyzers"], list):
            raise _bad("'analyzers' must be an array of names")
        check_analyzers(state, link["analyzers"])
    for name in ("includeAllFields", "trackListPositions"):
        if not isinstance(link.get(name, False), bool):
            raise _bad(f"{name!r} of a link is true or false")
    for part in ("fields", "nested"):
        below: Any = link.get(part) or {}
        if not isinstance(below, dict):
            raise _bad(f"{part!r} of a link must be an object")
        for name, field in cast("dict[str, Any]", below).items():
            if not isinstance(field, dict):
                raise _bad(f"the field {shown(name)} of a link must be an object")
            _check_fields(cast("dict[str, Any]", field), state)


def _indexes(before: list[dict[str, Any]], given: Any, state: CatalogState) -> list[dict[str, Any]]:
    """The indexes of a search-alias view after some were added or, with `operation: del`, removed."""
    if not isinstance(given, list):
        raise _bad("'indexes' must be an array of {collection, index}")
    indexes = list(before)
    for item in cast("list[Any]", given):
        if not isinstance(item, dict):
            raise _bad("each of 'indexes' must be an object {collection, index}")
        entry = cast("dict[str, Any]", item)
        wanted = {"collection": entry.get("collection"), "index": entry.get("index")}
        if not all(isinstance(value, str) for value in wanted.values()):
            raise _bad("each of 'indexes' needs a 'collection' and an 'index' by name")
        if entry.get("operation", "add") == "del":
            indexes = [index for index in indexes if index != wanted]
            continue
        collection = state.by_name.get(cast("str", wanted["collection"]))
        if collection is None:
            raise ArangoError(
                ERROR_ARANGO_DATA_SOURCE_NOT_FOUND, f"collection or view not found: {wanted['collection']}"
            )
        index = collection.index(cast("str", wanted["index"]))
        if index.type != "inverted":
            raise _bad(
                f"index {index.full_id} is of type {index.type}: a search-alias view uses inverted ones"
            )
        wanted["index"] = index.name
        if wanted not in indexes:
            indexes.append(cast("dict[str, Any]", wanted))
    return indexes


def _stored(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise _bad("'storedValues' must be an array")
    stored: list[Any] = []
    for item in cast("list[Any]", given):
        if isinstance(item, dict):
            stored.append({"compression": "lz4", **cast("dict[str, Any]", item)})
        else:
            stored.append({"fields": item if isinstance(item, list) else [item], "compression": "lz4"})
    return stored


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
