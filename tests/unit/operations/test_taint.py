"""Statements are written out, or built by few functions; nothing else puts text into them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import mcp_arangodb_async

PACKAGE = Path(mcp_arangodb_async.__file__).parent
# Functions that send a statement; it is their second argument.
SENDERS = frozenset({"run_query", "read_only_query", "explain_query", "parse_query", "pages"})
WORD = re.compile(
    r"\b(?:FOR|RETURN|FILTER|SEARCH|SORT|LIMIT|LET|INSERT|UPDATE|REMOVE|REPLACE|UPSERT|COLLECT)\b"
)
# What is put into texts that hold a word of AQL: words of ours, bind parameters, or a text built so itself.
REVIEWED = {
    "operations/building.py": {
        "' OR '.join(tests)",
        "', '.join(keys)",
        "builder.value(most)",
        "builder.value(what.offset)",
        "projection(builder, what.return_fields)",
    },
    "operations/references.py": {"SHOWN", "finding"},
    "operations/schemas.py": {"STORE"},
    "operations/searching.py": {"builder.value(search.limit)", "shown"},
    "operations/traversal.py": {
        "', '.join(options)",
        "', p' if what.return_paths else ''",
        "along",
        "limit",
        "result",
        "what.direction",
    },
    "operations/paths.py": {
        "' OPTIONS {' + ', '.join(options) + '}' if options else ''",
        "along",
        "search.direction",
    },
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """The modules that have to do with statements of callers."""
    for room in ("operations", "tools"):
        for path in sorted((PACKAGE / room).glob("*.py")):
            # Statements of SQL have a guard and tests of their own.
            if not path.name.startswith("sql"):
                yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def put_in(tree: ast.AST) -> Iterator[str]:
    """What stands in the braces of texts that hold a word of AQL."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            constants = [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
            if any(WORD.search(text) for text in constants):
                for part in node.values:
                    if isinstance(part, ast.FormattedValue):
                        yield ast.unparse(part.value)


def sent(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions that are sent as statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENDERS:
            yield node.args[1]


def test_only_reviewed_texts_become_part_of_a_statement() -> None:
    found = {name: set(put_in(tree)) for name, tree in modules()}
    assert {name: parts for name, parts in found.items() if parts} == REVIEWED


def test_a_statement_that_is_sent_is_written_out_built_or_a_callers_own() -> None:
    seen = 0
    for name, tree in modules():
        for expression in sent(tree):
            shown = ast.unparse(expression)
            written = isinstance(expression, ast.Constant | ast.JoinedStr)
            named = shown.isupper() or shown in {"aql", "aql + ' RETURN d'", "args.query", "statement.text"}
            assert written or named, f"{name}: {shown} is sent"
            seen += 1
    assert seen > 20
