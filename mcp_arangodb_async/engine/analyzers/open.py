"""Analyzer definitions to tokenizers, one function per type.

Source: "Transforming data with Analyzers" and "HTTP interfaces for Analyzers" in ArangoDB's manual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

import regex

from mcp_arangodb_async.engine.analyzers import tokens as text_
from mcp_arangodb_async.engine.analyzers.tokens import Case, Token, Tokenizer
from mcp_arangodb_async.engine.collation import collation_key
from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ERROR_NOT_IMPLEMENTED, ArangoError
from mcp_arangodb_async.engine.values import to_bool, to_number, to_string

Properties = Mapping[str, Any]
# Evaluated on the value itself by SEARCH; they have no tokens to show.
GEO_TYPES = ("geojson", "geopoint", "geo_s2")
# These need a fastText model; nothing here can run one.
_NEEDS_MODEL = ("classification", "nearest_neighbors")
_MAXIMUM_NGRAM = 10_000
_MAXIMUM_PIPELINE = 32
_CASES: tuple[Case, ...] = ("lower", "upper", "none")


class AnalyzerQuery(Protocol):
    """Runs the query of an `aql` analyzer with its one bind parameter; collections are out of its reach."""

    def __call__(self, query: str, parameter: str, /, *, memory_limit: int) -> list[Any]: ...


def open_built_in(name: str) -> Tokenizer | None:
    """`identity` or `text_<language>`, which exist in every database; None for another name."""
    if name == "identity":
        return _identity({})
    if name.startswith("text_") and name[5:] in BUILT_IN_LANGUAGES:
        return _text({"locale": name[5:], "stopwords": []})
    return None


BUILT_IN_LANGUAGES = ("de", "en", "es", "fi", "fr", "it", "nl", "no", "pt", "ru", "sv", "zh")


def open_analyzer(type_: str, properties: Properties, *, run: AnalyzerQuery | None = None) -> Tokenizer:
    """Check an analyzer's properties and make its tokenizer.

    `run` is needed by analyzers of type `aql`.
    Raises ArangoError 10 (bad parameter) naming the property, 9 for types that cannot work here.
    """
    if type_ in GEO_TYPES:
        raise ArangoError(
            ERROR_BAD_PARAMETER, f"an analyzer of type '{type_}' indexes geometry; it has no tokens"
        )
    if type_ in _NEEDS_MODEL:
        raise ArangoError(ERROR_NOT_IMPLEMENTED, f"analyzers of type '{type_}' are not implemented")
    if type_ == "aql":
        return _aql(properties, run)
    opener = ANALYZERS.get(type_)
    if opener is None:
        known = ", ".join(sorted([*ANALYZERS, "aql", *GEO_TYPES]))
        raise ArangoError(ERROR_BAD_PARAMETER, f"unknown analyzer type '{type_}'; known: {known}")
    return opener(properties)


def _identity(_: Properties) -> Tokenizer:
    return lambda text: [Token(text, 0)]


def _delimiter(properties: Properties) -> Tokenizer:
    delimiter = _string(properties, "delimiter")
    return lambda text: _numbered(text_.split_csv(text, delimiter))


def _multi_delimiter(properties: Properties) -> Tokenizer:
    delimiters = _strings(properties, "delimiters")
    for one in delimiters:
        if not one or any(other != one and other.startswith(one) for other in delimiters):
            raise _bad("delimiters", "must not be empty or a prefix of one another")
    if not delimiters:
        return lambda text: [Token(text, 0)]
    pattern = regex.compile("|".join(regex.escape(one) for one in delimiters))
    return lambda text: _numbered(pattern.split(text))


def _stem(properties: Properties) -> Tokenizer:
    stem = text_.stemmer(_string(properties, "locale"))
    return lambda text: [Token(stem(text), 0)]


def _norm(properties: Properties) -> Tokenizer:
    _string(properties, "locale")
    accent = _boolean(properties, "accent", True)
    case = _case(properties, "none")
    return lambda text: [Token(_normalise(text, accent=accent, case=case), 0)]


def _ngram(properties: Properties) -> Tokenizer:
    minimum = _integer(properties, "min", None, 1, _MAXIMUM_NGRAM)
    maximum = max(_integer(properties, "max", None, 1, _MAXIMUM_NGRAM), minimum)
    preserve = _boolean(properties, "preserveOriginal", None)
    start = _string(properties, "startMarker", "")
    end = _string(properties, "endMarker", "")
    stream = _string(properties, "streamType", "binary")
    if stream not in {"binary", "utf8"}:
        raise _bad("streamType", "is 'binary' or 'utf8'")

    def tokenize(text: str) -> list[Token]:
        if stream == "binary" and not text.isascii():
            raise ArangoError(ERROR_BAD_PARAMETER, "Invalid UTF-8 sequence")
        return [
            Token(gram, place)
            for gram, place in text_.ngrams(
                text, minimum=minimum, maximum=maximum, preserve=preserve, start=start, end=end
            )
        ]

    return tokenize


def _text(properties: Properties) -> Tokenizer:
    stem = text_.stemmer(_string(properties, "locale"))
    if properties.get("stopwordsPath"):
        raise ArangoError(
            ERROR_NOT_IMPLEMENTED, "stopwordsPath is not implemented; list the words in 'stopwords'"
        )
    accent = _boolean(properties, "accent", False)
    case = _case(properties, "lower")
    stemming = _boolean(properties, "stemming", True)
    stopwords = frozenset(_strings(properties, "stopwords", ()))
    edges = _edge_ngrams(properties.get("edgeNgram"))

    def tokenize(text: str) -> list[Token]:
        found: list[Token] = []
        kept = (
            word
            for word in (_normalise(word, accent=accent, case=case) for word in text_.words(text))
            if word not in stopwords
        )
        for position, word in enumerate(kept):
            term = stem(word) if stemming else word
            found.extend(Token(gram, position) for gram in (edges(term) if edges else (term,)))
        return found

    return tokenize


def _edge_ngrams(properties: Any) -> Callable[[str], Iterable[str]] | None:
    """The beginnings of a word, as `edgeNgram` of a `text` analyzer asks for them."""
    if properties is None:
        return None
    if not isinstance(properties, Mapping):
        raise _bad("edgeNgram", "is an object with min, max and preserveOriginal")
    options = cast("Properties", properties)
    minimum = _integer(options, "min", 1, 1, _MAXIMUM_NGRAM)
    maximum = _integer(options, "max", _MAXIMUM_NGRAM, 1, _MAXIMUM_NGRAM)
    preserve = _boolean(options, "preserveOriginal", False)

    def beginnings(word: str) -> Iterable[str]:
        for length in range(minimum, min(maximum, len(word)) + 1):
            yield word[:length]
        if preserve and not minimum <= len(word) <= maximum:
            yield word

    return beginnings


def _segmentation(properties: Properties) -> Tokenizer:
    cut = {"all": text_.segments, "alpha": text_.words, "graphic": text_.graphic}.get(
        _string(properties, "break", "alpha")
    )
    if cut is None:
        raise _bad("break", "is 'all', 'alpha' or 'graphic'")
    case = _case(properties, "lower")
    return lambda text: _numbered(text_.fold_case(segment, case) for segment in cut(text))


def _collation(properties: Properties) -> Tokenizer:
    locale = _string(properties, "locale")
    if text_.language(locale) != "en":
        raise ArangoError(
            ERROR_NOT_IMPLEMENTED, f"collation for locale '{locale}' is not implemented; known: en"
        )
    return lambda text: [Token(collation_key(text).hex(), 0)]


def _stopwords(properties: Properties) -> Tokenizer:
    listed = _strings(properties, "stopwords")
    if _boolean(properties, "hex", False):
        try:
            listed = tuple(bytes.fromhex(word).decode() for word in listed)
        except ValueError as error:
            raise _bad("stopwords", "holds a word that is not hex-encoded UTF-8") from error
    dropped = frozenset(listed)
    return lambda text: [] if text in dropped else [Token(text, 0)]


def _wildcard(properties: Properties) -> Tokenizer:
    size = _integer(properties, "ngramSize", None, 2, _MAXIMUM_NGRAM)
    inner = _nested(properties["analyzer"], "analyzer") if properties.get("analyzer") else _identity({})
    return lambda text: _numbered(
        gram for token in inner(text) for gram in text_.wildcard_ngrams(to_string(token.term), size)
    )


def _pipeline(properties: Properties) -> Tokenizer:
    stages = properties.get("pipeline")
    if not isinstance(stages, list) or not 0 < len(cast("list[Any]", stages)) <= _MAXIMUM_PIPELINE:
        raise _bad("pipeline", f"is an array of 1 to {_MAXIMUM_PIPELINE} analyzers")
    opened = [_nested(stage, "pipeline") for stage in cast("list[Any]", stages)]

    def tokenize(text: str) -> list[Token]:
        found = [Token(text, 0)]
        for stage in opened:
            found = [
                Token(inner.term, outer.position + inner.position)
                for outer in found
                for inner in stage(to_string(outer.term))
            ]
        return found

    return tokenize


def _nested(definition: Any, field: str) -> Tokenizer:
    if not isinstance(definition, Mapping):
        raise _bad(field, "holds objects with type and properties")
    body = cast("Properties", definition)
    inner = cast("object", body.get("properties") or {})
    if not isinstance(inner, Mapping):
        raise _bad(field, "holds objects with type and properties")
    return open_analyzer(_string(body, "type"), cast("Properties", inner))


def _aql(properties: Properties, run: AnalyzerQuery | None) -> Tokenizer:
    query = _string(properties, "queryString")
    keep_null = _boolean(properties, "keepNull", True)
    collapse = _boolean(properties, "collapsePositions", False)
    limit = _integer(properties, "memoryLimit", 1_048_576, 1, 33_554_432)
    convert = {"string": to_string, "number": to_number, "bool": to_bool}.get(
        _string(properties, "returnType", "string")
    )
    if convert is None:
        raise _bad("returnType", "is 'string', 'number' or 'bool'")
    if run is None:
        raise ArangoError(ERROR_BAD_PARAMETER, "an analyzer of type 'aql' cannot be part of another one")

    def tokenize(text: str) -> list[Token]:
        rows = run(query, text, memory_limit=limit)
        return [
            Token(convert(row), 0 if collapse else place)
            for place, row in enumerate(rows)
            if keep_null or row is not None
        ]

    return tokenize


# The manual's types but `minhash`: which hash function ArangoDB uses is not documented.
ANALYZERS: Mapping[str, Callable[[Properties], Tokenizer]] = {
    "identity": _identity,
    "delimiter": _delimiter,
    "multi_delimiter": _multi_delimiter,
    "stem": _stem,
    "norm": _norm,
    "ngram": _ngram,
    "text": _text,
    "segmentation": _segmentation,
    "collation": _collation,
    "stopwords": _stopwords,
    "wildcard": _wildcard,
    "pipeline": _pipeline,
}


def _normalise(text: str, *, accent: bool, case: Case) -> str:
    return text_.fold_case(text if accent else text_.strip_accents(text), case)


def _numbered(terms: Iterable[str]) -> list[Token]:
    return [Token(term, position) for position, term in enumerate(terms)]


def _bad(field: str, what: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, f"analyzer property '{field}' {what}")


def _string(properties: Properties, name: str, default: str | None = None) -> str:
    value = properties.get(name, default)
    if not isinstance(value, str):
        raise _bad(name, "is a string")
    return value


def _strings(properties: Properties, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    value = properties.get(name, default)
    if isinstance(value, list | tuple):
        members = cast("list[Any]", value)
        if all(isinstance(member, str) for member in members):
            return tuple(members)
    raise _bad(name, "is an array of strings")


def _boolean(properties: Properties, name: str, default: bool | None) -> bool:
    value = properties.get(name, default)
    if not isinstance(value, bool):
        raise _bad(name, "is true or false")
    return value


def _integer(properties: Properties, name: str, default: int | None, low: int, high: int) -> int:
    value = properties.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value):
        raise _bad(name, "is a whole number")
    if not low <= value <= high:
        raise _bad(name, f"is a whole number from {low} to {high}")
    return int(value)


def _case(properties: Properties, default: Case) -> Case:
    value = properties.get("case", default)
    if value not in _CASES:
        raise _bad("case", "is 'lower', 'upper' or 'none'")
    return value
