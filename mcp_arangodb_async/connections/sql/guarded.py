"""A block that talks to a server: it ends in time, and with our errors.

    with self.guard.until(ends_at):
        await driver.execute(...)

One for each connection, as one statement runs on it at a time. The timer is armed once and looks again when
it fires, so that a statement that ends in time, as most do, costs no timer.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Protocol

from mcp_arangodb_async.connections.sql.translate import not_in_time
from mcp_arangodb_async.errors import MaaError


class Owner(Protocol):
    """The connection that is used in the block."""

    def stopped(self) -> None:
        """The block was left in the middle: its time is over, or its caller is gone."""
        ...

    def ours(self, error: BaseException) -> MaaError | None:
        """An error of the block as one of ours; None for one that is none of the driver's."""
        ...


class Guard:
    """Ends the blocks of one connection."""

    __slots__ = (
        "_address", "_armed_for", "_cancelling", "_ends_at", "_expired", "_owner", "_started", "_task",
        "_timer",
    )  # fmt: skip

    def __init__(self, owner: Owner, address: str) -> None:
        self._owner = owner
        self._address = address
        self._ends_at = 0.0
        self._started = 0.0
        self._expired = False
        self._cancelling = 0
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0

    def until(self, ends_at: float) -> Guard:
        """A block that ends by then, a time of `time.monotonic`."""
        self._ends_at = ends_at
        return self

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "statements run in tasks"
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        self._started = time.monotonic()
        if self._timer is None or self._ends_at < self._armed_for:
            self._arm()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if error is None:
            if self._expired and task is not None:
                task.uncancel()  # it was ready at the same moment; what was asked for is there
            return
        if kind is asyncio.CancelledError:
            self._owner.stopped()
            if self._expired and task is not None and task.uncancel() <= self._cancelling:
                raise not_in_time(self._address, self._ends_at - self._started) from None
            return
        if self._expired and task is not None:
            task.uncancel()  # the driver made an error of its own of it
            raise not_in_time(self._address, self._ends_at - self._started) from None
        ours = self._owner.ours(error)
        if ours is not None:
            raise ours from None

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = self._ends_at
        seconds = max(0.0, self._ends_at - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if time.monotonic() >= self._ends_at - 0.0005:
            self._expired = True
            self._task.cancel()
        else:
            self._arm()
