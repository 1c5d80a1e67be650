"""Data modification as Python source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.expressions.program import local_name
from mcp_arangodb_async.engine.expressions.tree import Variable
from mcp_arangodb_async.engine.plan.nodes import InsertNode, RemoveNode, ReplaceNode, UpdateNode, UpsertNode

from . import modify
from .modify import WriteSpecification

if TYPE_CHECKING:
    from .emit import Pipeline


def emit_modification(pipeline: Pipeline, node: InsertNode | UpdateNode | ReplaceNode | RemoveNode) -> None:
    """Hand the rows over to an operator that writes and adds OLD and NEW."""
    program = pipeline.program
    new: Variable | None = None
    key: Variable | None = None
    match node:
        case InsertNode(document=document, new=new):
            operator = modify.insert_rows
        case (
            UpdateNode(document=document, key=key, new=new) | ReplaceNode(document=document, key=key, new=new)
        ):
            operator = modify.update_rows
        case RemoveNode(key=document):
            operator = modify.remove_rows
    variables = pipeline.live(document, *(() if key is None else (key,)))
    spec = WriteSpecification(
        document=variables.index(document),
        key=None if key is None else variables.index(key),
        write=node.options.write,
        ignore_errors=node.options.ignore_errors,
        is_eager=pipeline.emitter.emission.is_contended(node.collection),
        is_replace=isinstance(node, ReplaceNode),
    )
    source = pipeline.hand_over(variables, is_tuple=True)
    collection = program.collection(node.collection)
    written = f"{program.runtime(operator)}(ctx, {collection}, {source}, {program.constant(spec)})"
    pipeline.loop((*variables, node.old, new), written)


def emit_upsert(pipeline: Pipeline, node: UpsertNode) -> None:
    """Write row by row, so that the search of the next row sees it."""
    pipeline.inside()
    program = pipeline.program
    lines = pipeline.lines
    spec = WriteSpecification(
        write=node.options.write, ignore_errors=node.options.ignore_errors, is_replace=node.is_replace
    )
    upsert, change = program.runtime(modify.upsert), program.fresh("change")
    found, document = pipeline.named(node.found), program.fresh("document")
    lines.open(f"if {found} is None:")
    lines.add(f"{document} = {pipeline.code(node.insert).text}")
    lines.close()
    lines.open("else:")
    lines.add(f"{document} = {pipeline.code(node.update).text}")
    lines.close()
    arguments = f"ctx, {program.collection(node.collection)}, {found}, {document}, {program.constant(spec)}"
    lines.add(f"{change} = {upsert}({arguments})")
    lines.open(f"if {change} is None:")
    lines.add("continue")
    lines.close()
    for variable, text in ((node.old, "old"), (node.new, "new")):
        if variable is not None:
            lines.add(f"{local_name(variable)} = {change}.{text}")
            pipeline.row.add(variable)
