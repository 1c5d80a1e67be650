"""Many callers who need the same thing at the same moment cause it once."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Generic, TypeVar

from mcp_arangodb_async.errors import MaaError

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One run of some work at a time; whoever asks meanwhile waits for the same result or error.

    The work goes on when a caller is cancelled, for the others. It runs outside any caller's limits, so
    it must bring its own. The next call after it has ended starts it anew.
    """

    __slots__ = ("_task", "_work")

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None

    async def run(self) -> T:
        """The result of the run that is under way, or of a new one."""
        task = self._task
        if task is None:
            task = self._task = asyncio.get_running_loop().create_task(self._work(), context=Context())
            task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except MaaError as error:
            # Each caller gets its own: an error learns which database it belongs to.
            raise copy.copy(error) from error

    async def stop(self) -> None:
        """Cancel the run under way and wait until it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._task = None
        if not task.cancelled():
            task.exception()  # Seen, so that nobody is warned about it when all callers have gone.
