"""Analyzer definitions to tokenizers, one function per type.

Source: "Transforming data with Analyzers" and "HTTP interfaces for Analyzers" in ArangoDB's manual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, cast

import regex

from mcp_arangodb_async.engine.analyzers import tokens as text_
from mcp_arangodb_async.engine.analyzers.signatures import Signature, city_hash
from mcp_arangodb_async.engine.analyzers.tokens import Case, Check, Token, Tokenizer
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
_MAXIMUM_HASHES = 1_000_000
_CASES: tuple[Case, ...] = ("lower", "upper", "none")


class AnalyzerQuery(Protocol):
    """Runs the query of an `aql` analyzer with its one bind parameter; collections are out of its reach."""

    def __call__(self, query: str, parameter: str, /, *, memory_limit: int) -> list[Any]: ...


def open_built_in(name: str) -> Tokenizer | None:
    """`identity` or `text_<language>`, which exist in every database; None for another name."""
    if name == "identity":
        return _identity({}, text_.no_check)
    if name.startswith("text_") and name[5:] in BUILT_IN_LANGUAGES:
        return _text({"locale": name[5:], "stopwords": []}, text_.no_check)
    return None


BUILT_IN_LANGUAGES = ("de", "en", "es", "fi", "fr", "it", "nl", "no", "pt", "ru", "sv", "zh")


def open_analyzer(
    type_: str, properties: Properties, *, run: AnalyzerQuery | None = None, check: Check = text_.no_check
) -> Tokenizer:
    """Check an analyzer's properties and make its tokenizer, which calls `check` now and then.

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
    return opener(properties, check)


def _whole(term: Any, text: str) -> Iterator[Token]:
    """One token for the whole input."""
    yield Token(term, 0, 0, len(text))


def _identity(_: Properties, __: Check) -> Tokenizer:
    return lambda text: _whole(text, text)


def _delimiter(properties: Properties, _: Check) -> Tokenizer:
    delimiter = _string(properties, "delimiter")
    return lambda text: (
        Token(field, position, start, end)
        for position, (field, start, end) in enumerate(text_.split_csv(text, delimiter))
    )


def _multi_delimiter(properties: Properties, check: Check) -> Tokenizer:
    delimiters = _strings(properties, "delimiters")
    for one in delimiters:
        if not one or any(other != one and other.startswith(one) for other in delimiters):
            raise _bad("delimiters", "must not be empty or a prefix of one another")
    if not delimiters:
        return _identity(properties, check)
    pattern = regex.compile("|".join(regex.escape(one) for one in delimiters))

    def tokenize(text: str) -> Iterator[Token]:
        start = position = 0
        for found in pattern.finditer(text):
            yield Token(text[start : found.start()], position, start, found.start())
            start = found.end()
            position += 1
        yield Token(text[start:], position, start, len(text))

    return tokenize


def _stem(properties: Properties, _: Check) -> Tokenizer:
    stem = text_.stemmer(_string(properties, "locale"))
    return lambda text: _whole(stem(text), text)


def _norm(properties: Properties, check: Check) -> Tokenizer:
    _string(properties, "locale")
    accent = _boolean(properties, "accent", True)
    case = _case(properties, "none")
    return lambda text: _whole(_normalise(text, accent=accent, case=case, check=check), text)


def _ngram(properties: Properties, _: Check) -> Tokenizer:
    minimum = _integer(properties, "min", None, 1, _MAXIMUM_NGRAM)
    maximum = max(_integer(properties, "max", None, 1, _MAXIMUM_NGRAM), minimum)
    preserve = _boolean(properties, "preserveOriginal", None)
    start = _string(properties, "startMarker", "")
    end = _string(properties, "endMarker", "")
    stream = _string(properties, "streamType", "binary")
    if stream not in {"binary", "utf8"}:
        raise _bad("streamType", "is 'binary' or 'utf8'")

    def tokenize(text: str) -> Iterator[Token]:
        if stream == "binary" and not text.isascii():
            raise ArangoError(ERROR_BAD_PARAMETER, "Invalid UTF-8 sequence")
        return text_.ngrams(
            text, minimum=minimum, maximum=maximum, preserve=preserve, marker=start, end_marker=end
        )

    return tokenize


def _text(properties: Properties, check: Check) -> Tokenizer:
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

    def tokenize(text: str) -> Iterator[Token]:
        position = -1
        for found, start in text_.words(text, check):
            word = _normalise(found, accent=accent, case=case)
            if word in stopwords:
                continue
            position += 1
            term = stem(word) if stemming else word
            if edges is None:
                yield Token(term, position, start, start + len(found))
                continue
            for gram in edges(term):
                yield Token(gram, position, start, start + min(len(gram), len(found)))

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


def _segmentation(properties: Properties, check: Check) -> Tokenizer:
    cut = {"all": text_.segments, "alpha": text_.words, "graphic": text_.graphic}.get(
        _string(properties, "break", "alpha")
    )
    if cut is None:
        raise _bad("break", "is 'all', 'alpha' or 'graphic'")
    case = _case(properties, "lower")
    return lambda text: (
        Token(text_.fold_case(segment, case), position, start, start + len(segment))
        for position, (segment, start) in enumerate(cut(text, check))
    )


def _collation(properties: Properties, _: Check) -> Tokenizer:
    locale = _string(properties, "locale")
    if text_.language(locale) != "en":
        raise ArangoError(
            ERROR_NOT_IMPLEMENTED, f"collation for locale '{locale}' is not implemented; known: en"
        )
    return lambda text: _whole(collation_key(text).hex(), text)


def _stopwords(properties: Properties, _: Check) -> Tokenizer:
    listed = _strings(properties, "stopwords")
    if _boolean(properties, "hex", False):
        try:
            listed = tuple(bytes.fromhex(word).decode() for word in listed)
        except ValueError as error:
            raise _bad("stopwords", "holds a word that is not hex-encoded UTF-8") from error
    dropped = frozenset(listed)
    return lambda text: iter(()) if text in dropped else _whole(text, text)


def _wildcard(properties: Properties, check: Check) -> Tokenizer:
    size = _integer(properties, "ngramSize", None, 2, _MAXIMUM_NGRAM)
    inner = _inner(properties, check)

    def tokenize(text: str) -> Iterator[Token]:
        position = 0
        for token in inner(text):
            for gram in text_.wildcard_ngrams(to_string(token.term), size):
                yield Token(gram, position, token.start, token.end)
                position += 1

    return tokenize


def _minhash(properties: Properties, check: Check) -> Tokenizer:
    count = _integer(properties, "numHashes", None, 1, _MAXIMUM_HASHES)
    inner = _inner(properties, check)

    def tokenize(text: str) -> Iterator[Token]:
        signature = Signature(count)
        start = end = None
        for token in inner(text):
            signature.add(city_hash(to_string(token.term).encode()))
            start, end = token.start if start is None else start, token.end
        for term in signature.terms():
            yield Token(term, 0, start or 0, end or 0)

    return tokenize


def _inner(properties: Properties, check: Check) -> Tokenizer:
    """The analyzer that another one is applied to; the input as it is without one."""
    given = properties.get("analyzer")
    return _nested(given, "analyzer", check) if given else _identity({}, check)


def _pipeline(properties: Properties, check: Check) -> Tokenizer:
    stages = properties.get("pipeline")
    if not isinstance(stages, list) or not 0 < len(cast("list[Any]", stages)) <= _MAXIMUM_PIPELINE:
        raise _bad("pipeline", f"is an array of 1 to {_MAXIMUM_PIPELINE} analyzers")
    opened = [_nested(stage, "pipeline", check) for stage in cast("list[Any]", stages)]

    def tokenize(text: str) -> Iterator[Token]:
        found = _whole(text, text)
        for stage in opened:
            found = _next_stage(found, stage)
        return found

    return tokenize


def _next_stage(found: Iterator[Token], stage: Tokenizer) -> Iterator[Token]:
    """Cut each token further; a part of a token that was changed before stands for all of it."""
    for outer in found:
        term = to_string(outer.term)
        is_input = len(term) == outer.end - outer.start
        for inner in stage(term):
            if is_input:
                start, end = outer.start + inner.start, outer.start + inner.end
            else:
                start, end = outer.start, outer.end
            yield Token(inner.term, outer.position + inner.position, start, end)


def _nested(definition: Any, field: str, check: Check) -> Tokenizer:
    if not isinstance(definition, Mapping):
        raise _bad(field, "holds objects with type and properties")
    body = cast("Properties", definition)
    inner = cast("object", body.get("properties") or {})
    if not isinstance(inner, Mapping):
        raise _bad(field, "holds objects with type and properties")
    return open_analyzer(_string(body, "type"), cast("Properties", inner), check=check)


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

    def tokenize(text: str) -> Iterator[Token]:
        for place, row in enumerate(run(query, text, memory_limit=limit)):
            if keep_null or row is not None:
                yield Token(convert(row), 0 if collapse else place, 0, len(text))

    return tokenize


ANALYZERS: Mapping[str, Callable[[Properties, Check], Tokenizer]] = {
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
    "minhash": _minhash,
}


def _normalise(text: str, *, accent: bool, case: Case, check: Check = text_.no_check) -> str:
    return text_.fold_case(text if accent else text_.strip_accents(text, check), case)


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
