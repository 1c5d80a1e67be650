"""Collection definitions: from the body of a request to properties, and back; and as they are stored."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

import orjson

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

from .computed import describe_computed_values, parse_computed_values
from .index import Index
from .keygen import describe_key_options, parse_key_options
from .names import check_collection_name, shown
from .properties import (
    DOCUMENT,
    EDGE,
    CollectionProperties,
    CollectionType,
    ComputedValue,
    KeyOptions,
    Schema,
)
from .schema import describe_schema, parse_schema

_LOADED: Final = 3
_TYPES: Final[dict[Any, CollectionType]] = {
    DOCUMENT: DOCUMENT,
    EDGE: EDGE,
    "document": DOCUMENT,
    "edge": EDGE,
}


def parse_collection(body: Mapping[str, Any], number: int, server: str) -> CollectionProperties:
    """The properties that POST /_api/collection asks for; options of clusters are passed over.

    1208 for the name, 10 for the type and flags, 1232 for key options, 1621 for the schema.
    """
    is_system = _flag(body, "isSystem", default=False)
    name = check_collection_name(body.get("name"), allow_system=is_system)
    given = body.get("type", DOCUMENT)
    kind = _TYPES.get(given) if isinstance(given, int | str) and not isinstance(given, bool) else None
    if kind is None:
        raise _bad(f"the type of a collection is 2 (documents) or 3 (edges); not {shown(given)}")
    return CollectionProperties(
        id=number,
        name=name,
        globally_unique_id=name if name.startswith("_") else f"h{server}/{number}",
        type=kind,
        is_system=is_system and name.startswith("_"),
        wait_for_sync=_flag(body, "waitForSync", default=False),
        key_options=parse_key_options(body.get("keyOptions")),
        schema=parse_schema(body.get("schema")),
        computed_values=parse_computed_values(body.get("computedValues")),
        cache_enabled=_flag(body, "cacheEnabled", default=False),
    )


def changed_collection(properties: CollectionProperties, changes: Mapping[str, Any]) -> CollectionProperties:
    """The properties after PUT /_api/collection/{name}/properties; what cannot change is passed over."""
    if "schema" in changes:
        properties = replace(properties, schema=parse_schema(changes["schema"]))
    if "computedValues" in changes:
        properties = replace(properties, computed_values=parse_computed_values(changes["computedValues"]))
    return replace(
        properties,
        wait_for_sync=_flag(changes, "waitForSync", default=properties.wait_for_sync),
        cache_enabled=_flag(changes, "cacheEnabled", default=properties.cache_enabled),
    )


def describe_collection(properties: CollectionProperties, last_key: int) -> dict[str, Any]:
    """All properties as HTTP shows them."""
    return {
        "id": str(properties.id),
        "name": properties.name,
        "type": properties.type,
        "status": _LOADED,
        "statusString": "loaded",
        "isSystem": properties.is_system,
        "globallyUniqueId": properties.globally_unique_id,
        "objectId": str(properties.id),
        "waitForSync": properties.wait_for_sync,
        "keyOptions": describe_key_options(properties.key_options, last_key),
        "schema": describe_schema(properties.schema),
        "computedValues": describe_computed_values(properties.computed_values),
        "cacheEnabled": properties.cache_enabled,
        "writeConcern": 1,
        "usesRevisionsAsDocumentIds": True,
        "syncByRevision": True,
        "isSmartChild": False,
        "internalValidatorType": 0,
    }


def encoded_record(properties: CollectionProperties, indexes: tuple[Index, ...]) -> bytes:
    """A collection as it is stored, with the indexes made for it (primary and edge are understood)."""
    return orjson.dumps(
        {
            "properties": asdict(properties),
            "indexes": [asdict(index) for index in indexes if index.type not in {"primary", "edge"}],
        }
    )


def decoded_record(data: bytes) -> tuple[CollectionProperties, tuple[Index, ...]]:
    """A collection as it was stored."""
    record = orjson.loads(data)
    stored: dict[str, Any] = record["properties"]
    schema = stored["schema"]
    stored["key_options"] = KeyOptions(**stored["key_options"])
    stored["schema"] = None if schema is None else Schema(**schema)
    for value in stored["computed_values"]:
        value["compute_on"] = tuple(value["compute_on"])
    stored["computed_values"] = tuple(ComputedValue(**value) for value in stored["computed_values"])
    properties = CollectionProperties(**stored)
    return properties, tuple(_decoded_index(index, properties.name) for index in record["indexes"])


def _decoded_index(stored: dict[str, Any], collection: str) -> Index:
    for name in ("fields", "expanded", "stored_values"):
        stored[name] = tuple(stored[name])
    stored["paths"] = tuple(tuple(path) for path in stored["paths"])
    stored["collection"] = collection
    return Index(**stored)


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _bad(f"{name!r} must be true or false; not {shown(value)}")
    return value


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
