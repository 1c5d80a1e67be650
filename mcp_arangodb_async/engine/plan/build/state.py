"""What building a plan needs and gathers, shared by the files of this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, TypeAlias

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.state import CatalogState
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.tree import Expression, Kind, Variable, Variables
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.nodes import CalculationNode, Node

from .scopes import Scopes

Access: TypeAlias = Literal["read", "write", "exclusive"]


class PlanWarning(NamedTuple):
    """A warning of the planner; it is repeated by every execution of the plan."""

    num: int
    message: str


@dataclass(slots=True, kw_only=True)
class Build:
    """One query being built.

    `structural` are the bind parameters whose values shape the plan; `parameters` those used as values only.
    """

    transaction: Transaction | None
    catalog: CatalogState
    functions: Mapping[str, Function]
    binds: Mapping[str, Any]
    compat: str = "3.12"
    variables: Variables = field(default_factory=Variables)
    scopes: Scopes = field(default_factory=Scopes)
    nodes: list[Node] = field(default_factory=list[Node])
    accesses: dict[str, Access] = field(default_factory=dict[str, Access])
    views: set[str] = field(default_factory=set[str])
    parameters: dict[str, Kind] = field(default_factory=dict[str, Kind])
    structural: set[str] = field(default_factory=set[str])
    warnings: list[PlanWarning] = field(default_factory=list[PlanWarning])
    definitions: dict[Variable, Expression] = field(default_factory=dict[Variable, Expression])
    #: The match of each document that comes from a view, for scoring functions.
    matches: dict[Variable, Variable] = field(default_factory=dict[Variable, Variable])
    #: How many subqueries surround what is being built.
    depth: int = 0
    #: More than 0 inside operands that are not always evaluated, and where CURRENT is known.
    lazy: int = 0

    @property
    def tx(self) -> Transaction:
        """The transaction; 10 where a query may not use the database."""
        if self.transaction is None:
            raise ArangoError(errors.ERROR_BAD_PARAMETER, "this query cannot use the database")
        return self.transaction

    def variable(self, name: str, *, kind: Kind = "any") -> Variable:
        """A new variable, declared in the innermost scope."""
        made = self.variables.make(name, kind=kind)
        self.scopes.declare(name, made)
        return made

    def calculate(self, expression: Expression, *, kind: Kind = "any") -> Variable:
        """Add a calculation; the variable that holds its value."""
        variable = self.variables.make(kind=kind)
        self.assign(variable, expression)
        return variable

    def assign(self, variable: Variable, expression: Expression) -> None:
        """Add a calculation into a variable."""
        self.definitions[variable] = expression
        self.nodes.append(CalculationNode(variable=variable, expression=expression))

    def warn(self, num: int, message: str) -> None:
        """Record a warning of the planner."""
        self.warnings.append(PlanWarning(num, message))

    # Bind parameters

    def bound(self, name: str) -> Any:
        """The value bound to a parameter; 1551 when there is none. `@@users` is bound as `@users`."""
        if name not in self.binds:
            raise ArangoError(
                errors.ERROR_QUERY_BIND_PARAMETER_MISSING,
                f"no value specified for declared bind parameter '{name}'",
            )
        return self.binds[name]

    def shape(self, name: str) -> Any:
        """The value bound to a parameter that shapes the plan."""
        value = self.bound(name)
        self.structural.add(name)
        return value

    # Collections

    def collection(self, name: str, access: Access = "read") -> Collection:
        """Note that the query reads or writes a collection; 1203 when there is none, 1579 after a write."""
        if name not in self.catalog.by_name:
            raise unknown_collection(name, [*self.catalog.by_name, *self.catalog.views])
        if self.accesses.get(name, "read") != "read":
            raise ArangoError(
                errors.ERROR_QUERY_ACCESS_AFTER_MODIFICATION,
                f"access after data-modification by operation on collection '{name}'",
            )
        if access != "read" or name not in self.accesses:
            self.accesses[name] = access
        return self.catalog.by_name[name]

    def collection_parameter(self, name: str) -> str:
        """The collection bound to `@@name`; 1553 when the value is no name."""
        value = self.shape("@" + name)
        if not isinstance(value, str) or not value:
            raise ArangoError(
                errors.ERROR_QUERY_BIND_PARAMETER_TYPE,
                f"bind parameter '@{name}' has an invalid value or type: expected a collection name",
            )
        return value

    @property
    def has_written(self) -> bool:
        """Whether a data-modification operation came before."""
        return any(access != "read" for access in self.accesses.values())


def unknown_collection(name: str, known: list[str]) -> ArangoError:
    """Error 1203, with the closest names."""
    close = get_close_matches(name, [each for each in known if not each.startswith("_")], n=3)
    hint = f"; closest: {', '.join(close)}" if close else ""
    return ArangoError(
        errors.ERROR_ARANGO_DATA_SOURCE_NOT_FOUND, f"collection or view not found: {name}{hint}"
    )
