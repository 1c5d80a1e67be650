"""The Python source of one query while it grows: injected names, nested functions, and code in lines.

Values and functions of the query enter the source by name only. No text of the query, no constant and no
attribute name is ever spliced into it, so nothing a caller writes can become code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.records import record

from .tree import Kind, Variable


@record(kw_only=True)
class Code:
    """A piece of generated expression.

    `text` may be evaluated once; `is_atom` says it is a bare name, which may be repeated at no cost.
    `test` is the same as a condition, where that is shorter. `names` are the variables it reads, and
    `depth` is how deep its parentheses nest (Python's parser stops at 200). A constant's `value` is known
    here already.
    """

    text: str
    kind: Kind = "any"
    is_atom: bool = False
    is_constant: bool = False
    value: Any = None
    test: str | None = None
    names: frozenset[str] = frozenset()
    depth: int = 0


class Lines:
    """Indented lines of one generated function."""

    __slots__ = ("indent", "lines")

    def __init__(self, indent: int = 0) -> None:
        self.indent = indent
        self.lines: list[str] = []

    def add(self, text: str) -> None:
        """One line at the current indentation."""
        self.lines.append("    " * self.indent + text)

    def open(self, text: str) -> None:
        """A line that starts a block (`for ..:`); what follows is inside."""
        self.add(text)
        self.indent += 1

    def close(self, blocks: int = 1) -> None:
        """End the innermost blocks."""
        self.indent -= blocks


@dataclass(slots=True)
class Program:
    """Names injected into the generated module, and the functions nested in its entry point.

    The entry point is called once per execution with the query's context, its bind values and its
    collections; all other functions are nested in it and read those from it.
    """

    names: dict[str, Any] = field(default_factory=dict[str, Any])
    prologue: list[str] = field(default_factory=list[str])
    functions: list[str] = field(default_factory=list[str])
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    collections: dict[str, str] = field(default_factory=dict[str, str])
    _constants: dict[tuple[Any, Any], str] = field(default_factory=dict[tuple[Any, Any], str])
    _count: int = 0

    def fresh(self, prefix: str) -> str:
        """A name that nothing else in the program has."""
        self._count += 1
        return f"{prefix}{self._count}"

    def constant(self, value: Any) -> str:
        """The name of a constant; None, True and False are Python's own words."""
        if value is None or value is True or value is False:
            return str(value)
        is_plain = isinstance(value, str | int | float | type)
        key = (value.__class__, value if is_plain else id(value))
        name = self._constants.get(key)
        if name is None:
            name = self._constants[key] = self.fresh("k")
            self.names[name] = value
        return name

    def runtime(self, function: Callable[..., Any]) -> str:
        """The name of a function of ours that the code calls."""
        name = f"r_{function.__name__}"
        if self.names.setdefault(name, function) is not function:
            name = self.constant(function)
        return name

    def function(self, function: Function) -> str:
        """The name of an AQL function."""
        name = f"f_{function.name}"
        if not name.isidentifier():
            return self.constant(function.call)
        self.names[name] = function.call
        return name

    def parameter(self, name: str) -> str:
        """The name that holds a bind value."""
        return self.parameters.setdefault(name, f"b{len(self.parameters)}")

    def collection(self, name: str) -> str:
        """The name that holds a collection, ready to be read or written in the query's transaction."""
        return self.collections.setdefault(name, f"c{len(self.collections)}")

    def nested(self, name: str, parameters: Iterable[str], body: Lines) -> None:
        """Define a function in the entry point."""
        self.functions.append(f"    def {name}({', '.join(parameters)}):")
        self.functions.extend("        " + line for line in body.lines)

    def once(self, text: str) -> str:
        """A value computed once per execution, before the first row; the name that holds it."""
        name = self.fresh("o")
        self.prologue.append(f"    {name} = {text}")
        return name

    def source(self, result: str) -> str:
        """The whole module; `result` is the expression that the entry point returns."""
        head = [f"    {local} = binds[{self.constant(name)}]" for name, local in self.parameters.items()]
        head += [
            f"    {local} = collections[{self.constant(name)}]" for name, local in self.collections.items()
        ]
        lines = ["def query(ctx, binds, collections):", *head, *self.prologue, *self.functions]
        return "\n".join([*lines, f"    return {result}", ""])


def local_name(variable: Variable) -> str:
    """The Python name of a variable of the plan."""
    return f"v{variable.id}"
