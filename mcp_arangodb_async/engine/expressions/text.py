"""An expression as AQL text: what explain prints, and how two expressions are compared.

Operands of operators are in parentheses, and names are quoted when they have to be, so that a text says
it all.
"""

from __future__ import annotations

import json
import re

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

PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Longer constants are told apart by identity, so that plans over big arrays stay small.
LONGEST_CONSTANT = 1000


def text_of(expression: Expression) -> str:
    """The expression as text, without parentheses around the whole."""
    done: dict[int, str] = {}
    for node in postorder(expression):
        parts = children(node)
        if isinstance(node, ArrayLiteral | ObjectLiteral | Call):
            done[id(node)] = _text(node, [done[id(part)] for part in parts])
        else:
            done[id(node)] = _text(node, [_operand(part, done[id(part)]) for part in parts])
    return done[id(expression)]


def name_text(name: str) -> str:
    """An attribute or variable name, quoted unless it is a plain identifier."""
    return name if PLAIN_NAME.fullmatch(name) else "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def variable_text(variable: Variable) -> str:
    """A variable as explain shows it; internal ones as `#7`."""
    return f"#{variable.id}" if variable.is_internal else name_text(variable.name)


def key_of(expression: Expression) -> str:
    """The text with variables told apart by their numbers: equal keys mean equal values for the same rows."""
    numbers = ",".join(str(node.variable.id) for node in postorder(expression) if isinstance(node, Reference))
    return f"{text_of(expression)}\n{numbers}"


def constant_text(value: object) -> str:
    """A constant as JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_CONSTANT else f"{text[:80]}… /* {id(value)} */"


def _operand(node: Expression, text: str) -> str:
    if isinstance(node, Arithmetic | Comparison | Quantified | Logical | Ternary | Range | Not | Sign):
        return f"({text})"
    return text


def _text(node: Expression, parts: list[str]) -> str:
    match node:
        case Constant(value=value):
            return constant_text(value)
        case Parameter(name=name):
            return f"@{name}"
        case Reference(variable=variable):
            return variable_text(variable)
        case Attribute(name=name):
            return f"{parts[0]}.{name_text(name)}"
        case Element():
            return f"{parts[0]}[{parts[1]}]"
        case Expansion():
            return _expansion(node, parts)
        case Question():
            return _question(node, parts)
        case Not():
            return f"!{parts[0]}"
        case Sign(operator=operator):
            return f"{operator}{parts[0]}"
        case Arithmetic(operator=operator) | Comparison(operator=operator):
            return f"{parts[0]} {operator} {parts[1]}"
        case Quantified(quantifier=quantifier, operator=operator):
            least = f" ({parts[2]})" if len(parts) > 2 else ""
            return f"{parts[0]} {quantifier}{least} {operator} {parts[1]}"
        case Logical(operator=operator):
            return f" {operator} ".join(parts)
        case Ternary(then=then):
            return (
                f"{parts[0]} ? {parts[1]} : {parts[2]}" if then is not None else f"{parts[0]} ?: {parts[1]}"
            )
        case Range():
            return f"{parts[0]}..{parts[1]}"
        case ArrayLiteral():
            return "[" + ", ".join(parts) + "]"
        case ObjectLiteral(entries=entries):
            return _object(entries, parts)
        case Call(function=function):
            return f"{function.name}({', '.join(parts)})"
        case CollectionValue(collection=collection, use=use):
            return f"LENGTH({name_text(collection)})" if use == "count" else name_text(collection)
        case Subquery():
            return f"(subquery {id(node.plan)})"


def _object(entries: tuple[Entry, ...], parts: list[str]) -> str:
    rest = iter(parts)
    texts: list[str] = []
    for entry in entries:
        match entry.key:
            case None:
                texts.append(f"...{next(rest)}")
            case str(key):
                texts.append(f"{json.dumps(key, ensure_ascii=False)}: {next(rest)}")
            case _:
                texts.append(f"[{next(rest)}]: {next(rest)}")
    return "{" + ", ".join(texts) + "}"


def _expansion(node: Expansion, parts: list[str]) -> str:
    rest = iter(parts)
    text = next(rest) + "[" + "*" * node.levels
    if node.condition is not None:
        text += f" FILTER {next(rest)}"
    if node.offset is not None or node.count is not None:
        limits = [next(rest) for part in (node.offset, node.count) if part is not None]
        text += " LIMIT " + ", ".join(limits)
    if node.projection is not None:
        text += f" RETURN {next(rest)}"
    return text + "]"


def _question(node: Question, parts: list[str]) -> str:
    rest = iter(parts)
    text = next(rest) + "[" + "?" * node.levels + " "
    low = next(rest) if node.low is not None else ""
    high = next(rest) if node.high is not None else ""
    text += f"{low}{'..' if high else ''}{high}" if node.quantifier == "COUNT" else node.quantifier
    if node.quantifier == "AT LEAST":
        text += f" ({low})"
    if node.condition is not None:
        text += f" FILTER {next(rest)}"
    return text + "]"
