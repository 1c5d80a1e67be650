"""The manual says what the code is: its tables are compared with the records they describe.

Tables stand between `<!-- NAME -->` and `<!-- end -->`; `make goldens` writes them anew.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import get_args

import pytest

from mcp_arangodb_async.cli.main import ALIASES, COMMANDS, EXIT_CODES, PROGRAM, load, parser_of
from mcp_arangodb_async.config.load import PASSWORD_VARIABLES, WITHOUT_EFFECT
from mcp_arangodb_async.config.model import SECTIONS, CommandLineSettings, DatabaseConfig
from mcp_arangodb_async.config.option import OptionField, options_of
from mcp_arangodb_async.engine.aql.ast import Operation
from mcp_arangodb_async.engine.aql.lexer import LATER_KEYWORDS
from mcp_arangodb_async.engine.functions import FUNCTIONS, functions_of
from mcp_arangodb_async.engine.http.routes import ROUTES
from mcp_arangodb_async.engine.http.unsupported import ROUTES as REFUSED
from mcp_arangodb_async.engine.http.versions import routes_of
from mcp_arangodb_async.engine.plan.rules import RULES
from tests.tenant_manual import TENANT_TABLES

MANUAL = Path(__file__).parent.parent / "docs" / "manual"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    heads = list(columns)
    return "\n".join([line(heads), line("---" for _ in heads), *(line(row) for row in rows)])


def code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def default(option: OptionField) -> str:
    if option.default in (None, ()):
        return ""
    return f"`{str(option.default).lower() if isinstance(option.default, bool) else option.default}`"


def option_rows(options: Iterable[OptionField]) -> Iterable[list[str]]:
    for option in options:
        help_text = option.option.help + (f": {', '.join(option.choices)}" if option.choices else "")
        yield [
            f"`{option.path}`",
            default(option),
            code(option.option.variables),
            code(option.option.flags),
            help_text,
        ]


COLUMNS = ("option", "default", "variable", "flag", "meaning")


def file_options() -> str:
    options = [option for name, record in SECTIONS.items() for option in options_of(record, f"{name}.")]
    return table(COLUMNS, option_rows(options))


def database_options() -> str:
    return table(COLUMNS, option_rows(options_of(DatabaseConfig)))


def command_line_options() -> str:
    return table(COLUMNS, option_rows(options_of(CommandLineSettings)))


def variables_without_effect() -> str:
    return table(("variable", "why"), ([f"`{name}`", why] for name, why in WITHOUT_EFFECT.items()))


def commands() -> str:
    spellings = {name: [old for old, new in ALIASES.items() if new == name] for name in COMMANDS}
    rows = ([f"`{PROGRAM} {name}`", entry.summary, code(spellings[name])] for name, entry in COMMANDS.items())
    return table(("command", "what it does", "also spelled"), rows)


def exit_codes() -> str:
    return table(("code", "meaning"), ([str(number), meaning] for number, meaning in EXIT_CODES.items()))


def examples() -> str:
    parts: list[str] = []
    for name, entry in COMMANDS.items():
        command = load(entry)
        lines = "\n".join(f"{PROGRAM} {line}    # {what}" for line, what in command.examples)
        parts.append(f"### `{PROGRAM} {name}`\n\n{command.description}\n\n```console\n{lines}\n```")
    return "\n\n".join(parts)


def engine_operations() -> str:
    rows = ([node.__name__, (node.__doc__ or "").splitlines()[0]] for node in get_args(Operation))
    return table(("operation", "forms"), rows)


def engine_functions() -> str:
    chapters: dict[str, list[str]] = {}
    for function in FUNCTIONS.values():
        chapters.setdefault(function.call.__module__.rpartition(".")[2], []).append(function.name)
    # A function that is an operator or a cast lives with the values.
    names = {"values": "types", "date_zones": "date"}
    merged: dict[str, set[str]] = {}
    for chapter, found in chapters.items():
        merged.setdefault(names.get(chapter, chapter), set()).update(found)
    rows = ([chapter, ", ".join(sorted(found))] for chapter, found in sorted(merged.items()))
    return f"{len(FUNCTIONS)} names.\n\n" + table(("chapter", "functions"), rows)


def engine_versions() -> str:
    old, new = functions_of("3.12").keys(), functions_of("4.0").keys()
    before = {f"{route.method} {route.pattern}" for route in routes_of("3.12")}
    after = {f"{route.method} {route.pattern}" for route in routes_of("4.0")}
    rows = (
        ["functions of 3.12 only", ", ".join(sorted(old - new))],
        ["functions of 4.0 only", ", ".join(sorted(new - old))],
        ["words reserved in 4.0 only", ", ".join(sorted(LATER_KEYWORDS))],
        ["endpoints of 3.12 only", code(sorted(before - after))],
    )
    return table(("what", "which"), rows)


def engine_rules() -> str:
    return "\n".join(f"- `{rule.name}`: {(rule.apply.__doc__ or '').splitlines()[0]}" for rule in RULES)


def engine_endpoints() -> str:
    found: dict[str, list[str]] = {}
    for route in ROUTES:
        if route not in REFUSED:
            found.setdefault(route.pattern, []).append("any method" if route.method == "*" else route.method)
    rows = ([f"`{pattern}`", ", ".join(methods)] for pattern, methods in sorted(found.items()))
    refused = code(sorted({route.pattern for route in REFUSED if "{" not in route.pattern}))
    return (
        f"{table(('path', 'methods'), rows)}\n\nRefused with 501, or answered with an empty list: {refused}."
    )


TABLES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "configuration.md": {
        "database options": database_options,
        "file options": file_options,
        "command line options": command_line_options,
        "variables without effect": variables_without_effect,
    },
    "engine.md": {
        "operations": engine_operations,
        "functions": engine_functions,
        "versions": engine_versions,
        "rules": engine_rules,
        "endpoints": engine_endpoints,
    },
    "command-line.md": {"commands": commands, "exit codes": exit_codes, "examples": examples},
    "tenants.md": TENANT_TABLES,
}


@pytest.mark.parametrize("page", TABLES)
def test_a_page_has_the_tables_of_the_code(page: str, update: bool) -> None:
    path = MANUAL / page
    text = path.read_text(encoding="utf-8")
    current = text
    for name, render in TABLES[page].items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert pattern.search(current), f"{page} has no place for {name}"
        body = render()
        current = pattern.sub(lambda found, body=body: f"{found[1]}{body}\n{found[2]}", current)
    if update:
        path.write_text(current, encoding="utf-8")
        return
    assert current == text, f"{page} is not what the code says: make goldens"


def test_every_variable_is_in_the_manual() -> None:
    text = (MANUAL / "configuration.md").read_text(encoding="utf-8")
    records = [*SECTIONS.values(), DatabaseConfig, CommandLineSettings]
    variables = {
        name for record in records for option in options_of(record) for name in option.option.variables
    }
    for name in {*variables, *PASSWORD_VARIABLES, *WITHOUT_EFFECT}:
        assert f"`{name}`" in text, name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples_that_parse(name: str) -> None:
    command = load(COMMANDS[name])
    parser = parser_of(name, command)
    help_text = parser.format_help()
    assert command.examples
    for line, _ in command.examples:
        assert line in help_text
        assert line.split()[: len(name.split())] == name.split()
    assert all(action.help for action in parser._actions)  # pyright: ignore[reportPrivateUsage] - argparse has no other list


def test_configuration_examples_in_the_manual_are_valid(tmp_path: Path) -> None:
    from mcp_arangodb_async.config.load import ConfigFileLoader

    text = (MANUAL / "configuration.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert blocks
    (tmp_path / "company-ca.pem").write_text("", encoding="utf-8")
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        assert ConfigFileLoader(environ={}, cwd=tmp_path).read(path).databases


RUNNABLE = re.findall(
    r"```python run\n(.*?)```", (MANUAL / "engine-in-tests.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize("block", RUNNABLE)
def test_examples_of_the_engine_in_tests_run(block: str) -> None:
    subprocess.run([sys.executable, "-W", "error::SyntaxWarning", "-c", block], check=True, timeout=60)


def test_examples_of_the_engine_with_pytest_run(tmp_path: Path) -> None:
    text = (MANUAL / "engine-in-tests.md").read_text(encoding="utf-8")
    plugin, test, version = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "conftest.py").write_text(plugin + version, encoding="utf-8")
    (tmp_path / "test_users.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=60)
