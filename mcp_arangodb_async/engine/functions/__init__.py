"""AQL's functions, a table per chapter of the manual."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mcp_arangodb_async.engine.functions import (
    array,
    bit,
    date,
    date_zones,
    document,
    encoding,
    geo,
    indexed,
    miscellaneous,
    numeric,
    regex,
    search,
    sets,
    similarity,
    statistics,
    string,
    types,
    younger,
)
from mcp_arangodb_async.engine.functions.registry import Function

_CHAPTERS: Final = (
    string.FUNCTIONS,
    regex.FUNCTIONS,
    encoding.FUNCTIONS,
    similarity.FUNCTIONS,
    numeric.FUNCTIONS,
    statistics.FUNCTIONS,
    bit.FUNCTIONS,
    array.FUNCTIONS,
    sets.FUNCTIONS,
    document.FUNCTIONS,
    date.FUNCTIONS,
    date_zones.FUNCTIONS,
    types.FUNCTIONS,
    geo.FUNCTIONS,
    indexed.FUNCTIONS,
    miscellaneous.FUNCTIONS,
    search.FUNCTIONS,
)

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {function.name: function for chapter in _CHAPTERS for function in chapter}
)
"""The functions of ArangoDB 3.12 by name, in upper case."""


def functions_of(compat: str) -> Mapping[str, Function]:
    """Return the functions of the version that is imitated, "3.12" or "4.0"."""
    if compat == "3.12":
        return FUNCTIONS
    kept = {name: function for name, function in FUNCTIONS.items() if name not in younger.REMOVED}
    return MappingProxyType(kept | {function.name: function for function in younger.FUNCTIONS})


__all__ = ["FUNCTIONS", "Function", "functions_of"]
