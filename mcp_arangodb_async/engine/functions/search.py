"""ArangoSearch's functions where there is no SEARCH, and functions that are not supported at all.

https://docs.arangodb.com/3.12/aql/functions/arangosearch/
Some of them also have a meaning outside of SEARCH. The others raise error 9, as they do in ArangoDB: a query
never gets an answer that only looks right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ERROR_NOT_IMPLEMENTED, ArangoError
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import Value, is_number, to_number

_SEARCH: Final = (
    "ArangoSearch function '{}' is designed to be used only within a corresponding SEARCH statement of "
    "ArangoSearch view. Please ensure function signature is correct."
)
_SCORER: Final = (
    "ArangoSearch scorer function '{}' are designed to be used only outside SEARCH statement within a "
    "context of ArangoSearch view. Please ensure function signature is correct."
)

NOT_IMPLEMENTED: Final[tuple[tuple[str, str, str], ...]] = (
    ("PHRASE", "2+", _SEARCH),
    ("EXISTS", "1-4", _SEARCH),
    ("MINHASH_MATCH", "3-4", _SEARCH),
    ("BM25", "1-3", _SCORER),
    ("TFIDF", "1-2", _SCORER),
    ("OFFSET_INFO", "2", _SCORER),
)
"""Name, number of arguments and message of each function that cannot be called here."""


def _refusing(name: str, message: str) -> Callable[..., Value]:
    def call(*_: Value) -> Value:
        raise ArangoError(ERROR_NOT_IMPLEMENTED, message.format(name))

    return call


def in_context(expression: Value, _: Value) -> Value:
    """ANALYZER() and BOOST() outside of SEARCH: the expression itself."""
    return expression


def ngram_match(ctx: FunctionContext, text: Value, target: Value, *options: Value) -> Value:
    """NGRAM_MATCH() outside of SEARCH: whether enough n-grams of the target are in the text, in order."""
    *given, analyzer = options or (None,)
    threshold: Value = given[0] if given else 0.7
    if not isinstance(text, str) or not isinstance(target, str) or not isinstance(analyzer, str):
        return mismatch(ctx, "NGRAM_MATCH")
    if not is_number(threshold):
        return mismatch(ctx, "NGRAM_MATCH")
    share = to_number(threshold)
    if not 0 < share <= 1:
        complain(ctx, "NGRAM_MATCH", ERROR_BAD_PARAMETER, "Threshold must be between 0 and 1")
    found, wanted = ctx.tokens(text, analyzer), ctx.tokens(target, analyzer)
    if not found or not wanted:
        return False
    row = [0] * (len(found) + 1)
    for gram in wanted:
        before = 0
        for column, other in enumerate(found, 1):
            kept = row[column]
            row[column] = max(row[column - 1], kept, before + (other == gram))
            before = kept
        ctx.check()
    return row[-1] >= len(wanted) * share - 1e-9


FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("ANALYZER", "2", in_context),
    plain("BOOST", "2", in_context),
    asking("NGRAM_MATCH", "2-4", ngram_match, deterministic=False),
    *(plain(name, count, _refusing(name, message)) for name, count, message in NOT_IMPLEMENTED),
)
