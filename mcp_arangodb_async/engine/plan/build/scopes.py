"""Which names mean which variables, at one place of a query."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mcp_arangodb_async.engine.errors import ERROR_QUERY_VARIABLE_REDECLARED, ArangoError
from mcp_arangodb_async.engine.expressions.tree import Variable

ScopeKind: TypeAlias = Literal["main", "subquery", "for", "collect"]


@dataclass(slots=True, kw_only=True)
class Scope:
    """The variables declared at one level of nesting."""

    kind: ScopeKind
    names: dict[str, Variable] = field(default_factory=dict[str, Variable])


class Scopes:
    """The scopes that are open, the innermost last. CURRENT, OLD and NEW are names like others."""

    def __init__(self) -> None:
        self._stack: list[Scope] = [Scope(kind="main")]
        #: What the COLLECT that is being read will make, and its own expressions cannot use.
        self._coming: frozenset[str] = frozenset()

    def find(self, name: str) -> Variable | None:
        """The variable with this name, or None."""
        for scope in reversed(self._stack):
            if name in scope.names:
                return scope.names[name]
        return None

    @contextmanager
    def before(self, names: Iterable[str]) -> Generator[None]:
        """While expressions are read that come before these names mean anything."""
        outer, self._coming = self._coming, self._coming | frozenset(names)
        yield
        self._coming = outer

    def is_coming(self, name: str) -> bool:
        """Whether a name will only mean something after the operation that is being read."""
        return name in self._coming

    def declare(self, name: str, variable: Variable) -> None:
        """Give a name to a variable; 1511 when one in reach has it. A lone underscore is nobody's name."""
        if name != "_" and self.find(name) is not None:
            raise ArangoError(
                ERROR_QUERY_VARIABLE_REDECLARED, f"variable '{name}' is assigned multiple times"
            )
        self._stack[-1].names[name] = variable

    def shadow(self, name: str, variable: Variable) -> None:
        """Give a pseudo-variable (OLD, NEW) its newest meaning."""
        self._stack[-1].names[name] = variable

    def open(self, kind: ScopeKind) -> None:
        """Start a scope."""
        self._stack.append(Scope(kind=kind))

    def close_query(self) -> None:
        """End a subquery with all scopes inside it."""
        while self._stack.pop().kind != "subquery":
            pass

    def close(self) -> None:
        """End the innermost scope."""
        self._stack.pop()

    def collectable(self) -> Iterator[Variable]:
        """What `COLLECT ... INTO` gathers: variables of FOR loops, or of the top level when there is none."""
        level = self._level()
        scopes = self._stack[level + 1 :] or self._stack[level:]
        for scope in scopes:
            for name, variable in scope.names.items():
                if not variable.is_internal and name != "_":
                    yield variable

    def collect(self) -> None:
        """Forget the variables of the FOR loops of this query, and start the scope after a COLLECT."""
        level = self._level()
        if len(self._stack) > level + 1:
            del self._stack[level + 1 :]
            self.open("collect")

    def visible(self) -> Iterator[tuple[str, Variable]]:
        """All names in reach, for messages."""
        for scope in self._stack:
            yield from scope.names.items()

    def _level(self) -> int:
        return max(i for i, scope in enumerate(self._stack) if scope.kind in {"main", "subquery"})
