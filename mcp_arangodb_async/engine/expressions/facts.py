"""What the optimiser asks of an expression again and again, found in one walk and kept with its node."""

from __future__ import annotations

from mcp_arangodb_async.engine.records import record

from .tree import (
    LEAVES,
    VALUES,
    Attribute,
    Call,
    CollectionValue,
    Comparison,
    Expansion,
    Expression,
    Logical,
    Question,
    Reference,
    Subquery,
    Variable,
    children,
    is_constant,
)

#: Kinds with a variable of their own.
EXPANDING = (Expansion, Question)


@record(eq=False)
class Facts:
    """What one expression reads and holds; see `variables_of` and `is_deterministic` for the first two."""

    variables: frozenset[Variable]
    is_deterministic: bool
    subqueries: tuple[Subquery, ...]
    #: How many nodes it has; whether a call and an OR are among them.
    size: int
    has_call: bool
    has_or: bool
    #: The names of the attributes that are read of anything.
    attributes: frozenset[str]

    @property
    def is_constant(self) -> bool:
        """Whether the value is known before any row is read."""
        return self.is_deterministic and not self.variables


def facts_of(expression: Expression) -> Facts:
    """Walk over an expression once."""
    found: set[Variable] = set()
    own: set[Variable] = set()
    names: set[str] = set()
    subqueries: list[Subquery] = []
    size = 0
    is_deterministic = True
    has_call = has_or = False
    stack = [expression]
    while stack:
        node = stack.pop()
        size += 1
        if type(node) is Attribute:
            names.add(node.name)
            stack.append(node.base)
        elif type(node) is Reference:
            found.add(node.variable)
        elif type(node) is Comparison:
            stack.append(node.left)
            stack.append(node.right)
        elif type(node) not in LEAVES:
            stack += children(node)
            if isinstance(node, Call):
                has_call = True
                is_deterministic = is_deterministic and node.function.deterministic
            elif isinstance(node, Logical):
                has_or = has_or or node.operator == "||"
            elif isinstance(node, EXPANDING):
                own.add(node.current)
        elif isinstance(node, Subquery):
            found.update(node.variables)
            subqueries.append(node)
            is_deterministic = False
        elif isinstance(node, CollectionValue):
            is_deterministic = is_deterministic and node.use == "name"
    variables = frozenset(found - own) if own else frozenset(found)
    return Facts(variables, is_deterministic, tuple(subqueries), size, has_call, has_or, frozenset(names))


def constant_parts(expression: Expression) -> list[Expression]:
    """The largest parts of an expression that are constant and still have to be computed."""
    found: list[Expression] = []
    stack = [expression]
    while stack:
        node = stack.pop()
        if type(node) in VALUES:
            continue
        if is_constant(node):
            found.append(node)
        else:
            stack.extend(children(node))
    return found
