"""Scans of collections and indexes as Python source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.plan.nodes import (
    EnumerateCollectionNode,
    IndexLookup,
    IndexNode,
)

from . import sources

if TYPE_CHECKING:
    from .emit import Pipeline

DIRECTIONS = {"_from": "outbound", "_to": "inbound"}


def emit_scan(pipeline: Pipeline, node: EnumerateCollectionNode) -> None:
    """All documents of a collection; a list of them first, when the query writes to it."""
    program = pipeline.program
    collection = program.collection(node.collection)
    if node.is_random:
        source = f"{program.runtime(sources.scan_randomly)}(ctx, {collection})"
    else:
        keep = ", keep=True" if pipeline.emitter.emission.is_contended(node.collection) else ""
        source = f"{program.runtime(sources.scan)}(ctx, {collection}{keep})"
    pipeline.loop((node.variable,), source)


def emit_index(pipeline: Pipeline, node: IndexNode) -> None:
    """Documents by index; of several lookups each document once."""
    program = pipeline.program
    lookups = [_lookup(pipeline, node, lookup) for lookup in node.lookups]
    if len(lookups) == 1:
        source = lookups[0]
    else:
        source = f"{program.runtime(sources.once_each)}(({', '.join(lookups)},))"
    if pipeline.emitter.emission.is_contended(node.collection):
        source = f"list({source})"
    pipeline.loop((node.variable,), source)


def _lookup(pipeline: Pipeline, node: IndexNode, lookup: IndexLookup) -> str:
    program = pipeline.program
    value = pipeline.generator.value
    collection = program.collection(node.collection)
    index = program.constant(lookup.index)
    values = lookup.values if lookup.values is not None else lookup.equal[0] if lookup.equal else None
    if lookup.index.type == "primary":
        attribute = program.constant(lookup.attribute)
        if values is None:
            find = program.runtime(sources.in_key_range)
            return f"{find}(ctx, {collection}, {attribute}, {_bounds(pipeline, lookup)})"
        find = sources.by_key if lookup.values is None else sources.by_keys
        return f"{program.runtime(find)}(ctx, {collection}, {attribute}, {value(values).text})"
    if lookup.index.type == "edge":
        assert values is not None
        direction = program.constant(DIRECTIONS[lookup.attribute])
        find = sources.edges_of if lookup.values is None else sources.edges_of_many
        return f"{program.runtime(find)}(ctx, {collection}, {value(values).text}, {direction})"
    if lookup.values is not None:
        find = program.runtime(sources.lookup_in)
        return f"{find}(ctx, {collection}, {index}, {value(lookup.values).text})"
    if lookup.lower is None and lookup.upper is None:
        find, bounds = program.runtime(sources.lookup_equal), _equal(pipeline, lookup)
        return f"{find}(ctx, {collection}, {index}, {bounds}, {node.is_descending})"
    bounds = _bounds(pipeline, lookup)
    return f"{program.runtime(sources.lookup)}(ctx, {collection}, {index}, {bounds}, {node.is_descending})"


def _equal(pipeline: Pipeline, lookup: IndexLookup) -> str:
    """The values of the first index fields, as a tuple."""
    return f"({''.join(f'{pipeline.generator.value(each).text}, ' for each in lookup.equal)})"


def _bounds(pipeline: Pipeline, lookup: IndexLookup) -> str:
    value = pipeline.generator.value
    arguments = [_equal(pipeline, lookup)]
    if lookup.lower is not None:
        arguments.append(f"lower={value(lookup.lower).text}, has_lower=True")
        arguments.append(f"lower_inclusive={lookup.lower_inclusive}")
    if lookup.upper is not None:
        arguments.append(f"upper={value(lookup.upper).text}, has_upper=True")
        arguments.append(f"upper_inclusive={lookup.upper_inclusive}")
    return f"{pipeline.program.runtime(sources.bounds_of)}({', '.join(arguments)})"
