"""What a condition says about the attributes of one document variable, and which index can use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.index import Index
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.expressions.comparisons import SWAPPED
from mcp_arangodb_async.engine.expressions.tree import (
    VALUES,
    Attribute,
    Comparison,
    ComparisonOperator,
    Constant,
    Expansion,
    Expression,
    Logical,
    Parameter,
    Quantified,
    Range,
    Reference,
    Variable,
    attribute_path,
    conjuncts,
    disjuncts,
    is_deterministic,
    variables_of,
)
from mcp_arangodb_async.engine.plan.nodes import IndexLookup

#: Operators by which an index can find documents.
USABLE: frozenset[ComparisonOperator] = frozenset({"==", "<", "<=", ">", ">=", "IN"})
SCALARS = frozenset({"bool", "number", "string"})
#: Branches of an OR that are looked up one by one; more are cheaper by a scan.
MOST_BRANCHES = 50
#: The strength of a lookup of equal values in an index that may hold several of each.
EQUAL_VALUES = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """`document.path operator value`, the value known before the document is.

    `expanded` says after how many steps of the path the elements of an array are meant; `source` is the
    condition that says so.
    """

    path: tuple[str, ...]
    operator: ComparisonOperator
    value: Expression
    source: Expression
    expanded: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A lookup with the conditions it fully stands for, and how good it is.

    `strength` tells kinds of lookups apart, then the number of `fields`; of equals the more selective index
    is the better one, and then that with the higher `place`.
    """

    lookup: IndexLookup
    covered: tuple[Expression, ...]
    used: tuple[Expression, ...]
    strength: float
    fields: float
    place: int


def terms(
    conditions: Iterable[Expression], variable: Variable, is_known: Callable[[Variable], bool]
) -> list[Term]:
    """The usable comparisons among conditions that all must hold."""
    found: list[Term] = []
    for condition in conditions:
        term = _term(condition, variable)
        if term is None:
            continue
        if type(term.value) in VALUES or (
            is_deterministic(term.value) and all(map(is_known, variables_of(term.value)))
        ):
            found.append(term)
    return found


def _term(condition: Expression, variable: Variable) -> Term | None:
    match condition:
        case Comparison(operator="IN", left=left, right=right):
            path = _path(left, variable)
            if path is not None:
                # A range is tested without making its array, however long it is.
                usable = not isinstance(right, Range)
                return Term(path=path, operator="IN", value=right, source=condition) if usable else None
            expanded = _expanded(right, variable)
            if expanded is not None:
                path, steps = expanded
                return Term(path=path, operator="==", value=left, source=condition, expanded=steps)
            path = _path(right, variable)
            if path is not None:
                # `x IN d.tags`: an index over `tags[*]` holds the elements.
                return Term(path=path, operator="==", value=left, source=condition, expanded=len(path))
        case Comparison(operator=operator, left=left, right=right) if operator in USABLE:
            path = _path(left, variable)
            if path is not None and not isinstance(right, Range):
                return Term(path=path, operator=operator, value=right, source=condition)
            path = _path(right, variable)
            if path is not None:
                return Term(path=path, operator=SWAPPED[operator], value=left, source=condition)
        case Quantified(quantifier="ANY", operator="==" | "IN" as operator, left=left, right=right):
            expanded = _expanded(left, variable)
            if expanded is None and (path := _path(left, variable)) is not None:
                expanded = path, len(path)
            if expanded is not None:
                path, steps = expanded
                return Term(path=path, operator=operator, value=right, source=condition, expanded=steps)
        case _:
            pass
    return None


def _path(expression: Expression, variable: Variable) -> tuple[str, ...] | None:
    found = attribute_path(expression)
    return found[1] if found is not None and found[0] is variable and found[1] else None


def _expanded(expression: Expression, variable: Variable) -> tuple[tuple[str, ...], int] | None:
    """`document.tags[*].name` as its path, and where the array is in it."""
    if not isinstance(expression, Expansion) or expression.levels > 1:
        return None
    if expression.condition or expression.offset or expression.count:
        return None
    base = _path(expression.base, variable)
    if base is None:
        return None
    if expression.projection is None:
        return base, len(base)
    rest = attribute_path(expression.projection)
    if rest is None or rest[0] is not expression.current:
        return None
    return base + rest[1], len(base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """Finds the best way into a collection for a condition."""

    tx: Transaction
    collection: Collection
    indexes: tuple[Index, ...]
    variable: Variable
    is_known: Callable[[Variable], bool]
    binds: Mapping[str, Any]

    def choose(self, conditions: list[Expression]) -> list[Candidate]:
        """The lookups that give all documents for which the conditions hold; none when a scan must."""
        best = self.best(conditions)
        if best is not None and best.strength >= 2:
            return [best]
        branches = self._branches(conditions)
        if branches and (best is None or all(self._score(each) > self._score(best) for each in branches)):
            return branches
        return [] if best is None else [best]

    def best(self, conditions: Iterable[Expression]) -> Candidate | None:
        """The best single lookup for conditions that all must hold."""
        usable = terms(conditions, self.variable, self.is_known)
        found = [
            candidate
            for place, index in enumerate(self.indexes)
            for candidate in self._candidates(index, usable, -place)
        ]
        if len(found) < 2:
            return found[0] if found else None
        return max(found, key=self._score)

    def _score(self, candidate: Candidate) -> tuple[float, ...]:
        """What makes one candidate better than another; selectivity takes a sample, so it is asked late."""
        index = candidate.lookup.index
        is_estimated = candidate.strength == EQUAL_VALUES
        selectivity = self.collection.selectivity(self.tx, index) if is_estimated else 0.0
        return candidate.strength, candidate.fields, selectivity, candidate.place

    def _branches(self, conditions: list[Expression]) -> list[Candidate]:
        """One lookup for each branch of an OR, if every branch has one."""
        for condition in conditions:
            if not isinstance(condition, Logical) or condition.operator != "||":
                continue
            branches = list(disjuncts(condition))
            if len(branches) > MOST_BRANCHES:
                continue
            found = [self.best(conjuncts(branch)) for branch in branches]
            lookups = [each for each in found if each is not None]
            if len(lookups) == len(branches):
                return [replace(each, covered=(), used=(condition,)) for each in lookups]
        return []

    def _candidates(self, index: Index, usable: list[Term], place: int) -> list[Candidate]:
        match index.type:
            case "primary":
                found = _keyed(index, usable, ("_key", "_id"), 3.0, place)
                return found or self._key_ranges(index, usable, place)
            case "edge":
                return _keyed(index, usable, ("_from", "_to"), 1.5, place)
            case _ if index.is_sorted and index.type != "ttl":
                candidate = self._sorted(index, usable, place)
                return [] if candidate is None else [candidate]
            case _:
                return []

    def _key_ranges(self, index: Index, usable: list[Term], place: int) -> list[Candidate]:
        """Ranges of `_key` or `_id`."""
        found: list[Candidate] = []
        for attribute in ("_key", "_id"):
            fitting = [term for term in usable if term.path == (attribute,) and term.expanded is None]
            lower = next((term for term in fitting if term.operator in {">", ">="}), None)
            upper = next((term for term in fitting if term.operator in {"<", "<="}), None)
            used = [term for term in (lower, upper) if term is not None]
            if used:
                found.append(self._range(IndexLookup(index=index, attribute=attribute), lower, upper, place))
        return found

    def _range(self, lookup: IndexLookup, lower: Term | None, upper: Term | None, place: int) -> Candidate:
        used = [term for term in (lower, upper) if term is not None]
        return Candidate(
            lookup=replace(
                lookup,
                lower=None if lower is None else lower.value,
                lower_inclusive=lower is not None and lower.operator == ">=",
                upper=None if upper is None else upper.value,
                upper_inclusive=upper is not None and upper.operator == "<=",
            ),
            covered=tuple(term.source for term in used if self._is_exact(term)),
            used=tuple(term.source for term in used),
            strength=0.4,  # an index over another attribute reads fewer entries
            fields=0.5,
            place=place,
        )

    def _sorted(self, index: Index, usable: list[Term], place: int) -> Candidate | None:
        equal: list[Expression] = []
        used: list[Term] = []
        lower: Term | None = None
        upper: Term | None = None
        values: Term | None = None
        for position in range(len(index.fields)):
            fitting = [term for term in usable if _fits(term, index, position)]
            exact = next((term for term in fitting if term.operator == "=="), None)
            if exact is not None:
                equal.append(exact.value)
                used.append(exact)
                continue
            if position == 0:
                values = next((term for term in fitting if term.operator == "IN"), None)
            if values is None and index.expanded[position] is None:
                lower = next((term for term in fitting if term.operator in {">", ">="}), None)
                upper = next((term for term in fitting if term.operator in {"<", "<="}), None)
            break
        used += [term for term in (lower, upper, values) if term is not None]
        if not used or (index.sparse and not self._excludes_null(index, used)):
            return None
        lookup = IndexLookup(
            index=index,
            equal=tuple(equal),
            lower=None if lower is None else lower.value,
            lower_inclusive=lower is not None and lower.operator == ">=",
            upper=None if upper is None else upper.value,
            upper_inclusive=upper is not None and upper.operator == "<=",
            values=None if values is None else values.value,
        )
        whole = index.unique and len(equal) == len(index.fields)
        is_open = lower is not None or upper is not None or values is not None
        return Candidate(
            lookup=lookup,
            covered=tuple(term.source for term in used if self._is_exact(term)),
            used=tuple(term.source for term in used),
            strength=2.5 if whole else EQUAL_VALUES if equal or values is not None else 0.5,
            fields=len(equal) + 0.5 * is_open,
            place=place,
        )

    def _is_exact(self, term: Term) -> bool:
        """Whether the lookup alone decides the condition, so that the filter can go."""
        if term.expanded is not None or term.operator == "IN":
            return False
        match term.value:
            case Constant(value=value):
                return not isinstance(value, list | dict)
            case Parameter(kind=kind):
                return kind in SCALARS or kind == "null"
            case _:
                return False

    def _excludes_null(self, index: Index, used: list[Term]) -> bool:
        """Whether the conditions rule out null for every field, so that a sparse index has all documents."""
        for position in range(len(index.fields)):
            fitting = [term for term in used if _fits(term, index, position)]
            if not any(_is_not_null(term) for term in fitting):
                return False
        return True


def _is_not_null(term: Term) -> bool:
    if term.operator in {"<", "<=", "IN"}:
        return False
    match term.value:
        case Constant(value=value):
            return value is not None or term.operator == ">"
        case Parameter(kind=kind):
            return kind != "null" or term.operator == ">"
        case _:
            return term.operator == ">"


def _fits(term: Term, index: Index, position: int) -> bool:
    return term.path == index.paths[position] and term.expanded == index.expanded[position]


def _keyed(
    index: Index, usable: list[Term], attributes: tuple[str, str], strength: float, place: int
) -> list[Candidate]:
    """Lookups by `_key`, `_id`, `_from` or `_to`."""
    found: list[Candidate] = []
    for term in usable:
        if len(term.path) != 1 or term.path[0] not in attributes or term.expanded is not None:
            continue
        if term.operator == "==":
            lookup = IndexLookup(index=index, attribute=term.path[0], equal=(term.value,))
        elif term.operator == "IN":
            lookup = IndexLookup(index=index, attribute=term.path[0], values=term.value)
        else:
            continue
        source = (term.source,)
        score = strength if term.operator == "==" else strength - 0.2
        found.append(
            Candidate(lookup=lookup, covered=source, used=source, strength=score, fields=1.0, place=place)
        )
    return found


def same_path(expression: Expression, variable: Variable) -> tuple[str, ...] | None:
    """The path of an attribute of the variable, for sorting."""
    if isinstance(expression, Attribute | Reference):
        return _path(expression, variable)
    return None
