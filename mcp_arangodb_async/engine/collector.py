"""Python's garbage collector, which looks for cycles: told to wait while many objects are made."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """A block in which the collector does not run; it goes over all new objects once when the block ends.

    Otherwise it goes over them after every few hundred, and each time it has found enough that last, over
    everything in the process: reading and storing documents in bulk takes two to four times as long. Nothing
    is collected for other threads either, so keep blocks short. Where the collector is off already, by an
    outer block, another thread's or the program's own wish, it is left alone.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
