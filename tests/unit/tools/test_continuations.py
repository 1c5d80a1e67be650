"""`next` handles: unguessable, their caller's own, bounded."""

from __future__ import annotations

import asyncio

import pytest

from mcp_arangodb_async.errors import LimitError, NotFoundError
from mcp_arangodb_async.tools.continuations import (
    LIFETIME_SECONDS,
    MAXIMUM,
    MAXIMUM_BYTES,
    MAXIMUM_PER_OWNER,
    MAXIMUM_SHARED_BYTES,
    Continuation,
    Continuations,
    MemoryContinuations,
    SharedContinuations,
)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def rest(owner: str = "a", *, size: int = 1, cursor: str | None = "17") -> Continuation:
    return Continuation(owner=owner, database="db", rows=[1], size=size, cursor=cursor)


def keep(kept: Continuations, given: Continuation) -> tuple[str, list[Continuation]]:
    return asyncio.run(kept.keep(given))


def take(kept: Continuations, handle: str, owner: str) -> Continuation:
    return asyncio.run(kept.take(handle, owner))


def put_back(kept: Continuations, handle: str, given: Continuation) -> None:
    asyncio.run(kept.put_back(handle, given))


class Shelves:
    """What two processes share."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}

    async def put(self, kind: str, name: str, value: bytes, seconds: float) -> None:
        assert 0 < seconds <= LIFETIME_SECONDS
        self.values[kind, name] = value

    async def take(self, kind: str, name: str) -> bytes | None:
        return self.values.pop((kind, name), None)


def test_another_process_leads_on_what_one_kept() -> None:
    shelves = Shelves()
    one, other = SharedContinuations(shelves), SharedContinuations(shelves)
    handle, dropped = keep(one, rest("alice"))
    assert not dropped
    with pytest.raises(NotFoundError):
        take(other, handle, "bob")
    found = take(other, handle, "alice")
    assert (found.rows, found.cursor, found.database) == ([1], "17", "db")
    with pytest.raises(NotFoundError):
        take(one, handle, "alice")
    put_back(other, handle, found)
    assert take(one, handle, "alice").cursor == "17"


def test_what_is_too_large_to_share_is_refused_with_a_way_out() -> None:
    with pytest.raises(LimitError, match="too much to keep"):
        keep(SharedContinuations(Shelves()), rest(size=MAXIMUM_SHARED_BYTES + 1))


def test_a_handle_leads_on_once() -> None:
    kept = MemoryContinuations()
    handle, dropped = keep(kept, rest())
    assert not dropped
    assert take(kept, handle, "a").cursor == "17"
    with pytest.raises(NotFoundError, match="unknown, used already or expired"):
        take(kept, handle, "a")


def test_a_handle_holds_at_least_128_random_bits_and_nothing_of_the_cursor() -> None:
    handles = {keep(MemoryContinuations(), rest(cursor="4711"))[0] for _ in range(50)}
    assert len(handles) == 50
    assert all(len(handle.removeprefix("nxt_")) >= 22 and "4711" not in handle for handle in handles)


def test_somebody_elses_handle_is_unknown_and_stays_good_for_its_owner() -> None:
    kept = MemoryContinuations()
    handle, _ = keep(kept, rest("alice"))
    with pytest.raises(NotFoundError):
        take(kept, handle, "bob")
    assert take(kept, handle, "alice").owner == "alice"


def test_a_handle_expires() -> None:
    clock = Clock()
    kept = MemoryContinuations(clock)
    handle, _ = keep(kept, rest())
    clock.now = LIFETIME_SECONDS
    with pytest.raises(NotFoundError):
        take(kept, handle, "a")
    _, dropped = keep(kept, rest())
    assert len(dropped) == 1
    assert len(kept) == 1


def test_a_handle_can_be_put_back_after_a_failure() -> None:
    kept = MemoryContinuations()
    handle, _ = keep(kept, rest())
    put_back(kept, handle, take(kept, handle, "a"))
    assert take(kept, handle, "a").rows == [1]


def test_an_owner_keeps_the_newest_handles_only() -> None:
    kept = MemoryContinuations()
    first, _ = keep(kept, rest())
    for _ in range(MAXIMUM_PER_OWNER - 1):
        keep(kept, rest())
    other, dropped = keep(kept, rest("b"))
    assert not dropped
    _, dropped = keep(kept, rest())
    assert [gone.owner for gone in dropped] == ["a"]
    with pytest.raises(NotFoundError):
        take(kept, first, "a")
    assert take(kept, other, "b")


def test_all_owners_together_are_bounded() -> None:
    kept = MemoryContinuations()
    for number in range(MAXIMUM + 10):
        keep(kept, rest(str(number)))
    assert len(kept) == MAXIMUM


def test_the_rows_that_wait_are_bounded_in_bytes() -> None:
    kept = MemoryContinuations()
    keep(kept, rest("a", size=MAXIMUM_BYTES // 2))
    keep(kept, rest("b", size=MAXIMUM_BYTES // 2))
    _, dropped = keep(kept, rest("c", size=10))
    assert [gone.owner for gone in dropped] == ["a"]
