"""Miscellaneous functions: control flow, the database, the query itself.

https://docs.arangodb.com/3.12/aql/functions/miscellaneous/
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from mcp_arangodb_async.engine.context import SERVER_VERSIONS, CollectionReference, FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATA_SOURCE_NOT_FOUND,
    ERROR_BAD_PARAMETER,
    ERROR_QUERY_FAIL_CALLED,
    ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH,
    ERROR_QUERY_USER_ASSERT,
    ERROR_QUERY_USER_WARN,
    ERRORS,
    ArangoError,
)
from mcp_arangodb_async.engine.functions import moments
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import (
    Value,
    compare,
    is_number,
    json_text,
    to_integer,
    to_number,
    truthy,
    type_name,
)

_SIGN_BIT: Final = 1 << 63
_ALL_BITS: Final = (1 << 64) - 1


def _first(accept: Callable[[Value], bool]) -> Callable[..., Value]:
    def call(*alternatives: Value) -> Value:
        return next((value for value in alternatives if accept(value)), None)

    return call


def pass_through(value: Value) -> Value:
    """PASSTHRU(), NOOPT(), NOEVAL(), V8()."""
    return value


def min_match(ctx: FunctionContext, *arguments: Value) -> Value:
    """MIN_MATCH(): whether enough of the expressions are true; the last argument says how many."""
    *conditions, minimum = arguments
    if not is_number(minimum):
        return mismatch(ctx, "MIN_MATCH")
    return sum(map(truthy, conditions)) >= to_integer(minimum)


def in_range(
    ctx: FunctionContext, value: Value, low: Value, high: Value, with_low: Value, with_high: Value
) -> Value:
    """IN_RANGE(): whether a value lies between two others, by AQL's order."""
    if not isinstance(with_low, bool) or not isinstance(with_high, bool):
        return mismatch(ctx, "IN_RANGE")
    return compare(low, value) < with_low and compare(value, high) < with_high


def check_document(value: Value) -> Value:
    """CHECK_DOCUMENT(): an object here never holds an attribute twice."""
    return isinstance(value, dict)


def collection_count(ctx: FunctionContext, collection: Value | CollectionReference) -> Value:
    """COLLECTION_COUNT(): of a collection, or of its name in a string."""
    name = collection.name if isinstance(collection, CollectionReference) else collection
    if not isinstance(name, str):
        raise _wrong_type("COLLECTION_COUNT")
    return ctx.collection_count(name)


def _wrong_type(name: str) -> ArangoError:
    num = ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH
    return ArangoError(num, ERRORS[num].message % name)


def collections(ctx: FunctionContext) -> Value:
    """COLLECTIONS()."""
    found = sorted(ctx.collection_names(), key=lambda pair: pair[1].lower())
    return [{"_id": identifier, "name": name} for identifier, name in found]


def current_database(ctx: FunctionContext) -> Value:
    """CURRENT_DATABASE()."""
    return ctx.database_name


def current_user(ctx: FunctionContext) -> Value:
    """CURRENT_USER()."""
    return ctx.user_name


def document(ctx: FunctionContext, *arguments: Value | CollectionReference) -> Value:
    """DOCUMENT(): by _id, or by collection and key; of several, those that exist."""
    *named, wanted = arguments
    if isinstance(wanted, CollectionReference):
        return None
    prefix = ""
    if named:
        name = named[0].name if isinstance(named[0], CollectionReference) else named[0]
        if not isinstance(name, str):
            return mismatch(ctx, "DOCUMENT")
        prefix = name
    if isinstance(wanted, str):
        return _document(ctx, prefix, wanted)
    if not isinstance(wanted, list):
        return None
    found: list[Any] = []
    identifier: Value
    for identifier in wanted:
        if isinstance(identifier, str):
            stored = _document(ctx, prefix, identifier)
            if stored is not None:
                found.append(stored)
    return found


def _document(ctx: FunctionContext, collection: str, identifier: str) -> dict[str, Any] | None:
    ctx.check()
    if collection and "/" not in identifier:
        identifier = f"{collection}/{identifier}"
    name, _, key = identifier.partition("/")
    if not name or not key or "/" in key or (collection and name != collection):
        return None
    try:
        return ctx.document(identifier)
    except ArangoError as error:
        if error.num == ERROR_ARANGO_DATA_SOURCE_NOT_FOUND:
            return None
        raise


_REVISION_LETTERS: Final = "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST_REVISION: Final = 11


def decode_rev(ctx: FunctionContext, revision: Value) -> Value:
    """DECODE_REV(): the time and the count that a _rev is made of."""
    if not isinstance(revision, str) or not 0 < len(revision) <= _LONGEST_REVISION:
        return mismatch(ctx, "DECODE_REV")
    stamp = 0
    for letter in revision:
        digit = _REVISION_LETTERS.find(letter)
        if digit < 0:
            return mismatch(ctx, "DECODE_REV")
        stamp = stamp << 6 | digit
    date = moments.print_moment(stamp >> 20)
    if stamp == 0 or date is None:
        return mismatch(ctx, "DECODE_REV")
    return {"date": date, "count": stamp & 0xFFFFF}


def shard_id(ctx: FunctionContext, collection: Value | CollectionReference, keys: Value) -> Value:
    """SHARD_ID(): on a single server the collection's name."""
    name = collection.name if isinstance(collection, CollectionReference) else collection
    if not isinstance(name, str):
        raise ArangoError(ERROR_BAD_PARAMETER, "first parameter to SHARD_ID must be a string")
    if not isinstance(keys, dict):
        raise ArangoError(ERROR_BAD_PARAMETER, "second parameter to SHARD_ID must be an object")
    ctx.collection_count(name)  # raises 1203 when there is no such collection
    return name


def call(ctx: FunctionContext, name: Value, *arguments: Value) -> Value:
    """CALL(): another function, named at run time."""
    if not isinstance(name, str):
        raise _wrong_type("CALL")
    return ctx.call(name.upper(), arguments)


def apply(ctx: FunctionContext, name: Value, arguments: Value = None) -> Value:
    """APPLY(): another function, its arguments in an array."""
    if not isinstance(name, str):
        raise _wrong_type("APPLY")
    given: Sequence[Any] = []
    if arguments is not None:
        if not isinstance(arguments, list):
            return mismatch(ctx, "APPLY")
        given = arguments
    return ctx.call(name.upper(), given)


def assert_true(ctx: FunctionContext, condition: Value, message: Value) -> Value:
    """ASSERT(): the query ends with the message unless the condition is true."""
    if not isinstance(message, str):
        return mismatch(ctx, "ASSERT")
    if not truthy(condition):
        raise ArangoError(ERROR_QUERY_USER_ASSERT, message)
    return True


def warn(ctx: FunctionContext, condition: Value, message: Value) -> Value:
    """WARN(): a warning unless the condition is true."""
    if not isinstance(message, str):
        return mismatch(ctx, "WARN")
    if not truthy(condition):
        ctx.warn(ERROR_QUERY_USER_WARN, message)
        return False
    return True


def fail(reason: Value = None) -> Value:
    """FAIL(): the query ends with the reason."""
    message = ERRORS[ERROR_QUERY_FAIL_CALLED].message % (reason if isinstance(reason, str) else "")
    raise ArangoError(ERROR_QUERY_FAIL_CALLED, message)


def sleep(ctx: FunctionContext, seconds: Value) -> Value:
    """SLEEP()."""
    if not is_number(seconds) or to_number(seconds) < 0:
        return mismatch(ctx, "SLEEP")
    ctx.sleep(float(to_number(seconds)))
    return None


def schema_get(ctx: FunctionContext, collection: Value | CollectionReference) -> Value:
    """SCHEMA_GET()."""
    identifier: Value = collection.name if isinstance(collection, CollectionReference) else collection
    if isinstance(identifier, dict):
        identifier = identifier.get("_id")
    if not isinstance(identifier, str) or not identifier:
        raise ArangoError(ERROR_BAD_PARAMETER, "could not extract collection name from parameters")
    return ctx.schema(identifier.partition("/")[0])


def schema_validate(ctx: FunctionContext, value: Value, schema: Value) -> Value:
    """SCHEMA_VALIDATE(): whether an object fits a schema definition, and if not, why."""
    if not isinstance(value, dict):
        num = ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH
        return complain(ctx, "SCHEMA_VALIDATE", num, "expecting document object")
    if schema is None or schema == {}:
        return {"valid": True}
    if not isinstance(schema, dict):
        given = json_text(schema)[:200]
        raise ArangoError(ERROR_BAD_PARAMETER, f"second parameter is not a schema object: {given}")
    violation = ctx.schema_violation(value, schema)
    return {"valid": True} if violation is None else {"valid": False, "errorMessage": violation}


def version(ctx: FunctionContext) -> Value:
    """VERSION(): of the server that is imitated."""
    return SERVER_VERSIONS[ctx.compat]


def tokens(ctx: FunctionContext, value: Value, analyzer: Value = "identity") -> Value:
    """TOKENS(): what an analyzer makes of strings, also in arrays; of other values the terms of an index."""
    if not isinstance(analyzer, str):
        raise ArangoError(ERROR_BAD_PARAMETER, "TOKENS(): the name of an analyzer is a string")
    if isinstance(value, str):
        return [term if isinstance(term, str) else _terms(term) for term in ctx.tokens(value, analyzer)]
    if isinstance(value, list):
        return [tokens(ctx, item, analyzer) for item in value] or [[]]
    return _terms(value)


def _terms(value: Value) -> list[Any]:
    """Return the terms of null, a boolean or a number: bytes that sort like the values, in base 64.

    A number is cut off after 8, 6, 4 and 2 bytes, so that few terms cover a range of numbers.
    """
    match value:
        case None:
            return [""]
        case bool():
            return ["/w==" if value else "AA=="]
        case int() | float():
            bits = int.from_bytes(struct.pack(">d", value))
            ordered = bits ^ (_ALL_BITS if bits & _SIGN_BIT else _SIGN_BIT)
            whole = ordered.to_bytes(8)
            return [
                base64.b64encode(bytes((mark,)) + whole[:size]).decode()
                for mark, size in ((0xA0, 8), (0xB0, 6), (0xC0, 4), (0xD0, 2))
            ]
        case _:
            raise ArangoError(ERROR_BAD_PARAMETER, f"TOKENS() cannot be asked of an {type_name(value)}")


PASSTHRU: Final = plain("PASSTHRU", "1", pass_through)

FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("NOT_NULL", "1+", _first(lambda value: value is not None)),
    plain("FIRST_LIST", "1+", _first(lambda value: isinstance(value, list))),
    plain("FIRST_DOCUMENT", "1+", _first(lambda value: isinstance(value, dict))),
    PASSTHRU,
    replace(PASSTHRU, name="NOOPT", deterministic=False, cacheable=False),
    alias("NOEVAL", PASSTHRU),
    alias("V8", PASSTHRU),
    asking("MIN_MATCH", "2+", min_match),
    asking("IN_RANGE", "5", in_range),
    plain("CHECK_DOCUMENT", "1", check_document),
    asking("COLLECTION_COUNT", "1", collection_count, deterministic=False, cacheable=False, collections=(0,)),
    asking("COLLECTIONS", "0", collections, deterministic=False, cacheable=False),
    asking("CURRENT_DATABASE", "0", current_database, cacheable=False),
    asking("CURRENT_USER", "0", current_user, cacheable=False),
    asking("DOCUMENT", "1-2", document, deterministic=False, cacheable=False, collections=(0,)),
    asking("DECODE_REV", "1", decode_rev),
    asking("SHARD_ID", "2", shard_id, deterministic=False, cacheable=False, collections=(0,)),
    asking("CALL", "1+", call, deterministic=False, cacheable=False),
    asking("APPLY", "1-2", apply, deterministic=False, cacheable=False),
    asking("ASSERT", "2", assert_true, deterministic=False, cacheable=False),
    asking("WARN", "2", warn, deterministic=False, cacheable=False),
    Function(name="FAIL", minimum=0, maximum=1, call=fail, deterministic=False, cacheable=False),
    asking("SLEEP", "1", sleep, deterministic=False, cacheable=False),
    asking("SCHEMA_GET", "1", schema_get, deterministic=False, cacheable=False, collections=(0,)),
    asking("SCHEMA_VALIDATE", "2", schema_validate, deterministic=False, cacheable=False),
    asking("VERSION", "0", version, cacheable=False),
    asking("TOKENS", "1-2", tokens, deterministic=False),
)
