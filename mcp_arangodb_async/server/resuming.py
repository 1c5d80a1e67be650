"""Streams that a client of 2025-11-25 can take up again after its connection broke.

What was sent on a stream is kept for a while, and sent again to whoever names the last event it saw. Events
belong to one session: its ids begin with a secret of its own, so a client that makes one up, or shows another
session's, gets nothing. All sessions together keep a bounded number of bytes; the oldest events go first.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

MAXIMUM_BYTES = 32 * 1024 * 1024
MAXIMUM_EVENTS = 20_000
EVENTS_PER_SESSION = 200
KEPT_SECONDS = 300.0
# What a message counts besides the texts in it.
MESSAGE_BYTES = 1024
# Milliseconds after which a client comes back to a stream that was closed.
RETRY_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One message of a stream; None opens the stream and is not sent again."""

    number: int
    stream: str
    message: types.JSONRPCMessage | None
    bytes: int
    at: float


class Kept:
    """The events of all sessions of a server, within bounds."""

    def __init__(
        self,
        *,
        maximum_bytes: int = MAXIMUM_BYTES,
        maximum_events: int = MAXIMUM_EVENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._maximum_bytes = maximum_bytes
        self._maximum_events = maximum_events
        self.clock = clock
        self.bytes = 0
        self.events = 0
        # The session whose oldest event is oldest is near the front: each event moves its session to the end.
        self._sessions: OrderedDict[SessionEvents, None] = OrderedDict()

    def added(self, session: SessionEvents, event: Event) -> None:
        """Count a new event, and forget others until everything fits again."""
        self._sessions[session] = None
        self._sessions.move_to_end(session)
        self.bytes += event.bytes
        self.events += 1
        while self.bytes > self._maximum_bytes or self.events > self._maximum_events:
            next(iter(self._sessions)).forget_oldest()
        # Sessions that have ended tell nobody: the longest silent one is looked at each time.
        silent = next(iter(self._sessions), None)
        if silent is not None and silent.is_over(self.clock()):
            silent.close()

    def removed(self, session: SessionEvents, event: Event, *, empty: bool) -> None:
        """An event was forgotten."""
        self.bytes -= event.bytes
        self.events -= 1
        if empty:
            self._sessions.pop(session, None)


class SessionEvents(EventStore):
    """What one session was sent lately."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._secret = secrets.token_urlsafe(16)
        self._events: deque[Event] = deque()
        self._number = 0

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        """Keep an event; its id."""
        self._number += 1
        now = self._kept.clock()
        event = Event(number=self._number, stream=stream_id, message=message, bytes=size_of(message), at=now)
        self._events.append(event)
        self._kept.added(self, event)
        while self._events and (
            len(self._events) > EVENTS_PER_SESSION or now - self._events[0].at > KEPT_SECONDS
        ):
            self.forget_oldest()
        return f"{self._secret}.{event.number}"

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send again what came after an event on its stream; the stream, None for an event that is not known.

        An event that was forgotten is not known either: the client would miss messages and not notice.
        """
        secret, _, text = last_event_id.rpartition(".")
        if not secrets.compare_digest(secret.encode(), self._secret.encode()) or not text.isdigit():
            return None
        number = int(text[:20])
        last = next((event for event in self._events if event.number == number), None)
        if last is None:
            return None
        missed = [event for event in self._events if event.number > number and event.stream == last.stream]
        for event in missed:
            if event.message is not None:
                name = f"{self._secret}.{event.number}"
                await send_callback(EventMessage(message=event.message, event_id=name))
        return last.stream

    def forget_oldest(self) -> None:
        """Make room."""
        event = self._events.popleft()
        self._kept.removed(self, event, empty=not self._events)

    def is_over(self, now: float) -> bool:
        """Whether even the newest event is too old to be asked for."""
        return bool(self._events) and now - self._events[-1].at > KEPT_SECONDS

    def close(self) -> None:
        """Forget everything."""
        while self._events:
            self.forget_oldest()


def size_of(message: types.JSONRPCMessage | None) -> int:
    """About how much a message keeps in memory: its texts, which are what can be large."""
    size = MESSAGE_BYTES
    result = getattr(message, "result", None)
    if isinstance(result, dict):
        size += text_size(result)
    params = getattr(message, "params", None)
    if isinstance(params, dict):
        size += text_size(params)
    return size


def text_size(value: Any, depth: int = 6) -> int:
    """The characters of all texts in a document, down to a depth."""
    if isinstance(value, str):
        return len(value)
    if depth and isinstance(value, dict):
        return sum(text_size(item, depth - 1) for item in value.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if depth and isinstance(value, list):
        return sum(text_size(item, depth - 1) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return 8


class ResumableSessions(StreamableHTTPSessionManager):
    """The SDK's manager, which gives each session events of its own.

    The SDK hands one store to all sessions, and names streams by request ids, which every client counts from
    one: a shared store would send one client's answers to another.
    """

    kept: Kept | None = None

    @property
    def event_store(self) -> EventStore | None:
        """A store for the session that is being opened."""
        return None if self.kept is None else SessionEvents(self.kept)

    @event_store.setter
    def event_store(self, store: EventStore | None) -> None:
        """The SDK sets what it was given, which is nothing."""
        assert store is None
