"""Expressions as a plan holds them: names resolved to variables, bind parameters known, nothing to look up.

Nodes compare by identity; compare two expressions by their text (`text.py`). Trees may be 500 levels deep, so
nothing here recurses: `postorder` walks any tree with a stack of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.records import record
from mcp_arangodb_async.engine.values import Value

Kind: TypeAlias = Literal["any", "null", "bool", "number", "string", "array", "object"]
ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/", "%"]
ComparisonOperator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"]
Quantifier: TypeAlias = Literal["ALL", "ANY", "NONE", "AT LEAST"]


@record(eq=False, kw_only=True)
class Variable:
    """A variable of one plan. `kind` is what its value always is; `collection` is set for whole documents."""

    id: int
    name: str
    kind: Kind = "any"
    collection: str | None = None
    is_internal: bool = False


@record(eq=False, kw_only=True)
class Constant:
    """A value known when the query was parsed; shared, never mutated."""

    value: Value


@record(eq=False, kw_only=True)
class Parameter:
    """A bind parameter used as a value. Its kind is part of the plan's identity, its value is not."""

    name: str
    kind: Kind


@record(eq=False, kw_only=True)
class Reference:
    """The value of a variable."""

    variable: Variable


@record(eq=False, kw_only=True)
class Attribute:
    """`base.name`: null unless the base is an object that has the attribute."""

    base: Expression
    name: str


@record(eq=False, kw_only=True)
class Element:
    """`base[index]`: by number in arrays, by string in objects."""

    base: Expression
    index: Expression


@record(eq=False, kw_only=True)
class Expansion:
    """`base[* FILTER .. LIMIT .. RETURN ..]`: a result per element; `levels` beyond 1 flatten first."""

    base: Expression
    levels: int
    current: Variable
    condition: Expression | None = None
    offset: Expression | None = None
    count: Expression | None = None
    projection: Expression | None = None


@record(eq=False, kw_only=True)
class Question:
    """`base[? 2..3 FILTER ..]`: whether as many elements as asked for fulfil the condition."""

    base: Expression
    levels: int
    current: Variable
    quantifier: Quantifier | Literal["COUNT"]
    low: Expression | None = None
    high: Expression | None = None
    condition: Expression | None = None


@record(eq=False, kw_only=True)
class Not:
    """Logical negation."""

    operand: Expression


@record(eq=False, kw_only=True)
class Sign:
    """Unary plus or minus; `...`, only among the items of an array literal, stands for the elements."""

    operator: Literal["+", "-", "..."]
    operand: Expression


@record(eq=False, kw_only=True)
class Arithmetic:
    """`left operator right` on numbers."""

    operator: ArithmeticOperator
    left: Expression
    right: Expression


@record(eq=False, kw_only=True)
class Comparison:
    """`left operator right`, in AQL's order of types and values."""

    operator: ComparisonOperator
    left: Expression
    right: Expression


@record(eq=False, kw_only=True)
class Quantified:
    """`left ALL|ANY|NONE|AT LEAST (n) operator right`: the comparison for the elements of `left`."""

    quantifier: Quantifier
    operator: ComparisonOperator
    left: Expression
    right: Expression
    least: Expression | None = None


@record(eq=False, kw_only=True)
class Logical:
    """`a && b && c` or `a || b`: evaluated in order until one decides, and that operand is the result."""

    operator: Literal["&&", "||"]
    operands: tuple[Expression, ...]


@record(eq=False, kw_only=True)
class Ternary:
    """`condition ? then : otherwise`; without `then` the condition's own value."""

    condition: Expression
    then: Expression | None
    otherwise: Expression


@record(eq=False, kw_only=True)
class Range:
    """`low..high`."""

    low: Expression
    high: Expression


@record(eq=False, kw_only=True)
class ArrayLiteral:
    """`[a, b]`."""

    items: tuple[Expression, ...]


@record(eq=False, kw_only=True)
class Entry:
    """One `key: value` of an object literal; a computed key is an expression; no key at all is `...value`."""

    key: str | Expression | None
    value: Expression


@record(eq=False, kw_only=True)
class ObjectLiteral:
    """`{ key: value, [computed]: value }`. Of equal keys the first wins; from ArangoDB 4.0 on the last."""

    entries: tuple[Entry, ...]
    last_wins: bool = False


@record(eq=False, kw_only=True)
class Call:
    """A function call with the number of arguments already checked."""

    function: Function
    arguments: tuple[Expression, ...]


@record(eq=False, kw_only=True)
class CollectionValue:
    """A collection in an expression: its name for a function, or the number of its documents."""

    collection: str
    use: Literal["count", "name"]


@record(eq=False, kw_only=True)
class Subquery:
    """A subquery in a place that is not always evaluated; `plan` is a `plan.nodes.Plan`.

    `variables` are those of the surrounding query that it reads.
    """

    plan: object
    variables: tuple[Variable, ...]
    is_deterministic: bool
    modifies: bool


Expression: TypeAlias = (
    Constant
    | Parameter
    | Reference
    | Attribute
    | Element
    | Expansion
    | Question
    | Not
    | Sign
    | Arithmetic
    | Comparison
    | Quantified
    | Logical
    | Ternary
    | Range
    | ArrayLiteral
    | ObjectLiteral
    | Call
    | CollectionValue
    | Subquery
)

NULL = Constant(value=None)
TRUE = Constant(value=True)
FALSE = Constant(value=False)
LEAVES = frozenset({Constant, Parameter, Reference, CollectionValue, Subquery})
#: Leaves that are values known before any row.
VALUES = frozenset({Constant, Parameter})


def children(expression: Expression) -> tuple[Expression, ...]:
    """The direct sub-expressions, in the order in which they are evaluated."""
    match expression:  # the most frequent kinds first: planning asks for them thousands of times
        case Attribute(base=base):
            return (base,)
        case Reference() | Constant() | Parameter() | CollectionValue() | Subquery():
            return ()
        case Comparison(left=left, right=right) | Arithmetic(left=left, right=right):
            return (left, right)
        case Logical(operands=operands):
            return operands
        case Call(arguments=arguments):
            return arguments
        case Element(base=base, index=index):
            return (base, index)
        case Expansion(base=base, condition=condition, offset=offset, count=count, projection=projection):
            return _present(base, condition, offset, count, projection)
        case Question(base=base, low=low, high=high, condition=condition):
            return _present(base, low, high, condition)
        case Not(operand=operand) | Sign(operand=operand):
            return (operand,)
        case Quantified(left=left, right=right, least=least):
            return _present(left, right, least)
        case Ternary(condition=condition, then=then, otherwise=otherwise):
            return _present(condition, then, otherwise)
        case Range(low=low, high=high):
            return (low, high)
        case ArrayLiteral(items=items):
            return items
        case ObjectLiteral(entries=entries):
            return tuple(
                part
                for entry in entries
                for part in (entry.key, entry.value)
                if part is not None and not isinstance(part, str)
            )


def _present(*expressions: Expression | None) -> tuple[Expression, ...]:
    return tuple(expression for expression in expressions if expression is not None)


def postorder(expression: Expression) -> list[Expression]:
    """Every node of the tree, children before their parents, the root last."""
    order: list[Expression] = []
    stack = [expression]
    while stack:
        node = stack.pop()
        order.append(node)
        if type(node) not in LEAVES:
            stack.extend(children(node))
    order.reverse()
    return order


def rebuild(expression: Expression, parts: tuple[Expression, ...]) -> Expression:
    """The same node with other sub-expressions, given in the order of `children`."""
    rest = iter(parts)

    def optional(part: Expression | None) -> Expression | None:
        return None if part is None else next(rest)

    match expression:
        case Constant() | Parameter() | Reference() | CollectionValue() | Subquery():
            return expression
        case Attribute():
            return Attribute(base=next(rest), name=expression.name)
        case Element():
            return Element(base=next(rest), index=next(rest))
        case Expansion():
            return Expansion(
                base=next(rest),
                levels=expression.levels,
                current=expression.current,
                condition=optional(expression.condition),
                offset=optional(expression.offset),
                count=optional(expression.count),
                projection=optional(expression.projection),
            )
        case Question():
            return Question(
                base=next(rest),
                levels=expression.levels,
                current=expression.current,
                quantifier=expression.quantifier,
                low=optional(expression.low),
                high=optional(expression.high),
                condition=optional(expression.condition),
            )
        case Not():
            return Not(operand=next(rest))
        case Sign():
            return Sign(operator=expression.operator, operand=next(rest))
        case Arithmetic():
            return Arithmetic(operator=expression.operator, left=next(rest), right=next(rest))
        case Comparison():
            return Comparison(operator=expression.operator, left=next(rest), right=next(rest))
        case Logical():
            return Logical(operator=expression.operator, operands=parts)
        case Quantified():
            return Quantified(
                quantifier=expression.quantifier,
                operator=expression.operator,
                left=next(rest),
                right=next(rest),
                least=optional(expression.least),
            )
        case Ternary():
            return Ternary(condition=next(rest), then=optional(expression.then), otherwise=next(rest))
        case Range():
            return Range(low=next(rest), high=next(rest))
        case ArrayLiteral():
            return ArrayLiteral(items=parts)
        case ObjectLiteral(entries=entries):
            rebuilt: list[Entry] = []
            for entry in entries:
                key = entry.key if entry.key is None or isinstance(entry.key, str) else next(rest)
                rebuilt.append(Entry(key=key, value=next(rest)))
            return ObjectLiteral(entries=tuple(rebuilt), last_wins=expression.last_wins)
        case Call():
            return Call(function=expression.function, arguments=parts)


def rewrite(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Apply `change` to every node, bottom up; untouched parts stay the same objects."""
    done: dict[int, Expression] = {}
    for node in postorder(expression):
        if type(node) in LEAVES:
            done[id(node)] = change(node)
            continue
        before = children(node)
        after = tuple(done[id(child)] for child in before)
        same = all(old is new for old, new in zip(before, after, strict=True))
        done[id(node)] = change(node if same else rebuild(node, after))
    return done[id(expression)]


def substitute(expression: Expression, values: dict[Variable, Expression]) -> Expression:
    """Replace references to the given variables."""

    def change(node: Expression) -> Expression:
        if isinstance(node, Reference):
            return values.get(node.variable, node)
        return node

    return rewrite(expression, change) if variables_of(expression) & values.keys() else expression


def variables_of(expression: Expression) -> set[Variable]:
    """The variables an expression reads from outside, so without the `CURRENT` of its own expansions."""
    found: set[Variable] = set()
    own: set[Variable] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, Attribute):
            stack.append(node.base)
        elif isinstance(node, Reference):
            found.add(node.variable)
        elif type(node) not in LEAVES:
            stack += children(node)
            if isinstance(node, (Expansion, Question)):
                own.add(node.current)
        elif isinstance(node, Subquery):
            found.update(node.variables)
    return found - own if own else found


def is_deterministic(expression: Expression) -> bool:
    """Whether the same variables always give the same value, without side effects or reads of collections."""
    if type(expression) in VALUES:
        return True
    for node in postorder(expression):
        match node:
            case Call(function=function) if not function.deterministic:
                return False
            case CollectionValue(use=use) if use != "name":
                return False
            case Subquery():
                return False
            case _:
                pass
    return True


def is_constant(expression: Expression) -> bool:
    """Whether the value is known before any row is read: literals, bind values and what is built of them."""
    return not variables_of(expression) and is_deterministic(expression)


def attribute_path(expression: Expression) -> tuple[Variable, tuple[str, ...]] | None:
    """`variable.a.b` as (variable, ("a", "b")), or None for anything else."""
    names: list[str] = []
    while isinstance(expression, Attribute):
        names.append(expression.name)
        expression = expression.base
    return (expression.variable, tuple(reversed(names))) if isinstance(expression, Reference) else None


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """The operands of nested `&&`, in order; a single one when there is none."""
    return _joined(expression, "&&")


def disjuncts(expression: Expression) -> Iterator[Expression]:
    """The operands of nested `||`, in order; a single one when there is none."""
    return _joined(expression, "||")


def _joined(expression: Expression, operator: Literal["&&", "||"]) -> Iterator[Expression]:
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, Logical) and node.operator == operator:
            stack += reversed(node.operands)
        else:
            yield node


def all_of(conditions: Sequence[Expression]) -> Expression | None:
    """The conditions joined with `&&`, or None when there are none."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return Logical(operator="&&", operands=tuple(conditions))


@dataclass(slots=True)
class Variables:
    """Hands out the variables of one plan, so that their numbers are unique in it."""

    count: int = field(default=0)

    def make(self, name: str | None = None, *, kind: Kind = "any", collection: str | None = None) -> Variable:
        """A new variable; without a name an internal one, named for its number."""
        number = self.count
        self.count += 1
        return Variable(
            id=number,
            name=str(number) if name is None else name,
            kind=kind,
            collection=collection,
            is_internal=name is None,
        )
