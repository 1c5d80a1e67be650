"""A statement's outline: its words, strings and symbols, with every comment blanked.

The guard must read a text as the server will. Comments are where readers disagree most (nested or not, `--1`,
`#`, `/*! run by MySQL */`), so they are replaced by spaces of the same length, and the blanked text is what
is parsed *and* what is run. Positions stay those of the caller's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

TokenKind = Literal["word", "quoted", "string", "number", "symbol"]

# The longest text that is read at all, in characters and in tokens: parsing takes about 20 microseconds a
# token.
MAXIMUM_CHARACTERS = 256 * 1024
MAXIMUM_TOKENS = 50_000


class UnreadableError(Exception):
    """The text cannot be read with certainty; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of the text; `text` is as written, `name` a word's or quoted identifier's name, case folded."""

    kind: TokenKind
    text: str
    start: int
    end: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The blanked text without a final `;`, and its tokens."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def first(self) -> str:
        """The first word, lower case; empty if the text begins with anything else, parentheses aside."""
        for token in self.tokens:
            if token.kind == "word":
                return token.name
            if token.text != "(":
                break
        return ""


@dataclass(frozen=True, kw_only=True)
class Lexing:
    """How a dialect writes strings, identifiers and comments.

    `strings` and `identifiers` are regular expressions of whole literals; a quote that no expression closes
    is an error. `refused` are (expression, why) searched in the text as given, strings included.
    `adjacent_escapes`: a string that follows another one takes over its escapes (PostgreSQL's `E'' ''`).
    """

    strings: tuple[str, ...]
    identifiers: tuple[str, ...]
    words: str
    line_comments: tuple[str, ...]
    nested_comments: bool
    quotes: str
    refused: tuple[tuple[str, str], ...] = ()
    adjacent_escapes: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """One expression for all tokens; its group names are the kinds."""
        return re.compile(
            "|".join(
                (
                    r"(?P<space>[ \t\n\r\f\v]+)",
                    rf"(?P<line>{'|'.join(self.line_comments)})",
                    r"(?P<block>/\*)",
                    rf"(?P<string>{'|'.join(self.strings)})",
                    rf"(?P<quoted>{'|'.join(self.identifiers)})",
                    r"(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)",
                    rf"(?P<word>{self.words})",
                    r"(?P<symbol>.)",
                )
            ),
            re.DOTALL,
        )


BLOCK_EDGE = re.compile(r"/\*|\*/")


def outline(text: str, lexing: Lexing) -> Outline:
    """Read the text; raises UnreadableError for what cannot be read with certainty."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise UnreadableError(f"the text has {len(text)} characters, at most {MAXIMUM_CHARACTERS} are read")
    for expression, why in lexing.refused:
        if found := re.search(expression, text):
            raise UnreadableError(f"{place(text, found.start())}: {why}")
    tokens: list[Token] = []
    blanked: list[str] = []
    position = 0
    while position < len(text):
        match = lexing.pattern.match(text, position)
        assert match is not None, "the last alternative takes any character"
        kind, end = match.lastgroup, match.end()
        if kind == "block":
            end = end_of_comment(text, position, lexing)
        piece = text[position:end]
        if kind in {"block", "line"}:
            blanked.append("".join("\n" if letter == "\n" else " " for letter in piece))
        elif kind == "space" or piece.isspace():
            # A space that only some readers take for one becomes one for all.
            blanked.append(re.sub(r"[^\n]", " ", piece))
        else:
            if kind == "symbol" and (piece in lexing.quotes or not piece.isprintable()):
                what = "a quote that is never closed" if piece in lexing.quotes else f"character {piece!a}"
                raise UnreadableError(f"{place(text, position)}: {what}")
            if kind == "word" and not piece.isascii() and not piece.isprintable():
                raise UnreadableError(f"{place(text, position)}: {piece!a} is not a name")
            following = token(kind, piece, position, end)
            if lexing.adjacent_escapes and tokens and continues_escapes(tokens[-1], following):
                raise UnreadableError(f"{place(text, position)}: a string that continues one with escapes")
            blanked.append(piece)
            tokens.append(following)
            if len(tokens) > MAXIMUM_TOKENS:
                raise UnreadableError(f"the text has more than {MAXIMUM_TOKENS} words and symbols")
        position = end
    return without_semicolons("".join(blanked), tokens)


def token(kind: str | None, piece: str, start: int, end: int) -> Token:
    """The piece as a token, its name unquoted."""
    match kind:
        case "word":
            return Token(kind="word", text=piece, start=start, end=end, name=piece.lower())
        case "quoted":
            closing = piece[-1]
            name = piece[1:-1].replace(closing * 2, closing) if closing != "]" else piece[1:-1]
            return Token(kind="quoted", text=piece, start=start, end=end, name=name)
        case "string":
            return Token(kind="string", text=piece, start=start, end=end)
        case "number":
            return Token(kind="number", text=piece, start=start, end=end)
        case _:
            return Token(kind="symbol", text=piece, start=start, end=end)


def continues_escapes(before: Token, after: Token) -> bool:
    """Whether the second string would be read with the escapes of the first."""
    return before.kind == after.kind == "string" and after.text[0] == "'" and before.text[0] not in "'$"


def end_of_comment(text: str, start: int, lexing: Lexing) -> int:
    """Where the block comment at `start` ends; one that does not end is an error, as for the servers."""
    depth, position = 1, start + 2
    while edge := BLOCK_EDGE.search(text, position):
        position = edge.end()
        if edge.group() == "*/":
            depth -= 1
            if not depth:
                return position
        elif lexing.nested_comments:
            depth += 1
        else:
            position = edge.start() + 1
    raise UnreadableError(f"{place(text, start)}: a comment that is never closed")


def without_semicolons(text: str, tokens: list[Token]) -> Outline:
    """The same without `;` at its end: a statement may end in one, and drivers send one statement."""
    while tokens and tokens[-1].text == ";":
        last = tokens.pop()
        text = text[: last.start] + " " + text[last.end :]
    return Outline(text=text.rstrip(), tokens=tuple(tokens))


def place(text: str, position: int) -> str:
    """`line 3, column 7`."""
    before = text[:position]
    return f"line {before.count(chr(10)) + 1}, column {position - (before.rfind(chr(10)) + 1) + 1}"


def calls(tokens: Sequence[Token]) -> list[Token]:
    """Names that a parenthesis follows: calls, keywords, types and lists of columns."""
    return [
        before
        for before, after in pairwise(tokens)
        if after.text == "(" and before.kind in {"word", "quoted"}
    ]
