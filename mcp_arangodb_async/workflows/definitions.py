"""The six workflows and four stages, as data: named sets of tools for one kind of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "arango_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A named set of tools; `tools` None means all of them."""

    name: str
    description: str
    tools: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step of a piece of work, with the tools it needs."""

    name: str
    description: str
    tools: tuple[str, ...]


def named(names: str) -> tuple[str, ...]:
    return tuple(PREFIX + name for name in names.split())


WORKFLOWS: Mapping[str, Workflow] = {
    workflow.name: workflow
    for workflow in (
        Workflow(
            name="baseline",
            description="Read and write documents.",
            tools=named(
                "query describe_database list_collections get_document insert update replace remove"
                " create_collection backup"
            ),
        ),
        Workflow(
            name="data_analysis",
            description="Write queries, understand and speed them up.",
            tools=named(
                "query describe_database list_collections explain_query query_builder query_profile"
                " list_indexes list_views search kill_query database_status"
            ),
        ),
        Workflow(
            name="graph_modeling",
            description="Create graphs, follow and measure them.",
            tools=named(
                "create_graph list_graphs add_vertex_collection add_edge_definition add_edge traverse"
                " shortest_path graph_statistics validate_graph_integrity query describe_database"
            ),
        ),
        Workflow(
            name="bulk_operations",
            description="Load and change many documents.",
            tools=named(
                "bulk_insert bulk_update insert_with_validation validate_references list_collections query"
            ),
        ),
        Workflow(
            name="schema_validation",
            description="Define schemas and check data against them.",
            tools=named(
                "create_schema list_schemas validate_document insert_with_validation validate_references"
                " validate_graph_integrity query describe_database"
            ),
        ),
        Workflow(name="full", description="Every tool.", tools=None),
    )
}

STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="setup",
            description="Create collections, graphs and schemas.",
            tools=named(
                "create_collection create_graph create_schema add_vertex_collection add_edge_definition"
            ),
        ),
        Stage(
            name="data_loading",
            description="Put documents in.",
            tools=named("bulk_insert insert_with_validation validate_references insert"),
        ),
        Stage(
            name="analysis",
            description="Ask questions.",
            tools=named("query traverse shortest_path search explain_query query_profile graph_statistics"),
        ),
        Stage(
            name="cleanup",
            description="Check and save what was made.",
            tools=named("backup backup_graph backup_named_graphs validate_graph_integrity"),
        ),
    )
}
