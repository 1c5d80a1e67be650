"""`next` handles: unguessable, their caller's own, bounded."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.tools.continuations import (
    LIFETIME_SECONDS,
    MAXIMUM,
    MAXIMUM_BYTES,
    MAXIMUM_PER_OWNER,
    Continuation,
    Continuations,
)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def rest(owner: str = "a", *, size: int = 1, cursor: str | None = "17") -> Continuation:
    return Continuation(owner=owner, database="db", rows=[1], size=size, cursor=cursor)


def test_a_handle_leads_on_once() -> None:
    kept = Continuations()
    handle, dropped = kept.keep(rest())
    assert not dropped
    assert kept.take(handle, "a").cursor == "17"
    with pytest.raises(NotFoundError, match="unknown, used already or expired"):
        kept.take(handle, "a")


def test_a_handle_holds_at_least_128_random_bits_and_nothing_of_the_cursor() -> None:
    handles = {Continuations().keep(rest(cursor="4711"))[0] for _ in range(50)}
    assert len(handles) == 50
    assert all(len(handle.removeprefix("nxt_")) >= 22 and "4711" not in handle for handle in handles)


def test_somebody_elses_handle_is_unknown_and_stays_good_for_its_owner() -> None:
    kept = Continuations()
    handle, _ = kept.keep(rest("alice"))
    with pytest.raises(NotFoundError):
        kept.take(handle, "bob")
    assert kept.take(handle, "alice").owner == "alice"


def test_a_handle_expires() -> None:
    clock = Clock()
    kept = Continuations(clock)
    handle, _ = kept.keep(rest())
    clock.now = LIFETIME_SECONDS
    with pytest.raises(NotFoundError):
        kept.take(handle, "a")
    _, dropped = kept.keep(rest())
    assert len(dropped) == 1
    assert len(kept) == 1


def test_a_handle_can_be_put_back_after_a_failure() -> None:
    kept = Continuations()
    handle, _ = kept.keep(rest())
    kept.put_back(handle, kept.take(handle, "a"))
    assert kept.take(handle, "a").rows == [1]


def test_an_owner_keeps_the_newest_handles_only() -> None:
    kept = Continuations()
    first, _ = kept.keep(rest())
    for _ in range(MAXIMUM_PER_OWNER - 1):
        kept.keep(rest())
    other, dropped = kept.keep(rest("b"))
    assert not dropped
    _, dropped = kept.keep(rest())
    assert [gone.owner for gone in dropped] == ["a"]
    with pytest.raises(NotFoundError):
        kept.take(first, "a")
    assert kept.take(other, "b")


def test_all_owners_together_are_bounded() -> None:
    kept = Continuations()
    for number in range(MAXIMUM + 10):
        kept.keep(rest(str(number)))
    assert len(kept) == MAXIMUM


def test_the_rows_that_wait_are_bounded_in_bytes() -> None:
    kept = Continuations()
    kept.keep(rest("a", size=MAXIMUM_BYTES // 2))
    kept.keep(rest("b", size=MAXIMUM_BYTES // 2))
    _, dropped = kept.keep(rest("c", size=10))
    assert [gone.owner for gone in dropped] == ["a"]
