"""JSON Schemas of arguments and results, in as few characters as say it.

Clients put every tool's schema before the model on every turn, so titles, references, `null` alternatives,
defaults and bounds are left out. What is advertised is stricter than what is accepted: `parse_args` also
takes null for an optional argument, and the old spellings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mcp_arangodb_async.tools.spec import Tool

JsonSchema = dict[str, Any]

SESSION: JsonSchema = {"type": "string", "description": "Handle"}
# These stand last in every schema, in this order.
LAST = ("database", "session")


def input_schema(tool: Tool, *, session: bool) -> JsonSchema:
    """The schema of the tool's arguments; `session` adds the handle that HTTP clients pass."""
    full = tool.args.model_json_schema()
    definitions: Mapping[str, Any] = full.get("$defs", {})
    properties: JsonSchema = {
        name: smaller(schema, definitions) for name, schema in full.get("properties", {}).items()
    }
    if session and tool.uses_session:
        properties["session"] = SESSION
    ordered = {name: schema for name, schema in properties.items() if name not in LAST}
    ordered.update({name: properties[name] for name in LAST if name in properties})
    schema: JsonSchema = {"type": "object"}
    if ordered:
        schema["properties"] = ordered
    if full.get("required"):
        schema["required"] = full["required"]
    schema["additionalProperties"] = False
    return schema


def smaller(schema: JsonSchema, definitions: Mapping[str, Any]) -> JsonSchema:
    """The schema without titles, references, null alternatives and defaults of null."""
    if "$ref" in schema:
        target: JsonSchema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
        if len(choices) == 1:
            rest = {key: value for key, value in schema.items() if key != "anyOf"}
            return smaller({**choices[0], **rest}, definitions)
    small: JsonSchema = {}
    for key, value in schema.items():
        match key:
            case "type" if "enum" in schema:
                continue
            case "type" | "enum" | "description" | "required":
                small[key] = value
            case "properties":
                small[key] = {name: smaller(inner, definitions) for name, inner in value.items()}
            case "items":
                small[key] = smaller(cast("JsonSchema", value), definitions)
            case "additionalProperties" if isinstance(value, dict):
                small[key] = smaller(cast("JsonSchema", value), definitions)
            case "additionalProperties" if value is False:
                small[key] = False
            case "anyOf":
                small[key] = [smaller(choice, definitions) for choice in value]
            case "const":
                small["enum"] = [value]
            case _:
                continue
    return small


def output_schema(tool: Tool) -> JsonSchema | None:
    """The schema of the tool's structured result: an object; None for rows, which travel as text.

    Members are named by the manual and the snapshots, not here: forty times their names and types would be a
    third of what every client reads on every turn.
    """
    return None if tool.returns_rows else {"type": "object"}
