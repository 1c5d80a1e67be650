"""Several requests at the same time, with one error instead of a group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
# How many requests of one call a server has to bear at the same time.
AT_ONCE = 8


async def all_of(tasks: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; the first error ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def for_each(items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, None]]) -> None:
    """Do the work for every item, a few at a time; the first error ends the rest, and is raised as it is."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(item: T) -> None:
        async with turns:
            await work(item)

    await all_of(one(item) for item in items)
