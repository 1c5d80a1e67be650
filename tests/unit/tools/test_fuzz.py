"""No arguments, however wrong, get more out of a tool than its result or one of our errors.

Every tool is called with generated arguments through the one path all calls take. `make fuzz-tools` runs many
more of them, from other seeds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio.from_thread
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mcp_arangodb_async
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, RemoteServer, Settings
from mcp_arangodb_async.config.sections import BackupSettings, LimitSettings
from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.dispatch import Incoming, find
from mcp_arangodb_async.tools.catalog import ALL_TOOLS, TOOLS_BY_NAME
from mcp_arangodb_async.tools.spec import Tool
from tests.unit.tools.generated import arguments

# Examples for each tool; the make target raises it and takes another seed for each run.
EXAMPLES = int(os.environ.get("FUZZ_TOOLS_EXAMPLES", "9"))
MAXIMUM_BYTES = 64 * 1024
# What stands around the rows, and the text of an error.
MARGIN = 24 * 1024
CODES = {
    "unknown_database", "invalid_argument", "not_found", "conflict", "read_only", "denied", "unavailable",
    "timeout", "cancelled", "limit_exceeded", "unsupported",
}  # fmt: skip
ERROR_FACTS = {
    "code", "message", "hint", "database", "arango_error_num", "field", "did_you_mean", "request_id",
}  # fmt: skip
SOURCE = str(Path(mcp_arangodb_async.__file__).parents[1])
PREPARED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("create_graph", {
        "name": "social",
        "edge_definitions": [
            {"edge_collection": "knows", "from_collections": ["people"], "to_collections": ["people"]}
        ],
    }),
    ("create_collection", {"name": "things"}),
    ("bulk_insert", {
        "collection": "things", "documents": [{"_key": str(n), "n": n} for n in range(50)],
        "overwrite_mode": "replace",
    }),
    ("bulk_insert", {"collection": "people", "overwrite_mode": "replace", "documents": [
        {"_key": "a", "name": "Ann", "age": 3, "tags": ["x"]}, {"_key": "b", "name": "Bob", "of": "things/1"},
    ]}),
    ("add_edge", {"collection": "knows", "from_id": "people/a", "to_id": "people/b"}),
    ("create_index", {"collection": "people", "fields": ["age"], "name": "by_age"}),
    ("create_index", {
        "collection": "people", "fields": ["name"], "type": "inverted", "name": "words",
        "options": {"analyzer": "text_en"},
    }),
    ("create_schema", {"collection": "people", "name": "first", "schema": {"type": "object"}}),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An application in its own event loop, and the directory that it may write its backups below."""

    app: App
    directory: Path
    portal: anyio.from_thread.BlockingPortal

    def call(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """The MCP result of a call."""
        incoming = Incoming(name=name, arguments=given, transport="stdio", era="handshake")
        return self.portal.call(self.app.dispatcher.answer, incoming)

    def prepare(self) -> None:
        """Put back what arguments may mean; what is there already may refuse it."""
        for name, given_arguments in PREPARED:
            self.call(f"arango_{name}", given_arguments)


async def enter(stack: AsyncExitStack, directory: Path) -> App:
    memory = EmbeddedServer(directory=None)
    databases = {
        "red": DatabaseSettings(key="red", server=memory, database="red_data", access="admin"),
        "green": DatabaseSettings(key="green", server=memory, database="red_data", access="read"),
        # Nobody listens there.
        "gone": DatabaseSettings(
            key="gone", server=RemoteServer(urls=("http://127.0.0.1:1",)), database="gone"
        ),
    }
    configured = Settings(
        databases=databases,
        default_database="red",
        backup=BackupSettings(directory=str(directory / "backups")),
        limits=LimitSettings(max_bytes=MAXIMUM_BYTES, call_deadline=20, connect_deadline=1),
    )
    return await stack.enter_async_context(open_app(configured))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    """One application for all calls: what one call leaves behind is what the next one meets."""
    directory = tmp_path_factory.mktemp("fuzz")
    with anyio.from_thread.start_blocking_portal() as portal:
        stack = AsyncExitStack()
        app = portal.call(enter, stack, directory)
        place = Place(app=app, directory=directory, portal=portal)
        yield place
        portal.call(stack.aclose)


def check(result: dict[str, Any], place: Place) -> None:
    """The shape, the size and the silence of a result."""
    texts = [block["text"] for block in result["content"]]
    whole = "\n".join(texts)
    assert len(whole.encode("utf-8", errors="strict")) <= MAXIMUM_BYTES + MARGIN
    for leak in (SOURCE, str(place.directory), "Traceback (most recent", 'File "', "site-packages"):
        assert leak not in whole
    if "structuredContent" in result:
        assert json.loads(texts[0]) == json.loads(json.dumps(result["structuredContent"]))
    if not result["isError"]:
        return
    document = json.loads(texts[0])
    assert set(document) == {"error"}
    error = cast("dict[str, Any]", document["error"])
    assert {"code", "message", "request_id"} <= set(error) <= ERROR_FACTS
    assert error["code"] in CODES, error
    assert error["message"]


@pytest.mark.parametrize("tool", ALL_TOOLS, ids=lambda tool: tool.name)
def test_no_arguments_get_more_than_a_result_or_an_error(tool: Tool, place: Place) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="FUZZ_TOOLS_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(arguments(tool))
    def run(given_arguments: dict[str, Any]) -> None:
        check(place.call(tool.name, given_arguments), place)

    place.prepare()
    run()
    assert {path.name for path in place.directory.iterdir()} <= {"backups"}


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=80))
def test_no_name_of_a_tool_gets_more_than_an_error(name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        find(name, TOOLS_BY_NAME)
    assert len(caught.value.message) <= 200
