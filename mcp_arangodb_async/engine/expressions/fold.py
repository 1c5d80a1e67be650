"""The value of an expression before the query runs: for LIMIT, depths, OPTIONS and bounds of WINDOW."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from mcp_arangodb_async.engine.errors import ERROR_QUERY_COMPILE_TIME_OPTIONS, ArangoError
from mcp_arangodb_async.engine.values import Value

from .generate import Generator
from .program import Program
from .tree import Constant, Expression, Parameter, Subquery, is_constant

#: Takes the number and the message of a warning.
Warn = Callable[[int, str | None], object]


class NotConstantError(Exception):
    """The expression needs rows, the database, the clock or chance."""


def evaluate(
    expression: Expression, binds: Mapping[str, Any], compat: str, *, warn: Warn | None = None
) -> Value:
    """The expression's value; NotConstantError when it is not known before the query runs.

    A warning is an error, unless `warn` takes it.
    """
    if isinstance(expression, Constant):
        return expression.value
    if isinstance(expression, Parameter):
        return binds[expression.name]
    if not is_constant(expression):
        raise NotConstantError
    program = Program()
    code = Generator(program, _no_subquery).value(expression)
    source = program.source(code.text)
    exec(compile(source, "<constant>", "exec"), program.names)  # noqa: S102  # our own source: see program.py
    return program.names["query"](FoldingContext(compat, warn), binds, {})


def _no_subquery(_: Subquery) -> NoReturn:
    raise NotConstantError


class FoldingContext:
    """What a function may ask while a constant is computed: nothing, so that no warning is lost."""

    def __init__(self, compat: str, warn: Warn | None) -> None:
        self._compat = compat
        self._warn = warn

    @property
    def compat(self) -> str:
        """The version that is imitated."""
        return self._compat

    @property
    def database_name(self) -> str:
        """Not constant."""
        raise NotConstantError

    @property
    def user_name(self) -> str | None:
        """Not constant."""
        raise NotConstantError

    def warn(self, num: int, message: str | None = None) -> None:
        """A warning here is an error: the value would not be what the query says."""
        if self._warn is None:
            raise ArangoError(num, message)
        self._warn(num, message)

    def check(self) -> None:
        """Constants are small: the parser bounds them."""

    def remaining(self) -> float:
        """Constants have no time limit of their own: searches have one."""
        return math.inf

    def charge(self, amount: int) -> None:
        """Only what a query's text may ask for: a megabyte."""
        if amount > 1_000_000:
            raise ArangoError(ERROR_QUERY_COMPILE_TIME_OPTIONS, "a constant of the query is too big")

    def _refuse(self, *_: object) -> NoReturn:
        raise NotConstantError

    now = random = sleep = call = tokens = _refuse
    document = collection_names = collection_count = collection_documents = _refuse
    schema = schema_violation = index_details = _refuse
