"""Trying a server before it is stored, or again later: one step after the other, each with what it found.

    schema -> address -> handshake -> tools -> credentials

The address is judged by the guard that every connection passes; the credentials are tried with the cheapest
call that the server's type has, and never shown.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from mcp_arangodb_async.config.tenancy import ServerType
from mcp_arangodb_async.errors import InputError, MaaError, UnsupportedError
from mcp_arangodb_async.gateway.clients import ClientKey, Upstream
from mcp_arangodb_async.gateway.conversation import redacted
from mcp_arangodb_async.gateway.door import Gateway
from mcp_arangodb_async.gateway.factory import SERVER_TYPES
from mcp_arangodb_async.gateway.guard import check_url
from mcp_arangodb_async.gateway.inventory import Reached
from mcp_arangodb_async.gateway.services import AI, CAPABILITIES, MINIO, POSTGRES, Capability, Chooser, mapped
from mcp_arangodb_async.gateway.tenants.model import Section
from mcp_arangodb_async.gateway.upstreams import Connection, Result, ToolCall
from mcp_arangodb_async.gateway.view import Rules, View, clean_text, view_of

StepName = Literal["schema", "address", "handshake", "tools", "credentials"]
STEPS: tuple[StepName, ...] = ("schema", "address", "handshake", "tools", "credentials")
MAXIMUM_SHOWN = 300
# What is called to find out whether a server's own credentials are good: cheap, and changes nothing.
PROBES: Mapping[ServerType, tuple[str, Mapping[str, Any]]] = {
    "postgres": ("postgres_query", {"sql": "SELECT 1"}),
    "minio": ("minio_list_buckets", {}),
    "ai_mcp_server": ("ai_list_models", {}),
}
OFFERED: Mapping[ServerType, tuple[Capability, ...]] = {
    "postgres": POSTGRES,
    "minio": MINIO,
    "ai_mcp_server": AI,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a trial; `ok` None means that it was not reached or has nothing to do."""

    name: StepName
    ok: bool | None
    message: str
    ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class Report:
    """What a trial found. `hashes` are the definitions that were seen, for approving them."""

    server: str
    steps: list[Step] = field(default_factory=list[Step])
    version: str | None = None
    tools: list[str] = field(default_factory=list[str])
    kept_back: dict[str, str] = field(default_factory=dict[str, str])
    capabilities: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    hashes: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def valid(self) -> bool:
        """Whether nothing failed."""
        return all(step.ok is not False for step in self.steps)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        reached = {step.name for step in self.steps}
        steps = [
            *self.steps,
            *(Step(name=name, ok=None, message="not reached") for name in STEPS if name not in reached),
        ]
        shown: dict[str, Any] = {
            "server": self.server,
            "valid": self.valid,
            "steps": [
                {
                    "step": step.name,
                    "result": {True: "ok", False: "failed", None: "skipped"}[step.ok],
                    "message": step.message,
                    "ms": round(step.ms, 1),
                }
                for step in steps
            ],
        }
        if self.version is not None:
            shown["protocol_version"] = self.version
            shown["tools"] = self.tools
        if self.kept_back:
            shown["kept_back"] = self.kept_back
        if self.capabilities:
            shown["capabilities"] = self.capabilities
        return shown


class Trial:
    """Tries one server; each method is a step, in their order."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        server: str,
        section: Section,
        secrets: Mapping[str, str],
        tenant: str,
        pins: Mapping[str, str] | None = None,
    ) -> None:
        self._gateway = gateway
        self._section = section
        self._secrets = secrets
        self._tenant = tenant
        self._pins = pins
        self._view = View(tools={}, kept_back={}, hashes={})
        self.report = Report(server=server)

    async def run(self) -> Report:
        """Every step until one fails."""
        self._add("schema", True, "the section is complete and well-formed")
        if self._section.mode != "tenant":
            self._add("address", None, f"mode is {self._section.mode}: no server of the tenant's own is used")
            return self.report
        if not await self._addressed():
            return self.report
        started = time.perf_counter()
        try:
            connection = await self._connected()
        except MaaError as error:
            self._add("handshake", False, error.message, started)
            return self.report
        try:
            self.report.version = connection.version
            self._add("handshake", True, f"speaks MCP {connection.version}", started)
            if await self._listed(connection):
                await self._probed(connection)
        finally:
            await connection.close()
        return self.report

    async def _addressed(self) -> bool:
        section = self._section
        started = time.perf_counter()
        try:
            if section.transport == "stdio":
                build = self._gateway.build(self.report.server, section, self._secrets)
                await SERVER_TYPES[section.TYPE].command(build)
                said = f"the operator's launcher {section.launcher!r}, told only of allowed addresses"
            else:
                pinned = await check_url(
                    section.url or "", self._gateway.reach, self._gateway.network.resolve
                )
                said = f"{pinned.location.origin} leads to {len(pinned.addresses)} allowed address(es)"
        except MaaError as error:
            self._add("address", False, error.message, started)
            return False
        self._add("address", True, said, started)
        return True

    async def _connected(self) -> Connection:
        build = self._gateway.build(self.report.server, self._section, self._secrets)
        target = await SERVER_TYPES[self._section.TYPE].target(build)
        return await self._gateway.connect(target, self._gateway.network)

    async def _listed(self, connection: Connection) -> bool:
        started = time.perf_counter()
        section = self._section
        try:
            definitions = await connection.list_tools(section.timeout)
        except MaaError as error:
            self._add("tools", False, error.message, started)
            return False
        rules = Rules(
            allow=frozenset(section.allow_tools) if section.allow_tools is not None else None,
            tenant_argument=section.tenant_argument,
            pins=self._pins,
        )
        view = self._view = view_of(self.report.server, definitions, rules)
        self.report.tools = list(view.tools)
        self.report.kept_back = dict(view.kept_back)
        self.report.hashes = dict(view.hashes)
        missing = sorted(set(section.allow_tools or ()) - set(view.hashes))
        missing += [tool for tool in section.tools.values() if tool not in view.hashes]
        if missing:
            there = ", ".join(list(view.hashes)[:20]) or "none"
            self._add("tools", False, f"no tool {', '.join(missing)}; there are: {there}", started)
            return False
        reached = self._reached()
        for capability in OFFERED.get(section.TYPE, ()):
            found = Chooser(capability)(reached, view.tools)
            self.report.capabilities[capability.name] = None if found is None else found.upstream_name
        self._add("tools", True, f"{len(view.tools)} tools, {len(view.kept_back)} of them not shown", started)
        return True

    async def _probed(self, connection: Connection) -> None:
        started = time.perf_counter()
        probe = PROBES.get(self._section.TYPE)
        if probe is None:
            self._add("credentials", True, "the server let us list its tools with them", started)
            return
        name, arguments = probe
        capability = CAPABILITIES[name]
        tool = Chooser(capability)(self._reached(), self._view.tools)
        if tool is None:
            self._add("credentials", None, f"no tool for {name} to try them with")
            return
        try:
            sent = tool.arguments(mapped(capability, tool, arguments), self._downstream())
            result = await connection.call_tool(
                ToolCall(
                    name=tool.upstream_name,
                    arguments=sent,
                    timeout=self._section.timeout,
                    headers=tool.param_headers(sent),
                )
            )
        except UnsupportedError as error:
            self._add("credentials", None, error.message, started)
            return
        except MaaError as error:
            self._add("credentials", False, error.message, started)
            return
        if result.get("isError"):
            said = words_of(redacted(result, connection.secrets))
            self._add("credentials", False, f"{tool.upstream_name} answered: {said}", started)
        else:
            self._add("credentials", True, f"{tool.upstream_name} answered", started)

    def _downstream(self) -> str:
        return self._section.downstream_tenant_id or self._tenant

    def _reached(self) -> Reached:
        """The server as a call would reach it, for choosing tools only."""

        async def unopened(_version: str | None) -> Connection:
            raise InputError("a trial opens its own connection")

        async def unpinned() -> Mapping[str, str]:
            return {}

        return Reached(
            name=self.report.server,
            type=self._section.TYPE,
            layer="tenant",
            upstream=Upstream(
                key=ClientKey(place=("", self.report.server), version=None),
                open=unopened,
                concurrency=1,
                shown=f"server {self.report.server!r}",
            ),
            rules=Rules(),
            pins=unpinned,
            timeout=self._section.timeout,
            downstream_tenant=self._downstream(),
            capabilities=self._section.tools,
        )

    def _add(self, name: StepName, ok: bool | None, message: str, started: float | None = None) -> None:
        ms = 0.0 if started is None else (time.perf_counter() - started) * 1000
        self.report.steps.append(Step(name=name, ok=ok, message=message, ms=ms))


def unreadable(server: str, error: MaaError) -> Report:
    """The report of a section that cannot even be read."""
    report = Report(server=server)
    report.steps.append(Step(name="schema", ok=False, message=error.message))
    return report


def words_of(result: Result) -> str:
    """What a failed tool said, cleaned and cut."""
    content: object = result.get("content")
    blocks = cast("list[dict[str, Any]]", content) if isinstance(content, list) else []
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    return clean_text(" ".join(texts))[:MAXIMUM_SHOWN] or "nothing"
