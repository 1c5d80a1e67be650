"""What a tool receives: one call, with ways to get what it needs.

Nothing is connected yet when a tool starts; `await call.database()` lends the database the call resolved to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mcp_arangodb_async.errors import DeniedError, ReadOnlyError
from mcp_arangodb_async.sessions import Level, Principal, Resolution, SessionChoice, SessionState
from mcp_arangodb_async.tools.continuations import Continuations
from mcp_arangodb_async.tools.handles import QueryHandles
from mcp_arangodb_async.tools.result import Limits

if TYPE_CHECKING:
    from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
    from mcp_arangodb_async.connections.database import ArangoDatabase
    from mcp_arangodb_async.sql.router import Environments
    from mcp_arangodb_async.tools.spec import Tool
    from mcp_arangodb_async.tools.tenancy import Tenancy

Access = Literal["read", "write", "admin"]
RANK: Mapping[Access, int] = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredDatabase:
    """One entry of the configuration as a client may see it: never with credentials or local paths."""

    key: str
    url: str
    database: str
    username: str
    access: Access
    timeout: float
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a client may know about how the server was configured."""

    source: str
    default_database: str | None
    databases: Mapping[str, ConfiguredDatabase]
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is the same for every call of one application."""

    manager: MultiDatabaseConnectionManager
    configuration: Configuration
    continuations: Continuations
    limits: Limits
    tools: Mapping[str, Tool]
    toolset: str
    explain: Callable[[str | None, str | None], Sequence[Level]]
    check_key: Callable[[str], None]
    backup_directory: Path
    schema_directory: Path
    tenancy: Tenancy | None = None
    environments: Environments | None = None
    running: QueryHandles = field(default_factory=QueryHandles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """How a call's client can be reached during the call.

    `ask` puts a question to a client that has a session; one without is asked by the call's result, and calls
    again with `responses` and `state`. `reports` says that it wants to be told of progress.
    """

    reports: bool = False
    ask: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]] | None = None
    elicitation: bool = False
    responses: Mapping[str, Any] | None = None
    state: str | None = None


NO_QUESTIONS = Questions()


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of one tool.

    `session` is the caller's state, None if it has none; change it with `change_session` only, which makes a
    session where there is none. `owner` binds what outlives the call (a cursor) to its caller. `principal` is
    who was authenticated, None on stdio and where nobody is asked.
    """

    request_id: str
    around: Surroundings
    choice: SessionChoice
    owner: str
    session: SessionState | None
    resolution: Resolution | None
    change: Callable[[Callable[[SessionState], None]], Awaitable[str | None]]
    report: Callable[[float, float | None, str | None], Awaitable[None]]
    list_changed: Callable[[], Awaitable[None]]
    principal: Principal | None = None
    questions: Questions = NO_QUESTIONS
    downstream: str = ""

    @property
    def focus(self) -> str | None:
        """The focused database: the endpoint's, else the session's."""
        if self.choice.fixed_focus is not None:
            return self.choice.fixed_focus
        return self.session.focused_database if self.session else None

    @property
    def environment_focus(self) -> str | None:
        """The focused SQL environment of the session."""
        return self.session.focused_environment if self.session else None

    @property
    def session_name(self) -> str | None:
        """What to call the session in a result; it identifies nothing that could be presented."""
        if self.choice.id is None:
            return None
        return self.choice.id if self.choice.source == "stdio" else self.choice.id[: len("handle:") + 12]

    @property
    def caller(self) -> str:
        """Who calls: the principal or transport session, else the session; empty if nobody in particular."""
        if self.owner != "http":
            return self.owner
        return self.choice.id or ""

    @property
    def mark(self) -> str:
        """What this caller's queries are marked with on a server; empty if they could be anybody's."""
        return self.around.running.mark(self.caller) if self.caller else ""

    @property
    def limits(self) -> Limits:
        """The bounds on this call's result."""
        return self.around.limits

    @property
    def key(self) -> str:
        """The key of the database the call works on."""
        assert self.resolution is not None, "the tool's Args have no database"
        return self.resolution.key

    @property
    def access(self) -> Access:
        """What may be done to the database of this call."""
        return self.access_to(self.key)

    def access_to(self, key: str) -> Access:
        """What may be done to the database with this key: as configured, no more than the caller may.

        --read-only makes it read for all.
        """
        configured = self.around.configuration.databases.get(key)
        if self.around.configuration.read_only or configured is None:
            return "read"
        return min(configured.access, self.granted, key=RANK.__getitem__)

    @property
    def granted(self) -> Access:
        """The most the caller may do, with whatever database."""
        return "admin" if self.principal is None else self.principal.access or "read"

    def require(self, needed: Access, what: str, *, key: str | None = None) -> None:
        """Refuse unless the database's access allows it; `what` completes 'the database may not be ...'."""
        key = key or self.key
        given = self.access_to(key)
        if RANK[given] >= RANK[needed]:
            return
        if self.principal is not None and RANK[self.granted] < RANK[needed]:
            raise DeniedError(
                f"{what} is refused: it needs access {needed!r}, and {self.principal.subject!r} may "
                f"{self.granted} at most",
                database=key,
                hint="use a token that allows more",
            )
        if given == "read":
            why = (
                "the server runs with --read-only" if self.around.configuration.read_only else "access: read"
            )
            raise ReadOnlyError(
                f"{what} is refused: database {key!r} may only be read ({why})",
                database=key,
                hint="use another database, or ask the operator to allow it",
            )
        raise DeniedError(
            f"{what} is refused: it needs access {needed!r}, database {key!r} has {given!r}",
            database=key,
            hint="ask the operator to allow it",
        )

    async def database(self, key: str | None = None) -> ArangoDatabase:
        """The database the call resolved to, or the one with the key; it connects when first used."""
        return await self.around.manager.get_database(key or self.key)

    async def change_session(self, apply: Callable[[SessionState], None]) -> str | None:
        """Change the caller's session; returns a new handle if that is how it must be named from now on."""
        return await self.change(apply)

    async def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Tell the client how far a long call is, if it asked to be told."""
        await self.report(done, total, message)


def described(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are known: members that are None are left out."""
    return {name: value for name, value in facts.items() if value is not None}
