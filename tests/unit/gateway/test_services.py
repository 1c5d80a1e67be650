"""From a capability to the tool that a server really has, and from our arguments to its own."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.errors import DeniedError, UnsupportedError
from mcp_arangodb_async.gateway.clients import ClientKey, Upstream
from mcp_arangodb_async.gateway.inventory import Reached
from mcp_arangodb_async.gateway.services import CAPABILITIES, Chooser, mapped
from mcp_arangodb_async.gateway.upstreams import Connection, Definition
from mcp_arangodb_async.gateway.view import Rules, View, ViewedTool, view_of
from mcp_arangodb_async.tools.tenant_catalog import SERVICE_TOOLS


def definition(name: str, **takes: str) -> Definition:
    properties = {argument: {"type": kind} for argument, kind in takes.items()}
    return {"name": name, "description": name, "inputSchema": {"type": "object", "properties": properties}}


def view(*definitions: Definition, pins: dict[str, str] | None = None) -> View:
    return view_of("postgres", list(definitions), Rules(pins=pins))


def reached(**capabilities: str) -> Reached:
    async def unopened(_version: str | None) -> Connection:
        raise AssertionError("nothing is opened here")

    async def unpinned() -> dict[str, str]:
        return {}

    upstream = Upstream(
        key=ClientKey(place=("acme", "postgres"), version=1),
        open=unopened,
        concurrency=1,
        shown="server 'postgres'",
    )
    return Reached(
        name="postgres", type="postgres", layer="tenant", upstream=upstream, rules=Rules(), pins=unpinned,
        timeout=1, downstream_tenant="acme", capabilities=capabilities,
    )  # fmt: skip


def chosen(name: str, found: View, **capabilities: str) -> str | None:
    tool = Chooser(CAPABILITIES[name])(reached(**capabilities), found.tools)
    return None if tool is None else tool.upstream_name


def only(found: View) -> ViewedTool:
    (tool,) = found.tools.values()
    return tool


def test_every_service_tool_is_a_capability() -> None:
    assert {tool.name for tool in SERVICE_TOOLS} == set(CAPABILITIES)


@pytest.mark.parametrize("capability", CAPABILITIES.values(), ids=lambda capability: capability.name)
def test_each_known_name_is_found_and_the_first_known_wins(capability: Any) -> None:
    for name in capability.tools:
        assert chosen(capability.name, view(definition(name))) == name
    every = view(*(definition(name) for name in reversed(capability.tools)))
    assert chosen(capability.name, every) == capability.tools[0]


def test_the_tool_that_a_section_names_is_taken_and_no_other() -> None:
    found = view(definition("pg_execute_query"), definition("run_sql"))
    assert chosen("postgres_query", found, postgres_query="run_sql") == "run_sql"
    assert chosen("postgres_query", found, postgres_query="gone") is None


def test_a_server_without_the_tool_says_what_it_has_and_how_to_name_it() -> None:
    found = view(definition("say"), definition("sing"))
    error = Chooser(CAPABILITIES["postgres_query"]).missing(reached(), found)
    assert isinstance(error, UnsupportedError)
    assert "no tool for postgres_query; it has: say, sing" in error.message
    assert "name it in the section" in str(error.hint)
    nothing = Chooser(CAPABILITIES["postgres_query"]).missing(reached(), view())
    assert "it has: none" in nothing.message


def test_a_tool_that_is_kept_back_is_named_as_such() -> None:
    found = view(definition("query", sql="string"), pins={"query": "0" * 64})
    error = Chooser(CAPABILITIES["postgres_query"]).missing(reached(), found)
    assert isinstance(error, DeniedError)
    assert "postgres__query is kept back" in error.message


@pytest.mark.parametrize(
    ("name", "takes", "given", "sent"),
    [
        ("postgres_query", {"query": "string"}, {"sql": "S"}, {"query": "S"}),
        ("postgres_query", {}, {"sql": "S"}, {"sql": "S"}),
        (
            "postgres_query",
            {"statement": "string", "params": "array"},
            {"sql": "S", "parameters": [1]},
            {"statement": "S", "params": [1]},
        ),
        ("minio_get_object", {"Bucket": "string", "Key": "string"}, {"bucket": "b", "key": "k"},
         {"Bucket": "b", "Key": "k"}),
        ("embeddings_generate", {"text": "string"}, {"input": ["a"]}, {"text": "a"}),
        ("embeddings_generate", {"texts": "array"}, {"input": ["a", "b"]}, {"texts": ["a", "b"]}),
        ("ai_chat", {"messages": "array", "maxTokens": "integer"}, {"messages": [], "max_tokens": 5},
         {"messages": [], "maxTokens": 5}),
    ],
)  # fmt: skip
def test_arguments_are_given_under_the_names_of_the_tools_schema(
    name: str, takes: dict[str, str], given: dict[str, Any], sent: dict[str, Any]
) -> None:
    tool = only(view(definition(CAPABILITIES[name].tools[0], **takes)))
    assert mapped(CAPABILITIES[name], tool, given) == sent


def test_an_argument_that_the_tool_does_not_take_is_refused_and_not_dropped() -> None:
    tool = only(view(definition("query", sql="string")))
    with pytest.raises(
        UnsupportedError, match="takes no argument for 'parameters'; it takes: sql"
    ) as refused:
        mapped(CAPABILITIES["postgres_query"], tool, {"sql": "S", "parameters": [1]})
    assert refused.value.field == "parameters"


def test_several_texts_for_a_tool_that_takes_one_are_refused() -> None:
    tool = only(view(definition("ai_create_embeddings", text="string")))
    with pytest.raises(UnsupportedError, match="takes one input at a time"):
        mapped(CAPABILITIES["embeddings_generate"], tool, {"input": ["a", "b"]})
