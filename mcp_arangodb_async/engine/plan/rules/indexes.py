"""Rules about indexes: find documents by them, drop what they already decide, read in their order."""

from __future__ import annotations

from dataclasses import replace

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.index import Index
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.text import key_of
from mcp_arangodb_async.engine.expressions.tree import (
    Variable,
    all_of,
    conjuncts,
    is_deterministic,
)
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    EnumerateCollectionNode,
    FilterNode,
    IndexLookup,
    IndexNode,
    LimitNode,
    Node,
    Plan,
    ScanHint,
    SortElement,
    SortNode,
    SubqueryNode,
)
from mcp_arangodb_async.engine.plan.usage import sets

from .conditions import Candidate, Chooser, same_path
from .support import LOOPS, Planning, definitions, everywhere, is_read_only, resolved, unchanged

#: Nodes behind which a filter still tests what a scan before them gives.
TESTED_LATER = (*LOOPS, CalculationNode, SortNode)
#: Nodes that hand on rows in the order in which they come.
IN_ORDER = (*LOOPS, CalculationNode, FilterNode, SubqueryNode)

#: What finds documents by an index that has no order.
LEADING = {"primary": frozenset({"_key", "_id"}), "edge": frozenset({"_from", "_to"})}


def use_indexes(plan: Plan, planning: Planning) -> Plan:
    """Replace scans of collections by lookups, where a filter after them allows it."""
    return everywhere(plan, lambda each: _use_indexes(each, planning))


def _use_indexes(plan: Plan, planning: Planning) -> Plan:
    known = definitions(plan)
    names = _attributes(plan)
    nodes = list(plan.nodes)
    for place, node in enumerate(plan.nodes):
        if not isinstance(node, EnumerateCollectionNode) or node.is_random or node.hint.disable_index:
            continue
        has_index = _is_any_led_by(names, planning.tx.collection(node.collection).indexes)
        candidates = _choose(plan, place, node, known, planning) if has_index else []
        if candidates:
            condition = all_of([each for candidate in candidates for each in candidate.used])
            nodes[place] = IndexNode(
                collection=node.collection,
                variable=node.variable,
                lookups=tuple(candidate.lookup for candidate in candidates),
                condition=condition,
            )
        elif node.hint.is_forced and node.hint.indexes:
            raise ArangoError(
                errors.ERROR_QUERY_FORCED_INDEX_HINT_UNUSABLE,
                f"could not use index hint to serve query; {', '.join(node.hint.indexes)}",
            )
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _attributes(plan: Plan) -> set[str]:
    """The names of all attributes that the calculations of a query read."""
    return set[str]().union(
        *[node.facts.attributes for node in plan.nodes if isinstance(node, CalculationNode)]
    )


def _is_any_led_by(names: set[str], indexes: tuple[Index, ...]) -> bool:
    """Whether an index begins with one of some attributes; without that it is of no use, which most are."""
    for index in indexes:
        if index.type in LEADING:
            if not names.isdisjoint(LEADING[index.type]):
                return True
        elif index.is_sorted and index.paths[0][0] in names:
            return True
    return False


def _choose(
    plan: Plan,
    place: int,
    node: EnumerateCollectionNode,
    known: dict[Variable, CalculationNode],
    planning: Planning,
) -> list[Candidate]:
    conditions = [
        part
        for condition in conditions_after(plan.nodes, place, known)
        for part in conjuncts(resolved(condition, known))
    ]
    if not conditions:
        return []

    def is_known(variable: Variable) -> bool:
        return not any(variable in sets(each) for each in plan.nodes[place:])

    collection = planning.tx.collection(node.collection)
    for indexes in _preferred(collection.indexes, node.hint):
        chooser = Chooser(
            tx=planning.tx,
            collection=collection,
            indexes=indexes,
            variable=node.variable,
            is_known=is_known,
            binds=planning.binds,
        )
        candidates = chooser.choose(conditions)
        if candidates:
            return candidates
    return []


def _preferred(indexes: tuple[Index, ...], hint: ScanHint) -> list[tuple[Index, ...]]:
    """The indexes to try, in turns: those hinted at one by one, then all."""
    hinted = [(index,) for name in hint.indexes for index in indexes if index.name == name]
    return hinted if hint.is_forced and hint.indexes else [*hinted, indexes]


def conditions_after(
    nodes: tuple[Node, ...], place: int, known: dict[Variable, CalculationNode]
) -> list[CalculationNode]:
    """The conditions that every row must fulfil before anything counts or writes rows."""
    found: list[CalculationNode] = []
    for node in nodes[place + 1 :]:
        if isinstance(node, FilterNode):
            if node.condition in known:
                found.append(known[node.condition])
        elif isinstance(node, SubqueryNode):
            if not is_read_only(node):
                break
        elif not isinstance(node, TESTED_LATER):
            break
    return found


def remove_filter_covered_by_index(plan: Plan, planning: Planning) -> Plan:
    """Drop the parts of filters that an index lookup has already decided."""
    return everywhere(plan, lambda each: _remove_covered(each, planning))


def _remove_covered(plan: Plan, planning: Planning) -> Plan:
    known = definitions(plan)
    covered = {key for node in plan.nodes if isinstance(node, IndexNode) for key in _covered(node, planning)}
    if not covered:
        return plan
    nodes: list[Node] = []
    is_after = False
    for node in plan.nodes:
        is_after = is_after or isinstance(node, IndexNode)
        if is_after and isinstance(node, FilterNode) and node.condition in known:
            parts = list(conjuncts(resolved(known[node.condition], known)))
            left = [part for part in parts if key_of(part) not in covered]
            if not left:
                continue
            if len(left) < len(parts) and all(is_deterministic(part) for part in left):
                condition = all_of(left)
                assert condition is not None
                variable = planning.variables.make()
                nodes.append(CalculationNode(variable=variable, expression=condition))
                nodes.append(FilterNode(condition=variable))
                continue
        nodes.append(node)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _covered(node: IndexNode, planning: Planning) -> set[str]:
    """The conditions that the only lookup of a node stands for in full."""
    if len(node.lookups) != 1 or node.condition is None:
        return set()
    lookup = node.lookups[0]
    chooser = Chooser(
        tx=planning.tx,
        collection=planning.tx.collection(node.collection),
        indexes=(lookup.index,),
        variable=node.variable,
        is_known=lambda variable: variable is not node.variable,
        binds=planning.binds,
    )
    best = chooser.best(conjuncts(node.condition))
    return set() if best is None else {key_of(each) for each in best.covered}


def use_index_for_sort(plan: Plan, planning: Planning) -> Plan:
    """Read documents in the order of an index instead of sorting them."""
    return everywhere(plan, lambda each: _in_order(each, planning))


def _in_order(plan: Plan, planning: Planning) -> Plan:
    place = next((at for at, node in enumerate(plan.nodes) if isinstance(node, SortNode)), None)
    if place is None:
        return plan
    sort = plan.nodes[place]
    assert isinstance(sort, SortNode)
    before = [node for node in plan.nodes[:place] if isinstance(node, LOOPS)]
    others = [node for node in plan.nodes[1:place] if not isinstance(node, IN_ORDER)]
    if len(before) != 1 or others:
        return plan
    scan = before[0]
    if isinstance(scan, EnumerateCollectionNode):
        indexes = planning.tx.collection(scan.collection).indexes
        if not _is_any_led_by(_attributes(plan), indexes):
            return plan
    known = definitions(plan)
    ordered: Node | None = None
    if isinstance(scan, IndexNode):
        ordered = _ordered_lookup(scan, sort, known)
    elif isinstance(scan, EnumerateCollectionNode) and not scan.is_random and not scan.hint.disable_index:
        if _is_limited(plan.nodes[place + 1 :]):
            ordered = _ordered_scan(scan, sort, known, planning)
    if ordered is None:
        return plan
    nodes = [ordered if node is scan else node for node in plan.nodes if node is not sort]
    return Plan(nodes=tuple(nodes))


def _is_limited(nodes: tuple[Node, ...]) -> bool:
    """Whether so few rows are read that walking an index beats reading the collection and sorting."""
    for node in nodes:
        if isinstance(node, LimitNode):
            return node.count is not None and not node.full_count
        if not isinstance(node, (CalculationNode, FilterNode)):
            return False
    return False


def _paths(
    sort: SortNode, variable: Variable, known: dict[Variable, CalculationNode]
) -> list[tuple[str, ...]] | None:
    found: list[tuple[str, ...]] = []
    for element in sort.elements:
        node = known.get(element.variable)
        path = None if node is None else same_path(resolved(node, known), variable)
        if path is None:
            return None
        found.append(path)
    return found


def _direction(elements: tuple[SortElement, ...]) -> bool | None:
    """Whether all criteria ascend (True) or descend (False); None when they are mixed."""
    directions = {element.is_ascending for element in elements}
    return directions.pop() if len(directions) == 1 else None


def _ordered_lookup(
    scan: IndexNode, sort: SortNode, known: dict[Variable, CalculationNode]
) -> IndexNode | None:
    ascending = _direction(sort.elements)
    paths = _paths(sort, scan.variable, known)
    if ascending is None or paths is None or len(scan.lookups) != 1:
        return None
    lookup = scan.lookups[0]
    index = lookup.index
    if index.type in {"primary", "edge"} or any(each is not None for each in index.expanded):
        return None
    fixed = set(index.paths[: len(lookup.equal)])
    wanted = [path for path in paths if path not in fixed]
    if lookup.values is not None or tuple(wanted) != index.paths[len(fixed) : len(fixed) + len(wanted)]:
        return None
    return replace(scan, is_sorted=True, is_descending=not ascending)


def _ordered_scan(
    scan: EnumerateCollectionNode,
    sort: SortNode,
    known: dict[Variable, CalculationNode],
    planning: Planning,
) -> IndexNode | None:
    ascending = _direction(sort.elements)
    paths = _paths(sort, scan.variable, known)
    if ascending is None or paths is None:
        return None
    indexes = planning.tx.collection(scan.collection).indexes
    for choice in _preferred(indexes, scan.hint):
        for index in choice:
            if not index.is_sorted or index.type in {"primary", "edge", "ttl"} or index.sparse:
                continue
            if any(each is not None for each in index.expanded):
                continue
            if index.paths[: len(paths)] == tuple(paths):
                return IndexNode(
                    collection=scan.collection,
                    variable=scan.variable,
                    lookups=(IndexLookup(index=index),),
                    condition=None,
                    is_sorted=True,
                    is_descending=not ascending,
                )
    return None
