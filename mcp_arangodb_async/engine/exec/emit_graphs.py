"""Graph operations as Python source."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.expressions.program import Lines, local_name
from mcp_arangodb_async.engine.expressions.tree import Expression, Variable, variables_of
from mcp_arangodb_async.engine.plan.nodes import (
    EnumeratePathsNode,
    GraphAccess,
    Prune,
    ShortestPathNode,
    TraversalNode,
)
from mcp_arangodb_async.engine.values import truthy

from . import paths, traversal
from .paths import PathSpecification
from .traversal import TraversalSpecification

if TYPE_CHECKING:
    from .emit import Pipeline


def emit_traversal(pipeline: Pipeline, node: TraversalNode) -> None:
    """A loop over the paths of a traversal."""
    program = pipeline.program
    prune = node.prune
    parts = (node.vertex, node.edge, node.path, None if prune is None else prune.variable)
    wanted = tuple(place for place, variable in enumerate(parts) if variable is not None)
    spec = TraversalSpecification(
        sources=node.graph.edges,
        minimum=node.minimum,
        maximum=node.maximum,
        options=node.options,
        wanted=wanted or (traversal.EDGE,),
        prune_reads_path=prune is not None and prune.path in variables_of(prune.condition),
    )
    checks = "".join(
        f"({each.is_edge}, {program.constant(each.depth)}, "
        f"{_condition(pipeline, each.condition, (each.variable,))}), "
        for each in node.filters
    )
    start = pipeline.code(node.start).text
    condition = "None" if prune is None else _prune(pipeline, prune)
    source = (
        f"{program.runtime(traversal.traverse)}(ctx, {_edges(pipeline, node.graph)}, "
        f"{program.constant(spec)}, {start}, {condition}, ({checks}))"
    )
    pipeline.loop([variable for variable in parts if variable is not None] or (None,), source)


def emit_path_search(pipeline: Pipeline, node: ShortestPathNode | EnumeratePathsNode) -> None:
    """A loop over the vertices of a shortest path, or over whole paths."""
    program = pipeline.program
    is_single = isinstance(node, ShortestPathNode)
    spec = PathSpecification(
        kind=None if is_single else node.kind,
        sources=node.graph.edges,
        options=node.options,
        minimum=1 if is_single else node.minimum,
        maximum=1 if is_single else node.maximum,
    )
    search = program.runtime(paths.shortest_path if is_single else paths.enumerate_paths)
    source = (
        f"{search}(ctx, {_edges(pipeline, node.graph)}, {program.constant(spec)}, "
        f"{pipeline.code(node.start).text}, {pipeline.code(node.target).text})"
    )
    pipeline.loop((node.vertex, node.edge) if is_single else (node.path,), source)


def _edges(pipeline: Pipeline, graph: GraphAccess) -> str:
    program = pipeline.program
    names = {each.collection for each in graph.edges}
    pairs = [f"{program.constant(name)}: {program.collection(name)}" for name in sorted(names)]
    return program.once("{" + ", ".join(pairs) + "}")


def _prune(pipeline: Pipeline, prune: Prune) -> str:
    return _condition(pipeline, prune.condition, (prune.vertex, prune.edge, prune.path))


def _condition(pipeline: Pipeline, condition: Expression, own: tuple[Variable, ...]) -> str:
    """A function of the traversal's own variables that tells whether a condition holds."""
    program = pipeline.program
    code = pipeline.generator.value(condition)
    names = [local_name(variable) for variable in own]
    outer = sorted(code.names - set(names))
    body = Lines()
    body.add(f"return {program.runtime(truthy)}({code.text})")
    name = program.fresh("x")
    program.nested(name, outer + names, body)
    if not outer:
        return name
    return f"{program.runtime(partial)}({name}, {', '.join(outer)})"
