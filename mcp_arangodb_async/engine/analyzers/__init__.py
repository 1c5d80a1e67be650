"""Analyzers: how a value becomes the tokens that search compares.

Add one by writing a function `properties -> Tokenizer` and listing it in `open.ANALYZERS`.
"""

from mcp_arangodb_async.engine.analyzers.definitions import completed
from mcp_arangodb_async.engine.analyzers.open import (
    ANALYZERS,
    GEO_TYPES,
    AnalyzerQuery,
    open_analyzer,
    open_built_in,
)
from mcp_arangodb_async.engine.analyzers.signatures import Signature
from mcp_arangodb_async.engine.analyzers.tokens import Check, Token, Tokenizer, paced, tokens_of

__all__ = [
    "ANALYZERS",
    "GEO_TYPES",
    "AnalyzerQuery",
    "Check",
    "Signature",
    "Token",
    "Tokenizer",
    "completed",
    "open_analyzer",
    "open_built_in",
    "paced",
    "tokens_of",
]
