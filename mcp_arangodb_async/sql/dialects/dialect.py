"""What the guard and the schema reader need to know of a dialect, as one record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcp_arangodb_async.config.environments import StatementKind
from mcp_arangodb_async.sql.lexer import Lexing, Token

DialectName = Literal["postgresql", "mysql", "mariadb", "sqlite"]

# The order of statement classes: a statement is of the highest class that anything in it has.
RANK: Mapping[StatementKind, int] = {"read": 0, "dml": 1, "ddl": 2, "admin": 3, "unknown": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What calling a function amounts to, and why."""

    kind: StatementKind
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A statement without its EXPLAIN: where the inner one begins, None if a table was described instead.

    `runs`: the inner statement is executed as well (EXPLAIN ANALYZE).
    """

    begins: int | None
    runs: bool = False
    table: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One dialect. Names are lower case.

    `statements` tells the class of a statement by its first word; what is not there is `unknown`. `refine`
    looks at more words where the first does not tell. `functions` are known to read and compute only;
    `effects` and `effects_by_prefix` say what others do; any other function may write. `before_parenthesis`
    are keywords and types, which look like calls. `secrets` are tables and views of the server's own that
    hold credentials or files, in `secrets_schema` if one is named. `assignments`: `:=` sets a variable of
    the session.

    `session` prepares every new connection, `read_only` also those of an environment with `access: read`; the
    connection itself surrounds a statement that reads with a transaction that does. `gate` is how a text must
    begin there: a rough check that shares nothing with the parser, for statements that a read-only session
    does not stop.
    """

    name: DialectName
    label: str
    sqlglot: str
    lexing: Lexing
    quote_mark: str
    default_schema: str | None
    folds_names: bool
    statements: Mapping[str, StatementKind]
    functions: frozenset[str]
    effects: Mapping[str, Effect]
    effects_by_prefix: tuple[tuple[str, Effect], ...]
    before_parenthesis: frozenset[str]
    system_schemas: frozenset[str]
    secrets: Mapping[str, str]
    explained: Callable[[Sequence[Token]], Explained | None]
    refine: Mapping[str, Callable[[Sequence[Token]], Effect]]
    gate: re.Pattern[str]
    explain_prefix: str
    plan_cost: Callable[[Sequence[Sequence[Any]]], float | None]
    session: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    assignments: bool = False
    secrets_schema: str | None = None

    def quote(self, name: str) -> str:
        """The name as an identifier, whatever it holds; a NUL is refused, as no engine has such a name."""
        if "\0" in name:
            raise ValueError("a name cannot hold a NUL character")
        mark = self.quote_mark
        return mark + name.replace(mark, mark * 2) + mark

    def passes_gate(self, text: str) -> bool:
        """Whether a text may be sent over a read-only connection at all, whatever was decided about it."""
        return self.gate.match(text) is not None

    def explain(self, text: str) -> str:
        """The statement that asks for the plan of another one without running it."""
        return f"{self.explain_prefix} {text}"


def gate(words: str) -> re.Pattern[str]:
    """A pattern for texts that begin with one of the words, parentheses and spaces aside."""
    return re.compile(rf"[\s(]*(?:{'|'.join(words.split())})\b", re.IGNORECASE)


def words(text: str) -> frozenset[str]:
    """A set written as text, for long lists of names."""
    return frozenset(text.split())
