"""Analyzer definitions: the built-in ones, and those a database has of its own.

Names: https://docs.arangodb.com/3.12/index-and-search/analyzers/. What an analyzer does to text is known
elsewhere; here it is a name with properties.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from mcp_arangodb_async.engine.analyzers import completed
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_BAD_PARAMETER,
    ArangoError,
)

from .names import shown
from .records import Analyzer, AnalyzerFeature
from .state import CatalogState

_LANGUAGES: Final = ("de", "en", "es", "fi", "fr", "it", "nl", "no", "pt", "ru", "sv", "zh")
_TYPES: Final = (
    "identity",
    "delimiter",
    "multi_delimiter",
    "stem",
    "norm",
    "ngram",
    "text",
    "collation",
    "aql",
    "pipeline",
    "stopwords",
    "segmentation",
    "minhash",
    "wildcard",
    "geojson",
    "geopoint",
    "geo_s2",
    "classification",
    "nearest_neighbors",
)
_FEATURES: Final[tuple[AnalyzerFeature, ...]] = ("frequency", "position", "offset", "norm")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,253}\Z")


def _built_in() -> Mapping[str, Analyzer]:
    made = [Analyzer(name="identity", type="identity", features=("frequency", "norm"))]
    made += [
        Analyzer(
            name=f"text_{language}",
            type="text",
            properties={
                "locale": language,
                "case": "lower",
                "stopwords": [],
                "accent": False,
                "stemming": language != "zh",
            },
            features=("frequency", "position", "norm"),
        )
        for language in _LANGUAGES
    ]
    return MappingProxyType({analyzer.name: analyzer for analyzer in made})


#: The analyzers that exist in every database.
BUILT_IN: Final = _built_in()


def parse_analyzer(body: Mapping[str, Any], database: str) -> Analyzer:
    """The analyzer that POST /_api/analyzer asks for; 10 for what is wrong with it."""
    name = body.get("name")
    if not isinstance(name, str):
        raise _bad("an analyzer needs a 'name'")
    short = local_name(name, database)
    if _NAME.match(short) is None:
        raise _bad(
            f"invalid name of an analyzer: {shown(name)} - use letters, digits, _ and -, a letter first"
        )
    kind = body.get("type")
    if kind not in _TYPES:
        raise _bad(f"the type of an analyzer is one of {', '.join(_TYPES)}; not {shown(kind)}")
    properties: Any = body.get("properties") or {}
    if not isinstance(properties, dict):
        raise _bad("'properties' of an analyzer must be an object")
    features: Any = body.get("features") or []
    if not isinstance(features, list) or any(item not in _FEATURES for item in cast("list[Any]", features)):
        raise _bad(f"'features' of an analyzer lists some of {', '.join(_FEATURES)}")
    for feature, needed in (("offset", "position"), ("position", "frequency")):
        if feature in features and needed not in features:
            raise _bad(f"the feature '{feature}' needs the feature '{needed}'")
    return Analyzer(
        name=f"{database}::{short}",
        type=kind,
        properties=completed(kind, cast("dict[str, Any]", properties)),
        features=tuple(feature for feature in _FEATURES if feature in features),
    )


def find_analyzer(state: CatalogState, name: str) -> Analyzer:
    """The analyzer with this name, with or without its database; 1202 when there is none.

    Those of `_system` are known in all databases, with `_system::` in front.
    """
    database = state.database
    if name.startswith(("_system::", "::")) and database != "_system":
        found = state.shared().get(f"_system::{name.partition('::')[2]}")
    else:
        found = BUILT_IN.get(name) or state.analyzers.get(f"{database}::{local_name(name, database)}")
    if found is None:
        raise ArangoError(
            ERROR_ARANGO_DOCUMENT_NOT_FOUND, f"unable to find analyzer {shown(name)} in {database}"
        )
    return found


def check_analyzers(state: CatalogState, names: Any) -> None:
    """Refuse names of analyzers that do not exist; 10, as ArangoDB answers for links and indexes."""
    for name in cast("list[Any]", names) if isinstance(names, list) else [names]:
        if not isinstance(name, str):
            raise _bad(f"the name of an analyzer is a string; not {shown(name)}")
        try:
            find_analyzer(state, name)
        except ArangoError as error:
            raise _bad(error.message) from None


def local_name(name: str, database: str) -> str:
    """A name without the database in front; `::name` is of `_system`. 10 when it is of another database."""
    owner, colons, short = name.partition("::")
    if not colons:
        return name
    if (owner or "_system") != database:
        raise _bad(f"the analyzer {shown(name)} does not belong to {database}")
    return short


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
