"""OPTIONS of operations: read one by one, spelling and types checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.plan.nodes import ScanHint
from mcp_arangodb_async.engine.values import Value, truthy, type_name

from .constants import constant
from .expressions import ExpressionBuilder

#: Options of SEARCH that change how ArangoDB finds the rows, not which.
WITHOUT_MEANING: Final = (
    "conditionOptimization",
    "countApproximate",
    "parallelism",
    "noMaterialization",
    "forceSync",
)


class Options:
    """The constants of an OPTIONS object, read one by one; what nobody asked for is warned about (1539)."""

    def __init__(
        self, expressions: ExpressionBuilder, node: ast.ObjectLiteral | None, operation: str
    ) -> None:
        """Evaluate the object; 1575 when it is not constant."""
        value = {} if node is None else constant(expressions, node, f"OPTIONS of {operation}")
        self._values: Mapping[str, Any] = value if isinstance(value, dict) else {}
        self._build = expressions.build
        self._operation = operation
        self._known: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the option is given."""
        self._known.add(name)
        return name in self._values

    def get(self, name: str, default: Value = None) -> Any:
        """The option's value, or the default."""
        self._known.add(name)
        return self._values.get(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """An option that is on or off."""
        return truthy(self.get(name, default))

    def switch(self, name: str, *, default: bool = False) -> bool:
        """An option that is `true` or `false`; other values are warned about and ignored."""
        value = self.get(name, default)
        if isinstance(value, bool):
            return value
        self.reject(name, f"expected true or false, got a value of type {type_name(value)}")
        return default

    def number(self, name: str, default: float) -> float:
        """An option that is a number; other values are warned about and ignored."""
        value = self.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        self.reject(name, f"expected a number, got a value of type {type_name(value)}")
        return default

    def given(self) -> tuple[str, ...]:
        """The names of the options that are given, in the order of the query."""
        return tuple(self._values)

    def text(self, name: str, default: str | None = None) -> str | None:
        """An option that is a string; other values are warned about and ignored."""
        value = self.get(name, default)
        if value is None or isinstance(value, str):
            return value
        self.reject(name, f"expected a string, got a value of type {type_name(value)}")
        return default

    def names(self, name: str, *, least: int = 0) -> tuple[str, ...]:
        """An option that is a name or an array of at least so many names."""
        value: Value = self.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and len(value) >= least and all(isinstance(each, str) for each in value):
            return tuple(value)
        more = ", not empty" if least else ""
        self.reject(name, f"expected a string or an array of strings{more}")
        return ()

    def reject(self, name: str, why: str) -> None:
        """Warn about an option's value."""
        self._build.warn(
            errors.ERROR_QUERY_INVALID_OPTIONS_ATTRIBUTE,
            f"invalid value for option '{name}' of {self._operation}: {why}",
        )

    def finish(self) -> None:
        """Warn about options that the operation does not know."""
        for name in self._values:
            if name not in self._known:
                known = ", ".join(sorted(self._known))
                self._build.warn(
                    errors.ERROR_QUERY_INVALID_OPTIONS_ATTRIBUTE,
                    f"unknown option '{name}' for {self._operation}; known: {known}",
                )


def scan_options(options: Options) -> ScanHint:
    """OPTIONS of a FOR over a collection; what changes only the speed must still have its type."""
    for name in ("maxProjections", "lookahead", "parallelism"):
        options.number(name, 0)
    options.switch("waitForSync")
    hint = index_hint(options)
    options.finish()
    return hint


def index_hint(options: Options) -> ScanHint:
    """What OPTIONS say about indexes.

    A hint and `disableIndex: true` exclude each other: whichever comes second is warned about and ignored.
    """
    options.switch("useCache")
    indexes = options.names("indexHint", least=1)
    is_disabled = options.switch("disableIndex")
    if indexes and is_disabled:
        late = max("indexHint", "disableIndex", key=options.given().index)
        options.reject(late, "'indexHint' and 'disableIndex: true' exclude each other")
        if late == "indexHint":
            indexes = ()
        else:
            is_disabled = False
    return ScanHint(indexes=indexes, is_forced=options.switch("forceIndexHint"), disable_index=is_disabled)


def search_restriction(options: Options) -> frozenset[str] | None:
    """The collections that OPTIONS restrict a search to, None for all; 10 for values of a wrong type."""
    for name in WITHOUT_MEANING:
        options.get(name)
    if not isinstance(options.get("waitForSync", default=False), bool):
        raise ArangoError(
            errors.ERROR_BAD_PARAMETER, "the option 'waitForSync' of SEARCH must be true or false"
        )
    given: Value = options.get("collections")
    options.finish()
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ArangoError(
            errors.ERROR_BAD_PARAMETER, "the option 'collections' of SEARCH must be an array of names"
        )
    return frozenset(str(name) for name in given)
