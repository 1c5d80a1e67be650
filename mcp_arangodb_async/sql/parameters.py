"""`:name` in a statement, the same for every engine, becomes the engine's own way to bind values.

    template_of("SELECT * FROM t WHERE id = :id", POSTGRESQL)     # ... WHERE id = $1, names ("id",)

A colon that belongs to something else stays: `::` of a cast, `a[1:n]`, `:=`, whatever is in strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mcp_arangodb_async.connections.sql.connection import Command
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.sql.dialects.dialect import Dialect
from mcp_arangodb_async.sql.lexer import Token, outline

MAXIMUM_PARAMETERS = 1000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Kinds of tokens that a parameter cannot follow without a space.
_OPERANDS = frozenset({"word", "number", "quoted", "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A statement cut where values belong; `names` has one name for each cut, `wanted` each name once."""

    text: str
    pieces: tuple[str, ...]
    names: tuple[str, ...]
    wanted: frozenset[str]

    def command(self, values: Mapping[str, Any], *, read_only: bool, small: bool = False) -> Command:
        """The statement with these values; raises InputError naming those that are missing or unknown."""
        if self.wanted.symmetric_difference(values):
            self._check(values)
        return Command(
            text=self.text,
            pieces=self.pieces,
            parameters=tuple([values[name] for name in self.names]),
            read_only=read_only,
            small=small,
        )

    def _check(self, values: Mapping[str, Any]) -> None:
        names = list(dict.fromkeys(self.names))
        missing = [name for name in names if name not in values]
        unknown = [name for name in values if name not in names]
        told: list[str] = []
        if missing:
            told.append(f"no value for {', '.join(f':{name}' for name in missing)}")
        if unknown:
            listed = ", ".join(f":{name}" for name in names) or "none"
            told.append(f"{', '.join(repr(name[:40]) for name in unknown)} is not in the statement: {listed}")
        near = [match for name in unknown for match in get_close_matches(name, names, n=1)]
        raise InputError("; ".join(told), field="parameters", did_you_mean=near)


def template_of(text: str, dialect: Dialect) -> Template:
    """Find the parameters of a statement; `text` is what the guard let pass, comments blanked."""
    tokens = outline(text, dialect.lexing).tokens
    pieces: list[str] = []
    names: list[str] = []
    position = 0
    for index, token in enumerate(tokens):
        if token.text == ":" and is_parameter(tokens, index):
            pieces.append(text[position : token.start])
            name = tokens[index + 1]
            names.append(name.text)
            position = name.end
    if len(names) > MAXIMUM_PARAMETERS:
        raise InputError(f"the statement has {len(names)} parameters, at most {MAXIMUM_PARAMETERS} are bound")
    pieces.append(text[position:])
    cuts: tuple[str, ...] = ()
    match dialect.name:
        case "mysql" | "mariadb":
            cuts = tuple(pieces) if names else ()
        case "postgresql":
            text = numbered(pieces, "$")
        case "sqlite":
            text = numbered(pieces, "?")
    return Template(text=text, pieces=cuts, names=tuple(names), wanted=frozenset(names))


def is_parameter(tokens: Sequence[Token], index: int) -> bool:
    """Whether the colon at this place begins a parameter."""
    colon = tokens[index]
    if index + 1 >= len(tokens):
        return False
    after = tokens[index + 1]
    if after.kind != "word" or after.start != colon.end or not _NAME.match(after.text):
        return False
    if index == 0 or tokens[index - 1].end != colon.start:
        return True
    before = tokens[index - 1]
    return before.kind not in _OPERANDS and before.text not in {":", "]", ")"}


def numbered(pieces: Sequence[str], sign: str) -> str:
    """The pieces with `$1`, `$2` ... between them.

    Each place has a number of its own, so that the server may give one name different types.
    """
    text = pieces[0]
    for number, piece in enumerate(pieces[1:], start=1):
        text += f"{sign}{number}{piece}"
    return text
