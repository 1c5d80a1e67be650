"""Queries and their operations to plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.catalog.state import CatalogState
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.tree import (
    Expression,
    Kind,
    Reference,
    Subquery,
    Variable,
)
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.nodes import (
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumerateViewNode,
    FilterNode,
    Group,
    LimitNode,
    Plan,
    ReturnNode,
    ScanHint,
    SingletonNode,
    SortElement,
    SortNode,
    SubqueryNode,
)
from mcp_arangodb_async.engine.plan.usage import every_node, needs

from .collect import collect, window
from .constants import constant, count
from .expressions import ExpressionBuilder
from .graphs import path_search, traversal
from .modifications import modification
from .options import Options, scan_options, search_restriction
from .search import filter_by_index, has_inverted_hint, view_collections
from .state import Access, Build, PlanWarning

#: Subqueries in subqueries; ArangoDB's own bound is on nodes and on nesting of expressions.
DEEPEST_SUBQUERY = 60
#: What a query sees that may not use the database.
NO_CATALOG = CatalogState(version=0, by_name={}, by_id={}, views={}, analyzers={})
#: ArangoDB plans hold at most so many nodes.
MOST_NODES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPlan:
    """A plan with what is known about the query.

    It holds for all bind values of the same kinds, and the same values of the `structural` parameters.
    """

    plan: Plan
    accesses: Mapping[str, Access]
    views: frozenset[str]
    parameters: Mapping[str, Kind]
    structural: frozenset[str]
    warnings: tuple[PlanWarning, ...]
    variable_count: int

    @property
    def is_modification(self) -> bool:
        """Whether the query writes."""
        return any(access != "read" for access in self.accesses.values())


def build_plan(
    query: ast.Query,
    *,
    tx: Transaction | None,
    functions: Mapping[str, Function],
    binds: Mapping[str, Any],
    compat: str = "3.12",
    full_count: bool = False,
) -> QueryPlan:
    """The unoptimised plan of a query. Raises what ArangoDB raises before it runs one: 1203, 1511, ..."""
    catalog = NO_CATALOG if tx is None else tx.catalog
    build = Build(transaction=tx, catalog=catalog, functions=functions, binds=binds, compat=compat)
    for warning in query.warnings:
        build.warn(warning.num, warning.message)
    expressions = ExpressionBuilder(build, _subquery_expression)
    for reference in query.with_collections:
        build.collection(collection_name(expressions, reference))
    plan = Operations(expressions).plan(query)
    if full_count:
        plan = _counting(plan)
    unused = [name for name in binds if name not in build.parameters and name not in build.structural]
    if unused:
        raise ArangoError(
            errors.ERROR_QUERY_BIND_PARAMETER_UNDECLARED,
            f"bind parameter '{unused[0]}' was not declared in the query",
        )
    if len(plan.nodes) > MOST_NODES or (not plan.is_flat and sum(1 for _ in every_node(plan)) > MOST_NODES):
        raise ArangoError(
            errors.ERROR_RESOURCE_LIMIT, f"the plan has too many nodes; at most {MOST_NODES} are possible"
        )
    return QueryPlan(
        plan=plan,
        accesses=build.accesses,
        views=frozenset(build.views),
        parameters=build.parameters,
        structural=frozenset(build.structural),
        warnings=tuple(build.warnings),
        variable_count=build.variables.count,
    )


def collection_name(expressions: ExpressionBuilder, reference: ast.CollectionReference) -> str:
    """The name of a collection where the grammar wants one."""
    match reference:
        case ast.Name(name=name):
            return name
        case ast.CollectionParameter(name=name):
            return expressions.build.collection_parameter(name)
        case ast.BindParameter(name=name):
            value = expressions.build.shape(name)
            if isinstance(value, str):
                return value
            raise ArangoError(
                errors.ERROR_QUERY_BIND_PARAMETER_TYPE,
                f"bind parameter '{name}' has an invalid value or type: a collection name is needed",
            )


def _counting(plan: Plan) -> Plan:
    """The plan whose last LIMIT of the outermost query counts all rows."""
    last = max((i for i, node in enumerate(plan.nodes) if isinstance(node, LimitNode)), default=None)
    if last is None:
        return plan
    node = plan.nodes[last]
    assert isinstance(node, LimitNode)
    limit = LimitNode(offset=node.offset, count=node.count, full_count=True)
    return Plan(nodes=(*plan.nodes[:last], limit, *plan.nodes[last + 1 :]))


def _subquery_plan(build: Build, query: ast.Query) -> Plan:
    """Build a subquery's plan, its variables in a scope of their own."""
    if build.depth >= DEEPEST_SUBQUERY:
        raise ArangoError(
            errors.ERROR_QUERY_TOO_MUCH_NESTING,
            f"subqueries are nested more than {DEEPEST_SUBQUERY} levels deep",
        )
    outer, lazy = build.nodes, build.lazy
    build.nodes, build.lazy = [], 0
    build.depth += 1
    build.scopes.open("subquery")
    plan = Operations(ExpressionBuilder(build, _subquery_expression)).plan(query)
    build.scopes.close_query()
    build.depth -= 1
    build.nodes, build.lazy = outer, lazy
    return plan


def _subquery_expression(build: Build, query: ast.Query) -> Expression:
    """A subquery in an expression: a node before it, or evaluated in place where it may not be needed."""
    written = build.has_written
    plan = _subquery_plan(build, query)
    if not build.lazy:
        variable = build.variables.make(kind="array")
        build.nodes.append(SubqueryNode(variable=variable, plan=plan))
        return Reference(variable=variable)
    variables = tuple(sorted(needs(plan), key=lambda variable: variable.id))
    modifies = build.has_written and not written
    return Subquery(plan=plan, variables=variables, is_deterministic=False, modifies=modifies)


class Operations:
    """Builds the operations of one query or subquery, in order."""

    def __init__(self, expressions: ExpressionBuilder) -> None:
        self.expressions = expressions
        self.build = expressions.build

    def plan(self, query: ast.Query) -> Plan:
        """The plan of the whole (sub)query."""
        self.build.nodes.append(SingletonNode())
        for operation in query.operations:
            self.operation(operation)
        return Plan(nodes=tuple(self.build.nodes))

    def operation(self, node: ast.Operation) -> None:
        """Add the nodes of one operation."""
        match node:
            case ast.For():
                self._for(node)
            case ast.Filter(condition=condition) if has_inverted_hint(self.build):
                filter_by_index(self.build, self.expressions.lazily(condition))
            case ast.Filter(condition=condition):
                self.build.nodes.append(FilterNode(condition=self.expressions.variable(condition)))
            case ast.Let():
                self._let(node)
            case ast.Return():
                self._return(node)
            case ast.Sort():
                self._sort(node)
            case ast.Limit():
                self._limit(node)
            case ast.Collect():
                collect(self.expressions, node)
            case ast.Window():
                window(self.expressions, node)
            case ast.Insert() | ast.Update() | ast.Remove() | ast.Upsert():
                modification(self.expressions, node, collection_name(self.expressions, node.collection))
            case ast.Traversal():
                traversal(self.expressions, node)
            case ast.PathSearch():
                path_search(self.expressions, node)
            case _:
                assert_never(node)

    def _for(self, node: ast.For) -> None:
        build = self.build
        name = node.variable.name
        source = self._source(node.source)
        if isinstance(source, str):
            build.scopes.open("for")
            if source in build.catalog.views:
                self._for_view(node, source)
                return
            build.collection(source)
            variable = build.variables.make(name, kind="object", collection=source)
            build.scopes.declare(name, variable)
            if node.search is not None:
                raise ArangoError(
                    errors.ERROR_QUERY_PARSE,
                    f"SEARCH condition used on non-view: '{source}' is a collection",
                )
            hint = ScanHint()
            if node.options is not None:
                hint = scan_options(Options(self.expressions, node.options, "FOR"))
            build.nodes.append(EnumerateCollectionNode(collection=source, variable=variable, hint=hint))
            return
        if node.search is not None:
            raise ArangoError(errors.ERROR_QUERY_PARSE, "SEARCH condition used on non-view")
        if node.options is not None:
            Options(self.expressions, node.options, "FOR")
        build.scopes.open("for")
        variable = build.variables.make(name)
        build.scopes.declare(name, variable)
        build.nodes.append(EnumerateListNode(source=source, variable=variable))

    def _source(self, node: ast.Expression) -> str | Variable:
        """What FOR runs over: the name of a collection or view, or a variable with an array."""
        match node:
            case ast.Name(name=name) if self.build.scopes.find(name) is None:
                return name
            case ast.CollectionParameter(name=name):
                return self.build.collection_parameter(name)
            case _:
                return self.expressions.variable(node)

    def _for_view(self, node: ast.For, view: str) -> None:
        build = self.build
        build.views.add(view)
        collections = view_collections(build.catalog.views[view])
        for name in collections:
            build.collection(name)
        variable = build.variables.make(node.variable.name, kind="object")
        build.scopes.declare(node.variable.name, variable)
        match = build.matches[variable] = build.variables.make()
        condition = None
        if node.search is not None:
            condition = self.expressions.lazily(node.search)
        build.nodes.append(
            EnumerateViewNode(
                view=view,
                variable=variable,
                match=match,
                collections=collections,
                condition=condition,
                restriction=search_restriction(Options(self.expressions, node.options, "FOR")),
            )
        )

    def _let(self, node: ast.Let) -> None:
        name = node.variable.name
        if isinstance(node.value, ast.Subquery):
            plan = _subquery_plan(self.build, node.value.query)
            variable = self.build.variables.make(name, kind="array")
            self.build.nodes.append(SubqueryNode(variable=variable, plan=plan))
        else:
            expression = self.expressions.expression(node.value)
            variable = self.build.variables.make(name)
            self.build.assign(variable, expression)
        self.build.scopes.declare(name, variable)

    def _sort(self, node: ast.Sort) -> None:
        elements: list[SortElement] = []
        for element in node.elements:
            direction = element.direction
            if not isinstance(direction, str):
                direction = self._direction(direction)
            variable = self.expressions.variable(element.value)
            elements.append(SortElement(variable=variable, is_ascending=direction == "ASC"))
        self.build.nodes.append(SortNode(elements=tuple(elements)))

    def _direction(self, node: ast.Literal | ast.BindParameter | ast.CollectionParameter) -> str:
        value = constant(self.expressions, node, "the direction of SORT")
        if isinstance(value, bool):
            return "ASC" if value else "DESC"
        if isinstance(value, str) and value.upper() in {"ASC", "DESC"}:
            return value.upper()
        raise ArangoError(
            errors.ERROR_QUERY_PARSE,
            f"invalid direction {value!r} of SORT: 'ASC', 'DESC', true and false are possible",
        )

    def _limit(self, node: ast.Limit) -> None:
        offset = 0 if node.offset is None else count(self.expressions, node.offset, "offset of LIMIT")
        most: int | None = None
        if node.offset is None or not _is_null(self.expressions, node.count):
            most = count(self.expressions, node.count, "count of LIMIT")
        self.build.nodes.append(LimitNode(offset=offset, count=most))

    def _return(self, node: ast.Return) -> None:
        source = self.expressions.variable(node.value)
        if node.distinct:
            distinct = self.build.variables.make()
            group = Group(variable=distinct, source=source)
            self.build.nodes.append(CollectNode(groups=(group,), method="distinct", fixed_method=True))
            source = distinct
        self.build.nodes.append(ReturnNode(source=source))


def _is_null(expressions: ExpressionBuilder, node: ast.Expression) -> bool:
    match node:
        case ast.Literal(value=None):
            return True
        case ast.BindParameter(name=name):
            return expressions.build.shape(name) is None
        case _:
            return False
