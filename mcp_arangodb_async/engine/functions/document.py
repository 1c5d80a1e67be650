"""Object functions.

https://docs.arangodb.com/3.12/aql/functions/document-object/ — objects are never changed in place: they may
be shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mcp_arangodb_async.engine.collation import collation_key
from mcp_arangodb_async.engine.context import CollectionReference, FunctionContext
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, mismatch, plain
from mcp_arangodb_async.engine.values import (
    Value,
    equal,
    format_number,
    to_string,
    truthy,
)


def attributes(ctx: FunctionContext, value: Value, no_system: Value = False, sort: Value = False) -> Value:
    """ATTRIBUTES(): the names, without those that begin with an underscore if asked."""
    if not isinstance(value, dict):
        return mismatch(ctx, "ATTRIBUTES")
    names = [name for name in value if not (truthy(no_system) and name.startswith("_"))]
    return sorted(names, key=collation_key) if truthy(sort) else names


def values_of(ctx: FunctionContext, value: Value, no_system: Value = False) -> Value:
    """VALUES()."""
    if not isinstance(value, dict):
        return mismatch(ctx, "VALUES")
    return [item for name, item in value.items() if not (truthy(no_system) and name.startswith("_"))]


def entries(ctx: FunctionContext, value: Value) -> Value:
    """ENTRIES(): pairs of name and value."""
    if not isinstance(value, dict):
        return mismatch(ctx, "ENTRIES")
    return [[name, item] for name, item in value.items()]


def has(value: Value, name: Value) -> Value:
    """HAS()."""
    return isinstance(value, dict) and to_string(name) in value


def value_at(ctx: FunctionContext, value: Value, path: Value) -> Value:
    """VALUE(): follow names and positions; null as soon as one leads nowhere."""
    if not isinstance(value, dict) or not isinstance(path, list):
        return mismatch(ctx, "VALUE")
    current: Value = value
    step: Value
    for step in path:
        if isinstance(step, bool) or not isinstance(step, str | int | float):
            return mismatch(ctx, "VALUE")
        if isinstance(current, dict):
            current = current.get(to_string(step))
        elif isinstance(current, list) and not isinstance(step, str):
            place = int(step)
            current = current[place] if -len(current) <= place < len(current) else None
        else:
            return None
    return current


def _names(ctx: FunctionContext, name: str, arguments: Sequence[Value]) -> set[str]:
    names: set[str] = set()
    for argument in arguments:
        if isinstance(argument, str):
            names.add(argument)
        elif isinstance(argument, list):
            texts = [item for item in argument if isinstance(item, str)]
            names.update(texts)
            if len(texts) < len(argument):
                mismatch(ctx, name)
        elif isinstance(argument, int | float) and not isinstance(argument, bool):
            names.add(format_number(argument))
    return names


def _pick(value: dict[str, Any], names: set[str], *, keep: bool, recursive: bool) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    item: Value
    for name, item in value.items():
        if (name in names) is not keep:
            continue
        if recursive and isinstance(item, dict):
            picked[name] = _pick(item, names, keep=keep, recursive=True)
        else:
            picked[name] = item
    return picked


def _picker(function: str, *, keep: bool, recursive: bool) -> Any:
    def call(ctx: FunctionContext, value: Value, *arguments: Value) -> Value:
        if not isinstance(value, dict):
            return mismatch(ctx, function)
        return _pick(value, _names(ctx, function, arguments), keep=keep, recursive=recursive)

    return call


def _merger(function: str, *, recursive: bool) -> Any:
    def call(ctx: FunctionContext, *arguments: Value) -> Value:
        objects: Sequence[Value] = arguments
        if len(arguments) == 1 and isinstance(arguments[0], list):
            objects = arguments[0]
        merged: dict[str, Any] = {}
        item: Value
        for item in objects:
            if not isinstance(item, dict):
                return mismatch(ctx, function)
            if recursive:
                merged = merge_deeply(merged, item)
            else:
                merged.update(item)
        ctx.charge(len(merged) * 60)
        return merged

    return call


def merge_deeply(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of both; where both have an object, these are merged in turn."""
    merged = dict(left)
    item: Value
    for name, item in right.items():
        current: Value = merged.get(name)
        if isinstance(current, dict) and isinstance(item, dict):
            merged[name] = merge_deeply(current, item)
        else:
            merged[name] = item
    return merged


def matches(ctx: FunctionContext, document: Value, examples: Value, return_index: Value = False) -> Value:
    """MATCHES(): whether, or which, example has only attributes that the document has too."""
    if not isinstance(document, dict):
        return False
    candidates: Sequence[Value] = examples if isinstance(examples, list) else [examples]
    for index, example in enumerate(candidates):
        if not isinstance(example, dict):
            mismatch(ctx, "MATCHES")
        elif all(
            equal(document[name], item) if name in document else item is None
            for name, item in example.items()
        ):
            return index if truthy(return_index) else True
    return -1 if truthy(return_index) else False


def translate(ctx: FunctionContext, value: Value, lookup: Value, *default: Value) -> Value:
    """TRANSLATE(): look a value up in an object; without a default it stands for itself."""
    if not isinstance(lookup, dict):
        return mismatch(ctx, "TRANSLATE")
    fallback = default[0] if default else value
    return lookup.get(to_string(value), fallback)


def zip_object(ctx: FunctionContext, keys: Value, values: Value) -> Value:
    """ZIP(): an object from names and values; of equal names the first one counts."""
    if not isinstance(keys, list) or not isinstance(values, list) or len(keys) != len(values):
        return mismatch(ctx, "ZIP")
    ctx.charge(len(keys) * 60)
    zipped: dict[str, Any] = {}
    for key, value in zip(keys, values, strict=True):
        zipped.setdefault(to_string(key), value)
    return zipped


def _identifier(value: Value) -> tuple[str, str] | None:
    """Return collection and key of an _id or of a document, None if it has none."""
    identifier: Value = value.get("_id") if isinstance(value, dict) else value
    if not isinstance(identifier, str) or identifier.count("/") != 1:
        return None
    collection, _, key = identifier.partition("/")
    return collection, key


def parse_identifier(ctx: FunctionContext, value: Value) -> Value:
    """PARSE_IDENTIFIER()."""
    parts = _identifier(value)
    if parts is None:
        return mismatch(ctx, "PARSE_IDENTIFIER")
    return {"collection": parts[0], "key": parts[1]}


def parse_collection(ctx: FunctionContext, value: Value) -> Value:
    """PARSE_COLLECTION()."""
    parts = _identifier(value)
    return mismatch(ctx, "PARSE_COLLECTION") if parts is None else parts[0]


def parse_key(ctx: FunctionContext, value: Value) -> Value:
    """PARSE_KEY()."""
    parts = _identifier(value)
    return mismatch(ctx, "PARSE_KEY") if parts is None else parts[1]


def is_same_collection(
    ctx: FunctionContext, left: Value | CollectionReference, right: Value | CollectionReference
) -> Value:
    """IS_SAME_COLLECTION(): collections given by name, by _id, or by a document."""
    first, second = _collection_name(left), _collection_name(right)
    if not first or not second:
        return mismatch(ctx, "IS_SAME_COLLECTION")
    return first == second


def _collection_name(value: Value | CollectionReference) -> str:
    if isinstance(value, CollectionReference):
        return value.name
    identifier: Value = value.get("_id") if isinstance(value, dict) else value
    return identifier.partition("/")[0] if isinstance(identifier, str) else ""


ATTRIBUTES: Final = asking("ATTRIBUTES", "1-3", attributes)

FUNCTIONS: Final[tuple[Function, ...]] = (
    ATTRIBUTES,
    alias("KEYS", ATTRIBUTES),
    asking("VALUES", "1-2", values_of),
    asking("ENTRIES", "1", entries),
    plain("HAS", "2", has),
    asking("VALUE", "2", value_at),
    asking("KEEP", "2+", _picker("KEEP", keep=True, recursive=False)),
    asking("KEEP_RECURSIVE", "2+", _picker("KEEP_RECURSIVE", keep=True, recursive=True)),
    asking("UNSET", "2+", _picker("UNSET", keep=False, recursive=False)),
    asking("UNSET_RECURSIVE", "2+", _picker("UNSET_RECURSIVE", keep=False, recursive=True)),
    asking("MERGE", "1+", _merger("MERGE", recursive=False)),
    asking("MERGE_RECURSIVE", "1+", _merger("MERGE_RECURSIVE", recursive=True)),
    asking("MATCHES", "2-3", matches),
    asking("TRANSLATE", "2-3", translate),
    asking("ZIP", "2", zip_object),
    asking("PARSE_IDENTIFIER", "1", parse_identifier),
    asking("PARSE_COLLECTION", "1", parse_collection),
    asking("PARSE_KEY", "1", parse_key),
    asking("IS_SAME_COLLECTION", "2", is_same_collection, collections=(0, 1)),
)
