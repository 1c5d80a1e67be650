"""How many calls run at once, how many wait, and how long one may take."""

from __future__ import annotations

import asyncio

from mcp_arangodb_async.errors import DeadlineError, LimitError
from mcp_arangodb_async.server.middleware.watch import Watch
from mcp_arangodb_async.server.passage import Passage, Step, WireResult

# Calls beyond those that run wait in line; more than this many times as many are refused.
WAITING_PER_SLOT = 4


def layer(watch: Watch, call: Step) -> Step:
    """Admit so many calls at once; stop one whose time is over. Waiting in line counts as time."""
    limits = watch.settings.limits
    slots = asyncio.Semaphore(limits.concurrent_calls)
    waiting = 0

    async def take_place() -> None:
        nonlocal waiting
        if waiting >= limits.concurrent_calls * WAITING_PER_SLOT:
            raise LimitError("the server is busy: too many calls are waiting", hint="try again in a moment")
        waiting += 1
        try:
            await slots.acquire()
        finally:
            waiting -= 1

    async def limited(passage: Passage) -> WireResult:
        if passage.asked is None:
            return await call(passage)
        tool = passage.asked.tool
        seconds = tool.limit_seconds or limits.call_deadline
        try:
            with watch.deadlines.within(seconds):
                if slots.locked():
                    await take_place()
                else:
                    await slots.acquire()
                try:
                    return await call(passage)
                finally:
                    slots.release()
        except TimeoutError:
            raise DeadlineError(
                f"{tool.name} took longer than {seconds:g} seconds and was stopped",
                hint="ask for less at a time, or raise limits.call_deadline",
            ) from None

    return limited
