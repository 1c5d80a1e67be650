"""One version of a database's catalogue, immutable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.errors import ERROR_ARANGO_DATA_SOURCE_NOT_FOUND, ArangoError

from .records import Analyzer, View

if TYPE_CHECKING:
    from .collection import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """What exists in a database at one moment. Named graphs are documents of `_graphs`: see `graphs.py`.

    `version` grows with every change of a collection, index, view or analyzer, in any process: a plan
    made for one version is valid as long as the version is the same.
    """

    version: int
    by_name: Mapping[str, "Collection"]
    by_id: Mapping[int, "Collection"]
    views: Mapping[str, View]
    #: The analyzers of the database; the built-in ones are in `analyzers.py`.
    analyzers: Mapping[str, Analyzer]
    database: str = ""
    #: The analyzers of `_system`, which other databases may use.
    shared: Callable[[], Mapping[str, Analyzer]] = dict[str, Analyzer]

    def collection(self, name: str) -> "Collection":
        """The collection with this name (or number as text); else 1203 with the closest names."""
        found = self.by_name.get(name)
        if found is None and name.isdigit() and name.isascii() and len(name) < 19:
            found = self.by_id.get(int(name))
        if found is None:
            raise ArangoError(
                ERROR_ARANGO_DATA_SOURCE_NOT_FOUND,
                f"collection or view not found: {name}{self._closest(name)}",
            )
        return found

    def view(self, name: str) -> View:
        """The view with this name (or number as text); 1203 with the closest names when there is none."""
        found = self.views.get(name) or next(
            (view for view in self.views.values() if str(view.id) == name), None
        )
        if found is None:
            raise ArangoError(
                ERROR_ARANGO_DATA_SOURCE_NOT_FOUND,
                f"collection or view not found: {name}{self._closest(name)}",
            )
        return found

    def _closest(self, name: str) -> str:
        visible = [other for other in (*self.by_name, *self.views) if not other.startswith("_")]
        close = get_close_matches(name, visible, n=3, cutoff=0.6)
        return f" - did you mean {' or '.join(close)}?" if close else ""
