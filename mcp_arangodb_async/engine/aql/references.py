"""Which collections and graphs a query names, found from its scopes alone.

A name is a collection wherever no variable of that name is in scope, as ArangoDB decides it. What a query
only computes stays unknown: `DOCUMENT(@id)`, `CALL(...)`, and the collections a named graph consists of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.analysis import children

_CURRENT = frozenset(("CURRENT", "$CURRENT"))
_NEW = frozenset(("NEW", "$NEW"))
_OLD = frozenset(("OLD", "$OLD"))


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Names of collections (or views) and graphs, and the bind parameters that stand for such names.

    Parameters are named as the keys of bind values are: `@name` for `@@name`. A collection that is both read
    and written is in both sets; so is that of UPSERT, which looks documents up.
    """

    reads: frozenset[str]
    writes: frozenset[str]
    graphs: frozenset[str]
    read_parameters: frozenset[str]
    write_parameters: frozenset[str]
    graph_parameters: frozenset[str]


def references(query: ast.Query) -> References:
    """Return the collections and graphs that a query names anywhere, subqueries included."""
    found = _Found()
    for collection in query.with_collections:
        found.read(collection)
    found.query(query, frozenset())
    return References(
        reads=frozenset(found.reads),
        writes=frozenset(found.writes),
        graphs=frozenset(found.graphs),
        read_parameters=frozenset(found.read_parameters),
        write_parameters=frozenset(found.write_parameters),
        graph_parameters=frozenset(found.graph_parameters),
    )


def _new_set() -> set[str]:
    return set()


@dataclass(slots=True)
class _Found:
    """What has been found so far; `known` below is the variables in scope."""

    reads: set[str] = field(default_factory=_new_set)
    writes: set[str] = field(default_factory=_new_set)
    graphs: set[str] = field(default_factory=_new_set)
    read_parameters: set[str] = field(default_factory=_new_set)
    write_parameters: set[str] = field(default_factory=_new_set)
    graph_parameters: set[str] = field(default_factory=_new_set)

    def read(self, collection: ast.CollectionReference) -> None:
        """Note a collection read."""
        _note(collection, self.reads, self.read_parameters)

    def query(self, query: ast.Query, known: frozenset[str]) -> None:
        """Follow the operations of a query, and which variables each of them brings and takes away.

        COLLECT ends the loops before it with all they declared; what was declared before the first one stays.
        """
        before_loops: frozenset[str] | None = None
        for operation in query.operations:
            if isinstance(operation, ast.For | ast.Traversal | ast.PathSearch) and before_loops is None:
                before_loops = known
            if isinstance(operation, ast.Collect):
                self.collect(operation, known)
                known = known if before_loops is None else before_loops
            known |= self.operation(operation, known)

    def collect(self, collect: ast.Collect, known: frozenset[str]) -> None:
        """Read what COLLECT computes, none of which sees the variables it declares."""
        self.expressions((item.value for item in (*collect.groups, *collect.aggregates)), known)
        self.expressions((collect.projection,), known)

    def operation(self, operation: ast.Operation, known: frozenset[str]) -> frozenset[str]:
        """Read the expressions of an operation and return the variables it declares."""
        match operation:
            case ast.For():
                self.expressions((operation.source,), known)
                declared = frozenset((operation.variable.name,))
                self.expressions((operation.search,), known | declared)
                return declared
            case ast.Traversal():
                self.expressions((operation.depth, operation.start), known)
                self.graph(operation.graph)
                declared = frozenset(variable.name for variable in operation.variables)
                if operation.prune is None:
                    return declared
                self.expressions((operation.prune.condition,), known | declared)
                prune = operation.prune.variable
                return declared if prune is None else declared | {prune.name}
            case ast.PathSearch():
                self.expressions((operation.depth, operation.start, operation.target), known)
                self.graph(operation.graph)
                return frozenset(variable.name for variable in operation.variables)
            case ast.Filter():
                self.expressions((operation.condition,), known)
            case ast.Let():
                self.expressions((operation.value,), known)
                return frozenset((operation.variable.name,))
            case ast.Sort():
                self.expressions((element.value for element in operation.elements), known)
            case ast.Limit():
                self.expressions((operation.offset, operation.count), known)
            case ast.Collect():
                names = {item.variable.name for item in (*operation.groups, *operation.aggregates)}
                names |= {variable.name for variable in (operation.count, operation.into) if variable}
                return frozenset(names)
            case ast.Window():
                values = (item.value for item in operation.aggregates)
                self.expressions((operation.bounds, operation.range_value, *values), known)
                return frozenset(item.variable.name for item in operation.aggregates)
            case ast.Insert() | ast.Update() | ast.Remove() | ast.Upsert():
                return self.modification(operation, known)
            case ast.Return():
                self.expressions((operation.value,), known)
            case _:
                assert_never(operation)
        return frozenset()

    def modification(self, operation: ast.Modification, known: frozenset[str]) -> frozenset[str]:
        """Read a modification, note its collection, and return which of OLD and NEW it declares."""
        _note(operation.collection, self.writes, self.write_parameters)
        match operation:
            case ast.Insert():
                self.expressions((operation.document,), known)
                return _NEW
            case ast.Update():
                self.expressions((operation.key, operation.document), known)
            case ast.Remove():
                self.expressions((operation.key,), known)
                return _OLD
            case ast.Upsert():
                self.read(operation.collection)
                self.expressions((operation.search, operation.insert), known)
                self.expressions((operation.filter,), known | _CURRENT)
                self.expressions((operation.update,), known | _OLD)
        return _OLD | _NEW

    def graph(self, graph: ast.GraphSubject) -> None:
        """Note a named graph, or edge collections as read."""
        if isinstance(graph, ast.EdgeCollections):
            for edge in graph.collections:
                self.read(edge.collection)
        elif isinstance(graph.name, ast.Literal):
            self.graphs.add(str(graph.name.value))
        else:
            _note(graph.name, self.graphs, self.graph_parameters)

    def expressions(self, roots: Iterable[ast.Expression | None], known: frozenset[str]) -> None:
        """Note the collections that expressions name."""
        left: list[tuple[ast.Node, frozenset[str]]] = [(root, known) for root in roots if root is not None]
        while left:
            node, known = left.pop()
            match node:
                case ast.Name() if node.name not in known:
                    self.reads.add(node.name)
                case ast.CollectionParameter():
                    self.read(node)
                case ast.Subquery():
                    self.query(node.query, known)
                case ast.Expansion():
                    within = (node.filter, node.offset, node.count, node.projection)
                    left.extend((part, known | _CURRENT) for part in within if part)
                    left.extend((part, known) for part in (node.subject, node.tail) if part)
                case ast.ArrayTest():
                    left.extend((part, known | _CURRENT) for part in (node.quantifier, node.filter) if part)
                    left.append((node.subject, known))
                case _:
                    left.extend((child, known) for child in children(node))


def _note(collection: ast.CollectionReference, names: set[str], parameters: set[str]) -> None:
    match collection:
        case ast.Name():
            names.add(collection.name)
        case ast.CollectionParameter():
            parameters.add(f"@{collection.name}")
        case ast.BindParameter():
            parameters.add(collection.name)
        case _:
            assert_never(collection)
