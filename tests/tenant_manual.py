"""Tables of the manual's page about tenants, written from the code: rights, capabilities, errors."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mcp_arangodb_async import errors
from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.gateway.roles import ROLES, TABLE, Action, Relation
from mcp_arangodb_async.gateway.services import CAPABILITIES
from mcp_arangodb_async.gateway.validation import STEPS
from mcp_arangodb_async.tools.tenancy import LISTED_FOR
from mcp_arangodb_async.tools.tenant_catalog import TENANT_TOOLS
from tests.tool_manual import table

GATEWAY = Path(errors.__file__).parent / "gateway"
# Where refusals come from that a tenant or an operator reads, one group after the other.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "Who asks, and what they may": ("roles.py", "api_keys.py", "rates.py", "tenants/decisions.py"),
    "What is registered": ("tenants/document.py", "tenants/changes.py", "tenants/registry.py", "resolve.py"),
    "Keys and seals": (
        "keys.py", "secrets.py", "rotation.py", "tenants/sealing.py", "tenants/transfer.py",
    ),
    "The store": ("tenants/sql.py", "tenants/sqlite.py", "tenants/postgresql.py", "tenants/open.py"),
}  # fmt: skip
WORDS: Mapping[Relation, str] = {"own": "own", "acting": "acting for it", "platform": "platform"}


def roles() -> str:
    """Who may do what: a line for each action, a column for each role."""
    actions: list[Action] = sorted({action for allowed in TABLE.values() for action in allowed})

    def cell(relations: frozenset[Relation]) -> str:
        return ", ".join(word for relation, word in WORDS.items() if relation in relations) or "-"

    rows = (
        [f"`{action}`", *(cell(TABLE[role].get(action, frozenset())) for role in ROLES)] for action in actions
    )
    return table(("action", *(f"`{role}`" for role in ROLES)), rows)


def tools() -> str:
    """The managing tools, each with the right it needs."""
    rows = (
        [f"`{tool.name}`", f"`{LISTED_FOR[tool.name]}`", tool.description.split(". ")[0].rstrip(".")]
        for tool in TENANT_TOOLS
    )
    return table(("tool", "needs", "does"), rows)


def capabilities() -> str:
    """Our tools, and what their work is called on known servers."""
    rows = (
        [f"`{one.name}`", ", ".join(f"`{name}`" for name in one.tools if name != one.name)]
        for one in CAPABILITIES.values()
    )
    return table(("capability", "also known as"), rows)


def steps() -> str:
    """The steps of a trial, in their order."""
    return " -> ".join(f"`{step}`" for step in STEPS)


def refusals() -> str:
    """Every refusal by its code; what stands in braces is what was given or what is possible."""
    parts: list[str] = []
    for title, files in SOURCES.items():
        found = sorted({line for name in files for line in raised(GATEWAY / name)})
        parts.append(f"### {title}\n\n{table(('code', 'says'), found)}")
    return "\n\n".join(parts)


def raised(path: Path) -> Iterable[tuple[str, str]]:
    """The code and the words of each error that a file makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            kind = getattr(errors, node.func.id, None)
            words = spoken(node.args[0])
            if isinstance(kind, type) and issubclass(kind, MaaError) and words:
                yield f"`{kind.code}`", words


def spoken(node: ast.expr) -> str:
    """A message as it is written in the code, with a name in braces for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            spoken(part.value) or f"{{{name_of(part.value)}}}"
            if isinstance(part, ast.FormattedValue)
            else spoken(part)
            for part in node.values
        )
    return ""


def name_of(node: ast.expr) -> str:
    """A word for a value: the last name of the expression."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr="name" | "id", value=owner):
            return name_of(owner)
        case ast.Attribute(attr=name):
            return name.strip("_")
        case ast.Subscript(value=owner):
            return name_of(owner)
        case ast.Call(func=ast.Attribute(attr="join"), args=[several, *_]):
            return name_of(several)
        case ast.Call(args=[first, *_]):
            return name_of(first)
        case ast.Call(func=function):
            return name_of(function)
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(body=first):
            return name_of(first)
        case ast.GeneratorExp(elt=element):
            return name_of(element)
        case _:
            return "..."


TENANT_TABLES: Mapping[str, Callable[[], str]] = {
    "roles": roles,
    "tenant tools": tools,
    "capabilities": capabilities,
    "steps": steps,
    "refusals": refusals,
}
