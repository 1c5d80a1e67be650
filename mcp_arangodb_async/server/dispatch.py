"""One path for every call: find, validate, resolve, authorise, run, render, record.

A tool parses nothing, catches nothing and logs nothing; that is done here, the same for all.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.connections import marked
from mcp_arangodb_async.errors import DeniedError, InputError, MaaError, NotFoundError, UnavailableError
from mcp_arangodb_async.observability import new_request_id, request_id
from mcp_arangodb_async.server.middleware import Watch, layered
from mcp_arangodb_async.server.passage import (
    Asked,
    Incoming,
    Passage,
    WireResult,
    unannounced,
    unreported,
)
from mcp_arangodb_async.server.render import rendered
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
from mcp_arangodb_async.tools.aliases import ALIASES, RENAMED
from mcp_arangodb_async.tools.arguments import parse_args
from mcp_arangodb_async.tools.call import Call, Surroundings
from mcp_arangodb_async.tools.result import Rows, Streamed
from mcp_arangodb_async.tools.spec import Args, DatabaseArgs, Effect, Tool

# What upstream servers do is not done to a database of ours, so no focus says where.
REMOTE = frozenset({Effect.REMOTE_READ, Effect.REMOTE_CHANGE})
NOT_WRITING = frozenset({Effect.READ, Effect.SESSION, Effect.EXPORT, *REMOTE})
NO_SESSION = SessionChoice(source="none")

if TYPE_CHECKING:
    from mcp_arangodb_async.server.confirmation import Confirmation

__all__ = ["Dispatcher", "Incoming", "Passage", "find", "unannounced", "unreported", "writes"]


class Dispatcher:
    """Answers calls; one for an application, whatever its transports."""

    def __init__(
        self,
        settings: Settings,
        around: Surroundings,
        sessions: SessionStore,
        watch: Watch | None = None,
    ) -> None:
        self._settings = settings
        self._around = around
        self._sessions = sessions
        self._watch = watch or Watch(settings=settings)
        self._prefix = new_request_id()[:6]
        self._numbers = itertools.count(1)
        # The session of a pipe depends on nothing that a call brings along.
        self._piped = session_of(SessionRequest(transport="stdio", era="handshake"))
        self._confirmation: Confirmation | None = None
        self._layered = layered(self._watch, self._in_session)

    async def answer(self, incoming: Incoming) -> WireResult:
        """The call's result or error; raises nothing but the caller's own cancellation."""
        passage = Passage(incoming=incoming, request_id=self._request_id(), tool=incoming.name[:64])
        try:
            tenancy = self._around.tenancy
            asked = tenancy.relayed(incoming.name, incoming.arguments) if tenancy is not None else None
            if asked is not None:
                passage.asked = Asked(tool=asked[0], args=asked[1], handle=None)
            else:
                passage.asked = understood(incoming, self._around.tools)
                passage.tool = passage.asked.tool.name
        except Exception as error:  # noqa: BLE001 - raised again inside the layers, which answer it
            passage.refusal = error
        with request_id(passage.request_id):
            return await self._layered(passage)

    def _request_id(self) -> str:
        """The next id: random for the process, counted within it."""
        return f"{self._prefix}{next(self._numbers):06x}"

    def renew(self, settings: Settings, around: Surroundings) -> None:
        """Answer the calls that come from now on with another configuration."""
        self._settings = settings
        self._around = around

    def close(self) -> None:
        """Stop watching deadlines."""
        self._watch.deadlines.close()

    async def _in_session(self, passage: Passage) -> WireResult:
        """Run the call in its session's turn and count it there."""
        if passage.asked is None:
            assert passage.refusal is not None
            raise passage.refusal
        tool = passage.asked.tool
        if tool.effect in REMOTE:
            # What happens elsewhere has no part in a session of ours: no call waits for another.
            return await self._run(passage.asked, NO_SESSION, None, passage)
        choice = self._choice(passage.asked, passage.incoming)
        if not tool.in_turn and choice.id is not None:
            # What stops a call of the session cannot wait until that call has ended.
            seen = await self._sessions.peek(choice.id)
            if seen is not None:
                return await self._run(passage.asked, choice, seen, passage)
        if choice.id is None:
            return await self._run(passage.asked, choice, None, passage)
        has_turn = False
        try:
            turn = self._sessions.turn(choice.id, must_exist=choice.must_exist, shared=choice.shared)
            async with turn as session:
                has_turn = True
                return await self._recorded(passage.asked, choice, session, passage)
        except UnavailableError:
            # The store is away; a call that asks nothing of its session is answered without it.
            if has_turn or not stands_alone(passage.asked, choice):
                raise
        return await self._run(passage.asked, choice, None, passage)

    async def _recorded(
        self, asked: Asked, choice: SessionChoice, session: SessionState, passage: Passage
    ) -> WireResult:
        """Run the call and count it in its session."""
        try:
            answer = await self._run(asked, choice, session, passage)
        except MaaError:
            session.record(asked.tool.name, now=time.time(), failed=True)
            raise
        session.record(asked.tool.name, now=time.time())
        return answer

    def _choice(self, asked: Asked, incoming: Incoming) -> SessionChoice:
        """The session the call belongs to."""
        tool, args, handle = asked.tool, asked.args, asked.handle
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
        self, asked: Asked, choice: SessionChoice, session: SessionState | None, passage: Passage
    ) -> WireResult:
        """Resolve, authorise, run, render."""
        tool, args, incoming = asked.tool, asked.args, passage.incoming
        resolution = None
        facts: dict[str, Any] = {}
        focus = choice.fixed_focus or (session.focused_database if session else None)
        if isinstance(args, DatabaseArgs):
            resolution = resolve_database(args.database, focus, self._settings)
            passage.database = resolution.key
            facts = {"database": resolution.key, "resolved_by": level_name(resolution, choice)}
        call = Call(
            request_id=passage.request_id,
            around=self._around,
            choice=choice,
            owner=incoming.owner,
            session=session,
            resolution=resolution,
            change=self._changer(choice, session, incoming),
            report=incoming.report,
            list_changed=incoming.list_changed,
            principal=incoming.who,
            questions=incoming.questions,
            downstream=incoming.transport_session or "",
        )
        passage.session = call.session_name
        if resolution is None:
            result = await tool.run(call, args)
        else:
            if tool.effect.access is not None:
                call.require(tool.effect.access, tool.name)
            question = await self._question(call, asked, passage)
            if question is not None:
                return question
            with marked(call.mark):
                result = await tool.run(call, args)
        if isinstance(result, Rows):
            passage.rows = len(result.rows)
        elif isinstance(result, Streamed):
            passage.rows = result.row_count
        return rendered(result, facts, self._around.limits, self._watch.redact)

    async def _question(self, call: Call, asked: Asked, passage: Passage) -> WireResult | None:
        """What the user must be asked before this call runs, as its result; None when nothing is left."""
        if self._settings.server.confirm == "never" or passage.incoming.confirmed:
            return None
        # Here and not above: only who asks users pays for it.
        from mcp_arangodb_async.server.confirmation import Confirmation, is_needed
        from mcp_arangodb_async.server.tenancy import seals_beside

        if not is_needed(asked, call.key, self._settings):
            return None
        if self._confirmation is None:
            self._confirmation = Confirmation(seals_beside(self._sessions, use="confirmation"))
        return await self._confirmation.obtained(call, asked)

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


def understood(incoming: Incoming, tools: Mapping[str, Tool]) -> Asked:
    """The tool that is called, with its typed arguments; raises an error of ours for what cannot be one."""
    tool = find(incoming.name, tools)
    if incoming.who is not None and incoming.who.access is None and tool.effect not in REMOTE:
        raise DeniedError("no database is allowed to the presented token")
    arguments = dict(incoming.arguments)
    handle = arguments.pop("session", None)
    if handle is not None and not isinstance(handle, str):
        raise InputError("session: should be a string", field="session")
    return Asked(tool=tool, args=parse_args(tool.args, arguments), handle=handle)


def stands_alone(asked: Asked, choice: SessionChoice) -> bool:
    """Whether the call means the same without its session: it names its database, or needs neither."""
    if isinstance(asked.args, DatabaseArgs):
        return asked.args.database is not None or choice.fixed_focus is not None
    return not asked.tool.uses_session


def writes(tool: Tool, args: Args) -> bool:
    """Whether this call may change data: a tool with a statement is asked about it."""
    if tool.writes is not None:
        return tool.writes(args)
    return tool.effect not in NOT_WRITING


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
