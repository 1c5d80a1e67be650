"""`completion`: a script that makes a shell complete commands, flags and their values."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation

SHELLS = ("bash", "zsh", "fish", "tcsh")
# What a shell offers where a value of this kind is due.
FILES: Mapping[str, str] = {"FILE": "FILE", "DIR": "DIRECTORY", "DIRECTORY": "DIRECTORY"}
# The script completes `maa`; the long name of the program shares it where the shell can say so.
ALSO: Mapping[str, str] = {
    "bash": "complete -o filenames -F _shtab_maa mcp-arangodb-async",
    "zsh": "compdef _shtab_maa mcp-arangodb-async",
    "fish": "complete -c mcp-arangodb-async -w maa",
    "tcsh": "",
}


def script(shell: str) -> str:
    """The script for a shell."""
    import shtab  # here: nothing else needs it

    return f"{shtab.complete(whole_parser(), shell=shell)}\n{ALSO[shell]}".rstrip()


def whole_parser() -> argparse.ArgumentParser:
    """All commands as one parser: a tree of the words in the table of commands."""
    import shtab

    # Here and not above: `main` names this module in its table.
    from mcp_arangodb_async.cli.main import COMMANDS, PROGRAM, load

    top = argparse.ArgumentParser(prog=PROGRAM)
    groups: dict[tuple[str, ...], Any] = {(): top.add_subparsers()}
    for name, entry in COMMANDS.items():
        *above, last = name.split()
        for depth in range(1, len(above) + 1):
            words = tuple(above[:depth])
            if words not in groups:
                group = groups[words[:-1]].add_parser(words[-1], help=f"{' '.join(words)} ...")
                groups[words] = group.add_subparsers()
        parser: argparse.ArgumentParser = groups[tuple(above)].add_parser(last, help=entry.summary)
        load(entry).arguments(parser)
        for action in parser._actions:  # pyright: ignore[reportPrivateUsage] - argparse names no public way
            if action.metavar in FILES:
                vars(action)["complete"] = getattr(shtab, FILES[str(action.metavar)])
    return top


def _run(invocation: Invocation) -> int:
    invocation.out.line(script(invocation.option("shell")))
    return 0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell to write for")


COMPLETION = Command(
    description="Print a script that makes the shell complete commands, flags and file names.",
    examples=(
        ("completion bash > ~/.local/share/bash-completion/completions/maa", "for every new bash"),
        ("completion zsh > ~/.zfunc/_maa", "with ~/.zfunc in fpath"),
        ("completion fish > ~/.config/fish/completions/maa.fish", "for every new fish"),
    ),
    arguments=_arguments,
    run=_run,
)
