"""What is true of every tool of tenants: its snapshot, its schema, and who may call it.

`make goldens` rewrites the snapshots under tests/snapshots/tenant_tools. A new tool needs a row in RIGHTS and
a line in ARGUMENTS.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.gateway.roles import TABLE, Action
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.listing import wire_tool
from mcp_arangodb_async.tools.spec import Tool
from mcp_arangodb_async.tools.tenancy import LISTED_FOR, SERVER_OF
from mcp_arangodb_async.tools.tenant_catalog import SERVICE_TOOLS, TENANT_TOOLS
from tests.interaction.isolation import ROLES, SERVICES, Machine, Role, principal_of
from tests.upstreams.gateways import Gateways

SNAPSHOTS = Path(__file__).parent / "snapshots" / "tenant_tools"
TOOLS = (*TENANT_TOOLS, *SERVICE_TOOLS)
RELAYED = "postgres__read"
# What a reader of the requirements expects. o: for the own tenant; a: for one acted for; p: for none.
RIGHTS = """
                                uber_admin  tenant_admin  project_admin  end_user
rag_register_tenant_mcp_config  a           o             -              -
rag_update_tenant_mcp_config    a           o             -              -
rag_get_tenant_mcp_config       a           o             -              -
rag_list_tenant_mcp_config      p           -             -              -
rag_delete_tenant_mcp_config    a           o             -              -
rag_validate_tenant_mcp_config  a           o             -              -
rag_test_tenant_mcp_config      a           o             -              -
rag_explain_tenant_mcp_config   a           o             o              -
rag_rollback_tenant_mcp_config  a           o             -              -
postgres_query                  -           o             o              o
postgres_list_tables            -           o             o              o
postgres_describe_table         -           o             o              o
minio_list_buckets              -           o             o              o
minio_create_bucket             -           o             o              o
minio_list_objects              -           o             o              o
minio_put_object                -           o             o              o
minio_get_object                -           o             o              o
minio_delete_object             -           o             o              o
embeddings_generate             -           o             o              o
ai_chat                         -           o             o              o
ai_list_models                  -           o             o              o
postgres__read                  -           o             o              o
"""
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "rag_register_tenant_mcp_config": {"servers": {"new": {"mode": "inherit"}}, "dry_run": True},
    "rag_update_tenant_mcp_config": {"enabled": True, "dry_run": True},
    "rag_get_tenant_mcp_config": {},
    "rag_list_tenant_mcp_config": {},
    "rag_delete_tenant_mcp_config": {"server": "postgres", "dry_run": True},
    "rag_validate_tenant_mcp_config": {"server": "postgres", "approve": ["*"]},
    "rag_test_tenant_mcp_config": {},
    "rag_explain_tenant_mcp_config": {},
    "rag_rollback_tenant_mcp_config": {"version": 1, "dry_run": True},
    **SERVICES,
    RELAYED: {"text": "x"},
}
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


@every_tool
def test_a_tool_is_what_its_snapshot_says(tool: Tool, update: bool) -> None:
    path = SNAPSHOTS / f"{tool.name}.json"
    found = json.dumps(wire_tool(tool, session=True), indent=2, ensure_ascii=False) + "\n"
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.exists(), "no snapshot; `make goldens` writes it"
    assert path.read_text(encoding="utf-8") == found


def test_every_snapshot_has_a_tool() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*")} == {tool.name for tool in TOOLS}


@every_tool
def test_a_schema_is_closed_and_every_argument_described(tool: Tool) -> None:
    schema: dict[str, Any] = wire_tool(tool, session=True)["inputSchema"]
    assert schema["additionalProperties"] is False
    for name, shape in schema.get("properties", {}).items():
        assert shape.get("description"), f"{name} is not described"
        assert "type" in shape, f"{name} has no type"
        assert shape["type"] != "array" or "items" in shape, f"{name}: some clients refuse such arrays"


def rights() -> dict[str, dict[Role, str]]:
    """The rows of the table above."""
    lines = [line.split() for line in RIGHTS.strip().splitlines()[1:]]
    return {name: dict(zip(ROLES, cells, strict=True)) for name, *cells in lines}


def test_every_tool_has_a_row_and_the_row_is_what_the_roles_say() -> None:
    assert set(rights()) == {RELAYED, *(tool.name for tool in TOOLS)} == set(ARGUMENTS)
    assert set(LISTED_FOR) == {tool.name for tool in TENANT_TOOLS}
    assert set(SERVER_OF) == {tool.name for tool in SERVICE_TOOLS}
    letters = {"own": "o", "acting": "a", "platform": "p"}
    for name, row in rights().items():
        action: Action = LISTED_FOR.get(name, "upstream.use")
        for role, cell in row.items():
            allowed = {letters[relation] for relation in TABLE[role].get(action, frozenset())}
            if role == "uber_admin":
                # An Uber Admin has no tenant of its own, and only managing tools let it name one.
                allowed &= {"a", "p"} if name in LISTED_FOR else set[str]()
            assert "".join(sorted(allowed)) == cell.replace("-", ""), (name, role)


class Tenancies:
    """An application in which tenant `north` has a server of each kind."""

    def __init__(self, directory: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._opened = open_app(Gateways(directory).settings({"rate": 10_000}))
        self.machine = Machine(self.loop.run_until_complete(self._opened.__aenter__()), seed=1)
        for server in ("postgres", "minio", "ai_mcp_server"):
            self.loop.run_until_complete(self.machine.register("north", server))

    def call(self, role: Role, name: str, **more: Any) -> str:
        """How the call of a role ends: `ok`, or the code of its error."""
        arguments = {**ARGUMENTS[name], **more}
        answer = self.loop.run_until_complete(
            self.machine.call("north", role, name, arguments, acts_for=more.get("acting_for"))
        )
        found: dict[str, Any] = answer.get("structuredContent") or {}
        return found.get("error", {}).get("code", "ok")

    def listed(self, role: Role) -> set[str]:
        """The names that a role is shown, without those hidden from it."""
        who = principal_of("north", role)
        listing = self.loop.run_until_complete(self.machine.tenancy.listing(who, ""))
        names = {tool.name for tool in TOOLS} | {str(tool["name"]) for tool in listing.tools}
        return names - listing.hidden

    def close(self) -> None:
        self.loop.run_until_complete(self._opened.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def tenancies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenancies]:
    """One application for the whole table."""
    opened = Tenancies(tmp_path_factory.mktemp("tenancies"))
    yield opened
    opened.close()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_role_may_call_and_is_shown_what_its_row_says(
    tenancies: Tenancies, name: str, role: Role
) -> None:
    cell = rights()[name][role]
    if name in LISTED_FOR and name != "rag_list_tenant_mcp_config":
        acting = tenancies.call(role, name, acting_for="north")
        assert (acting != "denied") is (cell == "a"), acting
    plain = tenancies.call(role, name)
    assert (plain != "denied") is (cell in {"o", "p"}), plain
    assert (name in tenancies.listed(role)) is (cell != "-")
    assert tenancies.machine.leaks == []
