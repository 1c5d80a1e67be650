"""Python's garbage collector in a process that serves until it is stopped.

By default it goes over all new objects whenever 700 have come together, and ever again over those that last:
with a cache of documents in memory, half of the time in which a thousand rows are answered. What a request
makes is freed without it, but for the few cycles.
"""

from __future__ import annotations

import gc
from typing import Final

#: New objects until the collector looks at them; a few megabytes.
NEW_OBJECTS: Final = 50_000


def collect_rarely() -> None:
    """Have the collector look for cycles less often. For whoever owns the process; no library may do this."""
    gc.set_threshold(NEW_OBJECTS, 10, 10)


def keep_what_there_is() -> None:
    """Have the collector pass over everything that was made so far: it stays until the process ends."""
    gc.freeze()
