"""One version of a database's catalogue, immutable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .records import Analyzer, View

if TYPE_CHECKING:
    from .collection import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """What exists in a database at one moment. Named graphs are documents of `_graphs`: see `graphs.py`.

    `version` grows with every change of a collection, index, view or analyzer, in any process: a plan made
    for one version is valid as long as the version is the same.
    """

    version: int
    by_name: Mapping[str, "Collection"]
    by_id: Mapping[int, "Collection"]
    views: Mapping[str, View]
    analyzers: Mapping[str, Analyzer]
