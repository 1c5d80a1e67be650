"""Handles with which a client continues a result: unguessable, bound to their caller, bounded in number.

A cursor's own id never leaves the process. What did not fit into an answer waits here, with the cursor that
holds the rest on the database server.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp_arangodb_async.errors import NotFoundError

# 24 random bytes: 192 bits.
HANDLE_BYTES = 24
MAXIMUM = 512
MAXIMUM_PER_OWNER = 32
MAXIMUM_BYTES = 64 * 1024 * 1024
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


class Continuations:
    """The continuations of one application, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Continuation] = OrderedDict()

    def keep(self, rest: Continuation) -> tuple[str, list[Continuation]]:
        """A handle for the rest, and the continuations that had to go to make room."""
        dropped = self._drop_expired()
        mine = [handle for handle, kept in self._kept.items() if kept.owner == rest.owner]
        while len(mine) >= MAXIMUM_PER_OWNER:
            dropped.append(self._kept.pop(mine.pop(0)))
        size = rest.size + sum(kept.size for kept in self._kept.values())
        while self._kept and (len(self._kept) >= MAXIMUM or size > MAXIMUM_BYTES):
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.size
            dropped.append(oldest)
        handle = f"nxt_{secrets.token_urlsafe(HANDLE_BYTES)}"
        self._kept[handle] = replace(rest, expires=self._clock() + LIFETIME_SECONDS)
        return handle, dropped

    def put_back(self, handle: str, rest: Continuation) -> None:
        """Make a handle good again after a continuation that failed; what it expires at stays."""
        self._kept[handle] = rest

    def take(self, handle: str, owner: str) -> Continuation:
        """The rest behind the handle, which is used up; somebody else's is unknown."""
        kept = self._kept.get(handle)
        if kept is None or kept.owner != owner or kept.expires <= self._clock():
            raise NotFoundError(
                "nothing to continue: this `next` is unknown, used already or expired",
                field="next",
                hint=f"run the query again; `next` is good once and for {LIFETIME_SECONDS} seconds",
            )
        del self._kept[handle]
        return kept

    def _drop_expired(self) -> list[Continuation]:
        now = self._clock()
        gone = [handle for handle, kept in self._kept.items() if kept.expires <= now]
        return [self._kept.pop(handle) for handle in gone]

    def __len__(self) -> int:
        return len(self._kept)
