"""What a connection to an upstream server is: the records that go in, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mcp_arangodb_async.errors import LimitError, MaaError, NotFoundError, UnavailableError, UpstreamError
from mcp_arangodb_async.gateway.guard import Location

Way = Literal["http", "sse", "stdio"]
Definition = dict[str, Any]
Result = dict[str, Any]
Report = Callable[[float, float | None, str | None], Awaitable[None]]
Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

STATELESS_VERSION = "2026-07-28"
# A listing that never ends, or is larger than any model could read, is cut off as a fault of the upstream.
MAXIMUM_PAGES = 50
MAXIMUM_TOOLS = 1000
# Shorter texts are in every answer by chance.
SHORTEST_SECRET = 8
CLIENT_NAME = "mcp-arangodb-async"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program that speaks MCP on its standard input and output; from the operator's file only.

    `environment` is everything the program gets to see besides a search path; `secrets` are those within it.
    """

    program: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    directory: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where an upstream is and how to speak to it.

    `headers` hold secrets and are never shown; `version` is the protocol version that was negotiated before,
    which saves asking again.
    """

    server: str
    way: Way
    location: Location | None = None
    command: Command | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    connect_timeout: float = 5.0
    call_timeout: float = 60.0
    version: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not come back out of the upstream: an honest one has no reason to repeat it."""
        values = [*self.headers.values()]
        if self.command is not None:
            values += [*self.command.environment.values(), *self.command.secrets]
        words = [word for value in values for word in (value, value.rpartition(" ")[2])]
        return tuple(dict.fromkeys(word for word in words if len(word) >= SHORTEST_SECRET))

    @property
    def shown(self) -> str:
        """The upstream in an error: its name and where it is, without credentials."""
        return f"{self.server} ({self.location.origin})" if self.location else self.server


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call of an upstream's tool.

    `ask` puts an upstream's question to the caller, where its transport can; `elicitation` says that the
    caller can answer questions. `responses` and `state` continue a call that was answered with a question.
    `headers` are what 2026-07-28 mirrors of annotated arguments.
    """

    name: str
    arguments: Mapping[str, Any]
    timeout: float
    report: Report | None = None
    ask: Ask | None = None
    elicitation: bool = False
    responses: Mapping[str, Any] | None = None
    state: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Connection(Protocol):
    """An open connection. `shared` ones keep no state between calls, so callers may share them."""

    @property
    def version(self) -> str:
        """The protocol version that was negotiated."""
        ...

    @property
    def shared(self) -> bool:
        """Whether callers may share it."""
        ...

    @property
    def alive(self) -> bool:
        """Whether another call may succeed on it."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """The credentials that it sends."""
        ...

    async def list_tools(self, seconds: float) -> list[Definition]:
        """The upstream's tools as it describes them."""
        ...

    async def call_tool(self, call: ToolCall) -> Result:
        """The result of a call, or of kind `input_required`; raises our errors only."""
        ...

    async def close(self) -> None:
        """End it; calls under way fail."""
        ...


def rpc_error(target: Target, code: int) -> MaaError:
    """An upstream's JSON-RPC error in our words: its own text may hold anything and is not passed on."""
    match code:
        case -32602:
            return UpstreamError(
                f"{target.shown} refused the arguments of the call (-32602)",
                hint="compare them with the tool's input schema in tools/list",
            )
        case -32601:
            return NotFoundError(f"{target.shown} does not know the method or tool (-32601)")
        case -32000:
            return UnavailableError(f"{target.shown} ended the connection before it answered")
        case -32001:
            return UnavailableError(f"{target.shown} did not answer in time")
        case -32022:
            return UnavailableError(f"{target.shown} does not speak the protocol version that it did before")
        case _:
            return UpstreamError(f"{target.shown} answered with error {code}")


def malformed(target: Target) -> UpstreamError:
    """An answer that is not what the protocol says."""
    return UpstreamError(f"{target.shown} answered with something that the protocol does not allow")


def too_many(target: Target) -> LimitError:
    """A listing without end."""
    return LimitError(
        f"{target.shown} lists more than {MAXIMUM_TOOLS} tools, or on more than {MAXIMUM_PAGES} pages"
    )
