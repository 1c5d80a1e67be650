"""Where sessions are kept: one protocol, one file per place."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mcp_arangodb_async.sessions.record import SessionState
from mcp_arangodb_async.sessions.stores.memory import MemorySessionStore

__all__ = ["MemorySessionStore", "SessionStore"]


class SessionStore(Protocol):
    """Sessions by id, each used by one call at a time."""

    def turn(
        self, session_id: str, *, must_exist: bool = False, shared: bool = False
    ) -> AbstractAsyncContextManager[SessionState]:
        """Wait for the session's turn and lend its state; what was changed in it is kept at the end.

        A session that does not exist yet is made, unless `must_exist`: then NotFoundError. A `shared` one is
        lent without waiting. Calls in a turn must not take another turn of the same session.
        """
        ...

    async def peek(self, session_id: str) -> SessionState | None:
        """The state as it is now, to look at; None if there is no such session."""
        ...

    async def end(self, session_id: str) -> bool:
        """Forget a session, as at a disconnect; false if there was none.

        A turn in progress finishes, and what it changes is not kept.
        """
        ...

    async def expire(self) -> tuple[str, ...]:
        """Forget the sessions that were idle too long; their ids."""
        ...

    async def count(self) -> int:
        """How many sessions are kept."""
        ...
