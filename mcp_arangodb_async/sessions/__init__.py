"""Who is asking and what they chose: focused database, workflow, stage, usage.

A call asks `identity.session_of` which session it belongs to, takes a turn in it (`SessionStore.turn`),
and asks `resolve.resolve_database` which database it works on. Only the store does input and output.
"""

from mcp_arangodb_async.sessions.identity import (
    SessionChoice,
    SessionRequest,
    handle_session,
    mint_handle,
    session_of,
)
from mcp_arangodb_async.sessions.principal import Principal
from mcp_arangodb_async.sessions.record import SessionState, ToolUsage
from mcp_arangodb_async.sessions.resolve import Level, Resolution, explain_resolution, resolve_database
from mcp_arangodb_async.sessions.stores import MemorySessionStore, SessionStore

__all__ = [
    "Level",
    "MemorySessionStore",
    "Principal",
    "Resolution",
    "SessionChoice",
    "SessionRequest",
    "SessionState",
    "SessionStore",
    "ToolUsage",
    "explain_resolution",
    "handle_session",
    "mint_handle",
    "resolve_database",
    "session_of",
]
