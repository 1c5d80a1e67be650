"""The definition of an inverted index, with everything ArangoDB adds to what a request leaves out."""

from collections.abc import Mapping
from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

from .analyzers import check_analyzers, find_analyzer
from .names import shown
from .state import CatalogState

_FEATURES: Final = ("frequency", "norm")
_KNOWN_FEATURES: Final = frozenset({"frequency", "norm", "position", "offset"})
_SETTINGS: Final[dict[str, Any]] = {
    "cleanupIntervalStep": 2,
    "commitIntervalMsec": 1000,
    "consolidationIntervalMsec": 5000,
    "optimizeTopK": [],
    "storedValues": [],
    "version": 1,
    "writebufferActive": 0,
    "writebufferIdle": 64,
    "writebufferSizeMax": 33554432,
}


_NUMBERS: Final = (
    "cleanupIntervalStep",
    "commitIntervalMsec",
    "consolidationIntervalMsec",
    "writebufferActive",
    "writebufferIdle",
    "writebufferSizeMax",
)
_POLICIES: Final[dict[str, dict[str, Any]]] = {
    "tier": {"segmentsBytesMax": 8589934592, "maxSkewThreshold": 0.4, "minDeletionRatio": 0.5},
    "bytes_accum": {"threshold": 0.1},
}


def consolidation_policy(given: Any) -> dict[str, Any]:
    """A policy for the upkeep of an index, completed; the engine keeps it and needs none."""
    if not isinstance(given, dict):
        raise _bad("'consolidationPolicy' must be an object")
    policy = cast("dict[str, Any]", given)
    kind = policy.get("type", "tier")
    if kind not in _POLICIES:
        raise _bad(f"the type of a consolidationPolicy is tier or bytes_accum; not {shown(kind)}")
    return {"type": kind, **_POLICIES[kind], **policy}


def check_numbers(settings: Mapping[str, Any]) -> None:
    """Refuse settings for the upkeep of an index that are no numbers."""
    for name in _NUMBERS:
        value = settings.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise _bad(f"{name!r} must be a number of at least 0; not {shown(value)}")


def inverted_details(body: Mapping[str, Any], state: CatalogState) -> dict[str, Any]:
    """What belongs to an inverted index only; 10 for what is wrong with it."""
    check_numbers(body)
    fields = body.get("fields", [])
    everything = body.get("includeAllFields", False)
    if not isinstance(fields, list):
        raise _bad("'fields' must be an array")
    if not fields and everything is not True:
        raise _bad("an inverted index needs 'fields', or 'includeAllFields': true")
    analyzer = body.get("analyzer", "identity")
    check_analyzers(state, analyzer)
    sort: Any = body.get("primarySort") or {}
    if not isinstance(sort, dict):
        raise _bad("'primarySort' must be an object")
    order = cast("dict[str, Any]", sort)
    return {
        **{name: body.get(name, default) for name, default in _SETTINGS.items()},
        "analyzer": analyzer,
        "consolidationPolicy": consolidation_policy(body.get("consolidationPolicy", {})),
        "features": _features(body, state, analyzer),
        "fields": [_field(field, state) for field in cast("list[Any]", fields)],
        "includeAllFields": everything is True,
        "primarySort": {"fields": order.get("fields", []), "compression": order.get("compression", "lz4")},
        "searchField": body.get("searchField", False) is True,
        "trackListPositions": body.get("trackListPositions", False) is True,
    }


def _field(given: Any, state: CatalogState) -> dict[str, Any]:
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
        result["nested"] = [_field(item, state) for item in cast("list[Any]", field["nested"])]
    if "analyzer" in field:
        check_analyzers(state, field["analyzer"])
    if "features" in field or "analyzer" in field:
        result["features"] = _features(field, state, field.get("analyzer"))
    return result


def _features(body: Mapping[str, Any], state: CatalogState, analyzer: Any) -> list[str]:
    """The features given, or else those of the analyzer."""
    features: Any = body.get("features")
    if features is None:
        return list(_FEATURES if analyzer is None else find_analyzer(state, analyzer).features)
    if not isinstance(features, list) or any(
        item not in _KNOWN_FEATURES for item in cast("list[Any]", features)
    ):
        raise _bad(f"'features' lists some of {', '.join(sorted(_KNOWN_FEATURES))}")
    return cast("list[str]", features)


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
