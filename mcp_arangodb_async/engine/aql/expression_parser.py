"""Expressions of AQL, by precedence climbing (Pratt)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from mcp_arangodb_async.engine.aql import ast, lexer, precedence
from mcp_arangodb_async.engine.aql.cursor import TokenCursor
from mcp_arangodb_async.engine.errors import ERROR_QUERY_NUMBER_OUT_OF_RANGE, ERRORS

_LARGEST_INTEGER = 2**63 - 1
_FRAMES_OF_AN_EXPRESSION = 4
_FRAMES_OF_AN_EXPANSION = 2
_FRAMES_OF_A_SUBQUERY = 4


class ExpressionParser(TokenCursor, ABC):
    """Reads expressions; what reads operations fills in how to read a subquery."""

    __slots__ = ("temporaries", "warnings")

    def __init__(self, text: str, compat: str = "3.12") -> None:
        super().__init__(text, compat)
        self.warnings: list[ast.ParseWarning] = []
        self.temporaries = 1

    @abstractmethod
    def query(self) -> ast.Query:
        """Read the operations of a subquery, up to the token behind them."""

    def expression(self, minimum: int = 0, *, before_collection: bool = False) -> ast.Expression:
        """Read an expression made of operators that bind at least as strongly as `minimum`.

        `before_collection` says that `IN name` may follow and name a collection, as in `REMOVE x IN c`.
        """
        self.enter(_FRAMES_OF_AN_EXPRESSION)
        kinds = self.kinds
        prefix = _PREFIXES.get(kinds[self.at])
        if prefix is None:
            raise self.unexpected()
        left = prefix(self)
        while True:
            kind = kinds[self.at]
            power = precedence.POWERS.get(kind)
            if power is None or power < minimum:
                break
            if kind in precedence.ARITHMETIC:
                position = self.step()
                left = ast.Arithmetic(position, precedence.ARITHMETIC[kind], left, self.expression(power + 1))
            elif kind in {"AND", "OR"}:
                left = self.logical("AND" if kind == "AND" else "OR", power, left)
            elif kind == "?":
                left = self.ternary(left)
            elif kind == "..":
                position = self.step()
                left = ast.Range(position, left, self.expression(power + 1))
            elif kind == "IN" and before_collection and self.names_collection():
                break
            else:
                compared = self.compared(kind, left)
                if compared is None:
                    break
                left = compared
        self.frames -= _FRAMES_OF_AN_EXPRESSION
        return left

    def step(self) -> int:
        """Step over the next token and return its offset."""
        at = self.at
        self.at = at + 1
        return self.offsets[at]

    # Operators between two expressions.

    def logical(self, operator: ast.LogicalOperator, power: int, left: ast.Expression) -> ast.Expression:
        position = self.offsets[self.at]
        operands = [left]
        if isinstance(left, ast.Logical) and left.operator == operator:
            operands = list(left.operands)
        while self.accept(operator):
            operands.append(self.expression(power + 1))
        return ast.Logical(position, operator, tuple(operands))

    def ternary(self, condition: ast.Expression) -> ast.Expression:
        position = self.step()
        if self.accept(":"):
            return ast.Ternary(position, condition, None, self.expression(precedence.TERNARY))
        then = self.expression()
        self.expect(":")
        return ast.Ternary(position, condition, then, self.expression(precedence.TERNARY))

    def compared(self, kind: str, left: ast.Expression) -> ast.Expression | None:
        """Read a comparison of any sort; None if the token is not the start of one after all."""
        following = self.kinds[self.at + 1]
        if kind in precedence.COMPARISONS:
            position = self.step()
            return ast.Comparison(
                position, precedence.COMPARISONS[kind], left, self.expression(precedence.POWERS[kind] + 1)
            )
        if kind in precedence.MATCHES:
            return self.match(kind, left, deny=False)
        if kind == "NOT":
            if following == "IN":
                position = self.step()
                self.at += 1
                return ast.Comparison(position, "NOT IN", left, self.expression(precedence.IN + 1))
            if following in precedence.MATCHES:
                self.at += 1
                return self.match(following, left, deny=True)
            return None
        if kind != lexer.AT_LEAST and not self.at_comparison(self.at + 1):
            return None  # the ANY of a traversal, not a quantifier
        quantifier = self.quantifier()
        if not self.at_comparison(self.at):
            raise self.unexpected()
        position = self.offsets[self.at]
        operator, power = self.comparison_operator()
        return ast.ArrayComparison(position, quantifier, operator, left, self.expression(power + 1))

    def match(self, kind: str, left: ast.Expression, *, deny: bool) -> ast.Expression:
        function, denies = precedence.MATCHES[kind]
        position = self.step()
        call = ast.FunctionCall(position, function, (left, self.expression(precedence.EQUALITY + 1)))
        return call if denies is deny else ast.Unary(position, "NOT", call)

    def at_comparison(self, at: int) -> bool:
        """Tell whether an operator is there that a quantifier may precede; from 4.0 on LIKE, =~ and !~."""
        kind = self.kinds[at]
        following = self.kinds[at + 1] if kind == "NOT" else ""
        if kind in precedence.COMPARISONS or following == "IN":
            return True
        return self.compat != "3.12" and (kind in precedence.MATCHES or following == "LIKE")

    def comparison_operator(self) -> tuple[ast.ComparisonOperator | ast.MatchOperator, int]:
        kind = self.kinds[self.at]
        self.at += 1
        if kind == "NOT":
            self.at += 1
            is_in = self.kinds[self.at - 1] == "IN"
            return ("NOT IN", precedence.IN) if is_in else ("NOT LIKE", precedence.EQUALITY)
        operator = precedence.COMPARISONS.get(kind) or precedence.ARRAY_MATCHES[kind]
        return operator, precedence.POWERS[kind]

    def quantifier(self) -> ast.Quantifier:
        """Read ALL, ANY, NONE or AT LEAST (n)."""
        kind = self.kinds[self.at]
        position = self.step()
        if kind != lexer.AT_LEAST:
            return ast.Quantifier(position, precedence.QUANTIFIERS[kind])
        self.expect("(")
        count = self.expression()
        self.expect(")")
        return ast.Quantifier(position, "AT LEAST", count)

    def names_collection(self) -> bool:
        """Tell whether the IN that is next is the clause naming a collection, and no operator.

        What follows the name decides, as in ArangoDB's grammar: an operand would be followed by an operator,
        or by the clause that is still missing.
        """
        at = self.at + 1
        named = self.kinds[at] in {lexer.IDENTIFIER, lexer.STRING, lexer.COLLECTION_PARAMETER}
        return named and self.kinds[at + 1] not in precedence.AFTER_OPERAND

    # Expressions by their first token.

    def literal_string(self) -> ast.Expression:
        at = self.at
        self.at = at + 1
        return ast.Literal(self.offsets[at], self.values[at])

    def literal_word(self) -> ast.Expression:
        at = self.at
        self.at = at + 1
        return ast.Literal(self.offsets[at], precedence.CONSTANTS[self.kinds[at]])

    def literal_number(self) -> ast.Expression:
        """Read a number; one out of range is null, with a warning, as in ArangoDB."""
        at = self.at
        value = self.number_of(self.values[at])
        self.at = at + 1
        if value is None:
            number = ERROR_QUERY_NUMBER_OUT_OF_RANGE
            self.warnings.append(ast.ParseWarning(self.offsets[at], number, ERRORS[number].message))
        return ast.Literal(self.offsets[at], value)

    def number_of(self, text: str) -> int | float | None:
        if text.isdigit() and len(text) < 20:
            number = int(text)
            return number if number <= _LARGEST_INTEGER else float(number)
        if text[1:2] in {"b", "B"}:
            if len(text) > 34:
                raise self.mistake("binary number literal value exceeds the supported range")
            return int(text, 2)
        if text[1:2] in {"x", "X"}:
            if len(text) > 10:
                raise self.mistake("hex number literal value exceeds the supported range")
            return int(text, 16)
        value = float(text)
        if math.isinf(value) or (value == 0 and text.lower().partition("e")[0].strip("0.")):
            return None
        return value

    def signed(self) -> ast.Expression:
        kind = self.kinds[self.at]
        position = self.step()
        operand = self.expression(precedence.SIGN)
        return ast.Unary(position, "NOT" if kind == "NOT" else "-" if kind == "-" else "+", operand)

    def named(self) -> ast.Expression:
        """Read a variable, a collection or a call, and what is accessed of it."""
        at = self.at
        self.at = at + 1
        following = self.kinds[at + 1]
        if following == "(":
            return self.accessed(self.call(at, self.values[at]))
        if following == "::":
            name = self.values[at]
            while self.accept("::"):
                name = f"{name}::{self.name()}"
            if self.kinds[self.at] != "(":
                raise self.unexpected("::", "(")
            return self.accessed(self.call(at, name))
        name = ast.Name(self.offsets[at], self.values[at])
        return self.accessed(name) if following in {".", "["} else name

    def like_call(self) -> ast.Expression:
        at = self.at
        self.at = at + 1
        return self.accessed(self.call(at, "LIKE"))

    def call(self, at: int, name: str) -> ast.Expression:
        self.expect("(")
        arguments: list[ast.Expression] = []
        if not self.accept(")"):
            while True:
                if self.kinds[self.at] in precedence.STARTS_QUERY:
                    arguments.append(self.subquery())
                else:
                    arguments.append(self.expression())
                if not self.accept(","):
                    break
            self.expect(")")
        return ast.FunctionCall(self.offsets[at], name.upper(), tuple(arguments))

    def subquery(self) -> ast.Expression:
        self.enter(_FRAMES_OF_A_SUBQUERY)
        query = self.query()
        self.frames -= _FRAMES_OF_A_SUBQUERY
        return ast.Subquery(query.position, query)

    def parenthesised(self) -> ast.Expression:
        self.at += 1
        inner = self.subquery() if self.kinds[self.at] in precedence.STARTS_QUERY else self.expression()
        self.expect(")")
        return self.accessed(inner)

    def parameter(self) -> ast.Expression:
        return self.accessed(self.bind_parameter())

    def bind_parameter(self) -> ast.BindParameter | ast.CollectionParameter:
        """Step over a bind parameter, which must be next."""
        at = self.at
        if self.kinds[at] == lexer.PARAMETER:
            self.at = at + 1
            return ast.BindParameter(self.offsets[at], self.values[at])
        if self.kinds[at] == lexer.COLLECTION_PARAMETER:
            self.at = at + 1
            return ast.CollectionParameter(self.offsets[at], self.values[at])
        raise self.unexpected(lexer.PARAMETER, lexer.COLLECTION_PARAMETER)

    def array(self) -> ast.Expression:
        position = self.step()
        elements: list[ast.Expression | ast.Spread] = []
        while self.kinds[self.at] != "]":
            elements.append(self.spread() if self.kinds[self.at] == "..." else self.expression())
            if not self.accept(","):
                break
        self.expect("]")
        return self.accessed(ast.ArrayLiteral(position, tuple(elements)))

    def object_expression(self) -> ast.Expression:
        return self.accessed(self.object())

    def object(self) -> ast.ObjectLiteral:
        """Read an object; the next token must open one."""
        position = self.expect("{")
        members: list[ast.ObjectMember | ast.Spread] = []
        while self.kinds[self.at] != "}":
            members.append(self.spread() if self.kinds[self.at] == "..." else self.member())
            if not self.accept(","):
                break
        self.expect("}")
        return ast.ObjectLiteral(position, tuple(members))

    def spread(self) -> ast.Spread:
        """Read `...value`; the lexer knows the sign from 4.0 on only."""
        return ast.Spread(self.step(), self.expression())

    def member(self) -> ast.ObjectMember:
        at = self.at
        position = self.offsets[at]
        kind = self.kinds[at]
        computed = False
        if kind in {lexer.IDENTIFIER, lexer.STRING}:
            self.at = at + 1
            key: ast.Expression = ast.Literal(position, self.values[at])
            if kind == lexer.IDENTIFIER and self.kinds[at + 1] in {",", "}"}:
                return ast.ObjectMember(position, key, ast.Name(position, self.values[at]), shorthand=True)
        elif kind == lexer.PARAMETER:
            key = self.bind_parameter()
        elif kind == "[":
            computed = True
            self.at = at + 1
            key = self.expression()
            self.expect("]")
        else:
            raise self.unexpected()
        self.expect(":")
        return ast.ObjectMember(position, key, self.expression(), computed)

    # What is accessed of a value.

    def accessed(self, left: ast.Expression) -> ast.Expression:
        """Read the `.name`, `[index]`, `[*]` and `[?]` behind a value.

        An access behind `[*]` belongs to each element: it goes to the tail of the expansion read last. A
        second `[*]` expands the whole tail of the first, as does a third; `[**]` expands the outcome so far.
        """
        kinds = self.kinds
        first: ast.Expansion | None = None
        last: ast.Expansion | None = None
        while True:
            kind = kinds[self.at]
            if kind == ".":
                left = self.attribute(left)
                continue
            if kind != "[":
                break
            following = kinds[self.at + 1]
            if following not in {"*", "?"}:
                position = self.step()
                left = ast.IndexAccess(position, left, self.expression())
                self.expect("]")
                continue
            if last is not None:
                left, last = _with_tail(last, left), None
            if first is not None and kinds[self.at + 2] == following:
                left, first = _with_tail(first, left), None
            if following == "?":
                left = self.array_test(left)
                continue
            position = self.offsets[self.at]
            opened = self.expansion(left)
            left = ast.Element(position)
            if first is None:
                first = opened
            else:
                last = opened
        for opened in (last, first):
            if opened is not None:
                left = _with_tail(opened, left)
        return left

    def attribute(self, left: ast.Expression) -> ast.Expression:
        position = self.step()
        at = self.at
        if self.kinds[at] == lexer.IDENTIFIER:
            self.at = at + 1
            return ast.AttributeAccess(position, left, self.values[at])
        if self.kinds[at] not in {lexer.PARAMETER, lexer.COLLECTION_PARAMETER}:
            raise self.unexpected(lexer.IDENTIFIER, lexer.PARAMETER, lexer.COLLECTION_PARAMETER)
        return ast.BoundAttributeAccess(position, left, self.bind_parameter())

    def depth_of(self, sign: str) -> int:
        depth = 0
        while self.accept(sign):
            depth += 1
        return depth

    def expansion(self, subject: ast.Expression) -> ast.Expansion:
        """Read `[* FILTER f LIMIT o, n RETURN p]`."""
        self.enter(_FRAMES_OF_AN_EXPANSION)
        position = self.step()
        depth = self.depth_of("*")
        if self.kinds[self.at] in {"ALL", "ANY", "NONE", lexer.AT_LEAST}:
            raise self.mistake("unexpected quantifier value found for array expansion operation.")
        condition = self.expression() if self.accept("FILTER") else None
        offset = count = None
        if self.accept("LIMIT"):
            count = self.expression()
            if self.accept(","):
                offset, count = count, self.expression()
        projection = self.expression() if self.accept("RETURN") else None
        self.expect("]")
        self.frames -= _FRAMES_OF_AN_EXPANSION
        return ast.Expansion(position, subject, depth, condition, offset, count, projection)

    def array_test(self, subject: ast.Expression) -> ast.Expression:
        """Read `[? quantifier FILTER f]`."""
        self.enter(_FRAMES_OF_AN_EXPANSION)
        position = self.step()
        depth = self.depth_of("?")
        quantifier: ast.Quantifier | None = None
        kind = self.kinds[self.at]
        if kind in precedence.QUANTIFIERS or kind == lexer.AT_LEAST:
            quantifier = self.quantifier()
        elif kind not in {"FILTER", "]"}:
            quantifier = ast.Quantifier(self.offsets[self.at], "COUNT", self.expression())
        condition = None
        if quantifier is not None or self.kinds[self.at] == "FILTER":
            self.expect("FILTER")
            condition = self.expression()
        self.expect("]")
        self.frames -= _FRAMES_OF_AN_EXPANSION
        return ast.ArrayTest(position, subject, depth, quantifier, condition)


def _with_tail(opened: ast.Expansion, tail: ast.Expression) -> ast.Expansion:
    return opened if isinstance(tail, ast.Element) else replace(opened, tail=tail)


# Which words and signs may open an expression, and how it goes on.
_PREFIXES: Mapping[str, Callable[[ExpressionParser], ast.Expression]] = MappingProxyType(
    {
        lexer.IDENTIFIER: ExpressionParser.named,
        lexer.STRING: ExpressionParser.literal_string,
        lexer.INTEGER: ExpressionParser.literal_number,
        lexer.NUMBER: ExpressionParser.literal_number,
        lexer.PARAMETER: ExpressionParser.parameter,
        lexer.COLLECTION_PARAMETER: ExpressionParser.parameter,
        "NULL": ExpressionParser.literal_word,
        "TRUE": ExpressionParser.literal_word,
        "FALSE": ExpressionParser.literal_word,
        "(": ExpressionParser.parenthesised,
        "[": ExpressionParser.array,
        "{": ExpressionParser.object_expression,
        "+": ExpressionParser.signed,
        "-": ExpressionParser.signed,
        "NOT": ExpressionParser.signed,
        "LIKE": ExpressionParser.like_call,
    }
)
