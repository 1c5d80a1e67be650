"""Events of streams: sent again to the session they belong to, and to nobody else; bounded."""

from __future__ import annotations

import asyncio
import json

import mcp_types as types
from mcp.server.streamable_http import EventMessage

from mcp_arangodb_async.server.resuming import EVENTS_PER_SESSION, KEPT_SECONDS, Kept, SessionEvents
from tests.unit.server.test_doors import Answer, Place, settings


def message(number: int, text: str = "") -> types.JSONRPCMessage:
    return types.JSONRPCResponse(jsonrpc="2.0", id=number, result={"content": [{"text": text}]})


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def replayed(events: SessionEvents, after: str) -> tuple[str | None, list[str]]:
    """The stream and the ids of the messages that are sent again."""
    sent: list[str] = []

    async def send(event: EventMessage) -> None:
        assert event.event_id is not None
        sent.append(event.event_id)

    return await events.replay_events_after(after, send), sent


def test_what_came_later_on_the_same_stream_is_sent_again() -> None:
    async def run() -> None:
        events = SessionEvents(Kept())
        opened = await events.store_event("1", None)
        first = await events.store_event("1", message(1))
        await events.store_event("2", message(2))
        second = await events.store_event("1", message(1))
        assert await replayed(events, opened) == ("1", [first, second])
        assert await replayed(events, second) == ("1", [])

    asyncio.run(run())


def test_no_session_gets_another_ones_events() -> None:
    async def run() -> None:
        kept = Kept()
        mine, other = SessionEvents(kept), SessionEvents(kept)
        opened = await mine.store_event("1", None)
        await mine.store_event("1", message(1, "mine"))
        theirs = await other.store_event("1", None)
        secret, _, number = opened.rpartition(".")
        for wrong in (
            theirs,
            "",
            "1",
            ".1",
            f"{secret}.",
            f"{secret}.x",
            f"x.{number}",
            f"{secret}.99",
            "é.1",
        ):
            assert await replayed(mine, wrong) == (None, []), wrong
        assert await replayed(other, opened) == (None, [])

    asyncio.run(run())


def test_memory_is_bounded_for_a_session_for_all_and_in_time() -> None:
    async def run() -> None:
        clock = Clock()
        kept = Kept(maximum_bytes=1_000_000, maximum_events=1000, clock=clock)
        one = SessionEvents(kept)
        opened = await one.store_event("1", None)
        for number in range(EVENTS_PER_SESSION * 2):
            await one.store_event("1", message(number))
        assert kept.events == EVENTS_PER_SESSION
        assert (await replayed(one, opened))[0] is None, "what was forgotten is not passed over silently"
        many = [SessionEvents(kept) for _ in range(300)]
        for events in many:
            for number in range(10):
                await events.store_event("1", message(number))
        assert kept.events <= 1000
        large = SessionEvents(kept)
        for number in range(20):
            await large.store_event("1", message(number, "x" * 200_000))
        assert kept.bytes <= 1_000_000
        clock.now += KEPT_SECONDS + 1
        for number in range(1000):
            await large.store_event("1", message(number))
        assert kept.events <= EVENTS_PER_SESSION
        large.close()
        assert (kept.events, kept.bytes) == (0, 0)

    asyncio.run(run())


def test_two_sessions_with_equal_request_ids_keep_their_answers_apart() -> None:
    """Over the whole application: the SDK names streams by request ids, which both clients count from 1."""

    async def run() -> None:
        async with Place(settings()) as place:
            async with asyncio.timeout(30):
                sessions = [await opened(place) for _ in range(2)]
                answers: list[tuple[str, str]] = []
                for number, session in enumerate(sessions):
                    answer = await handshake(
                        place, session, 7, "tools/call",
                        {"name": "arango_query", "arguments": {"query": f"RETURN 'client {number}'"}},
                    )  # fmt: skip
                    ids = [
                        line.removeprefix("id: ").strip()
                        for line in answer.body.decode().splitlines()
                        if line.startswith("id: ")
                    ]
                    answers.append((ids[0], answer.body.decode()))
                for number, session in enumerate(sessions):
                    own = await resumed(place, session, answers[number][0], ends=f"client {number}")
                    assert f"client {number}" in own
                    foreign = await resumed(place, session, answers[1 - number][0], ends=None)
                    assert "client" not in foreign

    asyncio.run(run())


async def opened(place: Place) -> str:
    """A session of a 2025-11-25 client."""
    answer = await handshake(
        place, None, 1, "initialize",
        {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    )  # fmt: skip
    session = answer.headers["mcp-session-id"]
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
    await place.ask("/mcp", method="POST", headers=[*HEADERS, ("mcp-session-id", session)], body=note)
    return session


HEADERS = (
    ("host", "localhost"),
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2025-11-25"),
)


async def handshake(
    place: Place, session: str | None, number: int, method: str, params: dict[str, object]
) -> Answer:
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
    headers = [*HEADERS, *([("mcp-session-id", session)] if session else [])]
    return await place.ask("/mcp", method="POST", headers=headers, body=body)


async def resumed(place: Place, session: str, event: str, *, ends: str | None) -> str:
    """What a GET with that last event gets, until it is there or for a moment."""
    headers = [*HEADERS, ("mcp-session-id", session), ("last-event-id", event)]
    return await place.listen("/mcp", headers=headers, until=ends, seconds=10 if ends else 0.3)
