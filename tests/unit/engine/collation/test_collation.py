"""String order: ICU's order for en_US, capitals first; the tables were made with ICU 72."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.engine.collation import collation_key
from mcp_arangodb_async.engine.collation.keys import _wide_key  # pyright: ignore[reportPrivateUsage]

ASCENDING = [
    ["", "\x00", "\x01", "\x01\x01", "\x7f", "\t", "\n", " ", "a", "a\x01", "a\xad", "aa"],
    list("\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789AaBbZz"),
    ["A B", "a b", "a_b", "a-b", "ab", "aB c", "abc"],
    ["A", "a", "AA", "Aa", "aA", "aa", "B", "b"],
    ["Alice", "alice", "Alice B", "alice b", "Bob", "bob"],
    ["Cote", "cote", "coté", "Côte", "côte", "Côté", "côté"],
    ["Resume", "resume", "Résumé", "résumé", "resumes"],
    ["a", "á", "à", "â", "å", "ä", "ã", "ą", "ab", "æ", "Æb", "az", "b"],
    ["o", "ö", "ő", "ø", "œ", "Oz", "p"],
    ["SS", "ss", "ß", "ST", "st", "Strasse", "Straße", "sz", "t"],
    [
        "z",
        "ʒ",
        "þ",
        "α",
        "ά",
        "β",
        "σ",
        "ς",
        "ω",
        "а",
        "б",
        "е",
        "ё",
        "ж",
        "и",
        "й",
        "я",
        "א",
        "ا",
        "あ",
        "ア",
        "か",
        "が",
    ],
    [
        "-",
        "–",
        "—",
        "!",
        "¡",
        "?",
        "¿",
        ".",
        "…",
        "'",
        "‘",
        "’",
        '"',
        "“",
        "”",
        "§",
        "¶",
        "@",
        "°",
        "©",
        "+",
        "±",
        "÷",
        "×",
        "µ",
    ],
    [
        "~",
        "❤",
        "🥹",
        "😀",
        "😁",
        "🚀",
        "¤",
        "¢",
        "$",
        "£",
        "¥",
        "฿",
        "€",
        "₹",
        "₿",
        "₨",
        "0",
        "1",
        "½",
        "10",
        "2",
        "²",
    ],
    ["ff", "ﬀ", "fi", "ﬁ", "fj"],
    ["가", "각", "나", "一", "丁", "龥"],
    ["x1", "x10", "x2"],
]


@pytest.mark.parametrize("row", ASCENDING, ids=ascii)
def test_strings_come_in_the_order_of_icu(row: list[str]) -> None:
    keys = [collation_key(text) for text in row]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_an_ascii_string_has_the_same_key_on_both_paths() -> None:
    for length in range(3):
        for codes in itertools.product(range(128), repeat=length):
            text = "".join(map(chr, codes))
            assert _wide_key(text) == collation_key(text)


@pytest.mark.parametrize("length", [0, 1, 2, 123, 124, 125, 126, 250, 251, 375])
def test_long_runs_of_small_letters_before_a_capital_keep_the_order(length: int) -> None:
    run = "a" * length
    assert collation_key(run + "A" + run) < collation_key(run + "a" + run) < collation_key(run + "ａ" + run)
    assert collation_key(run + "A" + "a" * 130 + "A") < collation_key(run + "A" + "a" * 131)
    assert collation_key(run + "a" * 5 + "á") > collation_key(run + "a" * 6)
    assert collation_key(run + "A" + "á") < collation_key(run + "á" + "a") > collation_key(run + "aá")


def test_canonically_equivalent_strings_differ_in_the_last_place_only() -> None:
    assert collation_key("é") < collation_key("e\u0301") < collation_key("\u00eb")
    assert collation_key("Å") < collation_key("\u212b")
    assert collation_key("K") < collation_key("\u212a") < collation_key("k")


@given(st.text(max_size=12), st.text(max_size=12))
def test_only_equal_strings_have_equal_keys_and_no_key_holds_a_zero_byte(left: str, right: str) -> None:
    assert (collation_key(left) == collation_key(right)) == (left == right)
    assert b"\x00" not in collation_key(left)


ALPHABET = st.text(alphabet="aAbBáÁä\u0301\u0308ßsSæ \x00\x01\xad-1١😀日й", max_size=6)


@given(ALPHABET, ALPHABET)
def test_close_strings_keep_their_keys_apart(left: str, right: str) -> None:
    assert (collation_key(left) == collation_key(right)) == (left == right)


@given(ALPHABET, ALPHABET, ALPHABET)
def test_a_common_prefix_does_not_change_the_order_of_letters(prefix: str, left: str, right: str) -> None:
    letters = unicodedata.normalize("NFC", prefix)
    if left[:1].isalpha() and right[:1].isalpha() and left[:1].lower() != right[:1].lower():
        first, second = sorted([left[:1].lower(), right[:1].lower()], key=collation_key)
        if unicodedata.normalize("NFD", first)[0] != unicodedata.normalize("NFD", second)[0]:
            assert collation_key(letters + "x" + first) < collation_key(letters + "x" + second)
