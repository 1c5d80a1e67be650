"""Expressions to Python source: fast paths inline, AQL's full semantics by calls into `operators.py`.

A fast path is a test of exact types around a plain Python operation; what it does not cover is left to
the call. Code is made bottom up, so a deep expression costs no Python stack; beyond a depth it moves to a
function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mcp_arangodb_async.engine.context import CollectionReference
from mcp_arangodb_async.engine.functions import arithmetic

from . import loops, operators
from .comparisons import captured, comparison
from .program import Code, Lines, Program, local_name
from .tree import (
    Arithmetic,
    ArrayLiteral,
    Attribute,
    Call,
    CollectionValue,
    Comparison,
    Constant,
    Element,
    Entry,
    Expansion,
    Expression,
    Kind,
    Logical,
    Not,
    ObjectLiteral,
    Parameter,
    Quantified,
    Question,
    Range,
    Reference,
    Sign,
    Subquery,
    Ternary,
    Variable,
    children,
    postorder,
)

#: Deeper code moves to a function of its own; Python's parser gives up at 200 levels of parentheses.
DEEPEST_CODE = 40
ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": arithmetic.plus,
    "-": arithmetic.minus,
    "*": arithmetic.times,
    "/": arithmetic.divide,
    "%": arithmetic.modulo,
}
#: Operators worth doing inline, and the bound on their results there.
QUICK = frozenset({"+", "-", "*"})
SAFE = 2**53
KINDS: dict[type, Kind] = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
#: Kinds whose truth in AQL is their truth in Python; empty arrays and objects are true in AQL.
PLAIN_TRUTH: frozenset[Kind] = frozenset({"bool", "number", "string", "null"})
CONTAINERS = frozenset({list, dict})

SubqueryCompiler = Callable[[Subquery], str]


def kind_of(value: Any) -> Kind:
    """The kind of a value."""
    return KINDS[type(value)]


class Generator:
    """Makes the code of expressions for one program."""

    def __init__(self, program: Program, subquery: SubqueryCompiler) -> None:
        """`subquery` names a function of the subquery's variables that returns its rows as a list."""
        self.program = program
        self.subquery = subquery
        #: What is known of variables beyond their own kind.
        self.kinds: dict[Variable, Kind] = {}

    def value(self, expression: Expression) -> Code:
        """Code for the expression's value."""
        done: dict[int, Code] = {}
        for node in postorder(expression):
            code = self._code(node, [done[id(child)] for child in children(node)])
            done[id(node)] = self.bounded(code)
        return done[id(expression)]

    def test(self, expression: Expression) -> str:
        """Text for the expression's truth, to stand after `if`."""
        return self.truth(self.value(expression))

    def truth(self, code: Code) -> str:
        """Text for a value's truth."""
        return self._captured_truth(code)[0]

    def bounded(self, code: Code) -> Code:
        """The same code, moved to a function when its parentheses nest too deeply."""
        if code.depth <= DEEPEST_CODE:
            return code
        return self.outlined(code)

    def outlined(self, code: Code) -> Code:
        """The same code as a call of a function of its variables."""
        body = Lines()
        body.add(f"return {code.text}")
        return self.call(code.names, body, kind=code.kind)

    def call(
        self,
        names: frozenset[str],
        body: Lines,
        *,
        kind: Kind = "any",
        more: Sequence[tuple[str, Code]] = (),
    ) -> Code:
        """Define a function of the given variables and of `more` computed arguments; the code of its call."""
        function = self.program.fresh("x")
        own = sorted(names)
        self.program.nested(function, [name for name, _ in more] + own, body)
        arguments = [code.text for _, code in more] + own
        reads = names.union(*(code.names for _, code in more))
        depth = max((code.depth for _, code in more), default=0) + 1
        return Code(text=f"{function}({', '.join(arguments)})", kind=kind, names=reads, depth=depth)

    def _captured_truth(self, code: Code) -> tuple[str, str]:
        """Text for a value's truth, and a name for the value, set when the text has been evaluated."""
        if code.test is not None:
            return code.test, ""
        if code.kind in PLAIN_TRUTH:
            return code.text, ""
        first, again = captured(self.program, code)
        return f"({first} or type({again}) in {self.program.constant(CONTAINERS)})", again

    def _code(self, node: Expression, parts: list[Code]) -> Code:
        match node:
            case Constant(value=value):
                name = self.program.constant(value)
                return Code(text=name, kind=kind_of(value), is_atom=True, is_constant=True, value=value)
            case Parameter(name=name, kind=kind):
                return Code(text=self.program.parameter(name), kind=kind, is_atom=True)
            case Reference(variable=variable):
                name = local_name(variable)
                kind = self.kinds.get(variable, variable.kind)
                return Code(text=name, kind=kind, is_atom=True, names=frozenset({name}))
            case Attribute(name=name):
                return self._attribute(parts[0], name)
            case Element():
                return self._runtime(operators.element, parts)
            case Expansion():
                return loops.expansion(self, node, parts)
            case Question():
                return loops.question(self, node, parts)
            case Quantified():
                return loops.quantified(self, node, parts)
            case Not():
                return self._join(f"(not {self.truth(parts[0])})", parts, kind="bool")
            case Sign(operator="..."):
                return self._runtime(operators.spread_array, parts, with_context=True, kind="array")
            case Sign(operator=operator):
                return self._runtime(arithmetic.negate if operator == "-" else arithmetic.positive, parts)
            case Arithmetic(operator=operator):
                return self._arithmetic(operator, *parts)
            case Comparison(operator=operator):
                if operator in {"IN", "NOT IN"} and isinstance(node.right, Range):
                    return self._in_range(node, parts[0])
                return comparison(self.program, operator, *parts)
            case Logical(operator=operator):
                return self._logical(operator, parts)
            case Ternary(then=then):
                return self._ternary(parts, has_then=then is not None)
            case Range():
                return self._runtime(operators.numbers, parts, with_context=True, kind="array")
            case ArrayLiteral(items=items):
                return self._array(items, parts)
            case ObjectLiteral(entries=entries, last_wins=last_wins):
                return self._object(entries, parts, last_wins=last_wins)
            case Call(function=function):
                arguments = ["ctx"] * function.context + [part.text for part in parts]
                return self._join(f"{self.program.function(function)}({', '.join(arguments)})", parts)
            case CollectionValue():
                return self._collection(node)
            case Subquery(variables=variables):
                names = [local_name(variable) for variable in variables]
                text = f"{self.subquery(node)}({', '.join(names)})"
                return Code(text=text, kind="array", names=frozenset(names), depth=1)

    def _join(self, text: str, parts: Sequence[Code], *, kind: Kind = "any", levels: int = 1) -> Code:
        names: frozenset[str] = frozenset[str]().union(*(part.names for part in parts))
        depth = max((part.depth for part in parts), default=0) + levels
        return Code(text=text, kind=kind, names=names, depth=depth)

    def _runtime(
        self,
        function: Callable[..., Any],
        parts: Sequence[Code],
        *,
        with_context: bool = False,
        kind: Kind = "any",
    ) -> Code:
        arguments = ["ctx"] * with_context + [part.text for part in parts]
        return self._join(f"{self.program.runtime(function)}({', '.join(arguments)})", parts, kind=kind)

    def _arithmetic(self, operator: str, left: Code, right: Code) -> Code:
        """Inline for numbers that are small enough for any result to be exact and finite."""
        if operator not in QUICK or not (left.is_atom or right.is_atom):
            return self._runtime(ARITHMETIC[operator], [left, right], with_context=True)
        tests: list[str] = []
        names = [left.text, right.text]
        for place, part in sorted(enumerate((left, right)), key=lambda each: each[1].is_atom):
            if part.kind != "number":
                first, names[place] = captured(self.program, part)
                tests.append(f"(type({first}) is int or type({names[place]}) is float)")
        made, limit = self.program.fresh("t"), self.program.constant(SAFE)
        tests.append(f"-{limit} < ({made} := {names[0]} {operator} {names[1]}) < {limit}")
        slow = f"{self.program.runtime(ARITHMETIC[operator])}(ctx, {names[0]}, {names[1]})"
        return self._join(f"({made} if {' and '.join(tests)} else {slow})", [left, right], levels=3)

    def _attribute(self, base: Code, name: str) -> Code:
        key = self.program.constant(name)
        if base.kind == "object":
            return self._join(f"{base.text}.get({key})", [base], levels=0)
        first, again = captured(self.program, base)
        return self._join(f"({again}.get({key}) if type({first}) is dict else None)", [base], levels=2)

    def _in_range(self, node: Comparison, left: Code) -> Code:
        assert isinstance(node.right, Range)
        low, high = self.value(node.right.low), self.value(node.right.high)
        limits = self._runtime(operators.bounds, [low, high])
        code = self._runtime(operators.in_range, [left, limits], kind="bool")
        return code if node.operator == "IN" else self._join(f"(not {code.text})", [code], kind="bool")

    def _logical(self, operator: str, parts: list[Code]) -> Code:
        word = "and" if operator == "&&" else "or"
        test = f"({f' {word} '.join(self.truth(part) for part in parts)})"
        if all(part.kind == "bool" for part in parts):
            return self._join(test, parts, kind="bool")
        code = parts[-1]
        for part in reversed(parts[:-1]):
            if part.kind in PLAIN_TRUTH:
                text = f"({part.text} {word} {code.text})"
            else:
                truth, again = self._captured_truth(replace(part, test=None))
                then, otherwise = (code.text, again) if operator == "&&" else (again, code.text)
                text = f"({then} if {truth} else {otherwise})"
            code = self.bounded(self._join(text, [part, code], levels=2))
        return code if code.depth <= 1 else replace(code, test=test)

    def _ternary(self, parts: list[Code], *, has_then: bool) -> Code:
        condition, *choices = parts
        if has_then:
            then, otherwise = choices
            kind: Kind = then.kind if then.kind == otherwise.kind else "any"
            text = f"({then.text} if {self.truth(condition)} else {otherwise.text})"
            return self._join(text, parts, kind=kind)
        if condition.kind in PLAIN_TRUTH:
            return self._join(f"({condition.text} or {choices[0].text})", parts)
        truth, again = self._captured_truth(replace(condition, test=None))
        return self._join(f"({again} if {truth} else {choices[0].text})", parts, levels=2)

    def _array(self, items: Sequence[Expression], parts: Sequence[Code]) -> Code:
        stars = ["*" if isinstance(item, Sign) and item.operator == "..." else "" for item in items]
        inside = ", ".join(star + part.text for star, part in zip(stars, parts, strict=True))
        return self._join(f"[{inside}]", parts, kind="array")

    def _object(self, entries: tuple[Entry, ...], parts: list[Code], *, last_wins: bool) -> Code:
        keys = [entry.key for entry in entries]
        if all(isinstance(key, str) for key in keys):
            seen: dict[str, str] = {}
            for key, part in zip(keys, parts, strict=True):
                name = self.program.constant(key)
                seen[name] = part.text if last_wins else seen.get(name, part.text)
            text = "{" + ", ".join(f"{key}: {value}" for key, value in seen.items()) + "}"
            return self._join(text, parts, kind="object")
        rest = iter(parts)
        pairs: list[str] = []
        for key in keys:
            name = self.program.constant(key) if key is None or isinstance(key, str) else next(rest).text
            value = next(rest).text
            if key is None:
                value = f"{self.program.runtime(operators.spread_object)}(ctx, {value})"
            pairs.append(f"({name}, {value})")
        text = f"{self.program.runtime(operators.object_of)}(({', '.join(pairs)},), last_wins={last_wins})"
        return self._join(text, parts, kind="object", levels=3)

    def _collection(self, node: CollectionValue) -> Code:
        name = self.program.constant(node.collection)
        match node.use:
            case "count":
                return Code(text=f"ctx.collection_count({name})", kind="number", depth=1)
            case "name":
                reference = CollectionReference(name=node.collection)
                return Code(text=self.program.constant(reference), is_atom=True)
