"""Rows that wait on the server for somebody to ask for more: each holds a connection, a minute at most."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_arangodb_async.connections.sql.connection import OpenRows
from mcp_arangodb_async.connections.sql.pool import Lease

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.masking import Masking

HELD_SECONDS = 60.0
END_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class Held:
    """The rest of one answer."""

    lease: Lease
    rows: OpenRows
    masking: Masking | None
    timer: asyncio.TimerHandle | None = None


class HeldRows:
    """The rests of one environment's answers; the oldest of more than `most` are given up."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._handles = 0
        self._ending: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._held)

    def hold(self, lease: Lease, rows: OpenRows, masking: Masking | None) -> str:
        """Keep the rows for a while; the handle that `take` gets them by."""
        self._handles += 1
        rest = str(self._handles)
        held = self._held[rest] = Held(lease=lease, rows=rows, masking=masking)
        held.timer = asyncio.get_running_loop().call_later(HELD_SECONDS, self.forget, rest)
        while len(self._held) > self._most:
            self.forget(next(iter(self._held)))
        return rest

    def take(self, rest: str) -> Held | None:
        """The rows, which are the caller's to `finish`; None if they are gone."""
        held = self._held.pop(rest, None)
        if held is not None and held.timer is not None:
            held.timer.cancel()
        return held

    def forget(self, rest: str) -> None:
        """Give up the rest of an answer, in the background."""
        held = self.take(rest)
        if held is not None:
            task = asyncio.get_running_loop().create_task(finish(held.lease, held.rows, None))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def forget_all(self) -> None:
        """Give up everything, in the background."""
        for rest in list(self._held):
            self.forget(rest)

    async def make_room(self) -> None:
        """Give up the oldest, and wait until its connection is free."""
        held = self.take(next(iter(self._held)))
        if held is not None:
            await finish(held.lease, held.rows, None)

    async def close(self) -> None:
        """Give up everything, and wait for it."""
        self.forget_all()
        if self._ending:
            await asyncio.wait(self._ending)


async def finish(lease: Lease, rows: OpenRows | None, failure: BaseException | None) -> None:
    """End rows and give their connection back, whatever happened to them.

    A failure that was not the connection's own leaves it clean, with rows that nobody reads any more.
    """
    try:
        if rows is not None and (failure is None or lease.connection.is_clean):
            await rows.close(ends_at=time.monotonic() + END_SECONDS)
    finally:
        lease.give_back(failure)
