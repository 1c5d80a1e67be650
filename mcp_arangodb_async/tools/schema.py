"""JSON Schemas of arguments and results, in as few characters as say it.

Clients put every tool's schema before the model on every turn, so titles, references, `null` alternatives,
defaults and bounds are left out. What is advertised is stricter than what is accepted: `parse_args` also
takes null for an optional argument, and the old spellings.

pydantic could make these schemas as well, but it would have to build every validator for it, which costs a
starting server more than all the rest of this package.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from mcp_arangodb_async.tools.spec import Tool, fields_of, is_hidden

JsonSchema = dict[str, Any]

SESSION: JsonSchema = {"type": "string", "description": "Id"}
# These stand last in every schema, in this order.
LAST = ("database", "session")
NAMES: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def input_schema(tool: Tool, *, session: bool) -> JsonSchema:
    """The schema of the tool's arguments; `session` adds the handle that HTTP clients pass."""
    schema = object_schema(tool.args)
    properties: JsonSchema = schema.get("properties", {})
    for name, words in tool.choices.items():
        told: JsonSchema = properties[name]
        if told.get("type") == "array":
            told["items"] = {"enum": list(words)}
        else:
            told.pop("type", None)
            properties[name] = {"enum": list(words), **told}
    if session and tool.uses_session:
        properties["session"] = SESSION
    for name in LAST:
        if name in properties:
            properties[name] = properties.pop(name)
    if properties:
        schema["properties"] = properties
        # `required` and `additionalProperties` read better behind what they are about.
        for name in ("required", "additionalProperties"):
            if name in schema:
                schema[name] = schema.pop(name)
    return schema


def object_schema(model: type[BaseModel]) -> JsonSchema:
    """The schema of a record of arguments."""
    schema: JsonSchema = {"type": "object"}
    properties: JsonSchema = {}
    fields = fields_of(model)
    for name, field in fields.items():
        if is_hidden(field):
            continue
        properties[name] = type_schema(field.annotation)
        if field.description:
            properties[name]["description"] = field.description
    if properties:
        schema["properties"] = properties
    required = [name for name, field in fields.items() if field.is_required()]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def type_schema(hint: Any) -> JsonSchema:
    """The schema of one argument's type."""
    if hint in NAMES:
        return {"type": NAMES[hint]}
    if hint is Any:
        return {}
    origin: Any = get_origin(hint)
    if origin is Annotated:
        return type_schema(get_args(hint)[0])
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if origin in (Union, types.UnionType):
        choices = [choice for choice in get_args(hint) if choice is not types.NoneType]
        if len(choices) == 1:
            return type_schema(choices[0])
        shapes = [type_schema(choice) for choice in choices]
        return shapes[0] if all(shape == shapes[0] for shape in shapes) else {"anyOf": shapes}
    kind: Any = origin or hint
    if isinstance(kind, type):
        if issubclass(kind, BaseModel):
            return {"type": "object"}  # its members are told in the description
        if issubclass(kind, Mapping):
            return {"type": "object"}
        if issubclass(kind, Sequence):
            items = get_args(hint)
            return {"type": "array", "items": type_schema(items[0])} if items else {"type": "array"}
    raise TypeError(f"no schema for the type {hint!r}")


def output_schema(tool: Tool) -> JsonSchema | None:
    """The schema of the tool's structured result: an object; None for rows, which travel as text.

    Members are named by the manual and the snapshots, not here: forty times their names and types would be a
    third of what every client reads on every turn.
    """
    return None if tool.returns_rows else {"type": "object"}
