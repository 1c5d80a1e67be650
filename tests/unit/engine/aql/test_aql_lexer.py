"""Tokens: what is a word, a number, a string, and where each of them starts."""

from __future__ import annotations

import time

import pytest

from mcp_arangodb_async.engine.aql import lexer
from mcp_arangodb_async.engine.aql.lexer import tokenize
from mcp_arangodb_async.engine.errors import ArangoError

N, S, D, P, C = lexer.IDENTIFIER, lexer.STRING, lexer.NUMBER, lexer.PARAMETER, lexer.COLLECTION_PARAMETER
INT = lexer.INTEGER
SIGNS = ("=~", "!~", "==", "!=", "<=", ">=", "<", ">", "=")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("For x iN Y", [("FOR", "For"), (N, "x"), ("IN", "iN"), (N, "Y")]),
        ("options keep COUNT To", [(N, "options"), (N, "keep"), (N, "COUNT"), (N, "To")]),
        ("_a __b1 $c a_", [(N, "_a"), (N, "__b1"), (N, "$c"), (N, "a_")]),
        ("`for` ´sort´ `a\\`b` ´c\nd´", [(N, "for"), (N, "sort"), (N, "a`b"), (N, "c\nd")]),
        ("1 0 12.50 .5 1e3 2E-4", [(INT, "1"), (INT, "0"), (D, "12.50"), (D, ".5"), (D, "1e3"), (D, "2E-4")]),
        ("0x1F 0B10", [(INT, "0x1F"), (INT, "0B10")]),
        ("1..3", [(INT, "1"), ("..", ".."), (INT, "3")]),
        ("1.5..2", [(D, "1.5"), ("..", ".."), (INT, "2")]),
        ("1...5", [(INT, "1"), ("..", ".."), (D, ".5")]),
        ("007", [(INT, "0"), (INT, "0"), (INT, "7")]),
        ("12e", [(INT, "12"), (N, "e")]),
        ("a.b", [(N, "a"), (".", "."), (N, "b")]),
        ("@a @1 @_x @@c", [(P, "a"), (P, "1"), (P, "_x"), (C, "c")]),
        ("@bind-var", [(P, "bind"), ("-", "-"), (N, "var")]),
        ("&& || ! and", [("AND", "&&"), ("OR", "||"), ("NOT", "!"), ("AND", "and")]),
        (" ".join(SIGNS), [(sign, sign) for sign in SIGNS]),
        ("a::b ? c : d", [(N, "a"), ("::", "::"), (N, "b"), ("?", "?"), (N, "c"), (":", ":"), (N, "d")]),
        ("AT LEAST", [(lexer.AT_LEAST, "AT")]),
        ("at\n  Least (", [(lexer.AT_LEAST, "at"), ("(", "(")]),
        ("at least_one", [(N, "at"), (N, "least_one")]),
        ("least", [(N, "least")]),
        ("1 // no\n2 /* no\n*/3/**/4", [(INT, "1"), (INT, "2"), (INT, "3"), (INT, "4")]),
        ("6/2", [(INT, "6"), ("/", "/"), (INT, "2")]),
        ("", []),
        (" \t\r\n", []),
    ],
)
def test_text_is_cut_into_tokens(text: str, expected: list[tuple[str, str]]) -> None:
    tokens = tokenize(text)
    assert list(zip(tokens.kinds, tokens.values, strict=True)) == [*expected, (lexer.END, "")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'it\'s'", "it's"),
        (r'"say \"x\""', 'say "x"'),
        ("'\"' ", '"'),
        (r"'\b\f\n\r\t'", "\b\f\n\r\t"),
        (r"'\\ \/ \q'", "\\ / q"),
        (r"'\u00e4\u00E4'", "ää"),
        (r"'\ud83d\ude00'", "😀"),
        (r"'\ud83d'", "�"),
        (r"'\ude00\ud83d'", "��"),
        (r"'\u12'", "u12"),
        (r"'\u0000'", "\x00"),
        ("'two\nlines'", "two\nlines"),
        ("'grüße 😀'", "grüße 😀"),
    ],
)
def test_strings_have_their_escapes_replaced(text: str, value: str) -> None:
    tokens = tokenize(text)
    assert tokens.kinds == [S, lexer.END]
    assert tokens.values[0] == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('1 + "abc', lexer.OPEN_STRING),
        (r"'abc\'", lexer.OPEN_STRING),
        ("'abc\\", lexer.OPEN_STRING),
        ("`abc", lexer.OPEN_NAME),
        ("´abc", lexer.OPEN_NAME),
        ("/* abc", lexer.OPEN_COMMENT),
        (";", lexer.INVALID),
        ("_", lexer.INVALID),
        ("@", lexer.INVALID),
        ("@@_", lexer.INVALID),
        ("&", lexer.INVALID),
        ("\x00", lexer.INVALID),
        ("\u00a0", lexer.INVALID),
        ("ä", lexer.INVALID),
    ],
)
def test_what_no_token_may_hold_is_a_token_of_its_own(text: str, kind: str) -> None:
    assert kind in tokenize(text).kinds


def test_tokens_know_their_offsets() -> None:
    tokens = tokenize("FOR  u\n IN /* x */ users")
    assert tokens.offsets == [0, 5, 8, 19, 24]


def test_lines_and_columns_count_bytes_from_one() -> None:
    text = "FOR ü IN x\n  FILTER ü.y\nRETURN 1"
    assert lexer.line_and_column(text, 0) == (1, 1)
    assert lexer.line_and_column(text, text.index("FILTER")) == (2, 3)
    assert lexer.line_and_column(text, text.index(".y")) == (2, 12)
    assert lexer.line_and_column(text, len(text)) == (3, 9)


def test_a_mistake_quotes_thirty_two_characters_of_the_text() -> None:
    assert lexer.mistake("RETURN =", 7, "oh").message == "oh near '=' at position 1:8"
    error = lexer.mistake("x" * 40, 0, "oh")
    assert error.message == f"oh near '{'x' * 32}...' at position 1:1"
    assert (error.num, error.line, error.column) == (1501, 1, 1)


@pytest.mark.parametrize(
    "repeated",
    ['"\\', "'\"", "/*", "/", "`´", '"\\"', "@", "_", "(", " ", "0", "$", "/**/", "@_", "\\", "1e", "a."],
)
def test_no_text_takes_more_than_linear_time(repeated: str) -> None:
    started = time.perf_counter()
    tokenize(repeated * (400_000 // len(repeated)))
    assert time.perf_counter() - started < 10


def test_a_text_of_too_many_characters_or_tokens_is_refused() -> None:
    with pytest.raises(ArangoError, match=r"4194305 characters, at most 4194304") as long:
        tokenize(" " * (lexer.MAX_LENGTH + 1))
    with pytest.raises(ArangoError, match=r"more than 500000 tokens") as many:
        tokenize("," * lexer.MAX_TOKENS)
    assert (long.value.num, many.value.num) == (1524, 1524)
