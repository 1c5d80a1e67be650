"""Stream transactions: transactions that stay open between requests, found by their number."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from .catalog import Catalog
from .transaction import Transaction

StreamState = Literal["running", "committed", "aborted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What `POST /_api/transaction/begin` may say besides the collections."""

    wait_for_sync: bool = False
    allow_implicit: bool = True
    lock_timeout: float = 60.0
    max_bytes: int = 128 * 1024 * 1024
    idle_timeout: float = 60.0


class StreamTransactions:
    """The open stream transactions of one database, and how the last ones ended. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        raise NotImplementedError

    def begin(
        self,
        *,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        exclusive: Sequence[str] = (),
        options: StreamOptions | None = None,
        user: str = "",
    ) -> str:
        """Start one; its number. 1203 for a collection that does not exist."""
        raise NotImplementedError

    @contextmanager
    def use(self, number: str, *, user: str = "", timeout: float = 60.0) -> Generator[Transaction]:
        """Lend a transaction to one request; another request waits (18 after `timeout`). 1655 unknown or
        ended.

        Each use is one statement: when the block raises, its writes are undone and the transaction goes on.
        """
        raise NotImplementedError
        yield

    def commit(self, number: str, *, user: str = "") -> StreamState:
        """Commit; again is harmless. 1655 unknown, 1653 aborted already; 1200 conflict (then it is
        aborted).
        """
        raise NotImplementedError

    def abort(self, number: str, *, user: str = "") -> StreamState:
        """Abort; again is harmless. 1655 unknown, 1653 committed already."""
        raise NotImplementedError

    def status(self, number: str, *, user: str = "") -> StreamState:
        """What became of it. 1655 unknown."""
        raise NotImplementedError

    def running(self, *, user: str | None = None) -> list[str]:
        """The numbers of those open, of one user or of all."""
        raise NotImplementedError

    def expire(self, now: float | None = None) -> int:
        """Abort those idle for too long; how many. Called now and then by the engine."""
        raise NotImplementedError

    def close(self) -> None:
        """Abort all."""
        raise NotImplementedError
