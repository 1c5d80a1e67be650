"""Type checks and casts.

https://docs.arangodb.com/3.12/aql/functions/type-check-and-cast/
"""

from __future__ import annotations

import re
from typing import Final

from mcp_arangodb_async.engine.functions.registry import Function, alias, plain
from mcp_arangodb_async.engine.values import (
    Value,
    is_number,
    to_bool,
    to_list,
    to_number,
    to_string,
    type_name,
)


def is_null(value: Value) -> bool:
    """IS_NULL()."""
    return value is None


def is_bool(value: Value) -> bool:
    """IS_BOOL()."""
    return isinstance(value, bool)


def is_string(value: Value) -> bool:
    """IS_STRING()."""
    return isinstance(value, str)


def is_array(value: Value) -> bool:
    """IS_ARRAY()."""
    return isinstance(value, list)


def is_object(value: Value) -> bool:
    """IS_OBJECT()."""
    return isinstance(value, dict)


# What a document key may hold: https://docs.arangodb.com/3.12/concepts/data-structure/documents/#document-
# keys
_KEY: Final = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}")


def is_key(value: Value) -> bool:
    """IS_KEY(): whether a string could be a document's _key."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


IS_ARRAY: Final = plain("IS_ARRAY", "1", is_array)
IS_OBJECT: Final = plain("IS_OBJECT", "1", is_object)
TO_ARRAY: Final = plain("TO_ARRAY", "1", to_list)

FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("IS_NULL", "1", is_null),
    plain("IS_BOOL", "1", is_bool),
    plain("IS_NUMBER", "1", is_number),
    plain("IS_STRING", "1", is_string),
    IS_ARRAY,
    alias("IS_LIST", IS_ARRAY),
    IS_OBJECT,
    alias("IS_DOCUMENT", IS_OBJECT),
    plain("IS_KEY", "1", is_key),
    plain("TYPENAME", "1", type_name),
    plain("TO_NUMBER", "1", to_number),
    plain("TO_STRING", "1", to_string),
    plain("TO_BOOL", "1", to_bool),
    TO_ARRAY,
    alias("TO_LIST", TO_ARRAY),
)
