"""Deadlines of calls, watched together.

asyncio.timeout sets and cancels a timer for every call, which costs as much as everything else between a
call's arrival and its tool. Here one timer looks at all running calls a few times a second.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

TICK_SECONDS = 0.25


class Deadline:
    """Ends the block's task with TimeoutError once its time is over, to within a tick."""

    __slots__ = ("_cancelling", "_task", "_watch", "expired", "when")

    def __init__(self, watch: Deadlines, when: float) -> None:
        self._watch = watch
        self.when = when
        self.expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task: asyncio.Task[object] = task
        self._cancelling = task.cancelling()
        self._watch.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.remove(self)
        # As asyncio.timeout does it: a cancellation of somebody else's, at the same time, wins.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the task; only once."""
        self.expired = True
        self._task.cancel()


class Deadlines:
    """The deadlines of one application."""

    def __init__(self) -> None:
        self._running: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> Deadline:
        """A block that may take so long."""
        return Deadline(self, asyncio.get_running_loop().time() + seconds)

    def add(self, deadline: Deadline) -> None:
        """Watch a deadline."""
        self._running.add(deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._look)

    def remove(self, deadline: Deadline) -> None:
        """Watch it no more."""
        self._running.discard(deadline)

    def close(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for deadline in self._running:
            if deadline.when <= now and not deadline.expired:
                deadline.expire()
        if self._running:
            self._timer = loop.call_later(TICK_SECONDS, self._look)
