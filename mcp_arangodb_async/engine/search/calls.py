"""ArangoSearch's functions inside of SEARCH."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from mcp_arangodb_async.engine.analyzers import Tokenizer, paced
from mcp_arangodb_async.engine.expressions.tree import Expression, Variable
from mcp_arangodb_async.engine.values import Value

from . import terms
from .compile import Compiled, Compiler, Maker, Recipe, Setting, bad, geo_operands, ranged, whole
from .filters import AtLeast, Exists, Filter, Shapes, Similar, Terms
from .phrases import Grams, Phrase, Piece

_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "null": frozenset({"null"}),
    "bool": frozenset({"bool"}),
    "boolean": frozenset({"bool"}),
    "numeric": frozenset({"numeric"}),
    "string": frozenset({"string"}),
    "type": frozenset({"null", "bool", "numeric"}),
    "nested": frozenset({"nested"}),
}


def _analyzer(compiler: Compiler, arguments: Sequence[Expression]) -> Maker:
    inner = compiler.filter(arguments[0])
    name = compiler.slot(arguments[1])

    def make(setting: Setting) -> Filter:
        analyzer = _analyzer_name(setting, name(setting), "ANALYZER")
        return inner(replace(setting, analyzer=analyzer))

    return make


def _boost(compiler: Compiler, arguments: Sequence[Expression]) -> Maker:
    inner = compiler.filter(arguments[0])
    boost = compiler.slot(arguments[1])

    def make(setting: Setting) -> Filter:
        value = boost(setting)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise bad("BOOST() needs a number as its second argument")
        return inner(replace(setting, boost=setting.boost * value))

    return make


def _exists(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        raise bad("EXISTS() needs an attribute of the document as its first argument")
    rest = [compiler.slot(each) for each in arguments[1:]]

    def make(setting: Setting) -> Filter:
        steps = path(setting)
        if not rest:
            return Exists(steps=steps, types=None)
        kind, *names = (each(setting) for each in rest)
        name = kind.lower() if isinstance(kind, str) else ""
        if name == "analyzer":
            asked = _analyzer_name(setting, names[0], "EXISTS") if names else setting.analyzer
            return Exists(
                steps=steps, types=_TYPES["string"], analyzer=setting.scope.kind(steps, asked, setting.chain)
            )
        if name not in _TYPES or names:
            raise bad(f"EXISTS() knows the types analyzer, {', '.join(_TYPES)}; not {kind!r}")
        return Exists(steps=steps, types=_TYPES[name])

    return make


def _in_range(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        return None
    rest = [compiler.slot(each) for each in arguments[1:]]

    def make(setting: Setting) -> Filter:
        low, high, *flags = (each(setting) for each in rest)
        if not all(isinstance(flag, bool) for flag in flags):
            raise bad("IN_RANGE() needs true or false as its fourth and fifth arguments")
        with_low, with_high = (bool(flag) for flag in flags)
        return ranged(setting, path(setting), low, high, with_low=with_low, with_high=with_high)

    return make


def _min_match(compiler: Compiler, arguments: Sequence[Expression]) -> Maker:
    makers = [compiler.filter(each) for each in arguments[:-1]]
    count = compiler.slot(arguments[-1])
    return lambda setting: AtLeast(
        filters=tuple(each(setting) for each in makers), count=whole(count(setting), "MIN_MATCH()")
    )


def _starts_with(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        return None
    prefixes = compiler.slot(arguments[1])
    count = compiler.slot(arguments[2]) if len(arguments) > 2 else None

    def make(setting: Setting) -> Filter:
        given = prefixes(setting)
        field = setting.field(path(setting))
        if isinstance(given, str):
            return Terms(field=field, choose=terms.prefixed(given), boost=setting.boost)
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise bad("STARTS_WITH() needs a string or an array of strings as its second argument")
        least = 1 if count is None else whole(count(setting), "STARTS_WITH()")
        filters = tuple(
            Terms(field=field, choose=terms.prefixed(str(each)), boost=setting.boost) for each in given
        )
        return AtLeast(filters=filters, count=least)

    return make


def _like(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        return None
    if len(arguments) > 2:
        raise bad("LIKE() has two arguments in SEARCH; an analyzer decides about case")
    pattern = compiler.slot(arguments[1])

    def make(setting: Setting) -> Filter:
        given = _string(pattern(setting), "LIKE", "second")
        return Terms(field=setting.field(path(setting)), choose=terms.like(given), boost=setting.boost)

    return make


def _levenshtein(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        return None
    rest = [compiler.slot(each) for each in arguments[1:]]

    def make(setting: Setting) -> Filter:
        target, *options = (each(setting) for each in rest)
        choose = terms.similar(_string(target, "LEVENSHTEIN_MATCH", "second"), *options)
        return Terms(field=setting.field(path(setting)), choose=choose, boost=setting.boost)

    return make


def _ngram_match(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        return None
    rest = [compiler.slot(each) for each in arguments[1:]]

    def make(setting: Setting) -> Filter:
        target, *options = (each(setting) for each in rest)
        analyzer: str | None = None
        if options and isinstance(options[-1], str):
            analyzer = _analyzer_name(setting, options.pop(), "NGRAM_MATCH")
        share = options[0] if options else 0.7
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise bad("the threshold of NGRAM_MATCH() is a number from 0 to 1")
        field = setting.field(path(setting), analyzer)
        tokens = setting.scope.tokenizer(field[1])(_string(target, "NGRAM_MATCH", "second"))
        grams = tuple(token.term for token in paced(tokens, setting.scope.check))
        return Grams(field=field, grams=grams, share=share, boost=setting.boost)

    return make


def _minhash_match(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        raise bad("MINHASH_MATCH() needs an attribute of the document as its first argument")
    rest = [compiler.slot(each) for each in arguments[1:]]

    def make(setting: Setting) -> Filter:
        target, share, *more = (each(setting) for each in rest)
        analyzer = _analyzer_name(setting, more[0], "MINHASH_MATCH") if more else None
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise bad("the threshold of MINHASH_MATCH() is a number from 0 to 1")
        field = setting.field(path(setting), analyzer)
        if setting.scope.analyzer(field[1]).type != "minhash":
            raise bad(f"MINHASH_MATCH() needs an analyzer of type 'minhash'; '{field[1]}' is of another type")
        tokens = setting.scope.tokenizer(field[1])(_string(target, "MINHASH_MATCH", "second"))
        return Similar(
            field=field, terms=frozenset(token.term for token in tokens), share=share, boost=setting.boost
        )

    return make


def _phrase(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
    path = compiler.path(arguments[0])
    if path is None:
        raise bad("PHRASE() needs an attribute of the document as its first argument")
    rest = [compiler.slot(each) for each in arguments[1:]]

    def make(setting: Setting) -> Filter:
        given = [each(setting) for each in rest]
        analyzer: str | None = None
        if len(given) > 1 and isinstance(given[-1], str) and not _is_number(given[-2]):
            analyzer = _analyzer_name(setting, given.pop(), "PHRASE")
        field = setting.field(path(setting), analyzer)
        return Phrase(field=field, pieces=_pieces(setting, field[1], given), boost=setting.boost)

    return make


def _pieces(setting: Setting, analyzer: str, given: Sequence[Value]) -> tuple[Piece, ...]:
    """Parts and the gaps between them; an array among the arguments is a list of parts."""
    cut = setting.scope.tokenizer(analyzer)
    pieces: list[Piece] = []
    gap = 0
    parts: list[tuple[Any, bool]] = []
    for part in given:
        if isinstance(part, list):
            parts.extend((inner, True) for inner in part)
        else:
            parts.append((part, False))
    for part, is_inner in parts:
        if _is_number(part):
            gap += int(part)
            continue
        for choose in _choices(cut, part, is_inner=is_inner):
            pieces.append(Piece(1 + gap, choose, is_open=gap < 0))
            gap = 0
    return tuple(pieces)


def _choices(cut: Tokenizer, part: Any, *, is_inner: bool) -> list[terms.Choice]:
    """What one part of a phrase stands for, token by token; arrays in arrays are alternatives."""
    if isinstance(part, str):
        return [terms.equal([token.term]) for token in cut(part)]
    if isinstance(part, dict):
        return [terms.token_choice(cast("dict[str, Any]", part))]
    if isinstance(part, list) and is_inner:
        words = [_string(word, "PHRASE", "array") for word in cast("list[Any]", part)]
        return [terms.equal([token.term for word in words for token in cut(word)])] if words else []
    raise bad(f"PHRASE() has no use for {part!r}: strings, arrays, objects and gaps are possible")


def _geo(name: str) -> Compiled:
    def compiled(compiler: Compiler, arguments: Sequence[Expression]) -> Maker | None:
        operands = geo_operands(compiler, arguments[:2])
        if operands is None:
            return None
        path, target, is_first = operands
        rest = [compiler.slot(each) for each in arguments[2:]]

        def make(setting: Setting) -> Filter:
            other = target(setting)
            more = [each(setting) for each in rest]

            def test(shape: Any) -> bool:
                pair = [shape, other] if is_first else [other, shape]
                if name in {"GEO_CONTAINS", "GEO_INTERSECTS"}:
                    pair = [_geojson(each) for each in pair]
                return setting.scope.call(name, [*pair, *more]) is True

            return Shapes(field=setting.field(path(setting)), test=test)

        return make

    return compiled


def _geojson(shape: Any) -> Any:
    is_pair = isinstance(shape, list)
    return {"type": "Point", "coordinates": cast("list[Any]", shape)} if is_pair else shape


def _analyzer_name(setting: Setting, value: Value, function: str) -> str:
    name = _string(value, function, "analyzer")
    return setting.scope.analyzer(name).name


def _string(value: Value, function: str, which: str) -> str:
    if not isinstance(value, str):
        raise bad(f"{function}() needs a string as its {which} argument; not {value!r}")
    return value


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CALLS: Final[Mapping[str, Compiled]] = {
    "ANALYZER": _analyzer,
    "BOOST": _boost,
    "EXISTS": _exists,
    "IN_RANGE": _in_range,
    "MIN_MATCH": _min_match,
    "STARTS_WITH": _starts_with,
    "LIKE": _like,
    "LEVENSHTEIN_MATCH": _levenshtein,
    "NGRAM_MATCH": _ngram_match,
    "PHRASE": _phrase,
    "GEO_CONTAINS": _geo("GEO_CONTAINS"),
    "GEO_INTERSECTS": _geo("GEO_INTERSECTS"),
    "GEO_IN_RANGE": _geo("GEO_IN_RANGE"),
    "MINHASH_MATCH": _minhash_match,
}
"""What each function means in SEARCH; any other is evaluated document by document."""


def compile_search(condition: Expression, variable: Variable) -> Recipe:
    """Compile the expression of a SEARCH over documents called `variable`."""
    return Compiler(variable, CALLS).recipe(condition)
