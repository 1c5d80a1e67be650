"""The syntax tree of AQL, as written: no name is resolved, nothing is folded.

Every node has `position`, the offset of its first character (of the operator, for operators) in the query's
text; positions take no part in equality. Nodes are frozen and compare by value, so a tree may be a cache key.

A reader of the tree must know that:

- a `Name` is a variable, a collection, a view or one of CURRENT, NEW and OLD: scopes decide, not the parser;
- `a LIKE b` and `a =~ b` are calls of LIKE and REGEX_TEST; function names are in upper case;
- `a AND b AND c` is one `Logical` with three operands; every other operator has the usual two;
- `a[*].b[0]` is one `Expansion` whose `tail` is `.b[0]` on the element; `(a[*])[0]` is an `IndexAccess`;
- the grammar's limits hold: no tree is higher than `MAX_HEIGHT`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal as OneOf
from typing import TypeAlias

from mcp_arangodb_async.engine.records import record

MAX_HEIGHT = 500
"""ArangoDB's own bound on nested expressions; `1 + 2 + 3` is two levels high."""

Direction: TypeAlias = OneOf["OUTBOUND", "INBOUND", "ANY"]
PathKind: TypeAlias = OneOf["SHORTEST_PATH", "ALL_SHORTEST_PATHS", "K_SHORTEST_PATHS", "K_PATHS"]
UnaryOperator: TypeAlias = OneOf["+", "-", "NOT"]
ComparisonOperator: TypeAlias = OneOf["==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"]
ArithmeticOperator: TypeAlias = OneOf["+", "-", "*", "/", "%"]
LogicalOperator: TypeAlias = OneOf["AND", "OR"]
MatchOperator: TypeAlias = OneOf["LIKE", "NOT LIKE", "=~", "!~"]
QuantifierKind: TypeAlias = OneOf["ALL", "ANY", "NONE", "AT LEAST", "COUNT"]


@record()
class Node:
    """What every part of a tree has: where it starts."""

    position: int = field(compare=False)


@record(eq=False)
class Literal(Node):
    """A constant; unlike Python's values, `1`, `1.0` and `true` are three different ones."""

    value: bool | int | float | str | None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal) and type(self.value) is type(other.value) and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@record()
class Name(Node):
    """A bare or quoted name standing for a variable, collection or view."""

    name: str


@record()
class BindParameter(Node):
    """`@name`; the name without its sign."""

    name: str


@record()
class CollectionParameter(Node):
    """`@@name`; the name without its signs. Its value is bound under the key `"@" + name`."""

    name: str


@record()
class Spread(Node):
    """`...value` in a literal: the elements of an array, or the members of an object (from 4.0 on)."""

    value: Expression


@record()
class ArrayLiteral(Node):
    """`[a, ...b]`."""

    elements: tuple[Expression | Spread, ...]


@record()
class ObjectMember(Node):
    """One `key: value`; the key is a string, a `BindParameter` (`{@x: 1}`) or `computed` (`{[x]: 1}`).

    `shorthand` marks `{x}`, whose value must be a variable: no collection of that name is looked for.
    """

    key: Expression
    value: Expression
    computed: bool = False
    shorthand: bool = False


@record()
class ObjectLiteral(Node):
    """`{a: 1, [b]: 2, c, ...d}`, members in order, the same key possibly twice."""

    members: tuple[ObjectMember | Spread, ...]


@record()
class AttributeAccess(Node):
    """`subject.name`."""

    subject: Expression
    name: str


@record()
class BoundAttributeAccess(Node):
    """`subject.@name`: the bound value is one attribute name, or an array of them for a path."""

    subject: Expression
    parameter: BindParameter | CollectionParameter


@record()
class IndexAccess(Node):
    """`subject[index]`."""

    subject: Expression
    index: Expression


@record()
class Element(Node):
    """The value an `Expansion` hands to its `tail`; occurs nowhere else."""


@record()
class Expansion(Node):
    """`subject[* FILTER f LIMIT o, n RETURN p]` and the accesses after it.

    `depth` counts the stars: each beyond the first flattens one level. Of the elements, each in turn being
    CURRENT: keep those for which `filter` holds, skip `offset`, take `count`, replace each by `projection`;
    then evaluate `tail` with `Element` standing for the outcome.
    """

    subject: Expression
    depth: int
    filter: Expression | None = None
    offset: Expression | None = None
    count: Expression | None = None
    projection: Expression | None = None
    tail: Expression | None = None


@record()
class Quantifier(Node):
    """How many must match: ALL, ANY, NONE, AT LEAST `count`, or (COUNT) a number or a range of them."""

    kind: QuantifierKind
    count: Expression | None = None


@record()
class ArrayTest(Node):
    """`subject[? quantifier FILTER f]`, true or false; without a filter, whether there is any element."""

    subject: Expression
    depth: int
    quantifier: Quantifier | None = None
    filter: Expression | None = None


@record()
class Unary(Node):
    """`+a`, `-a`, `NOT a`."""

    operator: UnaryOperator
    operand: Expression


@record()
class Arithmetic(Node):
    """`a + b` and its kin."""

    operator: ArithmeticOperator
    left: Expression
    right: Expression


@record()
class Comparison(Node):
    """`a == b`, `a IN b` and their kin."""

    operator: ComparisonOperator
    left: Expression
    right: Expression


@record()
class ArrayComparison(Node):
    """`a ALL == b`: the comparison for the elements of `left`, counted by `quantifier` (never COUNT)."""

    quantifier: Quantifier
    operator: ComparisonOperator | MatchOperator
    left: Expression
    right: Expression


@record()
class Logical(Node):
    """`a AND b AND c` or `a OR b OR c`: at least two operands, evaluated in order until one decides.

    Its value is the operand that decided, not a truth value.
    """

    operator: LogicalOperator
    operands: tuple[Expression, ...]


@record()
class Ternary(Node):
    """`condition ? then : otherwise`; no `then` for `condition ?: otherwise`, which means the condition."""

    condition: Expression
    then: Expression | None
    otherwise: Expression


@record()
class Range(Node):
    """`low..high`."""

    low: Expression
    high: Expression


@record()
class FunctionCall(Node):
    """`NAME(arguments)`; the name in upper case, with its namespace for a user's function (`A::B`)."""

    name: str
    arguments: tuple[Expression, ...]


@record()
class Subquery(Node):
    """A query in parentheses, or as a function's argument."""

    query: Query


Leaf: TypeAlias = Literal | Name | BindParameter | CollectionParameter | Element
Access: TypeAlias = AttributeAccess | BoundAttributeAccess | IndexAccess | Expansion | ArrayTest
Operator: TypeAlias = Unary | Arithmetic | Comparison | ArrayComparison | Logical | Ternary | Range
Expression: TypeAlias = Leaf | Access | Operator | ArrayLiteral | ObjectLiteral | FunctionCall | Subquery

CollectionReference: TypeAlias = Name | CollectionParameter | BindParameter
"""Where the grammar wants a collection; a `BindParameter` only in WITH and in lists of edge collections."""


@record()
class Variable(Node):
    """The place where a variable gets its name; uses of it are `Name`s.

    A `temporary` one holds what a pattern takes apart: no text can name it, and COLLECT INTO leaves it out.
    """

    name: str
    temporary: bool = field(default=False, compare=False)


@record()
class Assignment(Node):
    """`variable = value` in LET, COLLECT, AGGREGATE and WINDOW."""

    variable: Variable
    value: Expression


@record()
class For(Node):
    """`FOR variable IN source`; with `search`, the source must be a view.

    `FOR {a, b} IN source` is this over a temporary variable, and a `Let` for each name.
    """

    variable: Variable
    source: Expression
    search: Expression | None = None
    options: ObjectLiteral | None = None


@record()
class EdgeCollection(Node):
    """One edge collection of a graph written as a list; `direction` overrides the traversal's own."""

    collection: CollectionReference
    direction: Direction | None = None


@record()
class EdgeCollections(Node):
    """An anonymous graph: edge collections listed in the query."""

    collections: tuple[EdgeCollection, ...]


@record()
class NamedGraph(Node):
    """`GRAPH name`: a string, a bare name (as a string too) or a bind parameter."""

    name: Literal | BindParameter | CollectionParameter


GraphSubject: TypeAlias = EdgeCollections | NamedGraph


@record()
class Prune(Node):
    """`PRUNE condition`, its value kept in `variable` if one is given."""

    condition: Expression
    variable: Variable | None = None


@record()
class Traversal(Node):
    """`FOR vertex, edge, path IN depth OUTBOUND start GRAPH g PRUNE p OPTIONS o`; no depth means 1..1."""

    variables: tuple[Variable, ...]
    direction: Direction
    depth: Expression | None
    start: Expression
    graph: GraphSubject
    prune: Prune | None = None
    options: ObjectLiteral | None = None


@record()
class PathSearch(Node):
    """`FOR v, e IN OUTBOUND SHORTEST_PATH start TO target GRAPH g`, and its kin; only K_PATHS has a depth."""

    kind: PathKind
    variables: tuple[Variable, ...]
    direction: Direction
    depth: Expression | None
    start: Expression
    target: Expression
    graph: GraphSubject
    options: ObjectLiteral | None = None


@record()
class Filter(Node):
    """`FILTER condition`."""

    condition: Expression


@record()
class Let(Node):
    """`LET variable = value`; `LET a = 1, b = 2` makes two of them."""

    variable: Variable
    value: Expression


@record()
class SortElement(Node):
    """One criterion of SORT; a direction that is no keyword is a literal or a bind parameter."""

    value: Expression
    direction: OneOf["ASC", "DESC"] | Literal | BindParameter | CollectionParameter = "ASC"


@record()
class Sort(Node):
    """`SORT a, b DESC`."""

    elements: tuple[SortElement, ...]


@record()
class Limit(Node):
    """`LIMIT offset, count`; no offset means 0."""

    count: Expression
    offset: Expression | None = None


@record()
class Collect(Node):
    """COLLECT in all its forms: `count` for WITH COUNT INTO, `projection` for `INTO v = e`, `keep` for KEEP.

    An aggregate's value is always a `FunctionCall`.
    """

    groups: tuple[Assignment, ...] = ()
    aggregates: tuple[Assignment, ...] = ()
    count: Variable | None = None
    into: Variable | None = None
    projection: Expression | None = None
    keep: tuple[Name, ...] | None = None
    options: ObjectLiteral | None = None


@record()
class Window(Node):
    """`WINDOW {preceding, following} AGGREGATE …` over rows; over values when `range_value` is given."""

    bounds: ObjectLiteral
    aggregates: tuple[Assignment, ...]
    range_value: Expression | None = None


@record()
class Insert(Node):
    """`INSERT document INTO collection`."""

    document: Expression
    collection: CollectionReference
    options: ObjectLiteral | None = None


@record()
class Update(Node):
    """`UPDATE key WITH document IN collection`, or REPLACE; without a key, the document holds it."""

    key: Expression | None
    document: Expression
    replace: bool
    collection: CollectionReference
    options: ObjectLiteral | None = None


@record()
class Remove(Node):
    """`REMOVE key IN collection`."""

    key: Expression
    collection: CollectionReference
    options: ObjectLiteral | None = None


@record()
class Upsert(Node):
    """`UPSERT search INSERT insert UPDATE update IN collection`, or REPLACE; `filter` for `UPSERT FILTER`."""

    search: ObjectLiteral | BindParameter | CollectionParameter | None
    filter: Expression | None
    insert: Expression
    update: Expression
    replace: bool
    collection: CollectionReference
    options: ObjectLiteral | None = None


@record()
class Return(Node):
    """`RETURN DISTINCT value`."""

    value: Expression
    distinct: bool = False


Modification: TypeAlias = Insert | Update | Remove | Upsert

Operation: TypeAlias = (
    For | Traversal | PathSearch | Filter | Let | Sort | Limit | Collect | Window | Modification | Return
)


@record()
class ParseWarning(Node):
    """Something ArangoDB only warns about while it reads a query, such as a number out of range (1504)."""

    num: int
    message: str


@record()
class Query(Node):
    """A query or subquery: its operations in order, the last of them RETURN or a modification.

    Only the outermost query has `with_collections` and `warnings`.
    """

    operations: tuple[Operation, ...]
    with_collections: tuple[CollectionReference, ...] = ()
    warnings: tuple[ParseWarning, ...] = ()
