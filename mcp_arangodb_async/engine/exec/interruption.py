"""Queries are stopped inside of long calls too: a function of ten million values need not look at the limits.

Operators look at the limits once per so many rows. What a function does with one value is not counted:
`HASH()` of a long array is one call. So a thread watches the queries that have a time limit, and those that
were killed, and raises 1500 in the thread of one that is late, when it is in code that may be left at any
point: see decision 8. Single calls of functions that Python has in C are not interrupted; where they may take
long, their callers work in pieces (`values.ordered_places`).
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from threading import Lock, Thread
from types import FrameType
from typing import Final

from mcp_arangodb_async.engine.errors import ERROR_QUERY_KILLED, ArangoError

from .context import QueryContext

#: What the code of queries is called, see `run.compile_plan`.
QUERY: Final = "<query>"
_POLL: Final = 0.05
_LINGER: Final = 5.0
_ENGINE: Final = Path(__file__).resolve().parent.parent
# Code that holds no locks and changes nothing but values of its own.
_LEAVABLE_FOLDERS: Final = tuple(
    f"{_ENGINE / name}/" for name in ("functions", "collation", "analyzers", "expressions")
)
_LEAVABLE_FILES: Final = frozenset(
    str(_ENGINE / name) for name in ("values.py", "exec/context.py", "exec/rows.py", "exec/aggregates.py")
)
_LEAVABLE_MODULES: Final = ("snowballstemmer.", "heapq.", "base64.", "statistics.")


class LateQueryError(ArangoError):
    """A query ran longer than it may, or was killed, while it was inside of a function."""

    def __init__(self) -> None:
        """Python makes it, without arguments, in the thread of the query."""
        super().__init__(ERROR_QUERY_KILLED, "query killed: it ran longer than it may, or was told to stop")


class Watchdog:
    """Watches queries. Thread-safe; its own thread runs while there are any, and a little longer."""

    def __init__(self) -> None:
        """Nothing is watched yet."""
        self._lock = Lock()
        self._watched: set[QueryContext] = set()
        self._is_running = False

    def watch(self, ctx: QueryContext) -> None:
        """Stop a query when it is late."""
        with self._lock:
            self._watched.add(ctx)
            if not self._is_running:
                self._is_running = True
                Thread(target=self._run, name="query-watchdog", daemon=True).start()

    def forget(self, ctx: QueryContext) -> None:
        """A query has ended; harmless when it is not watched."""
        if ctx in self._watched:
            with self._lock:
                self._watched.discard(ctx)

    def _run(self) -> None:
        busy = time.monotonic()
        while True:
            time.sleep(_POLL)
            with self._lock:
                watched = list(self._watched)
                if watched:
                    busy = time.monotonic()
                elif time.monotonic() - busy > _LINGER:
                    self._is_running = False
                    return
            for ctx in watched:
                if ctx.is_late():
                    stop(ctx)


def stop(ctx: QueryContext) -> bool:
    """Raise `LateQueryError` in the thread of a query, if it is in code that may be left at any point."""
    with ctx.guard:  # the query cannot end now and leave its thread to another
        # Python shows the frames of other threads in no other way.
        frame = sys._current_frames().get(ctx.thread)  # pyright: ignore[reportPrivateUsage]
        if frame is None or not is_leavable(frame):
            return False
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(ctx.thread), ctypes.py_object(LateQueryError)
        )
        return True


def is_leavable(frame: FrameType | None) -> bool:
    """Whether all calls from here up to the code of a query may be left at any point."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name == QUERY:
            return True
        if not (name in _LEAVABLE_FILES or name.startswith(_LEAVABLE_FOLDERS)):
            module = f"{frame.f_globals.get('__name__', '')}."
            if not module.startswith(_LEAVABLE_MODULES):
                return False
        frame = frame.f_back
    return False
