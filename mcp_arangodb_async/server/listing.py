"""What `tools/list` answers: made once, narrowed by what the operator, the endpoint and the session chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_arangodb_async.sessions import SessionState
from mcp_arangodb_async.tools.schema import input_schema, output_schema
from mcp_arangodb_async.tools.spec import Tool
from mcp_arangodb_async.workflows.view import shown_tools

ALWAYS_SHOWN = {"patterns", "multi_tenancy"}
# Which tools' needs an authenticated caller's access meets; who may do everything sees everything.
ALLOWED: Mapping[str, frozenset[str | None]] = {
    "none": frozenset({None}),
    "read": frozenset({None, "read"}),
    "write": frozenset({None, "read", "write"}),
}


def wire_tool(tool: Tool, *, session: bool) -> dict[str, Any]:
    """The tool as MCP shows it; `session` for transports where the handle can matter."""
    wire: dict[str, Any] = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": input_schema(tool, session=session),
    }
    output = output_schema(tool)
    if output is not None:
        wire["outputSchema"] = output
    wire["annotations"] = tool.effect.annotations
    return wire


class ToolListing:
    """The tools of one server, in their order, as MCP shows them."""

    def __init__(
        self, tools: Sequence[Tool], *, session: bool, toolset: str = "full", read_only: bool = False
    ) -> None:
        listed = [tool for tool in tools if not (read_only and tool.effect.access in {"write", "admin"})]
        self._wire: Mapping[str, dict[str, Any]] = {
            tool.name: wire_tool(tool, session=session) for tool in listed
        }
        self._needed = {tool.name: tool.effect.access for tool in listed}
        self._always = {tool.name for tool in listed if tool.category in ALWAYS_SHOWN}
        self._names = shown_tools(list(self._wire), always=self._always, toolset=toolset)

    def schema_of(self, name: str) -> Mapping[str, Any] | None:
        """The tool's input schema, as the SDK asks for it on every call."""
        wire = self._wire.get(name)
        return None if wire is None else wire["inputSchema"]

    def shown(
        self,
        *,
        toolset: str | None = None,
        session: SessionState | None = None,
        access: str | None = None,
    ) -> list[dict[str, Any]]:
        """The tools for one client; `session` only where its protocol era lets lists differ by session.

        `access` is the most an authenticated caller may do: tools that always need more are left out.
        """
        names = self._names
        if toolset is not None:
            names = shown_tools(names, always=self._always, toolset=toolset)
        if session is not None and (session.workflow or session.stage or session.unloaded):
            names = shown_tools(
                names,
                always=self._always,
                workflow=session.workflow,
                stage=session.stage,
                unloaded=session.unloaded,
            )
        allowed = ALLOWED.get(access) if access is not None else None
        if allowed is not None:
            names = [name for name in names if self._needed[name] in allowed]
        return [self._wire[name] for name in names]
