"""`completion`: a script that makes bash complete commands and flags; made from the table of commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

from mcp_arangodb_async.cli.command import Command, Invocation

SCRIPT = """\
# bash completion for mcp-arangodb-async; load it with: eval "$(maa completion bash)"
_maa_complete() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[*]:1:COMP_CWORD-1}}" words=""
  case "$before " in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _maa_complete maa mcp-arangodb-async
"""


def script() -> str:
    """The script for bash: the words that may follow the words already typed."""
    lines = [f'    "{words} "*) words="{follow}" ;;' for words, follow in _followers().items() if words]
    # The longest first: `case` takes the first that fits.
    lines.sort(key=lambda line: -line.index("*"))
    lines.append(f'    " ") words="{_followers()[""]}" ;;')
    return SCRIPT.format(cases="\n".join(lines))


def _followers() -> Mapping[str, str]:
    # Here and not above: `main` names this module in its table.
    from mcp_arangodb_async.cli.main import COMMANDS, load, parser_of

    found: dict[str, list[str]] = {"": []}
    for name, entry in COMMANDS.items():
        first, _, second = name.partition(" ")
        if first not in found[""]:
            found[""].append(first)
        if second:
            found.setdefault(first, []).append(second)
        found[name] = long_flags(parser_of(name, load(entry)))
    return {words: " ".join(follow) for words, follow in found.items()}


def long_flags(parser: argparse.ArgumentParser) -> list[str]:
    """The flags of a command as its usage line names them, one spelling each."""
    return sorted(set(re.findall(r"--[a-z][a-z-]*", parser.format_usage())))


def _run(invocation: Invocation) -> int:
    invocation.out.line(script().rstrip("\n"))
    return 0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash",), help="the shell to write for")


COMPLETION = Command(
    description="Print a script that makes the shell complete commands and flags.",
    examples=(("completion bash > ~/.local/share/bash-completion/completions/maa", "for every new shell"),),
    arguments=_arguments,
    run=_run,
)
