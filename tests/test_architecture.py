"""The house plan, kept true: rooms and their stairs, owners of libraries, budgets.

Every rule is a pure function of (path, source), so each is also shown to catch a planted violation.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "mcp_arangodb_async"

# A room may import the rooms listed, itself, and the standard library. `""` is the package's own front page.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "config": {"errors"},
    "observability": {"errors"},
    "connections": {"errors", "observability", "config", "engine"},
    "operations": {"errors", "connections"},
    "sql": {"errors", "observability", "config", "connections", "operations"},  # AQL that only reads
    "sessions": {"errors", "config"},
    "workflows": {"errors"},
    "gateway": {"errors", "observability", "config", "connections", ""},  # its version goes to upstreams
    "tools": {
        "errors", "observability", "connections", "operations", "sql", "sessions", "workflows", "gateway",
    },
    "server": {
        "errors", "config", "observability", "connections", "sql", "sessions", "workflows", "gateway",
        "tools", "",
    },
    "cli": {
        "errors", "observability", "config", "engine", "connections", "operations", "sql", "gateway",
        "sessions", "server", "",
    },
    "engine": set(),
    "data": set(),
    "__main__": {"cli"},
    "": set(),
}  # fmt: skip

# Inside the engine. `errors` and `values` (with what values are made of) may be imported everywhere.
ENGINE_EVERYWHERE = {"errors", "records", "collector", "values", "collation", "context"}
ENGINE_ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "records": set(),
    "collector": set(),
    "collation": {"errors"},
    "values": {"errors", "collation", "collector"},
    "context": {"errors", "values"},
    "aql": set(),
    "analyzers": set(),
    "storage": set(),
    "catalog": {"storage", "analyzers"},
    "functions": {"analyzers"},
    "expressions": {"aql", "functions"},
    "search": {"analyzers", "catalog", "expressions", "functions"},
    "plan": {"aql", "catalog", "expressions", "functions", "search"},
    "exec": {"analyzers", "aql", "plan", "storage", "catalog", "expressions", "functions", "search"},
    "database": {
        "analyzers",
        "aql",
        "storage",
        "catalog",
        "plan",
        "expressions",
        "exec",
        "functions",
        "search",
    },
    "instance": {"storage", "catalog", "database", "users"},
    "users": {"storage", "catalog"},
    "http": {"analyzers", "aql", "storage", "catalog", "database", "instance", "users", "functions"},
    "testing": {"http", "instance"},
    "": {"aql", "http", "database", "instance", "users", "catalog"},
}

# Which room may touch a library: whoever wants it elsewhere asks the room that owns it.
OWNERS: dict[str, set[str]] = {
    "arangoasync": {"connections", "operations", "engine"},  # engine: its clients for tests
    "aiohttp": {"connections", "gateway"},  # gateway: calls to upstreams, four times cheaper than httpx2
    "httpx2": {"gateway", "server"},  # the SDK's client asks for it; it is carried over aiohttp
    "yarl": {"connections", "gateway"},
    "mcp": {"server", "gateway", "cli"},
    "mcp_types": {"server", "gateway", "cli"},
    "starlette": {"server", "engine"},
    "uvicorn": {"server", "engine"},
    "sqlite3": {"engine", "connections", "sql", "gateway"},  # connections: SQL environments in files
    "asyncpg": {"connections", "sql"},
    "asyncmy": {"connections", "sql"},
    "sqlalchemy": {"connections", "sql", "gateway"},
    "aiosqlite": {"gateway"},
    "alembic": {"gateway"},
    "cryptography": {"gateway", "server"},
    "duckdb": {"sql"},
    "pyarrow": {"sql"},
    "sqlglot": {"sql"},
    "pglast": {"sql"},
    "jwt": {"connections", "engine", "gateway", "server"},
    "prometheus_client": {"observability"},
    "opentelemetry": {"observability"},
    "shtab": {"cli"},
    "redis": {"sessions", "gateway"},
    "ruamel": {"config"},
    "dotenv": {"config"},
    "platformdirs": {"config"},
    "rich": {"cli"},
    "pyuca": {"engine"},
    "regex": {"engine"},
    "snowballstemmer": {"engine"},
    "orjson": {
        "engine", "connections", "operations", "server", "cli", "tools", "sessions", "observability",
        "gateway", "sql",
    },
}  # fmt: skip

# The only modules that may use the SDK's private names.
SDK_PRIVATE = {"server/sdk.py"}
MAXIMUM_LINES = 500
# Files that may be longer, each with its reason.
LONGER: dict[str, str] = {}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "misc", "base"}
# `os.getenv` and `os.environ` only here; a library's own caller reads nothing.
ENVIRONMENT_ROOMS = {"config"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file: its path below the package, and its tree."""

    path: str
    source: str

    @property
    def room(self) -> str:
        head = self.path.split("/")[0]
        return "" if head == "__init__.py" else head.removesuffix(".py")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Every imported module's dotted name with its line, imports inside functions included."""
    package = [PACKAGE, *module.path.split("/")[:-1]]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*start, *(node.module.split(".") if node.module else [])])
            yield node.lineno, name
            for alias in node.names:
                yield node.lineno, f"{name}.{alias.name}"


def our_rooms(module: Module) -> Iterator[tuple[int, list[str]]]:
    """The imported names of ours, as their parts below the package."""
    for line, name in imports(module):
        parts = name.split(".")
        if parts[0] == PACKAGE:
            yield line, parts[1:]


def room_of(parts: list[str]) -> str:
    return parts[0] if parts and parts[0] in ROOMS else ""


def stairs_go_down(module: Module) -> Iterator[str]:
    """A room imports only what the plan lists."""
    if module.room not in ROOMS:
        yield f"{module.path}: no room '{module.room}' in the plan"
        return
    for line, parts in our_rooms(module):
        target = room_of(parts)
        if target != module.room and target not in ROOMS[module.room] and parts:
            yield f"{module.path}:{line}: {module.room} may not import {target or 'the package front page'}"


def engine_stairs_go_down(module: Module) -> Iterator[str]:
    """Inside the engine as well; and others enter it by its front door only."""
    if module.room != "engine":
        for line, parts in our_rooms(module):
            if parts[:1] == ["engine"] and len(parts) > 2:
                yield f"{module.path}:{line}: the engine is entered by engine/__init__.py only"
            if (
                parts[:1] == ["engine"]
                and len(parts) == 2
                and (ROOT / PACKAGE / "engine" / parts[1]).exists()
            ):
                yield f"{module.path}:{line}: the engine is entered by engine/__init__.py only"
        return
    inner = module.path.split("/")[1].removesuffix(".py").replace("__init__", "")
    if inner not in ENGINE_ROOMS:
        yield f"{module.path}: no room 'engine/{inner}' in the plan"
        return
    for line, parts in our_rooms(module):
        target = parts[1] if len(parts) > 1 and parts[1] in ENGINE_ROOMS else ""
        allowed = (
            ENGINE_ROOMS[inner]
            | (ENGINE_EVERYWHERE if inner not in ENGINE_EVERYWHERE else set[str]())
            | {inner}
        )
        if target and target not in allowed:
            yield f"{module.path}:{line}: engine/{inner or '__init__'} may not import engine/{target}"


def libraries_stay_in_their_rooms(module: Module) -> Iterator[str]:
    """A driver or the MCP SDK is touched by its owner only."""
    for line, name in imports(module):
        owners = OWNERS.get(name.split(".")[0])
        if owners is not None and module.room not in owners:
            yield f"{module.path}:{line}: {name.split('.')[0]} belongs to {', '.join(sorted(owners))}"


def private_sdk_names_are_confined(module: Module) -> Iterator[str]:
    """`_names` of the MCP SDK are used in one module, which a test watches."""
    if module.path in SDK_PRIVATE:
        return
    for line, name in imports(module):
        parts = name.split(".")
        if parts[0] in {"mcp", "mcp_types"} and any(part.startswith("_") for part in parts):
            yield f"{module.path}:{line}: private SDK name {name}; only {', '.join(SDK_PRIVATE)} may"


def environment_is_read_in_config(module: Module) -> Iterator[str]:
    """Variables are read in `config/` only."""
    if module.room in ENVIRONMENT_ROOMS:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
            yield f"{module.path}:{node.lineno}: reads the environment; only config/ may"
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            for alias in node.names:
                if alias.name in {"environ", "getenv"}:
                    yield f"{module.path}:{node.lineno}: reads the environment; only config/ may"


def files_fit_the_budget(module: Module) -> Iterator[str]:
    lines = module.source.count("\n")
    if lines > MAXIMUM_LINES and module.path not in LONGER:
        yield f"{module.path}: {lines} lines, at most {MAXIMUM_LINES}"


def names_say_what_a_thing_is(module: Module) -> Iterator[str]:
    for part in module.path.removesuffix(".py").split("/"):
        if part in FORBIDDEN_NAMES:
            yield f"{module.path}: '{part}' says nothing"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Handler", "Helper", "Processor", "Impl")):
            yield f"{module.path}:{node.lineno}: class {node.name} is named for what it inherits"


def every_module_says_what_it_is(module: Module) -> Iterator[str]:
    docstring = ast.get_docstring(module.tree)
    if not docstring or not docstring.splitlines()[0].rstrip().endswith((".", ":", "?")):
        yield f"{module.path}: no docstring, or its first line is not a sentence"


RULES: tuple[Callable[[Module], Iterator[str]], ...] = (
    stairs_go_down,
    engine_stairs_go_down,
    libraries_stay_in_their_rooms,
    private_sdk_names_are_confined,
    environment_is_read_in_config,
    files_fit_the_budget,
    names_say_what_a_thing_is,
    every_module_says_what_it_is,
)

# One violation per rule: (the rule, a path, a source that breaks it).
PLANTED: tuple[tuple[Callable[[Module], Iterator[str]], str, str], ...] = (
    (stairs_go_down, "sessions/x.py", f"from {PACKAGE}.connections import pool\n"),
    (stairs_go_down, "config/x.py", "def f():\n    from ..server import app\n"),
    (stairs_go_down, "attic/x.py", ""),
    (engine_stairs_go_down, "engine/aql/x.py", f"from {PACKAGE}.engine.storage import store\n"),
    (engine_stairs_go_down, "connections/x.py", f"from {PACKAGE}.engine.aql.parser import parse\n"),
    (libraries_stay_in_their_rooms, "tools/x.py", "import aiohttp\n"),
    (libraries_stay_in_their_rooms, "operations/x.py", "from mcp.server import lowlevel\n"),
    (private_sdk_names_are_confined, "server/x.py", "from mcp.server.runner import _NoServerRequests\n"),
    (environment_is_read_in_config, "tools/x.py", "import os\nprint(os.environ['A'])\n"),
    (environment_is_read_in_config, "cli/x.py", "from os import getenv\n"),
    (files_fit_the_budget, "tools/x.py", "\n" * (MAXIMUM_LINES + 1)),
    (names_say_what_a_thing_is, "tools/utils.py", ""),
    (names_say_what_a_thing_is, "tools/x.py", "class RequestHandler: ...\n"),
    (every_module_says_what_it_is, "tools/x.py", "x = 1\n"),
)


def modules() -> list[Module]:
    package = ROOT / PACKAGE
    return [
        Module(path=path.relative_to(package).as_posix(), source=path.read_text(encoding="utf-8"))
        for path in sorted(package.rglob("*.py"))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Callable[[Module], Iterator[str]]) -> None:
    broken = [problem for module in modules() for problem in rule(module)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("rule", "path", "source"), PLANTED, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_planted_violation_is_caught(
    rule: Callable[[Module], Iterator[str]], path: str, source: str
) -> None:
    assert list(rule(Module(path=path, source=source)))


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(RULES)


@pytest.mark.parametrize("plan", [ROOMS, ENGINE_ROOMS], ids=["house", "engine"])
def test_the_plan_has_no_cycles(plan: dict[str, set[str]]) -> None:
    try:
        tuple(TopologicalSorter(plan).static_order())
    except CycleError as error:
        pytest.fail(f"the plan has a cycle: {error.args[1]}")


def test_modules_have_no_cycles() -> None:
    """File by file too: imports at the top of files form no circle."""
    names = {
        module.path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): module
        for module in modules()
    }
    graph: dict[str, set[str]] = {}
    for name, module in names.items():
        top = {id(node) for node in module.tree.body}
        targets: set[str] = set()
        for node in ast.walk(module.tree):
            if id(node) in top and isinstance(node, ast.Import | ast.ImportFrom):
                only = Module(path=module.path, source=ast.unparse(node))
                for _, parts in our_rooms(only):
                    target = ".".join(parts)
                    if target in names and target != name:
                        targets.add(target)
        # A package's front door is imported by its own files' parents only.
        graph[name] = {target for target in targets if not name.startswith(target + ".")}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {error.args[1]}")


def test_longer_files_still_exist_and_are_longer() -> None:
    for path, reason in LONGER.items():
        assert reason
        assert (ROOT / PACKAGE / path).read_text(encoding="utf-8").count("\n") > MAXIMUM_LINES, path


def test_decision_numbers_are_unique() -> None:
    numbers = [path.name.split("-")[0] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))
