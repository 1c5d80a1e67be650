"""A SEARCH expression to a recipe for filters.

What does not depend on the document becomes a *slot*: it is evaluated once per search and handed to the
recipe. What depends on it in a way that no index can answer becomes a *test*, evaluated document by document,
as in ArangoDB. Rules: "`SEARCH` operation in AQL" and "ArangoSearch functions in AQL" in ArangoDB's manual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.expressions import tree
from mcp_arangodb_async.engine.expressions.tree import ComparisonOperator, Expression, Variable
from mcp_arangodb_async.engine.values import Value, truthy

from . import terms
from .filters import Always, AtLeast, Both, Filter, Fulfils, Nested, Quantity, Shapes, Terms, Without
from .links import Steps
from .parts import Scope

Test: TypeAlias = Callable[[Any], bool]

FLIPPED: Final[dict[str, ComparisonOperator]] = {
    "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "IN": "==", "NOT IN": "!=",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What surrounds a part of a SEARCH expression when it becomes a filter."""

    scope: Scope
    values: Sequence[Value]
    tests: Sequence[Test]
    analyzer: str = "identity"
    boost: float = 1.0
    chain: tuple[Steps, ...] = ()

    def field(self, steps: Steps, analyzer: str | None = None) -> tuple[Steps, str]:
        """A path with the full name of its analyzer."""
        return steps, self.scope.kind(steps, analyzer or self.analyzer, self.chain)


Maker: TypeAlias = Callable[[Setting], Filter]
#: A part of the expression that is known when the search starts: a value.
Slot: TypeAlias = Callable[[Setting], Value]
Path: TypeAlias = Callable[[Setting], Steps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A compiled SEARCH expression: `make` turns the values of `slots` into a filter.

    `tests` are conditions on one variable each, the document's or that of a nested search.
    """

    make: Maker
    slots: tuple[Expression, ...]
    tests: tuple[tuple[Variable, Expression], ...]


@dataclass(slots=True)
class Compiler:
    """Compiles one SEARCH expression; `variable` is the document, or the element inside of `[? ...]`."""

    variable: Variable
    calls: Mapping[str, Compiled]
    slots: list[Expression] = field(default_factory=list[Expression])
    tests: list[tuple[Variable, Expression]] = field(default_factory=list[tuple[Variable, Expression]])

    def recipe(self, condition: Expression) -> Recipe:
        """Compile a whole expression."""
        make = self.filter(condition)
        return Recipe(make=make, slots=tuple(self.slots), tests=tuple(self.tests))

    # Parts

    def slot(self, expression: Expression) -> Slot:
        """A part that does not depend on the document."""
        place = len(self.slots)
        self.slots.append(expression)
        return lambda setting: setting.values[place]

    def is_free(self, expression: Expression) -> bool:
        """Whether an expression does not depend on the document."""
        return self.variable not in tree.variables_of(expression)

    def test(self, expression: Expression) -> Maker:
        """A condition that is evaluated document by document."""
        place = len(self.tests)
        self.tests.append((self.variable, expression))
        return lambda setting: Fulfils(setting.tests[place])

    def path(self, expression: Expression) -> Path | None:
        """`doc.a["b"][n].c`, with `[*]` left out; None for anything else."""
        steps = self._steps(expression, self.variable)
        if not steps:
            return None
        return lambda setting: tuple(
            _step(each if isinstance(each, str) else each(setting)) for each in steps
        )

    def _steps(self, expression: Expression, variable: Variable) -> list[str | Slot] | None:
        found: list[str | Slot] = []
        while True:
            match expression:
                case tree.Reference(variable=each) if each is variable:
                    found.reverse()
                    return found
                case tree.Attribute(base=base, name=name):
                    found.append(name)
                    expression = base
                case tree.Element(base=base, index=index) if self.is_free(index):
                    found.append(self.slot(index))
                    expression = base
                case tree.Expansion(condition=None, offset=None, count=None, levels=1):
                    base, inner = expression.base, expression.projection
                    below = None if inner is None else self._steps(inner, expression.current)
                    if inner is not None and below is None:
                        return None
                    found.extend(reversed(below or []))
                    expression = base
                case _:
                    return None

    # Conditions

    def filter(self, node: Expression) -> Maker:
        """The maker of a condition's filter."""
        if self.is_free(node):
            return _constant(self.slot(node)) if not _is_context(node) else self._call(node)
        match node:
            case tree.Not(operand=operand):
                inner = self.filter(operand)
                return lambda setting: Without(inner(setting))
            case tree.Logical(operator=operator, operands=operands):
                return _joined([self.filter(each) for each in operands], is_all=operator == "&&")
            case tree.Comparison():
                return self._comparison(node)
            case tree.Quantified():
                return self._quantified(node)
            case tree.Question():
                return self._question(node)
            case tree.Call():
                return self._call(node)
            case _:
                return self.test(node)

    def _call(self, node: Expression) -> Maker:
        assert isinstance(node, tree.Call)
        compiled = self.calls.get(node.function.name)
        return self.test(node) if compiled is None else compiled(self, node.arguments) or self.test(node)

    def _comparison(self, node: tree.Comparison) -> Maker:
        operator, left, right = node.operator, node.left, node.right
        if self.is_free(left):
            operator, left, right = FLIPPED[operator], right, left
        if not self.is_free(right):
            return self.test(node)
        distance = self._distance(left, operator, right)
        if distance is not None:
            return distance
        path = self.path(left)
        if path is None:
            return self.test(node)
        if operator in {"IN", "NOT IN"}:
            made = self._in(path, right)
            return (lambda setting: Without(made(setting))) if operator == "NOT IN" else made
        value = self.slot(right)
        return lambda setting: compared(setting, path(setting), operator, value(setting))

    def _in(self, path: Path, right: Expression) -> Maker:
        if isinstance(right, tree.Range):
            low, high = self.slot(right.low), self.slot(right.high)
            return lambda setting: ranged(
                setting, path(setting), low(setting), high(setting), with_low=True, with_high=True
            )
        values = self.slot(right)
        return lambda setting: _one_of(setting, path(setting), values(setting))

    def _distance(self, left: Expression, operator: str, right: Expression) -> Maker | None:
        """GEO_DISTANCE(doc.shape, point) < metres."""
        if operator in {"IN", "NOT IN"} or not isinstance(left, tree.Call):
            return None
        if left.function.name != "GEO_DISTANCE":
            return None
        shapes = geo_operands(self, left.arguments[:2])
        if shapes is None:
            return None
        path, target, _ = shapes
        metres = self.slot(right)
        rest = [self.slot(each) for each in left.arguments[2:]]

        def make(setting: Setting) -> Filter:
            limit = metres(setting)
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                raise bad("the distance that GEO_DISTANCE() is compared with must be a number")
            arguments = [target(setting), *(each(setting) for each in rest)]
            holds = _HOLDS[operator]

            def test(shape: Any) -> bool:
                found = setting.scope.call("GEO_DISTANCE", [shape, *arguments])
                return found is not None and holds(found, limit)

            return Shapes(field=setting.field(path(setting)), test=test)

        return make

    def _quantified(self, node: tree.Quantified) -> Maker:
        path = self.path(node.right)
        if path is None or not self.is_free(node.left):
            return self.test(node)
        values = self.slot(node.left)
        least = None if node.least is None else self.slot(node.least)
        operator, quantifier = FLIPPED[node.operator], node.quantifier

        def make(setting: Setting) -> Filter:
            given = values(setting)
            if not isinstance(given, list):
                raise bad("the left side of an array comparison must be an array")
            steps = path(setting)
            filters = tuple(compared(setting, steps, operator, each) for each in given)
            match quantifier:
                case "ALL":
                    return Both(filters)
                case "ANY":
                    return AtLeast(filters=filters)
                case "NONE":
                    return Without(AtLeast(filters=filters))
                case "AT LEAST":
                    assert least is not None
                    return AtLeast(filters=filters, count=whole(least(setting), "AT LEAST"))

        return make

    def _question(self, node: tree.Question) -> Maker:
        path = self.path(node.base)
        if path is None or node.condition is None or node.levels != 1:
            return self.test(node)
        inner = Compiler(node.current, self.calls, self.slots, self.tests)
        if self.variable in tree.variables_of(node.condition):
            return self.test(node)
        condition = inner.filter(node.condition)
        low = None if node.low is None else self.slot(node.low)
        high = None if node.high is None else self.slot(node.high)
        quantifier = node.quantifier

        def make(setting: Setting) -> Filter:
            steps = path(setting)
            below = replace(setting, chain=(*setting.chain, steps))
            least = 1 if low is None else whole(low(setting), "the quantifier")
            quantity: Quantity
            match quantifier:
                case "ALL" | "NONE":
                    quantity = quantifier
                case "COUNT":
                    quantity = (least, least if high is None else whole(high(setting), "the quantifier"))
                case _:
                    quantity = (least, None)
            return Nested(steps=steps, quantity=quantity, filter=condition(below))

        return make


#: Compiles a call; None when it is none that an index can answer.
Compiled: TypeAlias = Callable[[Compiler, Sequence[Expression]], Maker | None]

_HOLDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def geo_operands(compiler: Compiler, arguments: Sequence[Expression]) -> tuple[Path, Slot, bool] | None:
    """The path, the other shape, and whether the path came first; None when not exactly one is a path."""
    left, right = arguments
    if compiler.is_free(right) and not compiler.is_free(left):
        path = compiler.path(left)
        return None if path is None else (path, compiler.slot(right), True)
    if compiler.is_free(left) and not compiler.is_free(right):
        path = compiler.path(right)
        return None if path is None else (path, compiler.slot(left), False)
    return None


def _is_context(node: Expression) -> bool:
    return isinstance(node, tree.Call) and node.function.name in {"ANALYZER", "BOOST"}


def _constant(slot: Slot) -> Maker:
    return lambda setting: Always(truthy(slot(setting)))


def _joined(makers: Sequence[Maker], *, is_all: bool) -> Maker:
    def make(setting: Setting) -> Filter:
        filters = tuple(each(setting) for each in makers)
        return Both(filters) if is_all else AtLeast(filters=filters)

    return make


def _step(value: Value) -> str | int:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    raise bad("an attribute is accessed by a string or a number")


def _one_of(setting: Setting, steps: Steps, values: Value) -> Filter:
    if not isinstance(values, list):
        raise bad("the right side of IN must be an array or a range")
    return AtLeast(filters=tuple(compared(setting, steps, "==", each) for each in values))


def compared(setting: Setting, steps: Steps, operator: str, value: Value) -> Filter:
    """`path operator value`: terms of the value's own type only."""
    if operator == "!=":
        return Without(compared(setting, steps, "==", value))
    if operator == "==":
        return _terms(setting, steps, value, terms.equal([value]))
    is_lower = operator in {">", ">="}
    low, high = (value, None) if is_lower else (None, value)
    return _bounded(setting, steps, low, high, with_low=operator == ">=", with_high=operator == "<=")


def _bounded(
    setting: Setting, steps: Steps, low: Value, high: Value, *, with_low: bool, with_high: bool
) -> Filter:
    value = high if low is None else low
    if value is None:  # compared with null: equal or not at all
        return _terms(setting, steps, None, terms.nulls()) if with_low or with_high else Always(False)
    return _terms(setting, steps, value, terms.between(low, high, with_low=with_low, with_high=with_high))


def ranged(
    setting: Setting, steps: Steps, low: Value, high: Value, *, with_low: bool, with_high: bool
) -> Filter:
    """A range between two values of the same type."""
    if terms.kind_of_value(low, "") != terms.kind_of_value(high, ""):
        raise bad("both ends of a range must be of the same type")
    if low is None:
        return _terms(setting, steps, None, terms.nulls()) if with_low and with_high else Always(False)
    return _terms(setting, steps, low, terms.between(low, high, with_low=with_low, with_high=with_high))


def _terms(setting: Setting, steps: Steps, sample: Value, choose: terms.Choice) -> Filter:
    kind = terms.kind_of_value(sample, "")
    place = (steps, kind) if kind else setting.field(steps)
    return Terms(field=place, choose=choose, boost=setting.boost)


def whole(value: Value, what: str) -> int:
    """A number of matches; 10 for other values."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise bad(f"{what} needs a number of at least 0; not {value!r}")
    return int(value)


def bad(message: str) -> ArangoError:
    """Error 10, in ArangoDB's words."""
    return ArangoError(ERROR_BAD_PARAMETER, f"unsupported SEARCH condition: {message}")
