"""Comparisons as Python source: plain Python where the types make it exact, else AQL's own order.

The traps: Python takes `True == 1`, strings are ordered by collation, values of different types compare.
"""

from __future__ import annotations

from mcp_arangodb_async.engine.values import Value, equal

from . import operators
from .program import Code, Program
from .tree import ComparisonOperator, Kind

SWAPPED: dict[ComparisonOperator, ComparisonOperator] = {
    "==": "==",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
NEGATED: dict[ComparisonOperator, ComparisonOperator] = {
    "==": "!=",
    "!=": "==",
    "IN": "NOT IN",
    "NOT IN": "IN",
}
#: Kinds whose values Python's `==` tells from all others; bool and number are taken for each other.
EXACT_KINDS: frozenset[Kind] = frozenset({"string", "null"})


def comparison(program: Program, operator: ComparisonOperator, left: Code, right: Code) -> Code:
    """`left operator right`; `IN` is true only for arrays."""
    match operator:
        case "==" | "!=":
            text = _equality(program, operator, left, right)
        case "IN":
            text = _membership(program, left, right)
        case "NOT IN":
            text = f"(not {_membership(program, left, right)})"
        case "<" | "<=" | ">" | ">=":
            text = _order(program, operator, left, right)
    return Code(
        text=text,
        kind="bool",
        names=left.names | right.names,
        depth=max(left.depth, right.depth) + 2,
    )


def captured(program: Program, code: Code) -> tuple[str, str]:
    """How to write a code's first evaluation, and the name to repeat it by."""
    if code.is_atom:
        return code.text, code.text
    name = program.fresh("t")
    return f"({name} := {code.text})", name


def _equality(program: Program, operator: str, left: Code, right: Code) -> str:
    if left.is_constant and not right.is_constant:
        left, right = right, left
    sign = "is" if operator == "==" else "is not"
    if right.kind == "null" or (right.kind == "bool" and (right.is_constant or left.kind == "bool")):
        return f"({left.text} {sign} {right.text})"
    if left.kind in EXACT_KINDS or right.kind in EXACT_KINDS or left.kind == right.kind == "number":
        return f"({left.text} {operator} {right.text})"
    if right.kind == "number" or left.kind == "number":
        if left.kind == "number":
            left, right = right, left
        if right.is_constant and right.value not in {0, 1}:
            return f"({left.text} {operator} {right.text})"
        first, again = captured(program, left)
        if operator == "==":
            return f"({first} == {right.text} and type({again}) is not bool)"
        return f"({first} != {right.text} or type({again}) is bool)"
    if left.is_atom and right.is_atom:
        quick = f"({left.text} == {right.text} if type({left.text}) is str"
        text = f"{quick} else {program.runtime(equal)}({left.text}, {right.text}))"
    else:
        text = f"{program.runtime(equal)}({left.text}, {right.text})"
    return text if operator == "==" else f"(not {text})"


def _order(program: Program, operator: ComparisonOperator, left: Code, right: Code) -> str:
    if left.kind == "number" and right.kind != "number":
        left, right, operator = right, left, SWAPPED[operator]
    if left.kind == right.kind == "number":
        return f"({left.text} {operator} {right.text})"
    if right.kind == "number" and right.is_atom:
        first, again = captured(program, left)
        quick = f"({again} {operator} {right.text} if type({first}) is int or type({again}) is float"
        return f"{quick} else {_slow_order(program, operator, again, right.text)})"
    return _slow_order(program, operator, left.text, right.text)


def _slow_order(program: Program, operator: ComparisonOperator, left: str, right: str) -> str:
    match operator:
        case "<":
            return f"{program.runtime(operators.less)}({left}, {right})"
        case "<=":
            return f"{program.runtime(operators.less_or_equal)}({left}, {right})"
        case ">":
            return f"(not {program.runtime(operators.less_or_equal)}({left}, {right}))"
        case _:
            return f"(not {program.runtime(operators.less)}({left}, {right}))"


def _membership(program: Program, left: Code, right: Code) -> str:
    if right.is_constant or right.text in program.parameters.values():
        values: Value = right.value
        if isinstance(values, list) and all(isinstance(each, str) for each in values):
            first, again = captured(program, left)
            return f"(type({first}) is str and {again} in {program.constant(frozenset(values))})"
        member = program.once(f"{program.runtime(operators.membership)}({right.text})")
        return f"{member}({left.text})"
    return f"{program.runtime(operators.contains)}({left.text}, {right.text})"
