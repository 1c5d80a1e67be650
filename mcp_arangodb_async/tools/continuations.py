"""Handles with which a client continues a result: unguessable, bound to their caller, bounded in number.

A cursor's own id never leaves the process. What did not fit into an answer waits here, with the cursor that
holds the rest on the database server.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from mcp_arangodb_async.errors import LimitError, NotFoundError
from mcp_arangodb_async.tools.rows import encode

# 24 random bytes: 192 bits.
HANDLE_BYTES = 24
MAXIMUM = 512
MAXIMUM_PER_OWNER = 32
MAXIMUM_BYTES = 64 * 1024 * 1024
MAXIMUM_SHARED_BYTES = 16 * 1024 * 1024
# ArangoDB forgets a cursor this long after its last batch, so does the handle.
LIFETIME_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """The rest of a result: rows fetched already, about `size` bytes, then what the cursor holds."""

    owner: str
    database: str
    rows: Sequence[Any]
    size: int
    cursor: str | None
    expires: float = 0.0


class Continuations(Protocol):
    """Keeps what did not fit until its caller asks for it."""

    async def keep(self, rest: Continuation) -> tuple[str, list[Continuation]]:
        """A handle for the rest, and the continuations that had to go to make room."""
        ...

    async def take(self, handle: str, owner: str) -> Continuation:
        """The rest behind the handle, which is used up; NotFoundError for somebody else's as for none."""
        ...

    async def put_back(self, handle: str, rest: Continuation) -> None:
        """Make a handle good again after a continuation that failed; what it expires at stays."""
        ...


def nothing_to_continue() -> NotFoundError:
    """The answer to a handle that leads nowhere."""
    return NotFoundError(
        "nothing to continue: this `next` is unknown, used already or expired",
        field="next",
        hint=f"run the query again; `next` is good once and for {LIFETIME_SECONDS} seconds",
    )


def new_handle() -> str:
    """A handle that nobody guesses."""
    return f"nxt_{secrets.token_urlsafe(HANDLE_BYTES)}"


class MemoryContinuations:
    """The continuations of one process, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Continuation] = OrderedDict()

    async def keep(self, rest: Continuation) -> tuple[str, list[Continuation]]:
        """Keep the rest; see Continuations."""
        dropped = self._drop_expired()
        mine = [handle for handle, kept in self._kept.items() if kept.owner == rest.owner]
        while len(mine) >= MAXIMUM_PER_OWNER:
            dropped.append(self._kept.pop(mine.pop(0)))
        size = rest.size + sum(kept.size for kept in self._kept.values())
        while self._kept and (len(self._kept) >= MAXIMUM or size > MAXIMUM_BYTES):
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.size
            dropped.append(oldest)
        handle = new_handle()
        self._kept[handle] = replace(rest, expires=self._clock() + LIFETIME_SECONDS)
        return handle, dropped

    async def put_back(self, handle: str, rest: Continuation) -> None:
        """Keep it as it was; see Continuations."""
        self._kept[handle] = rest

    async def take(self, handle: str, owner: str) -> Continuation:
        """The rest, which is used up; see Continuations."""
        kept = self._kept.get(handle)
        if kept is None or kept.owner != owner or kept.expires <= self._clock():
            raise nothing_to_continue()
        del self._kept[handle]
        return kept

    def _drop_expired(self) -> list[Continuation]:
        now = self._clock()
        gone = [handle for handle, kept in self._kept.items() if kept.expires <= now]
        return [self._kept.pop(handle) for handle in gone]

    def __len__(self) -> int:
        return len(self._kept)


class Shelf(Protocol):
    """Values that every process of the server can put and take, as a session store in Redis offers."""

    async def put(self, kind: str, name: str, value: bytes, seconds: float) -> None:
        """Keep a value for so long."""
        ...

    async def take(self, kind: str, name: str) -> bytes | None:
        """A kept value, which is gone then."""
        ...


class SharedContinuations:
    """Continuations that another process of the server may lead on, each bounded in size and in time.

    The owner is part of the name, so somebody else's handle names nothing.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def keep(self, rest: Continuation) -> tuple[str, list[Continuation]]:
        """Keep the rest; see Continuations."""
        if rest.size > MAXIMUM_SHARED_BYTES:
            raise LimitError(
                f"the rest of the result, {rest.size} bytes, is too much to keep for `next`; the limit is "
                f"{MAXIMUM_SHARED_BYTES}",
                hint="ask for fewer rows or attributes, or page with LIMIT",
            )
        handle = new_handle()
        await self._put(handle, rest, LIFETIME_SECONDS)
        return handle, []

    async def put_back(self, handle: str, rest: Continuation) -> None:
        """Keep it as it was; see Continuations."""
        await self._put(handle, rest, max(1.0, rest.expires - time.time()))

    async def take(self, handle: str, owner: str) -> Continuation:
        """The rest, which is used up; see Continuations."""
        kept = await self._shelf.take("next", self._name(handle, owner))
        if kept is None:
            raise nothing_to_continue()
        return Continuation(owner=owner, **orjson.loads(kept))

    async def _put(self, handle: str, rest: Continuation, seconds: float) -> None:
        facts = {
            "database": rest.database,
            "rows": rest.rows,
            "size": rest.size,
            "cursor": rest.cursor,
            "expires": time.time() + seconds,
        }
        await self._shelf.put("next", self._name(handle, rest.owner), encode(facts), seconds)

    @staticmethod
    def _name(handle: str, owner: str) -> str:
        return hashlib.sha256(f"{len(owner)}:{owner}{handle}".encode()).hexdigest()
