"""One path for every call: find, validate, resolve, authorise, run, render, record.

A tool parses nothing, catches nothing and logs nothing; that is done here, the same for all.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.connections import call_limits
from mcp_arangodb_async.errors import DeadlineError, InputError, LimitError, MaaError, NotFoundError
from mcp_arangodb_async.observability import get_logger, new_request_id, request_id
from mcp_arangodb_async.server.deadlines import Deadlines
from mcp_arangodb_async.server.render import WireResult, failed, rendered, unexpected
from mcp_arangodb_async.sessions import (
    Resolution,
    SessionChoice,
    SessionRequest,
    SessionState,
    SessionStore,
    handle_session,
    mint_handle,
    resolve_database,
    session_of,
)
from mcp_arangodb_async.sessions.identity import Era, Transport
from mcp_arangodb_async.tools.aliases import ALIASES, RENAMED
from mcp_arangodb_async.tools.arguments import parse_args
from mcp_arangodb_async.tools.call import Call, Surroundings
from mcp_arangodb_async.tools.spec import Args, DatabaseArgs, Effect, Tool

log = get_logger(__name__)
# Calls beyond those that run wait in line; more than this many times as many are refused.
WAITING_PER_SLOT = 4


async def unreported(_done: float, _total: float | None, _message: str | None) -> None:
    """Progress that nobody asked for."""


async def unannounced() -> None:
    """A change of the tool list that this client's protocol era has no words for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A call as a transport hands it over."""

    name: str
    arguments: Mapping[str, Any]
    transport: Transport
    era: Era
    endpoint_database: str | None = None
    transport_session: str | None = None
    principal: str | None = None
    report: Callable[[float, float | None, str | None], Awaitable[None]] = unreported
    list_changed: Callable[[], Awaitable[None]] = unannounced

    @property
    def owner(self) -> str:
        """Whom a cursor belongs to: the principal, else the transport's session."""
        return self.principal or self.transport_session or self.transport

    @property
    def may_be_shared(self) -> bool:
        """Whether the call could fall into its principal's default session."""
        return self.era == "stateless" and self.principal is not None and self.endpoint_database is None


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a call came, for its record and its error."""

    request_id: str
    tool: str
    database: str | None = None


class Dispatcher:
    """Answers calls; one for an application, whatever its transports."""

    def __init__(self, settings: Settings, around: Surroundings, sessions: SessionStore) -> None:
        self._settings = settings
        self._around = around
        self._sessions = sessions
        self._slots = asyncio.Semaphore(settings.limits.concurrent_calls)
        self._waiting = 0
        self._deadlines = Deadlines()
        self._prefix = new_request_id()[:6]
        self._numbers = itertools.count(1)
        self._tells = settings.log.level == "DEBUG"
        # The session of a pipe depends on nothing that a call brings along.
        self._piped = session_of(SessionRequest(transport="stdio", era="handshake"))

    async def answer(self, incoming: Incoming) -> WireResult:
        """The call's result or error; raises nothing but the caller's own cancellation."""
        progress = Progress(request_id=self._request_id(), tool=incoming.name[:64])
        started = time.perf_counter() if self._tells else 0.0
        outcome = "ok"
        try:
            with request_id(progress.request_id):
                return await self._admitted(incoming, progress)
        except MaaError as error:
            outcome = error.code
            return failed(error, request_id=progress.request_id, database=progress.database)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception:
            outcome = "internal"
            log.exception("call.bug", tool=progress.tool, request_id=progress.request_id)
            return unexpected(request_id=progress.request_id, database=progress.database)
        finally:
            if self._tells:
                log.debug(
                    "call",
                    tool=progress.tool,
                    database=progress.database,
                    outcome=outcome,
                    ms=round((time.perf_counter() - started) * 1000, 2),
                    request_id=progress.request_id,
                )

    def _request_id(self) -> str:
        """The next id: random for the process, counted within it."""
        return f"{self._prefix}{next(self._numbers):06x}"

    async def _admitted(self, incoming: Incoming, progress: Progress) -> WireResult:
        """Run the call when there is room, under its deadline."""
        tool = find(incoming.name, self._around.tools)
        progress.tool = tool.name
        arguments = dict(incoming.arguments)
        handle = arguments.pop("session", None)
        if handle is not None and not isinstance(handle, str):
            raise InputError("session: should be a string", field="session")
        args = parse_args(tool.args, arguments)
        seconds = tool.limit_seconds or self._settings.limits.call_deadline
        try:
            with self._deadlines.within(seconds):
                await self._take_place()
                try:
                    return await self._in_session(tool, args, handle, incoming, progress)
                finally:
                    self._slots.release()
        except TimeoutError:
            raise DeadlineError(
                f"{tool.name} took longer than {seconds:g} seconds and was stopped",
                hint="ask for less at a time, or raise limits.call_deadline",
            ) from None

    async def _take_place(self) -> None:
        """Wait until there is room, unless too many wait already."""
        if self._waiting >= self._settings.limits.concurrent_calls * WAITING_PER_SLOT:
            raise LimitError("the server is busy: too many calls are waiting", hint="try again in a moment")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Stop watching deadlines."""
        self._deadlines.close()

    async def _in_session(
        self, tool: Tool, args: Args, handle: str | None, incoming: Incoming, progress: Progress
    ) -> WireResult:
        """Run the call in its session's turn and count it there."""
        choice = self._choice(tool, args, handle, incoming)
        turn: AbstractAsyncContextManager[SessionState | None] = nullcontext()
        if choice.id is not None:
            turn = self._sessions.turn(choice.id, must_exist=choice.must_exist, shared=choice.shared)
        async with turn as session:
            try:
                answer = await self._run(tool, args, choice, session, incoming, progress)
            except MaaError:
                if session is not None:
                    session.record(tool.name, now=time.time(), failed=True)
                raise
            if session is not None:
                session.record(tool.name, now=time.time())
            return answer

    def _choice(self, tool: Tool, args: Args, handle: str | None, incoming: Incoming) -> SessionChoice:
        """The session the call belongs to."""
        if incoming.transport == "stdio" and handle is None:
            return self._piped
        return session_of(
            SessionRequest(
                transport=incoming.transport,
                era=incoming.era,
                handle=handle,
                endpoint_database=incoming.endpoint_database,
                transport_session=incoming.transport_session,
                principal=incoming.principal,
                # Only where several conversations may share a session does it matter whether the call writes.
                writes=incoming.may_be_shared and handle is None and writes(tool, args),
                sets_state=tool.effect is Effect.SESSION,
                names_database=isinstance(args, DatabaseArgs) and args.database is not None,
            )
        )

    async def _run(
        self,
        tool: Tool,
        args: Args,
        choice: SessionChoice,
        session: SessionState | None,
        incoming: Incoming,
        progress: Progress,
    ) -> WireResult:
        """Resolve, authorise, run, render."""
        resolution = None
        facts: dict[str, Any] = {}
        focus = choice.fixed_focus or (session.focused_database if session else None)
        if isinstance(args, DatabaseArgs):
            resolution = resolve_database(args.database, focus, self._settings)
            progress.database = resolution.key
            facts = {"database": resolution.key, "resolved_by": level_name(resolution, choice)}
        call = Call(
            request_id=progress.request_id,
            around=self._around,
            choice=choice,
            owner=incoming.owner,
            session=session,
            resolution=resolution,
            change=self._changer(choice, session, incoming),
            report=incoming.report,
            list_changed=incoming.list_changed,
        )
        if resolution is None:
            return rendered(await tool.run(call, args), facts, self._around.limits)
        if tool.effect.access is not None:
            call.require(tool.effect.access, tool.name)
        with call_limits(mark=call.mark):
            result = await tool.run(call, args)
        return rendered(result, facts, self._around.limits)

    def _changer(
        self, choice: SessionChoice, session: SessionState | None, incoming: Incoming
    ) -> Callable[[Callable[[SessionState], None]], Awaitable[str | None]]:
        async def change(apply: Callable[[SessionState], None]) -> str | None:
            """Change the session, or make one and return its handle where the client has none of its own."""
            if session is not None:
                apply(session)
            if not choice.mint:
                return None
            handle = mint_handle()
            async with self._sessions.turn(handle_session(handle, incoming.principal)) as minted:
                apply(minted)
            return handle

        return change


def writes(tool: Tool, args: Args) -> bool:
    """Whether this call may change data: a tool with a statement is asked about it."""
    if tool.writes is not None:
        return tool.writes(args)
    return tool.effect not in {Effect.READ, Effect.SESSION, Effect.EXPORT}


def level_name(resolution: Resolution, choice: SessionChoice) -> str:
    """What decided the database, in one word."""
    return "endpoint" if resolution.level == 2 and choice.fixed_focus is not None else resolution.source


def find(name: str, tools: Mapping[str, Tool]) -> Tool:
    """The tool of that name or alias; NotFoundError with the closest names, or the new one."""
    tool = tools.get(ALIASES.get(name, name))
    if tool is not None:
        return tool
    if name in RENAMED:
        raise NotFoundError(
            f"{name} is now called {RENAMED[name]}", field="name", did_you_mean=[RENAMED[name]]
        )
    shown = name[:64]
    close = get_close_matches(shown, [*tools, *ALIASES], n=3)
    if not close:
        close = [known for known in tools if known == f"arango_{shown}"]
    raise NotFoundError(
        f"no tool {shown!r}",
        field="name",
        hint="tools/list names the tools",
        did_you_mean=[ALIASES.get(match, match) for match in close],
    )
