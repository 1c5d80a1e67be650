"""Which session a call belongs to: handle, endpoint, transport, principal; decided without I/O.

The order is the contract's. A session's id is made from what the client presented together with its
principal, so that the same handle shown by somebody else names another session, one that does not exist.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from mcp_arangodb_async.errors import InputError

Transport = Literal["stdio", "http"]
Era = Literal["handshake", "stateless"]
SessionSource = Literal["handle", "endpoint", "transport", "stdio", "principal", "none"]

STDIO_SESSION = "stdio"
# 24 random bytes: 192 bits, above the 128 that make guessing hopeless.
_HANDLE_BYTES = 24
_HANDLE = re.compile(r"mss_[A-Za-z0-9_-]{32}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What is known about a call before it runs.

    `handle` is the `session` argument, `endpoint_database` the key in `/mcp/db/{key}`,
    `transport_session` the `Mcp-Session-Id` that the transport has accepted, `principal` who was
    authenticated. `writes` says that the tool changes data, `sets_state` that it changes the session,
    `names_database` that it has a `database` argument of its own.
    """

    transport: Transport
    era: Era
    handle: str | None = None
    endpoint_database: str | None = None
    transport_session: str | None = None
    principal: str | None = None
    writes: bool = False
    sets_state: bool = False
    names_database: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChoice:
    """The session of a call.

    `id` is None when the call has no session: nothing it sets would be remembered. `must_exist` is true
    for handles: an unknown one is an error, never a new session. `shared` sessions belong to several
    conversations and take no turns. With `mint`, setting state makes a new handle that is returned to the
    client. `fixed_focus` is the endpoint's database, which the session cannot change.
    """

    source: SessionSource
    id: str | None = None
    must_exist: bool = False
    shared: bool = False
    mint: bool = False
    fixed_focus: str | None = None


def session_of(request: SessionRequest) -> SessionChoice:
    """The session a call belongs to: the first of the contract's list that applies.

    The endpoint fixes the focus of every call made through it; where the call also has a session of its
    own, that keeps everything else. Raises InputError for a malformed handle, and for a write that would
    rest on state shared by several conversations.
    """
    fixed = request.endpoint_database
    # 1. the handle
    if request.handle is not None:
        return SessionChoice(
            source="handle",
            id=handle_session(request.handle, request.principal),
            must_exist=True,
            fixed_focus=fixed,
        )
    # 3. the transport's own session of a handshake-era HTTP client
    if request.transport == "http" and request.era == "handshake" and request.transport_session is not None:
        session = _bound("http", request.transport_session, request.principal)
        return SessionChoice(source="transport", id=session, fixed_focus=fixed)
    # 4. stdio: the process has one client
    if request.transport == "stdio":
        return SessionChoice(source="stdio", id=STDIO_SESSION, fixed_focus=fixed)
    # 2. the endpoint alone: a focus, and no state to remember
    if fixed is not None:
        return SessionChoice(source="endpoint", mint=request.sets_state, fixed_focus=fixed)
    # 5. the principal's default session, for tools that only read
    if request.era == "stateless" and request.principal is not None:
        if request.writes and not request.names_database and not request.sets_state:
            raise InputError(
                "a tool that writes needs to be told where: pass `database`, or the `session` handle that "
                "arango_set_focused_database returned, or use the endpoint /mcp/db/{key}",
                field="database",
                hint="without a handle, all conversations of one user share a focus",
            )
        session = _bound("principal", "", request.principal)
        return SessionChoice(source="principal", id=session, shared=True, mint=request.sets_state)
    # 6. none: state needs a handle
    return SessionChoice(source="none", mint=request.sets_state)


def mint_handle() -> str:
    """A new handle; whoever holds it (and is the same principal) has the session."""
    return f"mss_{secrets.token_urlsafe(_HANDLE_BYTES)}"


def handle_session(handle: str, principal: str | None) -> str:
    """The id of the session behind a handle; raises InputError when the text cannot be one.

    The handle itself is not stored: the id is a digest, so a leaked store gives no session away.
    """
    if not _HANDLE.match(handle):
        raise InputError(
            "that is not a session handle; pass the value of `session` that arango_set_focused_database "
            "returned, or leave it out",
            field="session",
        )
    return _bound("handle", handle, principal)


def _bound(kind: str, value: str, principal: str | None) -> str:
    # A length in front of each part: no two different pairs make the same text.
    parts = (value, "" if principal is None else f"={principal}")
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
