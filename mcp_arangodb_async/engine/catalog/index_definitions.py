"""Index definitions: from the body of a request to an `Index`, and back.

Rules: https://docs.arangodb.com/3.12/develop/http-api/indexes/ and the chapter of each type.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast, get_args

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_ILLEGAL_NAME,
    ERROR_BAD_PARAMETER,
    ArangoError,
)

from .index import Index, IndexType
from .inverted import inverted_details
from .names import is_index_name, shown
from .state import CatalogState

_EXPANSION: Final = re.compile(r"\[\*\]")
_MAXIMUM_FIELDS: Final = 32
#: Types a request may ask for. `primary` and `edge` come with their collection.
_CREATABLE: Final = tuple(sorted(set(get_args(IndexType)) - {"primary", "edge", "geo1", "geo2"}))
_PERSISTENT: Final = frozenset({"persistent", "hash", "skiplist"})
_MDI: Final = frozenset({"mdi", "mdi-prefixed", "zkd"})
#: What tells two definitions of one type apart; the rest are settings.
_IDENTITY: Final = ("type", "fields", "unique", "sparse", "stored_values", "expire_after", "details")


def primary_index(collection: str) -> Index:
    """The index over `_key` that every collection has."""
    return Index(
        id=0,
        collection=collection,
        type="primary",
        name="primary",
        fields=("_key",),
        paths=(("_key",),),
        expanded=(None,),
        unique=True,
    )


def edge_index(collection: str) -> Index:
    """The index over `_from` and `_to` that every edge collection has."""
    return Index(
        id=1,
        collection=collection,
        type="edge",
        name="edge",
        fields=("_from", "_to"),
        paths=(("_from",), ("_to",)),
        expanded=(None, None),
    )


def parse_index(body: Mapping[str, Any], collection: str, number: int, state: CatalogState) -> Index:
    """The index that a request asks for. 10 for what is wrong with it, 1208 for its name."""
    if body.get("type") not in _CREATABLE:
        raise _bad(f"invalid index type {shown(body.get('type'))}: use one of {', '.join(_CREATABLE)}")
    kind = cast("IndexType", body["type"])
    name = body.get("name")
    if name is not None and (not isinstance(name, str) or not is_index_name(name)):
        raise ArangoError(ERROR_ARANGO_ILLEGAL_NAME, f"illegal name: index name {shown(name)}")
    if kind == "inverted":
        details = inverted_details(body, state)
        fields = tuple(field["name"] for field in details["fields"])
    else:
        details = None
        fields = _fields(body, "fields", kind)
    index = Index(
        id=number,
        collection=collection,
        type=kind,
        name=name or f"idx_{number}",
        fields=fields,
        paths=tuple(tuple(part for part in _EXPANSION.sub("", field).split(".")) for field in fields),
        expanded=tuple(_expansion(field) for field in fields),
        unique=_flag(body, "unique", default=False),
        sparse=_flag(body, "sparse", default=False),
        estimates=_flag(body, "estimates", default=True),
        cache_enabled=_flag(body, "cacheEnabled", default=False),
        details=details,
    )
    if kind in _PERSISTENT:
        return _persistent(index, body)
    if kind in _MDI:
        return _mdi(index, body)
    match kind:
        case "ttl":
            return _ttl(index, body)
        case "geo":
            return _geo(index, body)
        case "fulltext":
            return _fulltext(index, body)
        case "vector":
            return _vector(index, body)
        case _:
            return replace(index, unique=False, sparse=True)


def _persistent(index: Index, body: Mapping[str, Any]) -> Index:
    stored = _fields(body, "storedValues", "stored values") if body.get("storedValues") else ()
    if set(stored) & set(index.fields):
        raise _bad("'storedValues' and 'fields' must not overlap")
    return replace(index, stored_values=stored, deduplicate=_flag(body, "deduplicate", default=True))


def _ttl(index: Index, body: Mapping[str, Any]) -> Index:
    if len(index.fields) != 1:
        raise _bad("a ttl index needs exactly one field")
    expire_after = body.get("expireAfter")
    if isinstance(expire_after, bool) or not isinstance(expire_after, int | float):
        raise _bad("expireAfter attribute must be a number")
    if expire_after < 0:
        raise _bad("expireAfter attribute must be a non-negative number")
    return replace(index, unique=False, sparse=True, estimates=False, expire_after=expire_after)


def _geo(index: Index, body: Mapping[str, Any]) -> Index:
    geo_json = _flag(body, "geoJson", default=False)
    if len(index.fields) > (1 if geo_json else 2):
        raise _bad(
            "a geo index needs one field, or two fields (latitude and longitude) when geoJson is false"
        )
    details = {
        "geoJson": geo_json,
        "legacyPolygons": _flag(body, "legacyPolygons", default=False),
        "maxNumCoverCells": 8,
        "worstIndexedLevel": 4,
        "bestIndexedLevel": 17,
    }
    return replace(index, unique=False, sparse=True, details=details)


def _fulltext(index: Index, body: Mapping[str, Any]) -> Index:
    if len(index.fields) != 1:
        raise _bad("a fulltext index needs exactly one field")
    least = body.get("minLength", 2)
    if isinstance(least, bool) or not isinstance(least, int | float) or least < 0:
        raise _bad("minLength must be a number of at least 0")
    return replace(index, unique=False, sparse=True, details={"minLength": int(least)})


def _mdi(index: Index, body: Mapping[str, Any]) -> Index:
    if body.get("fieldValueTypes") != "double":
        raise _bad("a multi-dimensional index needs 'fieldValueTypes': 'double'")
    details: dict[str, Any] = {"fieldValueTypes": "double"}
    if body.get("type") == "mdi-prefixed":
        details["prefixFields"] = list(_fields(body, "prefixFields", "prefix fields"))
    stored = _fields(body, "storedValues", "stored values") if body.get("storedValues") else ()
    return replace(index, stored_values=stored, details=details)


def _vector(index: Index, body: Mapping[str, Any]) -> Index:
    if len(index.fields) != 1:
        raise _bad("a vector index needs exactly one field")
    given = body.get("params")
    if not isinstance(given, dict):
        raise _bad("a vector index needs 'params' with metric, dimension and nLists")
    params = cast("dict[str, Any]", given)
    if params.get("metric") not in {"cosine", "l2", "innerProduct"}:
        raise _bad("'metric' of a vector index is cosine, l2 or innerProduct")
    for name in ("dimension", "nLists"):
        value = params.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise _bad(f"{name!r} of a vector index is a whole number of at least 1")
    details = {"params": {"defaultNProbe": 1, "trainingIterations": 25, **params}}
    stored = _fields(body, "storedValues", "stored values") if body.get("storedValues") else ()
    return replace(index, unique=False, stored_values=stored, details=details)


def same_definition(one: Index, other: Index) -> bool:
    """Whether creating `other` where `one` exists changes nothing."""
    return all(getattr(one, name) == getattr(other, name) for name in _IDENTITY)


def describe_index(index: Index, selectivity: float | None) -> dict[str, Any]:
    """An index as HTTP shows it. `selectivity` is left out where the type has none."""
    body: dict[str, Any] = {
        "id": index.full_id,
        "type": index.type,
        "name": index.name,
        "fields": list(index.fields),
        "unique": index.unique,
        "sparse": index.sparse,
    }
    if index.type in _PERSISTENT:
        body |= {
            "deduplicate": index.deduplicate,
            "estimates": index.estimates,
            "cacheEnabled": index.cache_enabled,
        }
        if index.stored_values:
            body["storedValues"] = list(index.stored_values)
    elif index.type == "ttl":
        body |= {"expireAfter": index.expire_after, "estimates": index.estimates}
    elif index.type in _MDI:
        body["estimates"] = index.estimates
        if index.stored_values:
            body["storedValues"] = list(index.stored_values)
    body |= index.details or {}
    if selectivity is not None:
        body["selectivityEstimate"] = selectivity
    return body


def has_selectivity(index: Index) -> bool:
    """Whether an estimate is shown for an index."""
    return index.type in {"primary", "edge"} or (index.type in _PERSISTENT | _MDI and index.estimates)


def _fields(body: Mapping[str, Any], attribute: str, what: str) -> tuple[str, ...]:
    given = body.get(attribute)
    if not isinstance(given, list) or not given:
        raise _bad(f"{attribute!r} must list at least one attribute ({what})")
    fields = cast("list[Any]", given)
    if len(fields) > _MAXIMUM_FIELDS:
        raise _bad(f"{attribute!r} lists more than {_MAXIMUM_FIELDS} attributes")
    for field in fields:
        if not isinstance(field, str) or any(not part for part in _EXPANSION.sub("", field).split(".")):
            raise _bad(f"{attribute!r} must list attribute paths such as 'a' or 'a.b'; not {shown(field)}")
        if field == "_id" and what != "stored values":
            raise _bad("_id attribute cannot be indexed")
        if _EXPANSION.sub("", field) != field.replace("[*]", "", 1):
            raise _bad(f"cannot use multiple [*] expansions in one field: {shown(field)}")
        if "[" in field.replace("[*]", ""):
            raise _bad(f"only [*] is possible in an index field; not {shown(field)}")
        if "[*]" in field and what not in _PERSISTENT:
            raise _bad(f"[*] is possible in persistent indexes only; not in {shown(field)}")
    if len(set(fields)) != len(fields):
        raise _bad(f"{attribute!r} lists an attribute twice")
    return tuple(fields)


def _expansion(field: str) -> int | None:
    """After how many steps `[*]` stands in a path, None when it does not."""
    before, expansion, _ = field.partition("[*]")
    return len(before.split(".")) if expansion else None


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise _bad(f"{name!r} must be true or false")
    return value


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
