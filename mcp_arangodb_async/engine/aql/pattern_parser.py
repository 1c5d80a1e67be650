"""Destructuring: `LET [a, {b: c}] = e` and `FOR {a} IN e`, as plain assignments from a temporary variable.

What does not fit the pattern is null, as it is for the accesses the pattern stands for.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcp_arangodb_async.engine.aql import ast, lexer
from mcp_arangodb_async.engine.aql.graph_parser import GraphParser

_FRAMES_OF_A_PATTERN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The value a pattern takes apart, and where each of its variables is to be found in it."""

    source: ast.Variable
    parts: tuple[ast.Let, ...]


class PatternParser(GraphParser):
    """Reads patterns where a variable may stand."""

    __slots__ = ()

    def at_pattern(self) -> bool:
        """Tell whether a pattern is next, and no mere variable."""
        return self.kinds[self.at] in {"[", "{"}

    def pattern(self) -> Pattern:
        """Read a pattern, which must be next."""
        position = self.offsets[self.at]
        name = self.unused_name()
        parts: list[ast.Let] = []
        self.take_apart(ast.Name(position, name), parts)
        return Pattern(source=ast.Variable(position, name, temporary=True), parts=tuple(parts))

    def unused_name(self) -> str:
        """Return a name that occurs nowhere in the text and will not be given out again."""
        name = f"#{self.temporaries}"
        while name in self.values:
            self.temporaries += 1
            name = f"#{self.temporaries}"
        self.temporaries += 1
        return name

    def take_apart(self, source: ast.Expression, parts: list[ast.Let]) -> None:
        """Read a variable or pattern that stands for `source`, and note what it assigns."""
        self.enter(_FRAMES_OF_A_PATTERN)
        kind = self.kinds[self.at]
        if kind == "[":
            self.array_pattern(source, parts)
        elif kind == "{":
            self.object_pattern(source, parts)
        else:
            position = self.offsets[self.at]
            parts.append(ast.Let(position, self.variable(), source))
        self.frames -= _FRAMES_OF_A_PATTERN

    def array_pattern(self, source: ast.Expression, parts: list[ast.Let]) -> None:
        """Read `[a, , b]`; a missing name leaves an element out, and `[]` all of them."""
        self.at += 1
        index = 0
        while self.kinds[self.at] != "]":
            if self.kinds[self.at] != ",":
                position = self.offsets[self.at]
                self.take_apart(ast.IndexAccess(position, source, ast.Literal(position, index)), parts)
            if not self.accept(","):
                break
            index += 1
        self.expect("]", ",")

    def object_pattern(self, source: ast.Expression, parts: list[ast.Let]) -> None:
        """Read `{a, b: c}`; a missing name means nothing, and `{}` neither."""
        self.at += 1
        while self.kinds[self.at] != "}":
            if self.kinds[self.at] != ",":
                self.attribute_pattern(source, parts)
            if not self.accept(","):
                break
        self.expect("}", ",")

    def attribute_pattern(self, source: ast.Expression, parts: list[ast.Let]) -> None:
        """Read `a` or `b: c` in an object pattern."""
        at = self.at
        if self.kinds[at] not in {lexer.IDENTIFIER, lexer.STRING}:
            raise self.unexpected(lexer.IDENTIFIER, lexer.STRING)
        access = ast.AttributeAccess(self.offsets[at], source, self.values[at])
        if self.kinds[at + 1] == ":":
            self.at = at + 2
            self.take_apart(access, parts)
        else:
            parts.append(ast.Let(self.offsets[at], self.variable(), access))
