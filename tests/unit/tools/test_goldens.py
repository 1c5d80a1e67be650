"""Conversations with the tools, kept as text: tests/goldens/tools/<domain>.txt.

Each file is one conversation with an application of its own, over three databases: `red` may be written and
is the default, `blue` may be administered, `green` only read. A line `> name {arguments}` is a call; what
follows up to the next call is its answer. A line `! POST red _api/view {...}` prepares a database where no
tool does, with a request to its server. Values that differ from run to run are written as `~`. `--update`
rewrites the answers for review.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, cast

import anyio
import pytest

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.config.sections import BackupSettings
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.dispatch import Incoming

GOLDENS = Path(__file__).parents[2] / "goldens" / "tools"
CALL = re.compile(r"> (?P<name>[a-z_]+) (?P<arguments>\{.*\})\Z")
VARYING = {
    "_rev", "_old_rev", "request_id", "executionTime", "latency_ms", "version", "next", "analysis_timestamp",
    "peakMemoryUsage", "profile", "ms", "first_used", "last_used",
}  # fmt: skip
MEASURED = re.compile(r"\b[0-9.]+ ms\b")
REQUEST = re.compile(r"! (?P<method>POST|PUT) (?P<key>[a-z]+) (?P<path>\S+) (?P<body>\{.*\})\Z")
# The whole catalogue: other tests know it, and a new tool must not rewrite a conversation.
MANY_TOOLS = 20
# Ids that the server counts up; keys and names in the files are our own.
NUMBERED = re.compile(r"\b(?:idx_)?\d{3,}\b")


def settings(directory: Path) -> Settings:
    place = EmbeddedServer(directory=None)
    access: dict[str, Any] = {"red": "write", "blue": "admin", "green": "read"}
    databases = {
        key: DatabaseSettings(key=key, server=place, database=f"{key}_data", access=access[key])
        for key in access
    }
    backup = BackupSettings(directory=str(directory))
    return Settings(databases=databases, default_database="red", backup=backup)


def steady(value: Any, name: str = "") -> Any:
    """The value without what differs from run to run."""
    if name in VARYING:
        return "~"
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: steady(member, key) for key, member in members.items()}
    if name == "active_tools" and len(value) > MANY_TOOLS:
        return "~"
    if isinstance(value, list):
        return [steady(item) for item in cast("list[Any]", value)]
    if name == "id" and isinstance(value, str):
        return NUMBERED.sub("~", value)
    if isinstance(value, str):
        return MEASURED.sub("~ ms", value)
    return value


def shown(block: str) -> str:
    """A text block of an answer, steady and readable: one line, or one for each member that is long."""
    try:
        document = steady(json.loads(block))
    except ValueError:
        return block.rstrip("\r\n").replace("\r\n", "\n")
    line = json.dumps(document, ensure_ascii=False)
    if len(line) <= 160 or not isinstance(document, dict):
        return line
    members = cast("dict[str, Any]", document)
    return "{\n" + ",\n".join(f"  {member(name, value)}" for name, value in members.items()) + "\n}"


def member(name: str, value: Any) -> str:
    text = f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
    if len(text) <= 160 or not isinstance(value, list):
        return text
    items = ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in cast("list[Any]", value))
    return f"{json.dumps(name)}: [\n{items}\n  ]"


async def prepare(app: App, request: re.Match[str]) -> None:
    """Send a request to the server of a database."""
    database = await app.manager.get_database(request["key"])
    method = cast("Literal['POST', 'PUT']", request["method"])
    await database.call(method, *request["path"].split("/"), body=json.loads(request["body"]))


async def conversation(text: str, directory: Path) -> str:
    """The same file with the answers that the tools give now."""
    head = re.split(r"\n[>!] ", text, maxsplit=1)[0].rstrip("\n")
    lines = [head]
    async with open_app(settings(directory)) as app:
        for line in text.splitlines():
            request = REQUEST.match(line)
            if request is not None:
                lines += ["", line]
                await prepare(app, request)
                continue
            found = CALL.match(line)
            if found is None:
                assert not line.startswith((">", "!")), f"not a call: {line}"
                continue
            arguments: dict[str, Any] = json.loads(found["arguments"])
            incoming = Incoming(
                name=f"arango_{found['name']}", arguments=arguments, transport="stdio", era="handshake"
            )
            result = await app.dispatcher.answer(incoming)
            lines += ["", line, *(shown(block["text"]) for block in result["content"])]
    return "\n".join(lines) + "\n"


def test_every_domain_has_a_conversation() -> None:
    assert {path.suffix for path in GOLDENS.iterdir()} == {".txt"}


@pytest.mark.parametrize("path", sorted(GOLDENS.glob("*.txt")), ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(path: Path, update: bool, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = anyio.run(conversation, text, tmp_path)
    if update:
        path.write_text(found, encoding="utf-8")
    else:
        assert found == text
