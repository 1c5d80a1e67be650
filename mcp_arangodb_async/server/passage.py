"""One call on its way through the server: what a transport hands over, and what becomes known of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_arangodb_async.sessions import Principal
from mcp_arangodb_async.sessions.identity import Era, Transport
from mcp_arangodb_async.tools.call import NO_QUESTIONS, Questions
from mcp_arangodb_async.tools.spec import Args, Tool


async def unreported(_done: float, _total: float | None, _message: str | None) -> None:
    """Progress that nobody asked for."""


async def unannounced() -> None:
    """A change of the tool list that this client's protocol era has no words for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A call as a transport hands it over; `who` is the authenticated caller, None for somebody unknown.

    `confirmed` says that a person was asked already: the command line does so itself.
    """

    name: str
    arguments: Mapping[str, Any]
    transport: Transport
    era: Era
    endpoint_database: str | None = None
    transport_session: str | None = None
    who: Principal | None = None
    confirmed: bool = False
    report: Callable[[float, float | None, str | None], Awaitable[None]] = unreported
    list_changed: Callable[[], Awaitable[None]] = unannounced
    questions: Questions = NO_QUESTIONS

    @property
    def principal(self) -> str | None:
        """The one text that stands for who calls."""
        return None if self.who is None else self.who.id

    @property
    def owner(self) -> str:
        """Whom a cursor belongs to: the principal, else the transport's session."""
        return self.principal or self.transport_session or self.transport

    @property
    def may_be_shared(self) -> bool:
        """Whether the call could fall into its principal's default session."""
        return self.era == "stateless" and self.who is not None and self.endpoint_database is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that was understood: the tool, its typed arguments, and the session handle it presented."""

    tool: Tool
    args: Args
    handle: str | None


@dataclass(slots=True, kw_only=True)
class Passage:
    """How far a call came: filled in on the way in, read by middleware on the way out.

    `asked` is None for a call that was not understood; `refusal` then says why. `tool` is a registered name,
    or what the caller wrote, cut. `outcome` is `ok`, or the code of the error that was answered.
    """

    incoming: Incoming
    request_id: str
    tool: str
    asked: Asked | None = None
    refusal: Exception | None = None
    database: str | None = None
    session: str | None = None
    rows: int | None = None
    outcome: str = "cancelled"

    @property
    def known_tool(self) -> str | None:
        """The registered name; None where the caller named no tool of ours."""
        return None if self.asked is None else self.asked.tool.name


WireResult = dict[str, Any]
Step = Callable[[Passage], Awaitable[WireResult]]
