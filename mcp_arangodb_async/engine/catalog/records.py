"""Named graphs, views and analyzers as records."""

from dataclasses import dataclass, field
from typing import Any, Literal

AnalyzerFeature = Literal["frequency", "norm", "position", "offset"]
ViewType = Literal["arangosearch", "search-alias"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDefinition:
    """Edges of `collection` lead from a vertex of one of `sources` to one of `targets`."""

    collection: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A named graph. `rev` is the revision of the document in `_graphs` that it was read from."""

    name: str
    edge_definitions: tuple[EdgeDefinition, ...] = ()
    orphans: tuple[str, ...] = ()
    rev: str = ""
    #: Attributes of clusters (`isSmart`, `numberOfShards`, ...), kept and shown as they were given.
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def edge_collections(self) -> tuple[str, ...]:
        """The edge collections, in the order of definition."""
        return tuple(definition.collection for definition in self.edge_definitions)

    @property
    def vertex_collections(self) -> tuple[str, ...]:
        """All vertex collections, orphans too, sorted, each once."""
        names = {name for d in self.edge_definitions for name in (*d.sources, *d.targets)}
        return tuple(sorted(names | set(self.orphans)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """How text is cut and normalised for search. Built-in ones have plain names, others `database::name`."""

    name: str
    type: str
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    features: tuple[AnalyzerFeature, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view: `properties` are normalised JSON, as `/_api/view/{name}/properties` shows them."""

    id: int
    name: str
    type: ViewType
    globally_unique_id: str
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
