"""Cursors serve batches, repeat the last one when allowed, and go when their reader stays away."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.http.cursor_store import Cursor, Cursors, batch_size_of


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def opened(
    cursors: Cursors, rows: int, size: int, *, retry: bool = False, closed: list[str] | None = None
) -> Cursor:
    number = cursors.new_id()
    return Cursor(
        id=number,
        database="d",
        user="u",
        rows=iter(range(rows)),
        batch_size=size,
        ttl=30,
        extra=lambda: {"warnings": []},
        close=lambda: None if closed is None else closed.append(number),
        count=rows,
        allow_retry=retry,
    )


def read(cursors: Cursors, cursor: Cursor, batch: str | None = None) -> dict[str, Any]:
    return cursors.read(cursor.id, database="d", user="u", batch=batch)


def test_batches_tell_whether_more_follows_and_under_which_number() -> None:
    cursors, closed = Cursors(), list[str]()
    cursor = opened(cursors, 5, 2, closed=closed)
    first = cursor.next_batch()
    assert first == {
        "result": [0, 1], "hasMore": True, "id": cursor.id, "nextBatchId": "2", "count": 5, "cached": False,
        "extra": {"warnings": []},
    }  # fmt: skip
    cursors.keep(cursor)
    assert read(cursors, cursor)["nextBatchId"] == "3"
    last = read(cursors, cursor)
    assert (last["result"], last["hasMore"], "id" in last) == ([4], False, False)
    assert closed == [cursor.id]
    with pytest.raises(ArangoError) as caught:
        read(cursors, cursor)
    assert caught.value.num == 1600


def test_a_full_last_batch_does_not_promise_more() -> None:
    cursor = opened(Cursors(), 2, 2)
    assert cursor.next_batch()["hasMore"] is False


def test_the_last_batch_can_be_had_again_when_retries_are_allowed() -> None:
    cursors = Cursors()
    cursor = opened(cursors, 5, 2, retry=True)
    cursor.next_batch()
    cursors.keep(cursor)
    second = read(cursors, cursor, "2")
    assert read(cursors, cursor, "2") == second
    assert read(cursors, cursor, "3")["result"] == [4]
    assert read(cursors, cursor, "3")["result"] == [4]
    with pytest.raises(ArangoError) as caught:
        read(cursors, cursor, "2")
    assert caught.value.num == 400
    cursors.drop(cursor.id, database="d", user="u")
    assert len(cursors) == 0


def test_without_retries_a_batch_number_is_refused() -> None:
    cursors = Cursors()
    cursor = opened(cursors, 5, 2)
    cursor.next_batch()
    cursors.keep(cursor)
    with pytest.raises(ArangoError, match="allowRetry is not set") as caught:
        read(cursors, cursor, "2")
    assert caught.value.num == 400


def test_a_cursor_belongs_to_its_user_and_database() -> None:
    cursors = Cursors()
    cursor = opened(cursors, 5, 2)
    cursors.keep(cursor)
    for database, user in (("other", "u"), ("d", "other")):
        with pytest.raises(ArangoError) as caught:
            cursors.read(cursor.id, database=database, user=user)
        assert caught.value.num == 1600
    assert cursors.read(cursor.id, database="d", user=None)["result"] == [0, 1]


def test_a_cursor_whose_reader_stays_away_is_closed() -> None:
    clock, closed = Clock(), list[str]()
    cursors = Cursors(now=clock)
    cursor = opened(cursors, 5, 1, closed=closed)
    cursors.keep(cursor)
    clock.time = 29
    cursors.sweep()
    read(cursors, cursor)
    clock.time = 58
    cursors.sweep()
    assert closed == []
    clock.time = 60
    cursors.sweep()
    assert closed == [cursor.id]


def test_a_query_that_fails_midway_closes_its_cursor() -> None:
    cursors, closed = Cursors(), list[str]()
    cursor = opened(cursors, 1, 1, closed=closed)

    def rows() -> Any:
        yield 1
        yield 2
        raise ArangoError(1500)

    cursor.rows = rows()
    cursor.next_batch()
    cursors.keep(cursor)
    with pytest.raises(ArangoError):
        read(cursors, cursor)
    assert closed == [cursor.id]


@pytest.mark.parametrize("value", [0, -1, "5", True])
def test_a_batch_size_is_a_positive_number(value: object) -> None:
    with pytest.raises(ArangoError):
        batch_size_of(value)
    assert batch_size_of(None) == 1000
