"""Tools that define graphs and add to them."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations import documents, graphs
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.documents import COLLECTION, DRY_RUN
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool

GRAPH: Any = Field(description="Graph")
GRAPH_SPELLINGS = {"graph_name": "graph", "graphName": "graph", "name": "graph"}
FROM: Any = Field(description="From")
TO: Any = Field(description="To")


DEFINITION = "{edge_collection, from_collections, to_collections}"


class Definition(BaseModel):
    """One edge definition."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    edge_collection: str
    from_collections: Names
    to_collections: Names

    def record(self) -> graphs.EdgeDefinition:
        """The definition for the operations."""
        return graphs.EdgeDefinition(
            edge_collection=self.edge_collection,
            from_collections=self.from_collections,
            to_collections=self.to_collections,
        )


class CreateGraphArgs(DatabaseArgs):
    """Arguments of arango_create_graph."""

    name: str = Field(description="Name")
    """Name of the graph."""
    edge_definitions: list[Definition] = Field(max_length=100, description=DEFINITION)
    """`{edge_collection, from_collections, to_collections}` for each edge collection."""
    orphan_collections: Names = hidden(default=[])
    """Vertex collections that no edge leads to."""
    create_collections: bool = hidden(default=True)
    """Create collections that do not exist; false makes that an error."""

    also: ClassVar = {"graph_name": "name", "graph": "name", "edgeDefinitions": "edge_definitions"}


@tool(title="New graph", category="graph", effect=Effect.ENSURE)
async def arango_create_graph(call: Call, args: CreateGraphArgs) -> graphs.GraphMade:
    """Create a graph if missing."""
    return await graphs.create_graph(
        await call.database(),
        args.name,
        [definition.record() for definition in args.edge_definitions],
        orphans=args.orphan_collections,
        create_collections=args.create_collections,
    )


class RemoveGraphArgs(DatabaseArgs):
    """Arguments of arango_remove_graph.

    Without `drop_collections` only the definition goes; documents and edges stay.
    """

    graph: str = GRAPH
    drop_collections: bool = Field(False, description="And data")
    """Also drop its collections, except those that other graphs use."""
    dry_run: bool = DRY_RUN

    also: ClassVar = {**GRAPH_SPELLINGS, "dropCollections": "drop_collections"}


@tool(title="Remove graph", category="graph", effect=Effect.DESTROY)
async def arango_remove_graph(call: Call, args: RemoveGraphArgs) -> graphs.GraphRemoved:
    """Remove a graph."""
    return await graphs.remove_graph(
        await call.database(), args.graph, drop_collections=args.drop_collections, dry_run=args.dry_run
    )


class VertexCollectionArgs(DatabaseArgs):
    """Arguments of arango_add_vertex_collection."""

    graph: str = GRAPH
    collection: str = COLLECTION

    also: ClassVar = GRAPH_SPELLINGS


@tool(title="Add vertices", category="graph", effect=Effect.ADD)
async def arango_add_vertex_collection(
    call: Call, args: VertexCollectionArgs
) -> graphs.VertexCollectionAdded:
    """Add a vertex collection."""
    return await graphs.add_vertex_collection(await call.database(), args.graph, args.collection)


class EdgeDefinitionArgs(DatabaseArgs):
    """Arguments of arango_add_edge_definition."""

    graph: str = GRAPH
    edge_collection: str | None = Field(None, description="Name")
    """Name of the edge collection; it is created if it does not exist."""
    from_collections: Names = Field([], description="From")
    """Vertex collections the edges come from."""
    to_collections: Names = Field([], description="To")
    """Vertex collections the edges lead to."""
    edge_definition: Definition | None = hidden()
    """The three in one object, as earlier releases took them."""

    also: ClassVar = GRAPH_SPELLINGS


@tool(title="Add edges", category="graph", effect=Effect.ADD)
async def arango_add_edge_definition(call: Call, args: EdgeDefinitionArgs) -> graphs.EdgeDefinitionAdded:
    """Add an edge definition."""
    if args.edge_definition is not None:
        definition = args.edge_definition.record()
    elif args.edge_collection is None:
        raise InputError("edge_collection: is required", field="edge_collection")
    else:
        definition = graphs.EdgeDefinition(
            edge_collection=args.edge_collection,
            from_collections=args.from_collections,
            to_collections=args.to_collections,
        )
    return await graphs.add_edge_definition(await call.database(), args.graph, definition)


class AddEdgeArgs(DatabaseArgs):
    """Arguments of arango_add_edge.

    Both ends must exist.
    """

    collection: str = COLLECTION
    from_id: str = Field(description="_id")
    """`_id` of the document the edge comes from; it must exist."""
    to_id: str = Field(description="_id")
    """`_id` of the document the edge leads to; it must exist."""
    attributes: dict[str, Any] = Field({}, description="More")
    """Further attributes of the edge."""

    also: ClassVar = {"from": "from_id", "to": "to_id", "_from": "from_id", "_to": "to_id"}


@tool(title="Add edge", category="graph", effect=Effect.ADD)
async def arango_add_edge(call: Call, args: AddEdgeArgs) -> documents.Written:
    """Add an edge."""
    return await graphs.add_edge(
        await call.database(), args.collection, args.from_id, args.to_id, args.attributes
    )
