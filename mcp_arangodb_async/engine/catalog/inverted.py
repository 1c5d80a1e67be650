"""The definition of an inverted index, with everything ArangoDB adds to what a request leaves out."""

from collections.abc import Mapping
from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

from .names import shown

_FEATURES: Final = ("frequency", "norm")
_KNOWN_FEATURES: Final = frozenset({"frequency", "norm", "position", "offset"})
_SETTINGS: Final[dict[str, Any]] = {
    "cleanupIntervalStep": 2,
    "commitIntervalMsec": 1000,
    "consolidationIntervalMsec": 1000,
    "consolidationPolicy": {
        "type": "tier",
        "segmentsBytesFloor": 2097152,
        "segmentsBytesMax": 5368709120,
        "segmentsMax": 10,
        "segmentsMin": 1,
        "minScore": 0,
    },
    "optimizeTopK": [],
    "parallelism": 2,
    "storedValues": [],
    "version": 1,
    "writebufferActive": 0,
    "writebufferIdle": 64,
    "writebufferSizeMax": 33554432,
}


def inverted_details(body: Mapping[str, Any]) -> dict[str, Any]:
    """What belongs to an inverted index only; 10 for what is wrong with it."""
    fields = body.get("fields", [])
    everything = body.get("includeAllFields", False)
    if not isinstance(fields, list):
        raise _bad("'fields' must be an array")
    if not fields and everything is not True:
        raise _bad("an inverted index needs 'fields', or 'includeAllFields': true")
    analyzer = body.get("analyzer", "identity")
    if not isinstance(analyzer, str) or not analyzer:
        raise _bad("'analyzer' must be the name of an analyzer")
    sort: Any = body.get("primarySort") or {}
    if not isinstance(sort, dict):
        raise _bad("'primarySort' must be an object")
    order = cast("dict[str, Any]", sort)
    return {
        **{name: body.get(name, default) for name, default in _SETTINGS.items()},
        "analyzer": analyzer,
        "features": _features(body),
        "fields": [_field(field) for field in cast("list[Any]", fields)],
        "includeAllFields": everything is True,
        "primarySort": {"fields": order.get("fields", []), "compression": order.get("compression", "lz4")},
        "searchField": body.get("searchField", False) is True,
        "trackListPositions": body.get("trackListPositions", False) is True,
    }


def _field(given: Any) -> dict[str, Any]:
    field = cast("dict[str, Any]", given) if isinstance(given, dict) else {"name": given}
    name = field.get("name")
    if not isinstance(name, str) or not name:
        raise _bad(
            f"a field is an attribute path, or an object with its 'name'; not {shown(cast('object', given))}"
        )
    result = dict(field)
    if "nested" in field:
        if not isinstance(field["nested"], list):
            raise _bad("'nested' must be an array of fields")
        result["nested"] = [_field(item) for item in cast("list[Any]", field["nested"])]
    if "features" in field:
        result["features"] = _features(field)
    return result


def _features(body: Mapping[str, Any]) -> list[str]:
    features = body.get("features", list(_FEATURES))
    if not isinstance(features, list) or any(
        item not in _KNOWN_FEATURES for item in cast("list[Any]", features)
    ):
        raise _bad(f"'features' lists some of {', '.join(sorted(_KNOWN_FEATURES))}")
    return cast("list[str]", features)


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
