"""A plan compiled to Python, and its execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.expressions.tree import Call, CollectionValue, postorder
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    EnumerateCollectionNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    IndexNode,
    InsertNode,
    Node,
    Plan,
    RemoveNode,
    ReplaceNode,
    ReturnNode,
    ShortestPathNode,
    SubqueryNode,
    TraversalNode,
    UpdateNode,
    UpsertNode,
)
from mcp_arangodb_async.engine.plan.usage import every_node

from .context import PACE, QueryContext
from .emit import Emission, Emitter
from .interruption import LateQueryError
from .sizes import size_of_rows

#: Functions that may read any collection.
READERS = frozenset({"DOCUMENT", "CALL", "APPLY", "FULLTEXT", "NEAR", "WITHIN", "WITHIN_RECTANGLE"})

Entry = Callable[[QueryContext, Mapping[str, Any], Mapping[str, Collection]], Iterator[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledQuery:
    """A plan as a Python function; good for every execution with the same plan."""

    entry: Entry
    source: str
    collections: tuple[str, ...]
    returns: bool

    def batches(self, ctx: QueryContext, binds: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Run: the rows of the result in lists, computed as they are asked for."""
        collections = {name: ctx.tx.collection(name) for name in self.collections}
        ctx.check()
        rows = self.entry(ctx, binds, collections)
        more = True
        while more and (batch := _next(ctx, rows)):
            more = len(batch) == PACE
            if more:
                ctx.pace()
            if self.returns:
                ctx.hold(size_of_rows(batch))
                yield batch
        ctx.check_limits()


def _next(ctx: QueryContext, rows: Iterator[Any]) -> list[Any]:
    """Some more rows; meanwhile the query may be interrupted (interruption.py)."""
    ctx.enter()
    try:
        return list(islice(rows, PACE))
    except LateQueryError:
        ctx.check()  # says which limit it was
        raise
    finally:
        ctx.leave()


def compile_plan(plan: Plan, *, measured: Mapping[int, int] | None = None) -> CompiledQuery:
    """Generate and compile the code of a plan. `measured` numbers nodes whose rows are counted and timed."""
    contended, reads_anything = contention(plan)
    emission = Emission(contended=contended, reads_anything=reads_anything, measured=measured)
    emitter = Emitter(plan, emission)
    name = emitter.function(plan, ())
    program = emitter.program
    source = program.source(f"{name}()")
    names = dict(program.names)
    exec(compile(source, "<query>", "exec"), names)  # noqa: S102  # our own source: see expressions/program.py
    return CompiledQuery(
        entry=names["query"],
        source=source,
        collections=tuple(program.collections),
        returns=isinstance(plan.nodes[-1], ReturnNode),
    )


def contention(plan: Plan) -> tuple[frozenset[str], bool]:
    """The collections that a plan both reads and writes, and whether it reads some that it does not name."""
    read: set[str] = set()
    written: set[str] = set()
    reads_anything = False
    for node in _outside_lookups(plan):
        match node:
            case EnumerateCollectionNode(collection=collection) | IndexNode(collection=collection):
                read.add(collection)
            case EnumerateViewNode(collections=collections):
                read.update(collections)
            case TraversalNode() | ShortestPathNode() | EnumeratePathsNode():
                reads_anything = True
            case CalculationNode(expression=expression):
                for part in postorder(expression):
                    if isinstance(part, CollectionValue):
                        read.add(part.collection)
                    elif isinstance(part, Call) and part.function.name in READERS:
                        reads_anything = True
            case (
                InsertNode(collection=collection)
                | UpdateNode(collection=collection)
                | ReplaceNode(collection=collection)
                | RemoveNode(collection=collection)
                | UpsertNode(collection=collection)
            ):
                written.add(collection)
            case _:
                pass
    return frozenset(read & written), reads_anything and bool(written)


def _outside_lookups(plan: Plan) -> Iterator[Node]:
    """All nodes but those of the searches of UPSERT, which are meant to see what the query writes."""
    for node in plan.nodes:
        if isinstance(node, SubqueryNode):
            if not node.is_lookup:
                yield from _outside_lookups(node.plan)
        else:
            yield from (every_node(Plan(nodes=(node,))))
