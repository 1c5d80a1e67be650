"""Stream transactions: transactions that stay open between requests, found by their number.

Rules: https://docs.arangodb.com/3.12/develop/http-api/transactions/stream-transactions/.
"""

import itertools
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from mcp_arangodb_async.engine.errors import (
    ERROR_LOCK_TIMEOUT,
    ERROR_RESOURCE_LIMIT,
    ERROR_TRANSACTION_DISALLOWED_OPERATION,
    ERROR_TRANSACTION_NOT_FOUND,
    ArangoError,
)

from .catalog import Catalog
from .transaction import Transaction

StreamState = Literal["running", "committed", "aborted"]

_REMEMBERED: Final = 1000
_OPEN_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What `POST /_api/transaction/begin` may say besides the collections.

    `lock_timeout` is how long the commit may wait for other writers; until then nothing is locked.
    """

    wait_for_sync: bool = False
    allow_implicit: bool = True
    lock_timeout: float = 60.0
    max_bytes: int = 128 * 1024 * 1024
    idle_timeout: float = 60.0


@dataclass(slots=True)
class _Open:
    """An open transaction. `lock` is held by the request that uses it."""

    tx: Transaction
    user: str
    idle_timeout: float
    last_used: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_open: bool = True


class StreamTransactions:
    """The open stream transactions of one database, and how the last ones ended. Thread-safe.

    A transaction belongs to the user who began it: for others it does not exist. An empty `user` may use all.
    """

    def __init__(self, catalog: Catalog, *, clock: Callable[[], float] = time.monotonic) -> None:
        """For one database; `clock` tells idle time."""
        self._catalog = catalog
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._ended: dict[str, tuple[str, StreamState]] = {}
        self._numbers = itertools.count(time.time_ns() // 1_000_000)

    def begin(
        self,
        *,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        exclusive: Sequence[str] = (),
        options: StreamOptions | None = None,
        user: str = "",
    ) -> str:
        """Start one; its number. 1203 for a collection that does not exist, 32 when too many are open."""
        wanted = options or StreamOptions()
        self.expire()
        if len(self._open) >= _OPEN_AT_ONCE:
            raise ArangoError(
                ERROR_RESOURCE_LIMIT, f"{_OPEN_AT_ONCE} transactions are open: commit or abort some first"
            )
        tx = self._catalog.begin_stream(max_bytes=wanted.max_bytes, lock_timeout=wanted.lock_timeout)
        try:
            writes = {tx.collection(name).id for name in (*write, *exclusive)}
            reads = {tx.collection(name).id for name in read} | writes
        except BaseException:
            tx.rollback()
            raise
        tx.restrict(writes=writes, reads=None if wanted.allow_implicit else reads)
        if wanted.wait_for_sync:
            tx.require_sync()
        with self._lock:
            number = str(next(self._numbers))
            self._open[number] = _Open(tx, user, wanted.idle_timeout, self._clock())
        return number

    @contextmanager
    def use(self, number: str, *, user: str = "", timeout: float = 60.0) -> Generator[Transaction]:
        """Lend a transaction to one request; another request waits (18 after `timeout`). 1655 unknown or
        ended.

        Each use is one statement: when the block raises, its writes are undone and the transaction goes on.
        """
        entry = self._find(number, user)
        with self._held(entry, timeout):
            try:
                with entry.tx.atomic():
                    yield entry.tx
            finally:
                entry.last_used = self._clock()

    def commit(self, number: str, *, user: str = "") -> StreamState:
        """Commit; again is harmless. 1655 unknown, 1653 aborted; 1200 conflict (and it is aborted)."""
        return self._end(number, user, "committed")

    def abort(self, number: str, *, user: str = "") -> StreamState:
        """Abort; again is harmless. 1655 unknown, 1653 committed already."""
        return self._end(number, user, "aborted")

    def status(self, number: str, *, user: str = "") -> StreamState:
        """What became of it. 1655 unknown."""
        self.expire()
        with self._lock:
            entry = self._open.get(number)
            if entry is not None and user in ("", entry.user):
                return "running"
            ended = self._ended.get(number)
        if ended is not None and user in ("", ended[0]):
            return ended[1]
        raise _unknown(number)

    def running(self, *, user: str | None = None) -> list[str]:
        """The numbers of those open, of one user or of all."""
        self.expire()
        with self._lock:
            return [number for number, entry in self._open.items() if user in (None, entry.user)]

    def expire(self, now: float | None = None) -> int:
        """Abort those idle for too long; how many. Called now and then by the engine."""
        moment = self._clock() if now is None else now
        with self._lock:
            idle = [
                (number, entry)
                for number, entry in self._open.items()
                if moment - entry.last_used > entry.idle_timeout
            ]
        ended = 0
        for number, entry in idle:
            if entry.lock.acquire(blocking=False):  # else it is in use, and so not idle
                try:
                    ended += self._close(number, entry, "aborted")
                finally:
                    entry.lock.release()
        return ended

    def close(self) -> None:
        """Abort all; one that is in use right now ends with its statement."""
        with self._lock:
            entries = list(self._open.items())
        for number, entry in entries:
            with entry.lock:
                self._close(number, entry, "aborted")

    def _find(self, number: str, user: str) -> _Open:
        self.expire()
        with self._lock:
            entry = self._open.get(number)
        if entry is None or user not in ("", entry.user):
            raise _unknown(number)
        return entry

    @contextmanager
    def _held(self, entry: _Open, timeout: float) -> Generator[None]:
        if not entry.lock.acquire(timeout=timeout):
            raise ArangoError(
                ERROR_LOCK_TIMEOUT,
                f"lock timeout: another request has used the transaction for {timeout:g} seconds",
            )
        try:
            if not entry.is_open:
                raise ArangoError(
                    ERROR_TRANSACTION_NOT_FOUND, "transaction not found: it has ended meanwhile"
                )
            yield
        finally:
            entry.lock.release()

    def _end(self, number: str, user: str, wanted: StreamState) -> StreamState:
        with self._lock:
            ended = self._ended.get(number)
        if ended is not None and user in ("", ended[0]):
            if ended[1] != wanted:
                raise ArangoError(
                    ERROR_TRANSACTION_DISALLOWED_OPERATION,
                    f"disallowed operation inside transaction: transaction {number} was {ended[1]} already",
                )
            return wanted
        entry = self._find(number, user)
        with self._held(entry, 60.0):
            if wanted == "committed":
                try:
                    entry.tx.commit()
                except BaseException:
                    self._close(number, entry, "aborted")
                    raise
            self._close(number, entry, wanted)
        return wanted

    def _close(self, number: str, entry: _Open, state: StreamState) -> bool:
        if not entry.is_open:
            return False
        entry.is_open = False
        entry.tx.rollback()
        with self._lock:
            self._open.pop(number, None)
            self._ended[number] = (entry.user, state)
            while len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]
        return True


def _unknown(number: str) -> ArangoError:
    return ArangoError(ERROR_TRANSACTION_NOT_FOUND, f"transaction '{number}' not found")
