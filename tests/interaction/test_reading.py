"""Resources, prompts and completions, as clients ask for them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)

from mcp_arangodb_async.tools.aliases import ALIASES
from mcp_arangodb_async.tools.catalog import TOOLS_BY_NAME
from mcp_arangodb_async.tools.prompts import PROMPTS, fenced
from tests.interaction.conversation import Places, Talk, Way

pytestmark = pytest.mark.anyio

SMALL = """
limits: {max_bytes: 2000}
databases:
  red: {url: "embedded::memory:"}
"""


async def read(client: Talk, uri: str) -> dict[str, Any]:
    """The document a resource answers with."""
    (content,) = (await client.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert (content.uri, content.mime_type) == (uri, "application/json")
    document: dict[str, Any] = json.loads(content.text)
    return document


async def refused(client: Talk, uri: str, code: int = INVALID_PARAMS) -> dict[str, Any]:
    """The facts of the error that a resource answers with."""
    with pytest.raises(MCPError) as raised:
        await read(client, uri)
    assert raised.value.error.code == code
    facts: dict[str, Any] = raised.value.error.data
    assert {"code", "message", "request_id", "uri"} <= set(facts)
    return facts


async def completed(
    client: Talk, ref: str, argument: str, typed: str, context: dict[str, str] | None = None
) -> list[str]:
    """The completions of an argument of a prompt, or of a template where `ref` is a URI."""
    reference = ResourceTemplateReference(uri=ref) if ":" in ref else PromptReference(name=ref)
    answer = await client.client.complete(
        reference, {"name": argument, "value": typed}, context_arguments=context
    )
    return answer.completion.values


async def prompted(client: Talk, name: str, **arguments: str) -> str:
    """The text of a prompt."""
    (message,) = (await client.client.get_prompt(name, arguments)).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


@asynccontextmanager
async def filled(way: Way, places: Places) -> AsyncGenerator[Talk]:
    """A client of a server whose database red holds two collections and a graph."""
    async with places.open(way) as talk, talk() as client:
        await client.call(
            "create_graph",
            database="red",
            name="social",
            edge_definitions=[
                {"edge_collection": "knows", "from_collections": ["users"], "to_collections": ["users"]}
            ],
        )
        rows = [{"name": "Ann", "age": 3}, {"name": "Bob", "age": None}]
        await client.call("bulk_insert", database="red", collection="users", documents=rows)
        yield client


async def test_resources_and_templates_are_listed(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        (listed,) = (await client.client.list_resources()).resources
        assert (listed.uri, listed.mime_type) == ("arangodb://databases", "application/json")
        templates = (await client.client.list_resource_templates()).resource_templates
        assert [template.uri_template for template in templates] == [
            "arangodb://{database}/schema",
            "arangodb://{database}/collections/{name}",
            "arangodb://{database}/graphs/{name}",
        ]
        assert all(template.description for template in templates)
        databases = await read(client, "arangodb://databases")
        assert [one["key"] for one in databases["databases"]] == ["red", "blue"]
        assert databases["databases"][0]["schema"] == "arangodb://red/schema"
        assert databases["default_database"] == "red"


async def test_a_schema_tells_what_a_database_is_made_of(way: Way, places: Places) -> None:
    async with filled(way, places) as client:
        schema = await read(client, "arangodb://red/schema")
        assert schema["database"] == "red"
        knows, users = schema["collections"]
        assert (knows["name"], knows["type"], knows["count"]) == ("knows", "edge", 0)
        assert (users["name"], users["type"], users["count"]) == ("users", "document", 2)
        assert users["attributes"]["name"] == "string"
        assert set(users["attributes"]["age"].split("|")) == {"number", "null"}
        assert [graph["name"] for graph in schema["graphs"]] == ["social"]
        assert schema["views"] == []
        empty = await read(client, "arangodb://blue/schema")
        assert (empty["collections"], empty["graphs"]) == ([], [])


async def test_a_collection_and_a_graph_are_described(way: Way, places: Places) -> None:
    async with filled(way, places) as client:
        users = await read(client, "arangodb://red/collections/users")
        assert (users["database"], users["name"], users["count"]) == ("red", "users", 2)
        assert [index["type"] for index in users["indexes"]] == ["primary"]
        graph = await read(client, "arangodb://red/graphs/social")
        assert (graph["name"], graph["vertex_collections"]) == ("social", ["users"])
        assert graph["edge_definitions"][0]["edge_collection"] == "knows"


async def test_what_does_not_exist_gets_the_closest_names(way: Way, places: Places) -> None:
    async with filled(way, places) as client:
        collection = await refused(client, "arangodb://red/collections/usrs")
        assert (collection["code"], collection["database"]) == ("not_found", "red")
        assert "users" in collection["did_you_mean"]
        graph = await refused(client, "arangodb://red/graphs/socail")
        assert (graph["code"], graph["did_you_mean"]) == ("not_found", ["social"])
        key = await refused(client, "arangodb://rad/schema")
        assert (key["code"], key["did_you_mean"]) == ("unknown_database", ["red"])


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("arangodb://red", "not_found"),
        ("arangodb://red/collections", "not_found"),
        ("arangodb://red/collections/a/b", "not_found"),
        ("arangodb://red/documents/a", "not_found"),
        ("http://red/schema", "not_found"),
        ("", "not_found"),
        ("arangodb://red/collections/", "invalid_argument"),
        ("arangodb://red/collections/..%2F..%2F_admin", "invalid_argument"),
        ("arangodb://red/collections/%00", "invalid_argument"),
        ("arangodb://red/collections/%ff", "invalid_argument"),
        ("arangodb://red/graphs/a%20b", "invalid_argument"),
        ("arangodb://red/graphs/..", "invalid_argument"),
        ("arangodb://%2e%2e/schema", "unknown_database"),
        ("arangodb://" + "x" * 3000, "invalid_argument"),
    ],
)
async def test_a_hostile_uri_is_refused(places: Places, uri: str, code: str) -> None:
    for era in ("handshake", "stateless"):
        async with places.open(Way(carrier="memory", era=era)) as talk, talk() as client:
            assert (await refused(client, uri))["code"] == code


async def test_a_name_with_special_characters_is_read_back(places: Places) -> None:
    async with places.open(Way(carrier="memory", era="stateless")) as talk, talk() as client:
        await client.call("create_collection", database="red", name="größe & co")
        found = await read(client, "arangodb://red/collections/gr%C3%B6%C3%9Fe%20%26%20co")
        assert (found["name"], found["count"]) == ("größe & co", 0)


async def test_a_large_schema_leaves_details_out_and_says_so(places: Places) -> None:
    async with places.open(Way(carrier="memory", era="stateless"), SMALL) as talk, talk() as client:
        for number in range(12):
            await client.call("create_collection", name=f"collection{number}")
        schema = await read(client, "arangodb://red/schema")
        assert len(schema["collections"]) == 12
        assert "indexes" in schema["left_out"]
        for number in range(12, 60):
            await client.call("create_collection", name=f"collection{number}")
        error = await refused(client, "arangodb://red/schema", INTERNAL_ERROR)
        assert error["code"] == "limit_exceeded"


async def test_a_database_that_is_down_is_an_error_with_its_word(
    way: Way, places: Places, free_port: int
) -> None:
    yaml = f'databases: {{red: {{url: "http://127.0.0.1:{free_port}"}}}}'
    async with places.open(way, yaml) as talk, talk() as client:
        error = await refused(client, "arangodb://red/schema", INTERNAL_ERROR)
        assert (error["code"], error["database"]) == ("unavailable", "red")
        context = {"database": "red"}
        assert await completed(client, "arangodb://{database}/graphs/{name}", "name", "", context) == []
        assert await completed(client, "arangodb://{database}/schema", "database", "r") == ["red"]


async def test_names_are_completed(way: Way, places: Places) -> None:
    async with filled(way, places) as client:
        template = "arangodb://{database}/collections/{name}"
        assert await completed(client, template, "database", "") == ["red", "blue"]
        assert await completed(client, template, "database", "L") == ["blue"]
        red, blue = {"database": "red"}, {"database": "blue"}
        assert await completed(client, template, "name", "", red) == ["knows", "users"]
        assert await completed(client, template, "name", "US", red) == ["users"]
        assert await completed(client, template, "name", "", blue) == []
        assert await completed(client, template, "name", "u") == ["users"]
        assert await completed(client, template, "name", "", {"database": "nowhere"}) == []
        graphs = "arangodb://{database}/graphs/{name}"
        assert await completed(client, graphs, "name", "s", red) == ["social"]
        assert await completed(client, "compare_environments", "other", "b") == ["blue"]
        assert await completed(client, "compare_environments", "collection", "k", red) == ["knows"]
        assert await completed(client, "model_graph", "domain", "x") == []
        for ref, argument in ((template, "key"), ("arangodb://x", "name"), ("nothing", "database")):
            with pytest.raises(MCPError) as raised:
                await completed(client, ref, argument, "")
            assert raised.value.error.code == INVALID_PARAMS


async def test_at_most_a_hundred_names_are_completed(places: Places) -> None:
    async with places.open(Way(carrier="memory", era="stateless")) as talk, talk() as client:
        for number in range(103):
            await client.call("create_collection", name=f"c{number}")
        answer = await client.client.complete(
            ResourceTemplateReference(uri="arangodb://{database}/collections/{name}"),
            {"name": "name", "value": "c"},
        )
        assert len(answer.completion.values) == 100
        assert (answer.completion.total, answer.completion.has_more) == (103, True)


async def test_prompts_are_listed_with_described_arguments(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        listed = (await client.client.list_prompts()).prompts
        assert [prompt.name for prompt in listed] == [
            "explore_database", "model_graph", "optimize_query", "compare_environments", "plan_backup",
        ]  # fmt: skip
        for prompt in listed:
            assert prompt.title
            assert prompt.description
            assert prompt.arguments
            assert all(argument.description for argument in prompt.arguments)


async def test_a_prompt_holds_what_it_was_given(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        text = await prompted(client, "explore_database", database="blue", question="who is {name}?")
        assert "database `blue`" in text
        assert "who is {name}?" in text
        assert "arango_query" in text
        text = await prompted(client, "explore_database")
        assert "Answer this question" not in text
        assert "arango_get_database_resolution" in text
        query = "RETURN '```'"
        assert f"````\n{query}\n````" in await prompted(client, "optimize_query", query=query)
        text = await prompted(client, "compare_environments", database="red", other="blue")
        assert "databases `red` and `blue`" in text
        assert "domain" in (await prompted(client, "model_graph", domain="trains"))
        assert "`red`" in await prompted(client, "plan_backup", database="red", loss="one hour")


async def test_wrong_arguments_of_a_prompt_are_refused(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        wrong: list[tuple[str, dict[str, str], str]] = [
            ("explore_databse", {}, "not_found"),
            ("model_graph", {}, "invalid_argument"),
            ("model_graph", {"domain": "x", "colour": "y"}, "invalid_argument"),
            ("plan_backup", {"database": "rad"}, "unknown_database"),
            ("optimize_query", {"query": "x" * 20_001}, "invalid_argument"),
            (
                "compare_environments",
                {"database": "red", "other": "blue", "collection": "a/b"},
                "invalid_argument",
            ),
        ]
        for name, arguments, code in wrong:
            with pytest.raises(MCPError) as raised:
                await client.client.get_prompt(name, arguments)
            assert raised.value.error.code == INVALID_PARAMS
            assert raised.value.error.data["code"] == code


async def test_an_endpoint_of_one_database_is_what_prompts_and_completions_are_about(places: Places) -> None:
    way = Way(carrier="http", era="stateless")
    async with places.open(way) as talk, talk("/mcp/db/blue") as client:
        await client.call("create_collection", name="only_blue")
        assert "database `blue`" in await prompted(client, "explore_database")
        template = "arangodb://{database}/collections/{name}"
        assert await completed(client, template, "name", "only") == ["only_blue"]


def test_prompts_name_only_tools_that_exist() -> None:
    optional = {step.tool for prompt in PROMPTS for step in prompt.steps}
    for prompt in PROMPTS:
        texts = [prompt.opening, prompt.closing, *(step.text for step in prompt.steps)]
        for name in re.findall(r"arango_\w+", " ".join(texts)):
            assert name in TOOLS_BY_NAME or name in ALIASES or name in optional, name


def test_a_fence_cannot_be_closed_from_inside() -> None:
    assert fenced("a ```` b").startswith("`````\n")
