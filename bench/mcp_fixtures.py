"""The tools, resources and prompts that the protocol's conformance suite asks for, added to our own server.

They test the protocol, not ArangoDB, so the product does not have them. Every request for something else
goes to the product's own handlers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types as types
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

from mcp_arangodb_async.server.build import NAME, ArangoServer
from mcp_arangodb_async.server.sdk import Context

Answer = dict[str, Any]
TEXT = {"type": "string"}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def one_pixel() -> str:
    """A PNG of one red pixel, in base64."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


def silence() -> str:
    """A WAV of one silent sample, in base64."""
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 2) + b"\x80\x80"
    return base64.b64encode(b"RIFF" + struct.pack("<I", len(body)) + body).decode()


def text(value: str) -> Answer:
    return {"type": "text", "text": value}


def image() -> Answer:
    return {"type": "image", "data": one_pixel(), "mimeType": "image/png"}


def embedded(uri: str, kind: str, value: str) -> Answer:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": value}}


def done(*content: Answer) -> Answer:
    return {"content": list(content), "isError": False, "resultType": "complete"}


def form(message: str, **properties: Answer) -> Answer:
    """A question to the user, as an input request."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sample(prompt: str, tokens: int) -> Answer:
    """A question to the client's model, as an input request."""
    messages = [{"role": "user", "content": text(prompt)}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": tokens}}


ROOTS: Answer = {"method": "roots/list", "params": {}}


def asked(requests: Mapping[str, Answer], state: str | None = None) -> Answer:
    """An answer that asks for more first."""
    answer: Answer = {"resultType": "input_required", "inputRequests": dict(requests)}
    return answer if state is None else {**answer, "requestState": state}


def responses(params: types.CallToolRequestParams | types.GetPromptRequestParams) -> dict[str, Answer]:
    """What the client answered, by the name of the request."""
    given: Mapping[str, Any] = params.input_responses or {}
    return {
        name: one if isinstance(one, dict) else one.model_dump(by_alias=True, mode="json", exclude_none=True)
        for name, one in given.items()
    }


def content_of(answer: Answer | None, name: str) -> Any:
    """One value of a form that the user filled in; None if it was not."""
    if answer is None or answer.get("action") != "accept":
        return None
    content: Answer = answer.get("content") or {}
    return content.get(name)


Call = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]


def fixed(*content: Answer) -> Call:
    async def call(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        return done(*content)

    return call


async def failing(_context: Context, _params: types.CallToolRequestParams) -> Answer:
    return {
        **done(text("This tool intentionally returns an error for testing")),
        "isError": True,
    }


async def progressing(context: Context, _params: types.CallToolRequestParams) -> Answer:
    for step in (0, 50, 100):
        await context.session.report_progress(step, 100)
        await asyncio.sleep(0.05)
    return done(text("done"))


async def reconnecting(context: Context, _params: types.CallToolRequestParams) -> Answer:
    """Close the stream in the middle of the call: its client has to come back for the answer."""
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await asyncio.sleep(0.2)
    return done(text("reconnected"))


async def logging(context: Context, _params: types.CallToolRequestParams) -> Answer:
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message(  # pyright: ignore[reportDeprecated] - the suite asks
            "info", message, related_request_id=context.request_id
        )
        await asyncio.sleep(0.05)
    return done(text("logged"))


async def sampling(context: Context, params: types.CallToolRequestParams) -> Answer:
    prompt = str((params.arguments or {}).get("prompt", ""))
    result = await context.session.create_message(  # pyright: ignore[reportDeprecated] - the suite asks
        [types.SamplingMessage(role="user", content=types.TextContent(text=prompt))],
        max_tokens=100,
        related_request_id=context.request_id,
    )
    content = result.content
    said = content.text if isinstance(content, types.TextContent) else ""
    return done(text(f"LLM response: {said}"))


def eliciting(words: str, properties: Mapping[str, Answer], required: list[str], head: str) -> Call:
    async def call(context: Context, params: types.CallToolRequestParams) -> Answer:
        message = str((params.arguments or {}).get("message", words))
        schema = {"type": "object", "properties": dict(properties), "required": required}
        result = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
        return done(text(f"{head}: action={result.action}, content={json.dumps(result.content)}"))

    return call


async def needing_sampling(context: Context, _params: types.CallToolRequestParams) -> Answer:
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "this tool needs the client's sampling",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return done(text("sampling is there"))


async def asking_name(_context: Context, params: types.CallToolRequestParams) -> Answer:
    name = content_of(responses(params).get("user_name"), "name")
    if not isinstance(name, str):
        return asked({"user_name": form("What is your name?", name=TEXT)})
    return done(text(f"Hello, {name}!"))


async def asking_model(_context: Context, params: types.CallToolRequestParams) -> Answer:
    said = responses(params).get("capital_question")
    if said is None:
        return asked({"capital_question": sample("What is the capital of France?", 100)})
    return done(text(json.dumps(said.get("content"))))


async def asking_roots(_context: Context, params: types.CallToolRequestParams) -> Answer:
    said = responses(params).get("client_roots")
    return asked({"client_roots": ROOTS}) if said is None else done(text(json.dumps(said)))


async def confirming(_context: Context, params: types.CallToolRequestParams) -> Answer:
    if params.request_state is None or "confirm" not in responses(params):
        return asked({"confirm": form("Please confirm", ok={"type": "boolean"})}, state="asked")
    if params.request_state != "asked":
        raise MCPError(types.INVALID_PARAMS, "unknown requestState")
    return done(text("state-ok"))


async def asking_much(_context: Context, params: types.CallToolRequestParams) -> Answer:
    wanted = {
        "user_name": form("What is your name?", name=TEXT),
        "greeting": sample("Generate a greeting", 50),
        "client_roots": ROOTS,
    }
    said = responses(params)
    return done(text(json.dumps(said))) if wanted.keys() <= said.keys() else asked(wanted, state="asked")


async def asking_twice(_context: Context, params: types.CallToolRequestParams) -> Answer:
    said = responses(params)
    if params.request_state == "round 1" and "step1" in said:
        return asked({"step2": form("Step 2: What is your favorite color?", color=TEXT)}, state="round 2")
    if params.request_state == "round 2" and "step2" in said:
        return done(text("both steps are done"))
    return asked({"step1": form("Step 1: What is your name?", name=TEXT)}, state="round 1")


async def asking_what_is_possible(context: Context, params: types.CallToolRequestParams) -> Answer:
    if responses(params):
        return done(text("answered"))
    capabilities = context.session.client_capabilities
    requests: dict[str, Answer] = {}
    if capabilities is not None and capabilities.sampling is not None:
        requests["sampled"] = sample("Say something", 50)
    if capabilities is not None and capabilities.elicitation is not None:
        requests["user_name"] = form("What is your name?", name=TEXT)
    return asked(requests) if requests else done(text("nothing can be asked"))


def options(*names: str, titles: tuple[str, ...] = ()) -> list[Answer]:
    return [{"const": name, "title": title} for name, title in zip(names, titles, strict=True)]


PERSON = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}
DEFAULTS: Mapping[str, Answer] = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
FIRST_TITLES = ("First Option", "Second Option", "Third Option")
FIRST_CHOICES = ("First Choice", "Second Choice", "Third Choice")
VALUES = ("value1", "value2", "value3")
ENUMS: Mapping[str, Answer] = {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": options(*VALUES, titles=FIRST_TITLES)},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
    "titledMulti": {"type": "array", "items": {"anyOf": options(*VALUES, titles=FIRST_CHOICES)}},
}
ROUTED: Answer = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
SCHEMA_2020_12: Answer = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": TEXT, "city": TEXT},
        }
    },
    "properties": {
        "name": TEXT,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": TEXT,
        "email": TEXT,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
MIXED = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
EMBEDDED = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
REQUIRED = "test_input_required_result_"


def fixture_tools(bus: InMemorySubscriptionBus) -> dict[str, Call]:
    """Every fixture tool by name."""

    async def tools_changed(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        await bus.publish(ToolsListChanged())
        return done(text("changed"))

    async def prompts_changed(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        await bus.publish(PromptsListChanged())
        return done(text("changed"))

    return {
        "test_simple_text": fixed(text("This is a simple text response for testing.")),
        "test_image_content": fixed(image()),
        "test_audio_content": fixed({"type": "audio", "data": silence(), "mimeType": "audio/wav"}),
        "test_embedded_resource": fixed(EMBEDDED),
        "test_multiple_content_types": fixed(text("Multiple content types test:"), image(), MIXED),
        "test_error_handling": failing,
        "test_tool_with_progress": progressing,
        "test_reconnection": reconnecting,
        "test_tool_with_logging": logging,
        "test_logging_tool": logging,
        "test_sampling": sampling,
        "test_elicitation": eliciting("Please answer", PERSON, list(PERSON), "User response"),
        "test_elicitation_sep1034_defaults": eliciting("Check", DEFAULTS, [], "Elicitation completed"),
        "test_elicitation_sep1330_enums": eliciting("Choose", ENUMS, [], "Elicitation completed"),
        "test_missing_capability": needing_sampling,
        "test_streaming_elicitation": asking_name,
        "test_trigger_tool_change": tools_changed,
        "test_trigger_prompt_change": prompts_changed,
        "test_x_mcp_header": fixed(text("routed")),
        "json_schema_2020_12_tool": fixed(text("valid")),
        f"{REQUIRED}elicitation": asking_name,
        f"{REQUIRED}sampling": asking_model,
        f"{REQUIRED}list_roots": asking_roots,
        f"{REQUIRED}request_state": confirming,
        f"{REQUIRED}tampered_state": confirming,
        f"{REQUIRED}multiple_inputs": asking_much,
        f"{REQUIRED}multi_round": asking_twice,
        f"{REQUIRED}capabilities": asking_what_is_possible,
    }


PROMPTS: Mapping[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    f"{REQUIRED}prompt": (),
}


def prompt_messages(name: str, given: Mapping[str, str]) -> list[Answer]:
    """The contents of a fixture prompt's messages."""
    match name:
        case "test_simple_prompt":
            return [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            return [text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            resource = embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            return [resource, text("Please process the embedded resource above.")]
        case _:
            return [image(), text("Please analyze the image above.")]


def resource_contents(uri: str) -> Answer | None:
    """A fixture resource, None for any other URI."""
    if uri == "test://static-text":
        value = "This is the content of the static text resource."
        return {"uri": uri, "mimeType": "text/plain", "text": value}
    if uri == "test://static-binary":
        return {"uri": uri, "mimeType": "image/png", "blob": one_pixel()}
    if uri == "test://watched-resource":
        return {"uri": uri, "mimeType": "text/plain", "text": "watched"}
    if uri.startswith("test://template/") and uri.endswith("/data"):
        number = uri.removeprefix("test://template/").removesuffix("/data")
        value = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        return {"uri": uri, "mimeType": "application/json", "text": value}
    return None


def add_fixtures(server: ArangoServer) -> None:
    """Let the server answer for the fixtures too."""
    bus = InMemorySubscriptionBus()
    server.listen = ListenHandler(bus)
    server.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, server.listen)
    security = RequestStateSecurity(keys=[secrets.token_bytes(32)])
    server.middleware.append(RequestStateBoundary(security, default_audience=NAME))
    tools = fixture_tools(bus)

    def own(method: str) -> Callable[[Context, Any], Awaitable[Any]]:
        entry = server.get_request_handler(method)
        assert entry is not None, method
        return entry.handler

    schemas = {"json_schema_2020_12_tool": SCHEMA_2020_12, "test_x_mcp_header": ROUTED}

    def listed(name: str) -> Answer:
        schema = schemas.get(name, {"type": "object"})
        return {"name": name, "description": f"Fixture {name}", "inputSchema": schema}

    schema_of = server.get_tool_input_schema
    assert schema_of is not None

    def schema_for(name: str) -> Mapping[str, Any] | None:
        return schemas.get(name) or schema_of(name)

    server.get_tool_input_schema = schema_for
    add_listings(server, [listed(name) for name in tools])
    call_own, get_own, read_own = own("tools/call"), own("prompts/get"), own("resources/read")
    complete_own = own("completion/complete")

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> Any:
        if params.name in tools:
            return await tools[params.name](context, params)
        return await call_own(context, params)

    async def get_prompt(context: Context, params: types.GetPromptRequestParams) -> Any:
        if params.name not in PROMPTS:
            return await get_own(context, params)
        if params.name == f"{REQUIRED}prompt" and "user_context" not in responses(params):
            question = "What context should the prompt use?"
            return asked({"user_context": form(question, context=TEXT)})
        contents = prompt_messages(params.name, params.arguments or {})
        messages = [{"role": "user", "content": content} for content in contents]
        return {"messages": messages, "resultType": "complete"}

    async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> Any:
        contents = resource_contents(params.uri)
        if contents is None:
            return await read_own(context, params)
        return {"contents": [contents], "resultType": "complete"}

    async def complete(context: Context, params: types.CompleteRequestParams) -> Any:
        if isinstance(params.ref, types.PromptReference) and params.ref.name in PROMPTS:
            values = [value for value in ("paris", "park") if value.startswith(params.argument.value)]
            completion = {"values": values, "total": len(values), "hasMore": False}
            return {"completion": completion, "resultType": "complete"}
        return await complete_own(context, params)

    async def nothing(_context: Context, _params: object) -> Answer:
        return {}

    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, get_prompt)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, read_resource)
    server.add_request_handler("completion/complete", types.CompleteRequestParams, complete)
    server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, nothing)
    server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, nothing)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, nothing)


def add_listings(server: ArangoServer, tools: list[Answer]) -> None:
    """Show the fixtures in the lists, behind the product's own."""
    uris = ("test://static-text", "test://static-binary", "test://watched-resource")
    added: dict[str, tuple[str, list[Answer]]] = {
        "tools/list": ("tools", tools),
        "resources/list": ("resources", [{"name": uri, "uri": uri} for uri in uris]),
        "resources/templates/list": (
            "resourceTemplates",
            [{"name": "template", "uriTemplate": "test://template/{id}/data"}],
        ),
        "prompts/list": (
            "prompts",
            [
                {
                    "name": name,
                    "description": f"Fixture {name}",
                    "arguments": [
                        {"name": argument, "description": argument, "required": True}
                        for argument in arguments
                    ],
                }
                for name, arguments in PROMPTS.items()
            ],
        ),
    }
    for method, (member, more) in added.items():
        entry = server.get_request_handler(method)
        assert entry is not None, method
        server.add_request_handler(
            method, types.PaginatedRequestParams, extended(entry.handler, member, more)
        )


def extended(
    listing: Callable[[Context, Any], Awaitable[Any]], member: str, more: list[Answer]
) -> Callable[[Context, types.PaginatedRequestParams], Awaitable[Answer]]:
    async def both(context: Context, params: types.PaginatedRequestParams) -> Answer:
        answer: Answer = await listing(context, params)
        return {**answer, member: [*answer[member], *more]}

    return both
