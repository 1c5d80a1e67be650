"""AQL text to tokens, by one regular expression that reads every character once.

No mistake is raised here: a character that no token may hold, or a string left open, becomes a token of its
own kind, and whoever meets it raises the mistake. So the first mistake in a query is always the one reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from mcp_arangodb_async.engine.errors import ERROR_QUERY_PARSE, ERROR_QUERY_TOO_MUCH_NESTING, ArangoError

_RESERVED = """
AGGREGATE ALL ALL_SHORTEST_PATHS AND ANY ASC COLLECT DESC DISTINCT FALSE FILTER FOR GRAPH IN INBOUND INSERT
INTO K_PATHS K_SHORTEST_PATHS LET LIKE LIMIT NONE NOT NULL OR OUTBOUND REMOVE REPLACE RETURN SHORTEST_PATH
SORT TRUE UPDATE UPSERT WINDOW WITH
"""
KEYWORDS = frozenset(_RESERVED.split())
"""The words ArangoDB 3.12 reserves, in any case. KEEP, COUNT, OPTIONS, PRUNE, SEARCH, TO are mere names."""

LATER_KEYWORDS = frozenset(
    {"INNER_JOIN", "LEFT_JOIN", "RIGHT_JOIN", "OUTER_JOIN", "MATCH", "WHILE", "UNTIL", "SCAN", "FOLD"}
)
"""The words ArangoDB 4.0 reserves besides, for operations that do not exist yet."""

MAX_LENGTH = 4 * 1024 * 1024
MAX_TOKENS = 500_000
"""What one query may hold, so that reading it ends in seconds: characters, and words, signs and constants."""

IDENTIFIER = "identifier"
STRING = "quoted string"
INTEGER = "integer number"
NUMBER = "number"
PARAMETER = "bind parameter"
COLLECTION_PARAMETER = "bind data source parameter"
AT_LEAST = "AT LEAST"
END = "end of query string"
INVALID = "invalid token"
OPEN_STRING = "unterminated string literal"
OPEN_NAME = "unterminated identifier"
OPEN_COMMENT = "unterminated multi-line comment"

_SNIPPET = 32
_WORDS: Mapping[str, str] = MappingProxyType({word: word for word in KEYWORDS} | {"LEAST": AT_LEAST})
_LATER_WORDS: Mapping[str, str] = MappingProxyType({**_WORDS, **{word: word for word in LATER_KEYWORDS}})
_SYMBOLS: Mapping[str, str] = MappingProxyType({"&&": "AND", "||": "OR", "!": "NOT"})
_LEFT_OPEN: Mapping[str, str] = MappingProxyType(
    {'"': OPEN_STRING, "'": OPEN_STRING, "`": OPEN_NAME, "´": OPEN_NAME, "/": OPEN_COMMENT}
)

# The last group of a match is the alternative that matched, in this order; the text before it is space.
_NAME, _SYMBOL, _OPERATOR, _INTEGER, _NUMBER, _QUOTED, _PARAMETER, _OPEN, _OTHER = range(1, 10)
_TOKEN = re.compile(
    r"(?:[ \t\r\n]++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
    r"(?:(\$?[A-Za-z][A-Za-z0-9_]*+|_++[A-Za-z][A-Za-z0-9_]*+)"
    r"|(\.\.|::|\.(?![0-9])|[(){}\[\],?:%+\-*])"
    r"|([=!]~|[=!<>]=?|&&|\|\||/(?!\*))"
    r"|((?:0[xX][0-9A-Fa-f]++|0[bB][01]++|(?:0|[1-9][0-9]*+)(?!\.[0-9]|[eE][-+]?[0-9])))"
    r"|((?:(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)"
    r"|(\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"|'[^'\\]*+(?:\\.[^'\\]*+)*+'"
    r"|`[^`\\]*+(?:\\.[^`\\]*+)*+`|´[^´\\]*+(?:\\.[^´\\]*+)*+´)"
    r"|(@@?(?:[A-Za-z0-9]|_++[A-Za-z0-9])[A-Za-z0-9_]*+)"
    r"|([\"'`´/].*+)"
    r"|(_++|.|\Z))",
    re.DOTALL,
)
_LATER_TOKEN = re.compile(_TOKEN.pattern.replace(r"(\.\.|", r"(\.{2,3}|", 1), re.DOTALL)
"""The same with `...`, which spreads arrays and objects in literals from ArangoDB 4.0 on."""
_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))", re.DOTALL
)
_ESCAPES: Mapping[str, str] = MappingProxyType({"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of `text`, side by side; the last one is END.

    A kind is a reserved word in upper case, a symbol as written (but `AND`, `OR`, `NOT` for `&&`, `||`, `!`),
    or one of this module's names. Strings and quoted names have their value without quotes and escapes.
    """

    text: str
    kinds: list[str]
    values: list[str]
    offsets: list[int]


def tokenize(text: str, compat: str = "3.12") -> Tokens:
    """Return all tokens of a query's text; 1524 if there is more of it than one query may hold."""
    words, token = (_WORDS, _TOKEN) if compat == "3.12" else (_LATER_WORDS, _LATER_TOKEN)
    kinds: list[str] = []
    values: list[str] = []
    offsets: list[int] = []
    if len(text) > MAX_LENGTH:
        raise _too_much(f"query text has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    add_kind, add_value, add_offset = kinds.append, values.append, offsets.append
    for match in islice(token.finditer(text), MAX_TOKENS):
        group = match.lastindex
        assert group is not None
        offset, end = match.span(group)
        value = text[offset:end]
        if group == _NAME:
            kind = words.get(value.upper(), IDENTIFIER)
            if kind == AT_LEAST:
                if kinds and kinds[-1] == IDENTIFIER and values[-1].upper() == "AT":
                    kinds[-1] = AT_LEAST
                    continue
                kind = IDENTIFIER
        elif group == _SYMBOL:
            kind = value
        elif group == _OPERATOR:
            kind = _SYMBOLS.get(value, value)
        elif group == _QUOTED:
            kind = STRING if value[0] in "\"'" else IDENTIFIER
            value = _unescape(value[1:-1])
        elif group == _PARAMETER:
            kind = COLLECTION_PARAMETER if value[1] == "@" else PARAMETER
            value = value.lstrip("@")
        elif group == _INTEGER:
            kind = INTEGER
        elif group == _NUMBER:
            kind = NUMBER
        elif group == _OPEN:
            kind = _LEFT_OPEN[value[0]]
        else:
            kind = INVALID if value else END
        add_kind(kind)
        add_value(value)
        add_offset(offset)
        if kind == END:
            return Tokens(text, kinds, values, offsets)
    raise _too_much(f"query text has more than {MAX_TOKENS} tokens")


def _too_much(message: str) -> ArangoError:
    return ArangoError(ERROR_QUERY_TOO_MUCH_NESTING, message)


def _unescape(text: str) -> str:
    r"""Replace the escapes of a string; `\x` means `x` where ArangoDB gives it no meaning of its own.

    Half of a surrogate pair becomes U+FFFD: no UTF-8 text can hold it.
    """
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(match: re.Match[str]) -> str:
    high, low, single, other = match.groups()
    if high:
        return chr(0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00)
    if single:
        code = int(single, 16)
        return "�" if 0xD800 <= code <= 0xDFFF else chr(code)
    return _ESCAPES.get(other, other)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the place of an offset, both counted from 1; a column counts bytes of UTF-8, as in ArangoDB."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, len(text[start:offset].encode()) + 1


def mistake(text: str, offset: int, message: str, number: int = ERROR_QUERY_PARSE) -> ArangoError:
    """Return the error for a mistake in a query's text, in ArangoDB's wording: what, near what, where."""
    line, column = line_and_column(text, offset)
    near = text[offset : offset + _SNIPPET]
    more = "..." if len(text) > offset + _SNIPPET else ""
    message = f"{message} near '{near}{more}' at position {line}:{column}"
    return ArangoError(number, message, line=line, column=column)
