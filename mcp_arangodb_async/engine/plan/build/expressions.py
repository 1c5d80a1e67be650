"""Expressions of the syntax tree to expressions of the plan.

Each kind of node has a generator that asks for the expressions of its children by yielding them; one loop
runs them all. So a deep tree costs no Python stack, and the order of evaluation is the order of the code
below.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Generator, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, assert_never

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions import tree
from mcp_arangodb_async.engine.expressions.generate import kind_of
from mcp_arangodb_async.engine.expressions.tree import Constant, Expression, Reference
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.values import is_number

from .search import approximate, named, scored
from .state import Build, unknown_collection

Steps: TypeAlias = Generator[ast.Expression, Expression, Expression]
SubqueryBuilder: TypeAlias = Callable[[Build, ast.Query], Expression]

#: Functions that read documents of a collection named by a value; not allowed after a write (1579).
READING_FUNCTIONS = frozenset({"DOCUMENT"})
FOLDED: dict[str, Callable[[Any, Any], Any]] = {"+": python.add, "-": python.sub, "*": python.mul}
SAFE_INTEGER = 2**53


class ExpressionBuilder:
    """Builds the expressions of one query; `subquery` builds a query in parentheses."""

    def __init__(self, build: Build, subquery: SubqueryBuilder) -> None:
        self.build = build
        self.subquery = subquery
        self._elements: list[Expression] = []

    def expression(self, node: ast.Expression) -> Expression:
        """The plan's expression for a tree."""
        quick = self._leaf(node)
        if quick is not None:
            return quick
        stack = [self._steps(node)]
        value: Expression | None = None
        while True:
            try:
                child = next(stack[-1]) if value is None else stack[-1].send(value)
            except StopIteration as stop:
                stack.pop()
                value = stop.value
                if not stack:
                    assert value is not None
                    return value
                continue
            value = self._leaf(child)
            if value is None:
                stack.append(self._steps(child))

    def _leaf(self, node: ast.Expression) -> Expression | None:
        """The expression for a leaf or for attributes of one, the bulk of all trees; None for others."""
        names: list[str] = []
        while isinstance(node, ast.AttributeAccess):
            names.append(node.name)
            node = node.subject
        match node:
            case ast.Name(name=name):
                expression = self.name(name)
            case ast.Literal(value=value):
                expression = Constant(value=value)
            case ast.BindParameter(name=name):
                expression = self.parameter(name)
            case ast.CollectionParameter(name=name):
                raise self._misplaced(self.build.collection_parameter(name))
            case ast.Element():
                expression = self._elements[-1]
            case _:
                return None
        while names:
            expression = tree.Attribute(base=expression, name=names.pop())
        return expression

    def lazily(self, node: ast.Expression) -> Expression:
        """The same for an expression that is not evaluated once per row: it adds no nodes to the plan."""
        self.build.lazy += 1
        expression = self.expression(node)
        self.build.lazy -= 1
        return expression

    def variable(self, node: ast.Expression) -> tree.Variable:
        """A variable with the expression's value: the one it names, or that of a new calculation."""
        expression = self.expression(node)
        if isinstance(expression, Reference):
            return expression.variable
        return self.build.calculate(expression)

    def name(self, name: str) -> Expression:
        """A variable; 1568 for a collection, 1203 when there is neither, 1512 when it comes later."""
        variable = self.build.scopes.find(name)
        if variable is None:
            raise self._misplaced(name)
        return Reference(variable=variable)

    def parameter(self, name: str) -> Expression:
        """A bind parameter used as a value."""
        kind = kind_of(self.build.bound(name))
        self.build.parameters[name] = kind
        return tree.Parameter(name=name, kind=kind)

    def _misplaced(self, name: str) -> ArangoError:
        """A collection is no value: since 3.9 ArangoDB refuses it by default, and from 4.0 on always."""
        if self.build.scopes.is_coming(name):
            return ArangoError(
                errors.ERROR_QUERY_VARIABLE_NAME_UNKNOWN,
                f"use of unknown variable '{name}': the COLLECT that makes it cannot use it itself",
            )
        if name not in self.build.catalog.by_name:
            known = [*self.build.catalog.by_name, *(each for each, _ in self.build.scopes.visible())]
            return unknown_collection(name, known)
        self.build.collection(name)  # after a write to it, that comes first (1579)
        return ArangoError(
            errors.ERROR_QUERY_COLLECTION_USED_IN_EXPRESSION,
            f"collection '{name}' used as expression operand",
        )

    def _steps(self, node: ast.Expression) -> Steps:
        match node:
            case ast.AttributeAccess():
                return self._attribute(node)
            case ast.BoundAttributeAccess():
                return self._bound_attribute(node)
            case ast.IndexAccess():
                return self._element(node)
            case ast.Expansion():
                return self._expansion(node)
            case ast.ArrayTest():
                return self._question(node)
            case ast.ArrayLiteral():
                return self._array(node)
            case ast.ObjectLiteral():
                return self._object(node)
            case ast.Unary():
                return self._unary(node)
            case ast.Arithmetic():
                return self._arithmetic(node)
            case ast.Comparison():
                return self._comparison(node)
            case ast.ArrayComparison():
                return self._quantified(node)
            case ast.Logical():
                return self._logical(node)
            case ast.Ternary():
                return self._ternary(node)
            case ast.Range():
                return self._range(node)
            case ast.FunctionCall():
                return self._call(node)
            case ast.Subquery():
                return self._subquery(node)
            case ast.Literal() | ast.Name() | ast.BindParameter() | ast.CollectionParameter() | ast.Element():
                raise AssertionError("leaves are built without steps")
        assert_never(node)

    # Accesses

    def _attribute(self, node: ast.AttributeAccess) -> Steps:
        base = yield node.subject
        return tree.Attribute(base=base, name=node.name)

    def _bound_attribute(self, node: ast.BoundAttributeAccess) -> Steps:
        base = yield node.subject
        prefix = "@" if isinstance(node.parameter, ast.CollectionParameter) else ""
        names = self.build.shape(prefix + node.parameter.name)
        if isinstance(names, str):
            names = [names]
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):  # pyright: ignore[reportUnknownVariableType]
            raise ArangoError(
                errors.ERROR_QUERY_BIND_PARAMETER_TYPE,
                f"bind parameter '{node.parameter.name}' has an invalid value or type: "
                "an attribute name or an array of them is needed",
            )
        for name in names:  # pyright: ignore[reportUnknownVariableType]
            base = tree.Attribute(base=base, name=str(name))  # pyright: ignore[reportUnknownArgumentType]
        return base

    def _element(self, node: ast.IndexAccess) -> Steps:
        base = yield node.subject
        index = yield node.index
        return tree.Element(base=base, index=index)

    def _expansion(self, node: ast.Expansion) -> Steps:
        base = yield node.subject
        current = self._open_current()
        condition = None if node.filter is None else (yield node.filter)
        offset = None if node.offset is None else (yield node.offset)
        count = None if node.count is None else (yield node.count)
        projection = None if node.projection is None else (yield node.projection)
        if node.tail is not None:
            self._elements.append(Reference(variable=current) if projection is None else projection)
            projection = yield node.tail
            self._elements.pop()
        self._close_current()
        return tree.Expansion(
            base=base,
            levels=node.depth,
            current=current,
            condition=condition,
            offset=offset,
            count=count,
            projection=projection,
        )

    def _question(self, node: ast.ArrayTest) -> Steps:
        base = yield node.subject
        quantifier = node.quantifier.kind if node.quantifier is not None else "ANY"
        low: Expression | None = None
        high: Expression | None = None
        if node.quantifier is not None and node.quantifier.count is not None:
            if isinstance(node.quantifier.count, ast.Range):
                low = yield node.quantifier.count.low
                high = yield node.quantifier.count.high
            else:
                low = yield node.quantifier.count
        current = self._open_current()
        condition = None if node.filter is None else (yield node.filter)
        self._close_current()
        return tree.Question(
            base=base,
            levels=node.depth,
            current=current,
            quantifier=quantifier,
            low=low,
            high=high,
            condition=condition,
        )

    def _open_current(self) -> tree.Variable:
        current = self.build.variables.make("CURRENT")
        self.build.scopes.open("for")
        self.build.scopes.shadow("CURRENT", current)
        self.build.lazy += 1
        return current

    def _close_current(self) -> None:
        self.build.lazy -= 1
        self.build.scopes.close()

    # Literals

    def _array(self, node: ast.ArrayLiteral) -> Steps:
        items: list[Expression] = []
        for element in node.elements:
            if isinstance(element, ast.Spread):
                items.append(tree.Sign(operator="...", operand=(yield element.value)))
            else:
                items.append((yield element))
        if all(isinstance(item, Constant) for item in items):
            return Constant(value=[item.value for item in items if isinstance(item, Constant)])
        return tree.ArrayLiteral(items=tuple(items))

    def _object(self, node: ast.ObjectLiteral) -> Steps:
        entries: list[tree.Entry] = []
        for member in node.members:
            if isinstance(member, ast.Spread):
                entries.append(tree.Entry(key=None, value=(yield member.value)))
                continue
            key: str | Expression
            match member.key:
                case ast.Literal(value=str(name)) if not member.computed:
                    key = name
                case ast.BindParameter(name=name) if not member.computed:
                    key = self._bound_key(name)
                case _:
                    key = yield member.key
            if member.shorthand and isinstance(member.value, ast.Name):
                entries.append(tree.Entry(key=key, value=self._shorthand(member.value.name)))
            else:
                entries.append(tree.Entry(key=key, value=(yield member.value)))
        return _folded_object(entries, last_wins=self.build.compat != "3.12")

    def _bound_key(self, name: str) -> str:
        value = self.build.shape(name)
        if not isinstance(value, str):
            raise ArangoError(
                errors.ERROR_QUERY_BIND_PARAMETER_TYPE,
                f"bind parameter '{name}' has an invalid value or type: an attribute name is a string",
            )
        return value

    def _shorthand(self, name: str) -> Expression:
        variable = self.build.scopes.find(name)
        if variable is None:
            raise ArangoError(
                errors.ERROR_QUERY_VARIABLE_NAME_UNKNOWN,
                f"use of unknown variable '{name}' in object literal",
            )
        return Reference(variable=variable)

    # Operators

    def _unary(self, node: ast.Unary) -> Steps:
        operand = yield node.operand
        if node.operator == "NOT":
            return tree.Not(operand=operand)
        if isinstance(operand, Constant) and is_number(value := operand.value):
            assert isinstance(value, int | float)
            return operand if node.operator == "+" else Constant(value=-value)
        return tree.Sign(operator=node.operator, operand=operand)

    def _arithmetic(self, node: ast.Arithmetic) -> Steps:
        left = yield node.left
        right = yield node.right
        folded = _folded_number(node.operator, left, right)
        return folded or tree.Arithmetic(operator=node.operator, left=left, right=right)

    def _comparison(self, node: ast.Comparison) -> Steps:
        left = yield node.left
        right = yield node.right
        return tree.Comparison(operator=node.operator, left=left, right=right)

    def _quantified(self, node: ast.ArrayComparison) -> Steps:
        left = yield node.left
        right = yield node.right
        kind = node.quantifier.kind
        assert kind != "COUNT"
        least = None if node.quantifier.count is None else (yield node.quantifier.count)
        match node.operator:
            case "LIKE" | "NOT LIKE" | "=~" | "!~" as operator:
                return self._matched(left, kind, least, operator, right)
            case operator:
                return tree.Quantified(
                    quantifier=kind, operator=operator, left=left, right=right, least=least
                )

    def _matched(
        self,
        left: Expression,
        kind: tree.Quantifier,
        least: Expression | None,
        operator: ast.MatchOperator,
        right: Expression,
    ) -> Expression:
        """`left ANY LIKE right` and its kin; ArangoDB takes them for `left[? ANY FILTER ..LIKE right]`."""
        current = self.build.variables.make("CURRENT")
        name = "LIKE" if operator.endswith("LIKE") else "REGEX_TEST"
        condition: Expression = self.call(self.function(name), [Reference(variable=current), right])
        if operator in {"NOT LIKE", "!~"}:
            condition = tree.Not(operand=condition)
        return tree.Question(
            base=left, levels=1, current=current, quantifier=kind, low=least, condition=condition
        )

    def _logical(self, node: ast.Logical) -> Steps:
        operands = [(yield node.operands[0])]
        self.build.lazy += 1
        for operand in node.operands[1:]:
            operands.append((yield operand))  # noqa: PERF401  # as above
        self.build.lazy -= 1
        sign = "&&" if node.operator == "AND" else "||"
        return tree.Logical(operator=sign, operands=tuple(operands))

    def _ternary(self, node: ast.Ternary) -> Steps:
        condition = yield node.condition
        self.build.lazy += 1
        then = None if node.then is None else (yield node.then)
        otherwise = yield node.otherwise
        self.build.lazy -= 1
        return tree.Ternary(condition=condition, then=then, otherwise=otherwise)

    def _range(self, node: ast.Range) -> Steps:
        low = yield node.low
        high = yield node.high
        return tree.Range(low=low, high=high)

    # Calls

    def _call(self, node: ast.FunctionCall) -> Steps:
        function = self.function(node.name)
        arguments: list[Expression] = []
        for position, argument in enumerate(node.arguments):
            name = self._collection_name(argument) if position in function.collections else None
            if name is None:
                arguments.append((yield argument))
            else:
                self.build.collection(name)
                arguments.append(tree.CollectionValue(collection=name, use="name"))
        function, arguments = scored(self.build, function, named(self.build, function, arguments))
        call = self.call(function, arguments)
        return approximate(self.build, call) or call

    def _collection_name(self, node: ast.Expression) -> str | None:
        match node:
            case ast.Name(name=name) if self.build.scopes.find(name) is None:
                return name if name in self.build.catalog.by_name else None
            case ast.CollectionParameter(name=name):
                return self.build.collection_parameter(name)
            case _:
                return None

    def function(self, name: str) -> Function:
        """The function with this name; 1540 with the closest names, 1582 for a user's function."""
        function = self.build.functions.get(name)
        if function is not None:
            return function
        if "::" in name:
            raise ArangoError(
                errors.ERROR_QUERY_FUNCTION_NOT_FOUND,
                f"user function '{name}()' not found: the engine runs no JavaScript",
            )
        close = get_close_matches(name, self.build.functions, n=3)
        hint = f"; closest: {', '.join(close)}" if close else ""
        raise ArangoError(
            errors.ERROR_QUERY_FUNCTION_NAME_UNKNOWN, f"usage of unknown function '{name}()'{hint}"
        )

    def call(self, function: Function, arguments: Sequence[Expression]) -> tree.Call:
        """A call, with the number of arguments checked (1541)."""
        most = function.maximum
        if len(arguments) < function.minimum or (most is not None and len(arguments) > most):
            raise ArangoError(
                errors.ERROR_QUERY_FUNCTION_ARGUMENT_NUMBER_MISMATCH,
                f"invalid number of arguments for function '{function.name}()', expected number of "
                f"arguments: minimum: {function.minimum}, maximum: {'unlimited' if most is None else most}",
            )
        if function.name in READING_FUNCTIONS and self.build.has_written:
            raise ArangoError(
                errors.ERROR_QUERY_ACCESS_AFTER_MODIFICATION,
                f"access after data-modification by function {function.name}()",
            )
        return tree.Call(function=function, arguments=tuple(arguments))

    def _subquery(self, node: ast.Subquery) -> Steps:
        return self.subquery(self.build, node.query)
        yield


def _folded_object(entries: list[tree.Entry], *, last_wins: bool) -> Expression:
    folded: dict[str, Any] = {}
    for entry in entries:
        match entry:
            case tree.Entry(key=None, value=Constant(value=dict(members))):
                folded |= members
            case tree.Entry(key=str(key), value=Constant(value=value)):
                folded[key] = value if last_wins else folded.get(key, value)
            case _:
                return tree.ObjectLiteral(entries=tuple(entries), last_wins=last_wins)
    return Constant(value=folded)


def _folded_number(operator: str, left: Expression, right: Expression) -> Expression | None:
    """Sums and products of small integers, which cannot warn."""
    if operator in FOLDED and isinstance(left, Constant) and isinstance(right, Constant):
        if type(left.value) is int and type(right.value) is int:
            value = FOLDED[operator](left.value, right.value)
            if abs(value) < SAFE_INTEGER:
                return Constant(value=value)
    return None
