"""Sessions of one process, in memory, bounded in number and in idle time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from mcp_arangodb_async.errors import LimitError
from mcp_arangodb_async.sessions.record import SessionState
from mcp_arangodb_async.sessions.stores.unknown import unknown_session


class _Entry:
    """A session with the calls that use it or wait for it."""

    __slots__ = ("lock", "state", "users", "waiting")

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.lock = asyncio.Lock()
        self.users = 0
        self.waiting = 0


class _Turn:
    """One call's turn in a session.

    A class, as every call takes a turn and a generator costs several times as much.
    """

    __slots__ = ("_entry", "_id", "_must_exist", "_shared", "_store")

    def __init__(self, store: MemorySessionStore, session_id: str, *, must_exist: bool, shared: bool) -> None:
        self._store = store
        self._id = session_id
        self._must_exist = must_exist
        self._shared = shared

    async def __aenter__(self) -> SessionState:
        entry = self._entry = self._store.enter(self._id, must_exist=self._must_exist)
        if not self._shared:
            entry.waiting += 1
            try:
                await entry.lock.acquire()
            except BaseException:
                self._store.leave(self._id, entry)
                raise
            finally:
                entry.waiting -= 1
        return entry.state

    async def __aexit__(self, *_: object) -> None:
        if not self._shared:
            self._entry.lock.release()
        self._store.leave(self._id, self._entry)


class MemorySessionStore:
    """A SessionStore in memory.

    At `maximum` sessions the longest unused one makes room; one that is in use never does. `idle_timeout`
    is in seconds of `clock`, the time since the epoch. `maximum_waiting` bounds the calls that queue in
    one session.
    """

    def __init__(
        self,
        *,
        maximum: int = 10_000,
        idle_timeout: float = 3600.0,
        maximum_waiting: int = 64,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._maximum = maximum
        self._idle_timeout = idle_timeout
        self._maximum_waiting = maximum_waiting
        self._clock = clock
        # In order of last use: the first is the longest unused.
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def turn(self, session_id: str, *, must_exist: bool = False, shared: bool = False) -> _Turn:
        """Lend the session's state to one call; see SessionStore."""
        return _Turn(self, session_id, must_exist=must_exist, shared=shared)

    async def peek(self, session_id: str) -> SessionState | None:
        """The state now; None if there is none, or it was idle too long."""
        entry = self._current(session_id)
        return None if entry is None else entry.state

    async def end(self, session_id: str) -> bool:
        """Forget a session; see SessionStore."""
        return self._entries.pop(session_id, None) is not None

    async def expire(self) -> tuple[str, ...]:
        """Forget what was idle too long; the order of last use keeps this cheap."""
        limit = self._clock() - self._idle_timeout
        gone: list[str] = []
        for session_id, entry in self._entries.items():
            if entry.state.last_used > limit:
                break
            if not entry.users:
                gone.append(session_id)
        for session_id in gone:
            del self._entries[session_id]
        return tuple(gone)

    async def count(self) -> int:
        """How many sessions are kept."""
        return len(self._entries)

    def enter(self, session_id: str, *, must_exist: bool) -> _Entry:
        """Count a call in a session, which it makes if it may; LimitError where too many wait."""
        entry = self._entry(session_id, must_exist=must_exist)
        if entry.waiting >= self._maximum_waiting:
            raise LimitError(
                f"{entry.waiting} calls of this session are waiting already; it runs one call at a time",
                hint="wait for an answer before the next call, or use several sessions",
            )
        entry.users += 1
        return entry

    def leave(self, session_id: str, entry: _Entry) -> None:
        """The call of an `enter` is over."""
        entry.users -= 1
        self._used(session_id, entry)

    def _current(self, session_id: str) -> _Entry | None:
        entry = self._entries.get(session_id)
        if entry is None:
            return None
        if not entry.users and entry.state.last_used <= self._clock() - self._idle_timeout:
            del self._entries[session_id]
            return None
        return entry

    def _entry(self, session_id: str, *, must_exist: bool) -> _Entry:
        entry = self._current(session_id)
        if entry is None:
            if must_exist:
                raise unknown_session()
            self._make_room()
            now = self._clock()
            entry = self._entries[session_id] = _Entry(
                SessionState(id=session_id, created=now, last_used=now)
            )
        return entry

    def _make_room(self) -> None:
        if len(self._entries) < self._maximum:
            return
        for session_id, entry in self._entries.items():
            if not entry.users:
                del self._entries[session_id]
                return
        raise LimitError(f"all {self._maximum} sessions are in use", hint="try again when a call has ended")

    def _used(self, session_id: str, entry: _Entry) -> None:
        entry.state.last_used = self._clock()
        # Unless it ended meanwhile, and perhaps another of the same id began.
        if self._entries.get(session_id) is entry:
            self._entries.move_to_end(session_id)
