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
    edge_definitions: list[Definition] = Field(max_length=100, description=DEFINITION)
    orphan_collections: Names = hidden(default=[])
    create_collections: bool = hidden(default=True)

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
    """Arguments of arango_remove_graph."""

    graph: str = GRAPH
    drop_collections: bool = Field(False, description="And data")
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
    from_collections: Names = Field([], description="From")
    to_collections: Names = Field([], description="To")
    edge_definition: Definition | None = hidden()

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
    """Arguments of arango_add_edge."""

    collection: str = COLLECTION
    from_id: str = Field(description="_id")
    to_id: str = Field(description="_id")
    attributes: dict[str, Any] = Field({}, description="More")

    also: ClassVar = {"from": "from_id", "to": "to_id", "_from": "from_id", "_to": "to_id"}


@tool(title="Add edge", category="graph", effect=Effect.ADD)
async def arango_add_edge(call: Call, args: AddEdgeArgs) -> documents.Written:
    """Add an edge."""
    return await graphs.add_edge(
        await call.database(), args.collection, args.from_id, args.to_id, args.attributes
    )
