"""Computed values: attributes whose value an AQL expression gives when a document is written.

Rules: https://docs.arangodb.com/3.12/concepts/data-structure/documents/computed-values/. The expressions
are compiled by a function handed to the catalogue, because AQL lives upstairs.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

from .names import shown
from .properties import ComputedValue, ComputeOn

Document = dict[str, Any]

# : From the text of an expression, and whether a warning is an error, to a function of the document
# (`@doc`). The
#: function may raise ArangoError and must not change the document; making it raises ArangoError for bad AQL.
ExpressionCompiler = Callable[[str, bool], Callable[[Document], Any]]

_MOMENTS: Final[tuple[ComputeOn, ...]] = ("insert", "update", "replace")
_RESERVED: Final = frozenset({"_id", "_key", "_rev", "_from", "_to"})


def parse_computed_values(body: Any) -> tuple[ComputedValue, ...]:
    """The definitions in `computedValues` of a request; 10 for what is wrong with them."""
    if body is None:
        return ()
    if not isinstance(body, list):
        raise _bad("computedValues must be an array")
    values = tuple(_parse_one(item) for item in cast("list[Any]", body))
    names = [value.name for value in values]
    if len(set(names)) != len(names):
        raise _bad("computedValues define an attribute twice")
    return values


def _parse_one(item: Any) -> ComputedValue:
    if not isinstance(item, dict):
        raise _bad("each computed value must be an object")
    body = cast("Document", item)
    name, expression, overwrite = body.get("name"), body.get("expression"), body.get("overwrite")
    if not isinstance(name, str) or not name:
        raise _bad("a computed value needs a 'name'")
    if name in _RESERVED or "." in name:
        raise _bad(
            f"a computed value cannot be named {shown(name)}: a top-level attribute of your own is needed"
        )
    if not isinstance(expression, str) or not expression.strip():
        raise _bad(f"the computed value {name!r} needs an 'expression'")
    if not isinstance(overwrite, bool):
        raise _bad(f"the computed value {name!r} needs 'overwrite': true or false")
    moments = body.get("computeOn", list(_MOMENTS))
    if not _is_moments(moments):
        raise _bad(f"'computeOn' of the computed value {name!r} lists insert, update or replace")
    for option in ("keepNull", "failOnWarning"):
        if not isinstance(body.get(option, True), bool):
            raise _bad(f"{option!r} of the computed value {name!r} is true or false")
    return ComputedValue(
        name=name,
        expression=expression,
        overwrite=overwrite,
        compute_on=tuple(moment for moment in _MOMENTS if moment in moments),
        keep_null=body.get("keepNull", True),
        fail_on_warning=body.get("failOnWarning", False),
    )


def _is_moments(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    items = cast("list[Any]", value)
    return bool(items) and all(item in _MOMENTS for item in items)


def describe_computed_values(values: tuple[ComputedValue, ...]) -> list[Document] | None:
    """The definitions as HTTP shows them."""
    return [
        {
            "name": value.name,
            "expression": value.expression,
            "computeOn": list(value.compute_on),
            "overwrite": value.overwrite,
            "failOnWarning": value.fail_on_warning,
            "keepNull": value.keep_null,
        }
        for value in values
    ] or None


class Computation:
    """The computed values of a collection, compiled when they are first needed."""

    __slots__ = ("_compiler", "_steps", "_values")

    def __init__(self, values: tuple[ComputedValue, ...], compiler: ExpressionCompiler) -> None:
        """Compile nothing yet."""
        self._values = values
        self._compiler = compiler
        self._steps: dict[ComputeOn, list[tuple[ComputedValue, Callable[[Document], Any]]]] | None = None

    def compile(self) -> dict[ComputeOn, list[tuple[ComputedValue, Callable[[Document], Any]]]]:
        """Compile all; raises what the compiler raises."""
        if self._steps is None:
            made = [
                (value, self._compiler(value.expression, value.fail_on_warning)) for value in self._values
            ]
            self._steps = {
                moment: [step for step in made if moment in step[0].compute_on] for moment in _MOMENTS
            }
        return self._steps

    def apply(self, moment: ComputeOn, document: Document) -> None:
        """Set the attributes of a document that is being written; each expression sees it as it came."""
        if not self._values:
            return
        results = [
            (value, compute(document))
            for value, compute in self.compile()[moment]
            if value.overwrite or value.name not in document
        ]
        for value, result in results:
            if result is None and not value.keep_null:
                document.pop(value.name, None)
            else:
                document[value.name] = result


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, message)
