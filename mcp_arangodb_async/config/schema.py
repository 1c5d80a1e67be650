"""The JSON Schema of the configuration file, for editors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcp_arangodb_async.config.environment_entry import ENVIRONMENT_SECTIONS, EnvironmentConfig
from mcp_arangodb_async.config.model import SECTIONS, ConfigFile, DatabaseConfig
from mcp_arangodb_async.config.option import options_of


def file_schema() -> dict[str, Any]:
    """JSON Schema 2020-12, every option with its help text."""
    schema = ConfigFile.model_json_schema()
    definitions: dict[str, dict[str, Any]] = schema["$defs"]
    for record, name, help_text in _helps():
        definitions[record]["properties"][name]["description"] = help_text
    for definition in definitions.values():
        definition["additionalProperties"] = False
        for option in definition["properties"].values():
            option.pop("title", None)
    text = {"type": "string"}
    definitions["DatabaseConfig"]["properties"]["url"] = {
        "description": definitions["DatabaseConfig"]["properties"]["url"]["description"],
        "anyOf": [text, {"type": "array", "items": text, "minItems": 1}],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of mcp-arangodb-async",
        **{key: value for key, value in schema.items() if key not in {"title", "description"}},
    }


def _helps() -> Iterator[tuple[str, str, str]]:
    """The definition's name, the option's name and its help text."""
    inner = {"pool": "PoolSettings", "tls": "TlsSettings"}
    ours = {name: record.__name__ for name, record in ENVIRONMENT_SECTIONS.items()}
    pairs: list[tuple[type[Any], dict[str, str]]] = [(DatabaseConfig, inner), (EnvironmentConfig, ours)]
    pairs += [(record, inner) for record in SECTIONS.values()]
    for record, sections in pairs:
        for option in options_of(record):
            section, _, last = option.path.rpartition(".")
            yield sections.get(section, record.__name__), last, option.option.help
