"""Plans as ArangoDB's explain shows them: one object per node, with costs, variables and collections."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import ERRORS, ArangoError
from mcp_arangodb_async.engine.expressions.describe import describe_expression
from mcp_arangodb_async.engine.expressions.facts import constant_parts
from mcp_arangodb_async.engine.expressions.fold import NotConstantError, evaluate
from mcp_arangodb_async.engine.expressions.tree import Constant, Expression, Variable, attribute_path

from .build.query import QueryPlan
from .cost import estimates
from .nodes import (
    Aggregate,
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    FilterNode,
    GraphAccess,
    IndexNode,
    InsertNode,
    LimitNode,
    ModificationOptions,
    Node,
    NoResultsNode,
    Plan,
    RemoveNode,
    ReplaceNode,
    ReturnNode,
    ScanHint,
    ShortestPathNode,
    SingletonNode,
    SortNode,
    SubqueryNode,
    TraversalNode,
    UpdateNode,
    UpsertNode,
    WindowNode,
)
from .rules import RULES
from .usage import every_node, is_cacheable, sets

Description = dict[str, Any]
MOST_WARNINGS = 10
#: What explain says of every node that reads documents. The engine reads whole documents, never projections.
DOCUMENTS: Final[Description] = {
    "projections": [],
    "filterProjections": [],
    "count": False,
    "producesResult": True,
    "readOwnWrites": False,
    "useCache": True,
    "maxProjections": 5,
}
DIRECTIONS = {"ANY": 0, "INBOUND": 1, "OUTBOUND": 2}


def describe_rules() -> list[Description]:
    """The rules as `/_api/query/rules` lists them."""
    return [
        {
            "name": rule.name,
            "flags": {
                "hidden": False,
                "clusterOnly": False,
                "canBeDisabled": rule.can_be_disabled,
                "canCreateAdditionalPlans": False,
                "disabledByDefault": False,
                "enterpriseOnly": False,
            },
        }
        for rule in RULES
    ]


def explain_plan(
    query: QueryPlan,
    rules: tuple[str, ...],
    tx: Transaction,
    *,
    binds: Mapping[str, Any],
    compat: str,
    all_plans: bool,
    started: float,
) -> Description:
    """The answer of explain; there is only ever one plan."""
    warnings = [*query.warnings, *constant_warnings(query.plan, binds, compat)]
    plan = describe_plan(query, rules, tx)
    answer: Description = {"plans": [plan]} if all_plans else {"plan": plan}
    if not all_plans:
        answer["cacheable"] = not query.is_modification and not warnings and is_cacheable(query.plan)
    answer["warnings"] = [{"code": num, "message": message} for num, message in warnings[:MOST_WARNINGS]]
    answer["stats"] = {
        "rulesExecuted": len(RULES),
        "rulesSkipped": 0,
        "plansCreated": 1,
        "rules": {},
        "peakMemoryUsage": 0,
        "executionTime": time.perf_counter() - started,
    }
    return answer


def constant_warnings(plan: Plan, binds: Mapping[str, Any], compat: str) -> list[tuple[int, str]]:
    """The warnings of expressions that every execution evaluates to the same value."""
    found: list[tuple[int, str]] = []

    def warn(num: int, message: str | None) -> None:
        found.append((num, message if message is not None else ERRORS[num].message))

    for node in every_node(plan):
        if isinstance(node, CalculationNode):
            for part in constant_parts(node.expression):
                try:
                    evaluate(part, binds, compat, warn=warn)
                except (ArangoError, NotConstantError):
                    continue
    return found


def describe_plan(query: QueryPlan, rules: tuple[str, ...], tx: Transaction) -> Description:
    """A plan with its nodes in the order of execution."""
    numbers = {id(node): number for number, node in enumerate(every_node(query.plan), 1)}
    nodes = list(_nodes(query.plan, numbers, tx))
    variables: dict[int, Variable] = {}
    for node in every_node(query.plan):
        variables |= {variable.id: variable for variable in sets(node)}
    return {
        "nodes": nodes,
        "rules": list(rules),
        "collections": [{"name": name, "type": access} for name, access in sorted(query.accesses.items())],
        "variables": [_variable(variable) for _, variable in sorted(variables.items())],
        "estimatedCost": nodes[-1]["estimatedCost"],
        "estimatedNrItems": nodes[-1]["estimatedNrItems"],
        "isModificationQuery": query.is_modification,
    }


def _nodes(plan: Plan, numbers: Mapping[int, int], tx: Transaction) -> Iterator[Description]:
    previous: int | None = None
    for node, cost, rows in estimates(plan, tx):
        number = numbers[id(node)]
        yield {
            "type": type(node).__name__,
            "dependencies": [] if previous is None else [previous],
            "id": number,
            "estimatedCost": cost,
            "estimatedNrItems": rows,
            **_details(node, numbers, tx),
        }
        previous = number


def _details(node: Node, numbers: Mapping[int, int], tx: Transaction) -> Description:
    match node:
        case SingletonNode():
            return {"bindParameterVariables": {}}
        case NoResultsNode():
            return {}
        case EnumerateCollectionNode():
            return {
                "random": node.is_random,
                "indexHint": _hint(node.hint),
                **_out(node.variable),
                **DOCUMENTS,
                **_collection(node.collection),
            }
        case IndexNode():
            return _index(node, tx)
        case EnumerateViewNode():
            return {"view": node.view, **_out(node.variable), "condition": _condition(node.condition)}
        case EnumerateListNode():
            return {"inVariable": _variable(node.source), **_out(node.variable)}
        case CalculationNode():
            return {
                **_out(node.variable),
                "expression": describe_expression(node.expression),
                "canThrow": False,
                "expressionType": _expression_type(node.expression),
            }
        case SubqueryNode():
            return {"subquery": {"nodes": list(_nodes(node.plan, numbers, tx))}, **_out(node.variable)}
        case FilterNode():
            return {"inVariable": _variable(node.condition)}
        case SortNode():
            return {
                "elements": [
                    {"inVariable": _variable(each.variable), "ascending": each.is_ascending}
                    for each in node.elements
                ],
                "numberOfTopGroupedElements": 0,
                "stable": False,
                "limit": node.limit or 0,
                "strategy": "standard" if node.limit is None else "constrained-heap",
            }
        case LimitNode():
            return {"offset": node.offset, "limit": node.count, "fullCount": node.full_count}
        case CollectNode():
            return _collect(node)
        case WindowNode():
            return {
                "aggregates": _aggregates(node.aggregates),
                "rangeVariable": None if node.range_variable is None else _variable(node.range_variable),
                "preceding": "unbounded" if node.preceding is None else node.preceding,
                "following": "unbounded" if node.following is None else node.following,
            }
        case TraversalNode() | ShortestPathNode() | EnumeratePathsNode():
            return _graph(node)
        case InsertNode() | UpdateNode() | ReplaceNode() | RemoveNode() | UpsertNode():
            return _modification(node)
        case ReturnNode():
            return {"inVariable": _variable(node.source), "count": True}


def _variable(variable: Variable) -> Description:
    return {
        "id": variable.id,
        "name": variable.name,
        "isFullDocumentFromCollection": variable.collection is not None,
    }


def _out(variable: Variable) -> Description:
    return {"outVariable": _variable(variable)}


def _collection(name: str) -> Description:
    return {"collection": name, "satellite": False, "isSatellite": False, "isSatelliteOf": None}


def _hint(hint: ScanHint) -> Description:
    shown: Description = {"forced": hint.is_forced, "lookahead": 1, "type": "none"}
    if hint.disable_index:
        shown["type"] = "disabled"
    elif hint.indexes:
        shown |= {"type": "simple", "hint": list(hint.indexes)}
    return shown


def _expression_type(expression: Expression) -> str:
    if isinstance(expression, Constant):
        return "json"
    return "simple" if attribute_path(expression) is None else "attribute"


def _condition(condition: Expression | None) -> Description:
    return {} if condition is None else describe_expression(condition)


def _alternatives(condition: Expression | None) -> Description:
    """A condition as an OR of ANDs, as those of indexes always are."""
    shown = _condition(condition)
    if shown and shown["type"] != "n-ary or":
        if shown["type"] != "n-ary and":
            shown = {"type": "n-ary and", "typeID": 62, "subNodes": [shown]}
        shown = {"type": "n-ary or", "typeID": 63, "subNodes": [shown]}
    return shown


def _index(node: IndexNode, tx: Transaction) -> Description:
    collection = tx.collection(node.collection)
    indexes = {lookup.index.id: lookup.index for lookup in node.lookups}
    return {
        **_out(node.variable),
        **DOCUMENTS,
        **_collection(node.collection),
        "strategy": "document",
        "indexCoversProjections": False,
        "indexCoversOutProjections": False,
        "indexCoversFilterProjections": False,
        "indexes": [
            {
                "id": str(index.id),
                "type": index.type,
                "name": index.name,
                "fields": list(index.fields),
                "selectivityEstimate": collection.selectivity(tx, index),
                "unique": index.unique,
                "sparse": index.sparse,
            }
            for index in indexes.values()
        ],
        "condition": _alternatives(node.condition),
        "allCoveredByOneIndex": False,
        "sorted": True,
        "ascending": not node.is_descending,
        "evalFCalls": True,
        "waitForSync": False,
        "limit": 0,
        "isLateMaterialized": False,
        "lookahead": 1,
        "needsGatherNodeSort": node.is_sorted,
    }


def _aggregates(aggregates: tuple[Aggregate, ...]) -> list[Description]:
    return [
        {
            **_out(each.variable),
            "inVariable": None if each.source is None else _variable(each.source),
            "type": each.function,
        }
        for each in aggregates
    ]


def _collect(node: CollectNode) -> Description:
    described: Description = {
        "groups": [{**_out(each.variable), "inVariable": _variable(each.source)} for each in node.groups],
        "aggregates": _aggregates(node.aggregates),
        "isDistinctCommand": node.method == "distinct",
        "collectOptions": {"method": node.method},
    }
    if node.into is not None:
        described |= _out(node.into)
        described["keepVariables"] = [{"variable": _variable(each)} for each in node.keep]
    if node.projection is not None:
        described["expressionVariable"] = _variable(node.projection)
    return described


def _graph(node: TraversalNode | ShortestPathNode | EnumeratePathsNode) -> Description:
    described: Description = {
        "graph": _graph_name(node.graph),
        "edgeCollections": [each.collection for each in node.graph.edges],
        "directions": [DIRECTIONS[each.direction] for each in node.graph.edges],
        "defaultDirection": DIRECTIONS[node.direction],
        "vertexCollections": list(node.graph.vertices),
        "options": _record(node.options),
    }
    if isinstance(node, TraversalNode):
        described["inVariable"] = _variable(node.start)
        described["options"] |= {"minDepth": node.minimum, "maxDepth": node.maximum}
        names = {"vertexOutVariable": node.vertex, "edgeOutVariable": node.edge, "pathOutVariable": node.path}
    else:
        described["startInVariable"] = _variable(node.start)
        described["targetInVariable"] = _variable(node.target)
        if isinstance(node, ShortestPathNode):
            names = {"vertexOutVariable": node.vertex, "edgeOutVariable": node.edge}
        else:
            described["shortestPathType"] = node.kind
            names = {"pathOutVariable": node.path}
    return described | {name: _variable(each) for name, each in names.items() if each is not None}


def _graph_name(graph: GraphAccess) -> Any:
    return graph.name if graph.name is not None else [each.collection for each in graph.edges]


def _modification(node: InsertNode | UpdateNode | ReplaceNode | RemoveNode | UpsertNode) -> Description:
    match node:
        case InsertNode():
            inputs = {"inVariable": node.document}
        case UpdateNode() | ReplaceNode():
            inputs = {"inDocVariable": node.document, "inKeyVariable": node.key}
        case RemoveNode():
            inputs = {"inVariable": node.key}
        case UpsertNode():
            inputs = {
                "inDocVariable": node.found,
                "insertVariable": node.insert,
                "updateVariable": node.update,
            }
    new = None if isinstance(node, RemoveNode) else node.new
    outputs = {"outVariableOld": node.old, "outVariableNew": new}
    variables = {name: _variable(each) for name, each in (inputs | outputs).items() if each is not None}
    return {**_collection(node.collection), **variables, "modificationFlags": _flags(node.options)}


def _flags(options: ModificationOptions) -> Description:
    return {
        "waitForSync": options.write.wait_for_sync or False,
        "keepNull": options.write.keep_null,
        "mergeObjects": options.write.merge_objects,
        "ignoreRevs": options.write.ignore_revs,
        "overwriteMode": options.write.overwrite_mode,
        "ignoreErrors": options.ignore_errors,
        "exclusive": options.exclusive,
    }


def _record(record: object) -> Description:
    assert is_dataclass(record)
    return {_camel(each.name): _plain(getattr(record, each.name)) for each in fields(record)}


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
