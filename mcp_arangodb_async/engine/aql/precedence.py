"""How strongly AQL's operators bind, as in ArangoDB's grammar.

From weak to strong: `? :`, OR, AND, `ALL op` and its kin, `AT LEAST op`, `== != LIKE =~ !~`, IN and NOT IN,
`< <= > >=`, `..`, `+ -`, `* / %`, signs and NOT, then `.name`, `[index]` and calls. All but `? :` group to
the left, so `a == b < c` is `a == (b < c)` and `NOT a IN b` is `(NOT a) IN b`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcp_arangodb_async.engine.aql import ast, lexer

_OPENING = "FOR LET FILTER RETURN COLLECT SORT LIMIT WINDOW REMOVE INSERT UPDATE REPLACE UPSERT"
STARTS_QUERY = frozenset(_OPENING.split())
"""The words that open an operation, and with it a subquery in parentheses or as a function's argument."""

TERNARY, OR, AND, QUANTIFIED, AT_LEAST, EQUALITY, IN, ORDER, RANGE, SUM, PRODUCT, SIGN, VALUE = range(1, 14)
"""Binding powers. What stands right of an operator that groups to the left needs a power above its own."""

POWERS: Mapping[str, int] = MappingProxyType(
    {"?": TERNARY, "OR": OR, "AND": AND, "ALL": QUANTIFIED, "ANY": QUANTIFIED, "NONE": QUANTIFIED}
    | {lexer.AT_LEAST: AT_LEAST, "==": EQUALITY, "!=": EQUALITY, "LIKE": EQUALITY, "=~": EQUALITY}
    | {
        "!~": EQUALITY,
        "IN": IN,
        "NOT": IN,
        "NOT IN": IN,
        "NOT LIKE": EQUALITY,
        "<": ORDER,
        "<=": ORDER,
        ">": ORDER,
        ">=": ORDER,
    }
    | {"..": RANGE, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}
)
"""The powers of operators between two expressions, by their first token; those of two are for printing."""

COMPARISONS: Mapping[str, ast.ComparisonOperator] = MappingProxyType(
    {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "IN": "IN"}
)
ARITHMETIC: Mapping[str, ast.ArithmeticOperator] = MappingProxyType(
    {"+": "+", "-": "-", "*": "*", "/": "/", "%": "%"}
)
QUANTIFIERS: Mapping[str, ast.QuantifierKind] = MappingProxyType({"ALL": "ALL", "ANY": "ANY", "NONE": "NONE"})
MATCHES: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {"LIKE": ("LIKE", False), "=~": ("REGEX_TEST", False), "!~": ("REGEX_TEST", True)}
)
"""Operators that are calls of a function, and whether they deny its answer."""
ARRAY_MATCHES: Mapping[str, ast.MatchOperator] = MappingProxyType({"LIKE": "LIKE", "=~": "=~", "!~": "!~"})
"""The same behind a quantifier, from ArangoDB 4.0 on."""

CONSTANTS: Mapping[str, bool | None] = MappingProxyType({"NULL": None, "TRUE": True, "FALSE": False})

AFTER_OPERAND = frozenset((*POWERS, ".", "[", "(", "::", "INTO", "WITH"))
"""What may follow an operand inside an expression, or at its end before a collection still to be named."""
