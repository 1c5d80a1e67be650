"""The manual says what the code is: its tables are compared with the records they describe.

Tables stand between `<!-- NAME -->` and `<!-- end -->`; `make goldens` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from mcp_arangodb_async.cli.main import ALIASES, COMMANDS, EXIT_CODES, PROGRAM, load, parser_of
from mcp_arangodb_async.config.load import PASSWORD_VARIABLES, WITHOUT_EFFECT
from mcp_arangodb_async.config.model import SECTIONS, CommandLineSettings, DatabaseConfig
from mcp_arangodb_async.config.option import OptionField, options_of

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


TABLES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "configuration.md": {
        "database options": database_options,
        "file options": file_options,
        "command line options": command_line_options,
        "variables without effect": variables_without_effect,
    },
    "command-line.md": {"commands": commands, "exit codes": exit_codes, "examples": examples},
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
