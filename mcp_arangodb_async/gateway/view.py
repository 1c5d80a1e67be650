"""What a client sees of an upstream's tools: names with a namespace, allowed, cleaned, pinned; all pure.

A tool's definition is text that a model obeys, written by somebody else. So it is shown only when the
operator or tenant allows the tool, without characters that people cannot see, within bounds, and only while
it is what was approved: a definition that changed is kept back until somebody looks at it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import orjson
from mcp.shared.inbound import X_MCP_HEADER_KEY, mcp_param_headers, x_mcp_header_map

SEPARATOR = "__"
NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,128}\Z")
MAXIMUM_NAME = 128
MAXIMUM_TEXT = 16 * 1024
MAXIMUM_SCHEMA = 64 * 1024
MAXIMUM_DEPTH = 32

Reason = Literal["changed", "unknown", "not_allowed", "hidden", "malformed"]

# Characters that show nothing, or that change how what follows is shown, beyond what categories say.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_KEPT_CONTROLS = frozenset("\n\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a section says about the tools of its server.

    `tenant_argument` is the argument that the gateway fills. `pins` are the hashes of approved definitions;
    without any, whatever is there counts as approved.
    """

    allow: frozenset[str] | None = None
    tenant_argument: str | None = None
    pins: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedTool:
    """A tool as it is shown, and what a call of it needs to know."""

    server: str
    upstream_name: str
    wire: Mapping[str, Any] = field(repr=False)
    headers: Mapping[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    tenant_argument: str | None = None

    @property
    def name(self) -> str:
        """The name clients call it by."""
        return namespaced(self.server, self.upstream_name)

    @property
    def properties(self) -> Mapping[str, Any]:
        """The arguments its schema shows."""
        found = self.wire["inputSchema"].get("properties")
        return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}

    def arguments(self, given: Mapping[str, Any], downstream_tenant: str) -> dict[str, Any]:
        """The arguments to send: the tenant's own in place of whatever was given for it."""
        if self.tenant_argument is None:
            return dict(given)
        return owned(given, self.tenant_argument, downstream_tenant)

    def param_headers(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        """The headers that mirror annotated arguments in the era of 2026-07-28."""
        return mcp_param_headers(self.headers, arguments) if self.headers else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The tools of one server for one tenant; `kept_back` says of the others why they are not shown."""

    tools: Mapping[str, ViewedTool]
    kept_back: Mapping[str, Reason]
    hashes: Mapping[str, str]


def namespaced(server: str, tool: str) -> str:
    """The name of an upstream's tool among all tools; unique, as no server's name has two underscores."""
    return f"{server}{SEPARATOR}{tool}"


def split_name(name: str) -> tuple[str, str] | None:
    """The server and its tool that a namespaced name means; None for a name without namespace."""
    server, separator, tool = name.partition(SEPARATOR)
    return (server, tool) if separator and server and tool else None


def view_of(
    server: str,
    definitions: Sequence[Mapping[str, Any]],
    rules: Rules,
    *,
    shared: dict[str, Mapping[str, Any]] | None = None,
) -> View:
    """What is shown of a server's tools. `shared` keeps equal definitions of many tenants once."""
    tools: dict[str, ViewedTool] = {}
    kept_back: dict[str, Reason] = {}
    hashes: dict[str, str] = {}
    seen: set[str] = set()
    for definition in definitions:
        upstream_name = definition.get("name")
        if not isinstance(upstream_name, str) or upstream_name in seen:
            continue
        seen.add(upstream_name)
        shown_as = clean_text(upstream_name)[:MAXIMUM_NAME]
        if not well_named(server, upstream_name) or not well_formed(definition):
            kept_back[shown_as] = "malformed"
            continue
        digest = hashes[upstream_name] = definition_hash(definition)
        reason = refusal(upstream_name, digest, rules)
        if reason is not None:
            kept_back[shown_as] = reason
            continue
        viewed = viewed_tool(server, upstream_name, definition, digest, rules, shared)
        tools[viewed.name] = viewed
    return View(tools=tools, kept_back=kept_back, hashes=hashes)


def well_named(server: str, name: str) -> bool:
    """Whether clients can be shown the tool by its name."""
    return NAME.match(name) is not None and len(namespaced(server, name)) <= MAXIMUM_NAME


def refusal(name: str, digest: str, rules: Rules) -> Reason | None:
    """Why a well-formed tool is not shown; None when it is."""
    if rules.allow is not None and name not in rules.allow:
        return "not_allowed"
    if rules.allow is None and rules.tenant_argument is not None and "register_tenant" in name:
        # Registering tenants at a server that serves many is its operator's business.
        return "hidden"
    if rules.pins:
        pinned = rules.pins.get(name)
        if pinned is None:
            return "unknown"
        if pinned != digest:
            return "changed"
    return None


def viewed_tool(
    server: str,
    name: str,
    definition: Mapping[str, Any],
    digest: str,
    rules: Rules,
    shared: dict[str, Mapping[str, Any]] | None,
) -> ViewedTool:
    """The tool as it is shown."""
    key = f"{server}\0{rules.tenant_argument or ''}\0{digest}"
    wire = None if shared is None else shared.get(key)
    if wire is None:
        wire = wire_of(namespaced(server, name), definition, rules.tenant_argument)
        if shared is not None:
            shared[key] = wire
    return ViewedTool(
        server=server,
        upstream_name=name,
        wire=wire,
        headers=x_mcp_header_map(definition.get("inputSchema")),
        tenant_argument=rules.tenant_argument,
    )


def wire_of(name: str, definition: Mapping[str, Any], tenant_argument: str | None) -> dict[str, Any]:
    """A definition in our words: cleaned, without icons and other links, without what the gateway fills."""
    schema = cast("dict[str, Any]", clean(definition["inputSchema"]))
    if tenant_argument is not None:
        schema = cast("dict[str, Any]", without_argument(schema, folded(tenant_argument)))
    wire: dict[str, Any] = {"name": name}
    title = definition.get("title")
    if isinstance(title, str):
        wire["title"] = clean_text(title)[:200]
    wire["description"] = clean_text(str(definition.get("description") or ""))[:MAXIMUM_TEXT]
    wire["inputSchema"] = schema
    output = definition.get("outputSchema")
    if isinstance(output, Mapping):
        wire["outputSchema"] = clean(cast("Mapping[str, Any]", output))
    given = definition.get("annotations")
    hints: Mapping[str, Any] = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
    wire["annotations"] = {
        "readOnlyHint": hints.get("readOnlyHint") is True,
        "destructiveHint": hints.get("destructiveHint") is not False,
        "idempotentHint": hints.get("idempotentHint") is True,
        "openWorldHint": True,
    }
    return wire


def definition_hash(definition: Mapping[str, Any]) -> str:
    """What pins a definition: every part of it that a model or a client acts on, as the upstream gave it."""
    parts = {
        name: definition.get(name)
        for name in ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
    }
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def well_formed(definition: Mapping[str, Any]) -> bool:
    """Whether the schemas are within bounds, refer to nothing elsewhere and hide nothing in names."""
    schema: object = definition.get("inputSchema")
    output: object = definition.get("outputSchema")
    if not isinstance(schema, Mapping) or cast("Mapping[str, Any]", schema).get("type") != "object":
        return False
    parts: list[object] = [cast("object", schema)] if output is None else [cast("object", schema), output]
    hints: object = definition.get("annotations")
    texts = (definition.get("title"), definition.get("description"))
    return (
        all(isinstance(part, Mapping) and bounded(cast("object", part)) for part in parts)
        and (hints is None or bounded(hints))
        and all(text is None or isinstance(text, str) for text in texts)
        and bounded([text for text in texts if text is not None])
    )


def bounded(part: object) -> bool:
    """Whether a part of a definition is neither too deep nor too large, and plain JSON."""
    try:
        return fits(part, MAXIMUM_DEPTH) and len(orjson.dumps(part)) <= MAXIMUM_SCHEMA
    except TypeError:
        # What JSON of other makers can hold and ours cannot: numbers beyond 64 bits, lone surrogates.
        return False


def fits(value: object, depth: int) -> bool:
    """Whether a schema is not deeper than allowed, has no remote reference and no name with hidden parts."""
    if isinstance(value, Mapping):
        if depth == 0:
            return False
        for name, inner in cast("Mapping[str, object]", value).items():
            if clean_text(name) != name:
                return False
            if name in {"$ref", "$dynamicRef"} and isinstance(inner, str) and not inner.startswith("#"):
                return False
            if not fits(inner, depth - 1):
                return False
        return True
    if isinstance(value, list):
        return depth > 0 and all(fits(item, depth - 1) for item in cast("list[object]", value))
    return True


def clean(value: object) -> Any:
    """The same JSON with every text cleaned; the header annotations of the upstream's own clients go."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {
            name: clean(inner)
            for name, inner in cast("Mapping[str, object]", value).items()
            if name != X_MCP_HEADER_KEY
        }
    if isinstance(value, list):
        return [clean(item) for item in cast("list[object]", value)]
    return value


def clean_text(text: str) -> str:
    """The text without characters that cannot be seen or that reorder others; odd spaces become plain."""
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    for character in _INVISIBLE.sub("", text):
        category = unicodedata.category(character)
        if character in _KEPT_CONTROLS:
            kept.append(character)
        elif category in {"Zl", "Zp"}:
            kept.append("\n")
        elif category == "Zs":
            kept.append(" ")
        elif category not in _DROPPED_CATEGORIES:
            kept.append(character)
    return "".join(kept)


def folded(name: str) -> str:
    """An argument's name as the most forgiving reader of JSON would take it."""
    return clean_text(unicodedata.normalize("NFKC", name)).strip().casefold()


def without_argument(value: object, argument: str) -> object:
    """A schema without an argument, at whatever depth its objects have it."""
    if isinstance(value, list):
        return [without_argument(item, argument) for item in cast("list[object]", value)]
    if not isinstance(value, Mapping):
        return value
    schema = dict(cast("Mapping[str, object]", value))
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        kept = cast("Mapping[str, object]", properties)
        schema["properties"] = {name: inner for name, inner in kept.items() if folded(name) != argument}
    required = schema.get("required")
    if isinstance(required, list):
        names = cast("list[object]", required)
        schema["required"] = [
            name for name in names if not (isinstance(name, str) and folded(name) == argument)
        ]
    return {name: without_argument(inner, argument) for name, inner in schema.items()}


def owned(given: Mapping[str, Any], argument: str, tenant: str) -> dict[str, Any]:
    """The arguments with the tenant's own value, and no other spelling of its name at any depth.

    What arrives is parsed JSON, so of names given twice one is left; what is sent is written anew from it.
    """
    fold = folded(argument)
    return {**cast("dict[str, Any]", _owned(given, fold, argument, tenant)), argument: tenant}


def _owned(value: object, fold: str, argument: str, tenant: str) -> object:
    if isinstance(value, Mapping):
        inside: dict[str, object] = {}
        for name, inner in cast("Mapping[str, object]", value).items():
            if folded(name) == fold:
                inside[argument] = tenant
            else:
                inside[name] = _owned(inner, fold, argument, tenant)
        return inside
    if isinstance(value, list):
        return [_owned(item, fold, argument, tenant) for item in cast("list[object]", value)]
    return value
