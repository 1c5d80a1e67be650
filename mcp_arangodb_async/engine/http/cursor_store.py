"""Query results that are read in batches, until their reader is done or too slow."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_CURSOR_BUSY,
    ERROR_CURSOR_NOT_FOUND,
    ERROR_HTTP_BAD_PARAMETER,
    ERROR_RESOURCE_LIMIT,
    ArangoError,
)

Json = dict[str, Any]

_MOST_CURSORS = 10_000


@dataclass(slots=True, kw_only=True)
class Cursor:
    """The rest of a result. `rows` may be lazy; `close` ends the query behind it."""

    id: str
    database: str
    user: str
    rows: Iterator[Any]
    batch_size: int
    ttl: float
    extra: Callable[[], Json]
    close: Callable[[], None]
    count: int | None = None
    cached: bool = False
    allow_retry: bool = False
    streaming: bool = False
    expires: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    ahead: list[Any] = field(default_factory=list[Any])
    batch_number: int = 0  # of the batch served last; the first is 1
    last_batch: Json = field(default_factory=dict[str, Any])

    def next_batch(self) -> Json:
        """Take the next batch off the rows: what the API answers, without `error` and `code`.

        One row is read ahead, so that `hasMore` is known and a reader is not sent for an empty batch.
        """
        batch = [*self.ahead, *itertools.islice(self.rows, self.batch_size - len(self.ahead))]
        self.ahead = list(itertools.islice(self.rows, 1))
        has_more = bool(self.ahead)
        self.batch_number += 1
        answer: Json = {"result": batch, "hasMore": has_more}
        if has_more:
            answer["id"] = self.id
            answer["nextBatchId"] = str(self.batch_number + 1)
        if self.count is not None:
            answer["count"] = self.count
        answer["cached"] = self.cached
        if not self.streaming or not has_more:
            answer["extra"] = self.extra()
        if self.allow_retry:
            self.last_batch = answer
        return answer

    @property
    def is_drained(self) -> bool:
        return self.batch_number > 0 and not self.ahead


class Cursors:
    """The open cursors of all databases. Thread-safe; one request reads from a cursor at a time."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._cursors: dict[str, Cursor] = {}
        self._ids = itertools.count(int(time.time() * 1000))

    def new_id(self) -> str:
        return str(next(self._ids))

    def keep(self, cursor: Cursor) -> None:
        """Hold a cursor for later batches."""
        with self._lock:
            if len(self._cursors) >= _MOST_CURSORS:
                raise ArangoError(
                    ERROR_RESOURCE_LIMIT, f"{_MOST_CURSORS} cursors are open; close or read some first"
                )
            cursor.expires = self._now() + cursor.ttl
            self._cursors[cursor.id] = cursor

    def read(self, number: str, *, database: str, user: str | None, batch: str | None = None) -> Json:
        """The next batch; with `batch` that very one, be it the one served last when retries are allowed."""
        cursor = self._find(number, database, user)
        if not cursor.lock.acquire(blocking=False):
            raise ArangoError(ERROR_CURSOR_BUSY)
        try:
            if batch is not None:
                if batch == str(cursor.batch_number) and cursor.allow_retry:
                    return cursor.last_batch
                if not cursor.allow_retry or batch != str(cursor.batch_number + 1):
                    retry = (
                        "the last one served can be repeated"
                        if cursor.allow_retry
                        else "allowRetry is not set"
                    )
                    message = f"no batch {batch[:20]!r}: the next is {cursor.batch_number + 1}, {retry}"
                    raise ArangoError(ERROR_HTTP_BAD_PARAMETER, message)
            if cursor.is_drained:
                raise ArangoError(ERROR_CURSOR_NOT_FOUND)
            try:
                answer = cursor.next_batch()
            except BaseException:
                self._forget(cursor)
                raise
            if cursor.is_drained and not cursor.allow_retry:
                self._forget(cursor)
            cursor.expires = self._now() + cursor.ttl
            return answer
        finally:
            cursor.lock.release()

    def drop(self, number: str, *, database: str, user: str | None) -> None:
        """Close a cursor; 1600 when there is none."""
        self._forget(self._find(number, database, user))

    def drop_database(self, database: str) -> None:
        for cursor in self._matching(lambda cursor: cursor.database == database):
            self._forget(cursor)

    def sweep(self) -> None:
        """Close the cursors whose reader did not come back in time."""
        now = self._now()
        for cursor in self._matching(lambda cursor: cursor.expires < now):
            if cursor.lock.acquire(blocking=False):
                try:
                    self._forget(cursor)
                finally:
                    cursor.lock.release()

    def close(self) -> None:
        for cursor in self._matching(lambda _: True):
            self._forget(cursor)

    def __len__(self) -> int:
        return len(self._cursors)

    def _matching(self, accept: Callable[[Cursor], bool]) -> list[Cursor]:
        with self._lock:
            return [cursor for cursor in self._cursors.values() if accept(cursor)]

    def _find(self, number: str, database: str, user: str | None) -> Cursor:
        with self._lock:
            cursor = self._cursors.get(number)
        if cursor is None or cursor.database != database or (user is not None and cursor.user != user):
            raise ArangoError(ERROR_CURSOR_NOT_FOUND)
        return cursor

    def _forget(self, cursor: Cursor) -> None:
        with self._lock:
            known = self._cursors.pop(cursor.id, None)
        if known is not None:
            cursor.close()


def batch_size_of(value: object) -> int:
    """The `batchSize` of a cursor's body: 1000 unless given."""
    if value is None:
        return 1000
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) < 1:
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting non-zero value for 'batchSize'")
    return int(value)
