"""A loop over a view as Python source."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.expressions.program import Lines, local_name
from mcp_arangodb_async.engine.expressions.tree import Expression, Variable
from mcp_arangodb_async.engine.plan.nodes import EnumerateViewNode
from mcp_arangodb_async.engine.search.calls import compile_search
from mcp_arangodb_async.engine.values import truthy

from .searching import ViewQuery, search_view

if TYPE_CHECKING:
    from .emit import Pipeline


def emit_view(pipeline: Pipeline, node: EnumerateViewNode) -> None:
    """The documents of a view, each with its match for BM25() and TFIDF()."""
    program = pipeline.program
    recipe = None if node.condition is None else compile_search(node.condition, node.variable)
    query = ViewQuery(
        view=node.view,
        index=None if node.index is None else (node.collections[0], node.index),
        recipe=recipe,
        collections=node.restriction,
    )
    slots = "".join(f"{pipeline.generator.value(each).text}, " for each in (recipe.slots if recipe else ()))
    tests = "".join(f"{_test(pipeline, *each)}, " for each in (recipe.tests if recipe else ()))
    source = f"{program.runtime(search_view)}(ctx, {program.constant(query)}, ({slots}), ({tests}))"
    if any(pipeline.emitter.emission.is_contended(name) for name in node.collections):
        source = f"list({source})"
    is_scored = node.match in pipeline.later[pipeline.place]
    pipeline.loop((node.variable, node.match if is_scored else None), source)


def _test(pipeline: Pipeline, variable: Variable, condition: Expression) -> str:
    """A function of a document that tells whether a condition holds."""
    program = pipeline.program
    code = pipeline.generator.value(condition)
    own = local_name(variable)
    outer = sorted(code.names - {own})
    body = Lines()
    body.add(f"return {program.runtime(truthy)}({code.text})")
    name = program.fresh("x")
    program.nested(name, [*outer, own], body)
    return f"{program.runtime(partial)}({name}, {', '.join(outer)})" if outer else name
