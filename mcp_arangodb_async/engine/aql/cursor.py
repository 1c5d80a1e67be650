"""A place in a query's tokens, and the mistakes that can be found there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcp_arangodb_async.engine.aql import lexer
from mcp_arangodb_async.engine.aql.ast import Variable
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_PARSE,
    ERROR_QUERY_TOO_MUCH_NESTING,
    ArangoError,
)

_DECLARATIONS = "FOR LET FILTER RETURN COLLECT SORT LIMIT WINDOW"
_COMMANDS = "REMOVE INSERT UPDATE REPLACE UPSERT"
_WORDS = "ASC DESC IN WITH INTO AGGREGATE GRAPH SHORTEST_PATH K_SHORTEST_PATHS K_PATHS ALL_SHORTEST_PATHS"
_NAMES: Mapping[str, str] = MappingProxyType(
    {kind: f"{kind} declaration" for kind in _DECLARATIONS.split()}
    | {kind: f"{kind} command" for kind in _COMMANDS.split()}
    | {kind: f"{kind} keyword" for kind in (*_WORDS.split(), *lexer.LATER_KEYWORDS)}
    | {kind: f"{kind.lower()} operator" for kind in ("NOT", "AND", "OR", "LIKE")}
    | {kind: f"{kind} operator" for kind in ("==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%")}
    | {kind: f"{kind.lower()} modifier" for kind in ("OUTBOUND", "INBOUND", "ANY", "ALL", "NONE", "AT LEAST")}
    | {"DISTINCT": "DISTINCT modifier", "NULL": "null", "TRUE": "true", "FALSE": "false"}
    | {"=": "assignment", ",": '","', "...": "spread operator", "=~": "~= operator", "!~": "~! operator"}
)
"""ArangoDB's own names for tokens, where they differ from the kind."""

_UNFINISHED = (lexer.OPEN_STRING, lexer.OPEN_NAME, lexer.OPEN_COMMENT)

MAX_FRAMES = 900
"""How deep the parser may call itself, in frames of Python's stack, whose limit is 1,000 by default."""


class TokenCursor:
    """Reads tokens in order; every mistake it raises names what was found, near what, and where."""

    __slots__ = ("at", "compat", "frames", "kinds", "offsets", "text", "values")

    def __init__(self, text: str, compat: str = "3.12") -> None:
        tokens = lexer.tokenize(text, compat)
        self.text = text
        self.compat = compat
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.offsets = tokens.offsets
        self.at: int = 0
        self.frames: int = 0

    def accept(self, kind: str) -> bool:
        """Step over a token of this kind, if one is next."""
        if self.kinds[self.at] == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str, *others: str) -> int:
        """Step over a token that must be of this kind, and return its offset; `others` were possible too."""
        at = self.at
        if self.kinds[at] != kind:
            raise self.unexpected(kind, *others)
        self.at = at + 1
        return self.offsets[at]

    def name(self, *others: str) -> str:
        """Step over a name and return it; `others` were possible too."""
        at = self.at
        if self.kinds[at] != lexer.IDENTIFIER:
            raise self.unexpected(lexer.IDENTIFIER, *others)
        self.at = at + 1
        return self.values[at]

    def variable(self) -> Variable:
        """Step over the name of a new variable."""
        return Variable(self.offsets[self.at], self.name())

    def is_qualifier(self, *words: str) -> bool:
        """Tell whether a name is next; it must then be one of the given words, which are not reserved."""
        at = self.at
        if self.kinds[at] != lexer.IDENTIFIER:
            return False
        if self.values[at].upper() not in words:
            allowed = " or ".join(f"'{word}'" for word in words)
            raise self.mistake(f"unexpected qualifier '{self.values[at]}', expecting {allowed}")
        return True

    def enter(self, frames: int) -> None:
        """Count calls about to be made; whoever enters counts them back when they are done."""
        self.frames += frames
        if self.frames > MAX_FRAMES:
            raise self.mistake("too much nesting or too many objects", number=ERROR_QUERY_TOO_MUCH_NESTING)

    def unexpected(self, *expected: str) -> ArangoError:
        """Return the syntax error for the next token; up to four kinds say what could have stood there."""
        kind = self.kinds[self.at]
        if kind in _UNFINISHED:
            return self.mistake(f"unexpected {kind}")
        message = f"syntax error, unexpected {_NAMES.get(kind, kind)}"
        if expected:
            message += ", expecting " + " or ".join(_NAMES.get(name, name) for name in expected)
        return self.mistake(message)

    def mistake(
        self, message: str, *, offset: int | None = None, number: int = ERROR_QUERY_PARSE
    ) -> ArangoError:
        """Return the error for a mistake at an offset, or at the next token.

        The end of the text is reported at the last token, as ArangoDB does: nothing is to be seen behind it.
        """
        if offset is None:
            at = self.at
            if self.kinds[at] == lexer.END and at > 0:
                at -= 1
            offset = self.offsets[at]
        return lexer.mistake(self.text, offset, message, number)
