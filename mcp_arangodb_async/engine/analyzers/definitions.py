"""The properties of an analyzer with all that ArangoDB adds to those given, and nothing it does not know.

Source: "Transforming data with Analyzers" in ArangoDB's manual. A server answers with all properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from mcp_arangodb_async.engine.analyzers.open import Properties, open_analyzer
from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

_REQUIRED: Final = object()
_OPTIONS: Final = MappingProxyType({"maxCells": 20, "minLevel": 4, "maxLevel": 23})

#: Names and defaults of each type's properties, in the order of a server's answer.
PROPERTIES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "identity": {},
        "delimiter": {"delimiter": _REQUIRED},
        "multi_delimiter": {"delimiters": _REQUIRED},
        "stem": {"locale": _REQUIRED},
        "norm": {"locale": _REQUIRED, "case": "none", "accent": True},
        "ngram": {
            "min": _REQUIRED,
            "max": _REQUIRED,
            "preserveOriginal": _REQUIRED,
            "streamType": "binary",
            "startMarker": "",
            "endMarker": "",
        },
        "text": {
            "locale": _REQUIRED,
            "case": "lower",
            "stopwords": [],
            "accent": False,
            "stemming": True,
            "edgeNgram": None,
            "stopwordsPath": None,
        },
        "collation": {"locale": _REQUIRED},
        "aql": {
            "queryString": _REQUIRED,
            "collapsePositions": False,
            "keepNull": True,
            "batchSize": 10,
            "memoryLimit": 1048576,
            "returnType": "string",
        },
        "pipeline": {"pipeline": _REQUIRED},
        "stopwords": {"stopwords": _REQUIRED, "hex": False},
        "segmentation": {"break": "alpha", "case": "lower"},
        "wildcard": {"ngramSize": _REQUIRED, "analyzer": None},
        "minhash": {"numHashes": _REQUIRED, "analyzer": None},
        "geojson": {"type": "shape", "options": _OPTIONS, "legacy": False},
        "geo_s2": {"format": "latLngDouble", "type": "shape", "options": _OPTIONS},
        "geopoint": {"latitude": [], "longitude": [], "options": _OPTIONS},
    }
)
_SHAPES: Final = ("shape", "centroid", "point")
_FORMATS: Final = ("latLngDouble", "latLngInt", "s2Point")


def completed(type_: str, properties: Properties) -> dict[str, Any]:
    """Return all properties of an analyzer; ArangoError 10 names one that is wrong, 9 a type that cannot be.

    The query of an `aql` analyzer is not read here.
    """
    known = PROPERTIES.get(type_)
    if known is None:
        open_analyzer(type_, properties)  # says what is the matter with this type
        raise AssertionError(type_)
    made: dict[str, Any] = {}
    for name, default in known.items():
        value = properties.get(name)
        if value is None:
            value = None if default is _REQUIRED else default
        if name == "options":
            value = _completed_options(value)
        elif name == "analyzer" and value is not None:
            value = _completed_part(value, name)
        elif name == "pipeline" and isinstance(value, list):
            value = [_completed_part(part, name) for part in cast("list[Any]", value)]
        if value is not None:
            made[name] = value
    if type_.startswith("geo"):
        _check_geometry(made)
    else:
        open_analyzer(type_, made, run=_not_run)
    return made


def _not_run(_: str, __: str, /, *, memory_limit: int) -> list[Any]:
    raise AssertionError(memory_limit)


def _completed_part(given: Any, name: str) -> Any:
    """An analyzer inside of another."""
    if not isinstance(given, dict):
        return given
    part = cast("dict[str, Any]", given)
    kind: Any = part.get("type")
    properties: Any = part.get("properties") or {}
    if not isinstance(kind, str) or not isinstance(properties, dict):
        raise _bad(name, "holds objects with type and properties")
    if kind == "aql":
        raise _bad(name, "cannot hold an analyzer of type 'aql'")
    if kind.startswith("geo"):
        raise _bad(name, f"cannot hold an analyzer of type '{kind}': it has no tokens")
    return {"type": kind, "properties": completed(kind, cast("Properties", properties))}


def _completed_options(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise _bad("options", "is an object with maxCells, minLevel and maxLevel")
    options = cast("Properties", given)
    made: dict[str, Any] = {name: options.get(name, default) for name, default in _OPTIONS.items()}
    if any(isinstance(value, bool) or not isinstance(value, int) for value in made.values()):
        raise _bad("options", "holds whole numbers")
    if not 0 <= made["minLevel"] <= made["maxLevel"] <= 30:
        raise _bad("options", "has levels from 0 to 30, minLevel not above maxLevel")
    return made


def _check_geometry(made: Properties) -> None:
    if made.get("type", "shape") not in _SHAPES:
        raise _bad("type", f"is one of {', '.join(_SHAPES)}")
    if made.get("format", "latLngDouble") not in _FORMATS:
        raise _bad("format", f"is one of {', '.join(_FORMATS)}")
    if not isinstance(made.get("legacy", False), bool):
        raise _bad("legacy", "is true or false")
    for name in ("latitude", "longitude"):
        value: Any = made.get(name, [])
        if not isinstance(value, list) or not all(isinstance(step, str) for step in cast("list[Any]", value)):
            raise _bad(name, "is an array of attribute names, the way to the coordinate")
    if bool(made.get("latitude")) != bool(made.get("longitude")):
        raise _bad("latitude", "and 'longitude' are given both or not at all")


def _bad(field: str, what: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, f"analyzer property '{field}' {what}")
