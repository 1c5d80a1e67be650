"""Tokens and the text operations analyzers are made of.

Source: "Transforming data with Analyzers" in ArangoDB's manual. Words are found by Unicode Standard Annex 29;
ArangoDB uses ICU, which cuts Thai, Chinese and Japanese by dictionary where this cuts them by character.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, cast

import regex

Case = Literal["lower", "upper", "none"]
_Item = TypeVar("_Item")
# One code point that is a letter or a number makes a segment a word.
_ALPHANUMERIC = regex.compile(r"[\p{L}\p{N}]")
_BOUNDARY = regex.compile(r"(?w)\b", flags=regex.V1)
# Line feed and carriage return are not among them: the manual says so.
_BLANKS = frozenset("\t \u0085\u00a0\u1680\u2028\u202f\u205f\u3000") | frozenset(
    map(chr, range(0x2000, 0x200B))
)
# Stems remembered per language: a stem takes 50 times as long to find as to look up.
KEPT_STEMS = 100_000
# A word beyond this is left as it is: stemming takes a microsecond per letter, and cannot be interrupted.
LONGEST_STEMMED = 100_000
# Tokens between two looks at the limits, and characters of which accents are stripped at once.
PACE = 1000
_PIECE = 50_000
_ASCII = regex.compile(r"[\x00-\x7f]")
WILDCARD_MARKER = "\ufffd"
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


class Token(NamedTuple):
    """A term (a string, or a number or boolean from an `aql` analyzer) and its position in the input.

    `start` and `end` tell which characters of the input it stands for.
    """

    term: Any
    position: int
    start: int
    end: int


#: Looks at the limits of a query; cutting a long text calls it now and then.
Check = Callable[[], object]


class Tokenizer(Protocol):
    """A string to its tokens, in order, one by one. Pure: the same input gives the same tokens."""

    def __call__(self, text: str, /) -> Iterator[Token]: ...


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - snowballstemmer's name


def no_check() -> None:
    """Nothing to look at: the caller has no limits."""


def tokens_of(tokenize: Tokenizer, value: Any, check: Check = no_check) -> Any:
    """What `TOKENS()` returns: strings become arrays of terms, arrays are cut member by member.

    Numbers, booleans and null are the same for every analyzer; the caller encodes them.
    """
    if isinstance(value, str):
        return [token.term for token in paced(tokenize(value), check)]
    if isinstance(value, list):
        return [tokens_of(tokenize, member, check) for member in cast("list[Any]", value)]
    return value


def paced(items: Iterable[_Item], check: Check) -> Iterator[_Item]:
    """The items, with a look at the limits every so often."""
    for count, item in enumerate(items, 1):
        if not count % PACE:
            check()
        yield item


def segments(text: str, check: Check = no_check) -> Iterator[tuple[str, int]]:
    """The text between word boundaries, blanks and punctuation included, with the place of each."""
    place = 0
    for segment in paced(_BOUNDARY.splititer(text), check):
        if segment:
            yield segment, place
            place += len(segment)


def words(text: str, check: Check = no_check) -> Iterator[tuple[str, int]]:
    """The segments that hold a letter or a digit."""
    return (found for found in segments(text, check) if _ALPHANUMERIC.search(found[0]))


def graphic(text: str, check: Check = no_check) -> Iterator[tuple[str, int]]:
    """The segments that are not blank."""
    return (found for found in segments(text, check) if not _BLANKS.issuperset(found[0]))


def fold_case(text: str, case: Case) -> str:
    """Convert to lower or upper case, or leave as it is."""
    if case == "lower":
        return text.lower()
    return text.upper() if case == "upper" else text


def strip_accents(text: str, check: Check = no_check) -> str:
    """Replace accented characters by their base characters."""
    if text.isascii():
        return text
    return "".join(_stripped(piece) for piece in _pieces(text, check))


def _stripped(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    kept = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    return unicodedata.normalize("NFC", kept)


def _pieces(text: str, check: Check) -> Iterator[str]:
    """A text in pieces that compose no character together: all but the first begin with ASCII."""
    place = 0
    while place < len(text):
        check()
        start = _ASCII.search(text, place + _PIECE)
        stop = len(text) if start is None else start.start()
        yield text[place:stop]
        place = stop


def language(locale: str) -> str:
    """The language of a locale such as `en`, `en_US` or `es__TRADITIONAL`."""
    return locale.replace("-", "_").split("_")[0].split(".")[0].split("@")[0].lower()


@lru_cache(maxsize=64)
def stemmer(locale: str) -> Callable[[str], str]:
    """The Snowball stemmer of a locale's language; a language without one leaves words as they are."""
    # Loaded with the first stemming analyzer: the tables of all languages are large.
    import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]

    algorithm = _STEMMERS.get(language(locale))
    if algorithm is None or algorithm not in snowballstemmer.algorithms():  # pyright: ignore[reportUnknownMemberType]
        return str
    own = threading.local()  # a stemmer holds the word it works on

    @lru_cache(maxsize=KEPT_STEMS)
    def stem(word: str) -> str:
        if len(word) > LONGEST_STEMMED:
            return word
        found: _Stemmer | None = getattr(own, "stemmer", None)
        if found is None:
            found = own.stemmer = cast("_Stemmer", snowballstemmer.stemmer(algorithm))  # pyright: ignore[reportUnknownMemberType]
        return found.stemWord(word)

    return stem


def ngrams(
    text: str, *, minimum: int, maximum: int, preserve: bool, marker: str = "", end_marker: str = ""
) -> Iterator[Token]:
    """The n-grams of a text, each at the position of its first letter; markers tell those at an end."""
    size = len(text)
    for place in range(size):
        whole_done = False
        for length in range(minimum, min(maximum, size - place) + 1):
            end = place + length
            if place == 0 and length == size:
                whole_done = True
                yield from _whole(text, marker, end_marker)
            else:
                gram = (marker if place == 0 else "") + text[place:end] + (end_marker if end == size else "")
                yield Token(gram, place, place, end)
        if place == 0 and preserve and not whole_done:
            yield from _whole(text, marker, end_marker)


def _whole(text: str, marker: str, end_marker: str) -> Iterator[Token]:
    """The input itself: once for each marker, or once without."""
    if marker:
        yield Token(marker + text, 0, 0, len(text))
    if end_marker:
        yield Token(text + end_marker, 0, 0, len(text))
    if not marker and not end_marker:
        yield Token(text, 0, 0, len(text))


def wildcard_ngrams(text: str, size: int) -> Iterator[str]:
    """The n-grams of a `wildcard` analyzer: one marked start, the inner ones, `size - 1` marked ends."""
    if not text:
        return
    yield WILDCARD_MARKER + text[: size - 1]
    for place in range(len(text) - size + 1):
        yield text[place : place + size]
    for place in range(max(len(text) - size + 1, 0), len(text)):
        yield text[place:] + WILDCARD_MARKER


def split_csv(text: str, delimiter: str) -> Iterator[tuple[str, int, int]]:
    """Cut at the delimiter, honouring double quotes as RFC 4180 does; fields with their places."""
    if not delimiter:
        yield from ((character, place, place + 1) for place, character in enumerate(text))
        return
    place = 0
    while place <= len(text):
        start = place
        if text[place : place + 1] == '"' and (quoted := _quoted(text, place, delimiter)) is not None:
            field, place = quoted
        else:
            stop = text.find(delimiter, place)
            stop = len(text) if stop < 0 else stop
            field, place = text[place:stop], stop + len(delimiter)
        yield field, start, place - len(delimiter)


def _quoted(text: str, place: int, delimiter: str) -> tuple[str, int] | None:
    """A quoted field and where the next one begins, or None when the quotes are not well formed."""
    stop = place + 1
    while (stop := text.find('"', stop)) >= 0:
        if text[stop + 1 : stop + 2] == '"':
            stop += 2
            continue
        after = stop + 1
        if after == len(text) or text.startswith(delimiter, after):
            return text[place + 1 : stop].replace('""', '"'), after + len(delimiter)
        return None
    return None
