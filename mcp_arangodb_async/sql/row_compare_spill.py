"""Rows that wait on disk to be compared, each environment's in a file without a name.

A row is known by two digests, of its key and of itself; digests lie in buckets by the key's first byte, cells
behind them in a second file. Comparing reads a bucket of each side at a time, and cells only of rows that
differ. The files have no name in any directory: however the process ends, the system gives their space back.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, cast

from mcp_arangodb_async.errors import LimitError

# Key digest, row digest, where the cells are.
RECORD = struct.Struct("16s16sQ")
LENGTH = struct.Struct("I")
BUCKETS = 256
# A bucket's records are written together; all buckets of an environment wait in 2 MiB at most.
SEGMENT_BYTES = 8 * 1024
DIGEST_BYTES = 16


@dataclass(slots=True)
class Disk:
    """The room on disk that one comparison may take, over all its files."""

    limit: int
    taken: int = 0

    def take(self, size: int) -> None:
        """Take so much more; raises LimitError beyond the limit."""
        self.taken += size
        if self.taken > self.limit:
            raise LimitError(
                f"comparing these rows takes more than {self.limit // 1024**2} MiB of disk",
                hint="compare fewer columns, or one part after the other with a query",
            )


class Spill:
    """The rows of one environment. `put` and the reading afterwards may be on any one thread at a time."""

    def __init__(self, disk: Disk, *, buckets: int = BUCKETS) -> None:
        self.rows = 0
        self._disk = disk
        self._buckets = [bytearray() for _ in range(buckets)]
        self._segments: list[list[tuple[int, int]]] = [[] for _ in range(buckets)]
        self._records_end = self._cells_end = self._counted = 0
        with ExitStack() as opening:
            self._records = opening.enter_context(unnamed())
            self._cells = opening.enter_context(unnamed())
            self._files = opening.pop_all()

    def put(self, key: bytes, row: bytes, cells: bytes) -> None:
        """Add a row: the digests of its key and of itself, and its cells."""
        waiting = self._buckets[key[0] % len(self._buckets)]
        waiting += RECORD.pack(key, row, self._cells_end)
        self._cells.write(LENGTH.pack(len(cells)))
        self._cells.write(cells)
        self._cells_end += LENGTH.size + len(cells)
        self.rows += 1
        if len(waiting) >= SEGMENT_BYTES:
            self._write(key[0] % len(self._buckets))

    def count(self) -> None:
        """Account for what was put since the last time; raises LimitError."""
        grown = self._cells_end + self.rows * RECORD.size - self._counted
        self._counted += grown
        self._disk.take(grown)

    def done(self) -> None:
        """Nothing more is put; from now on rows are read."""
        for bucket in range(len(self._buckets)):
            if self._buckets[bucket]:
                self._write(bucket)
        self._records.flush()
        self._cells.flush()

    def size(self, bucket: int) -> int:
        """How many rows are in a bucket."""
        return sum(length for _, length in self._segments[bucket]) // RECORD.size

    def records(self, bucket: int) -> Iterator[tuple[bytes, bytes, int]]:
        """The rows of a bucket: key digest, row digest, and where the cells are."""
        for offset, length in self._segments[bucket]:
            self._records.seek(offset)
            yield from RECORD.iter_unpack(self._records.read(length))

    def cells(self, at: int) -> bytes:
        """The cells of a row."""
        self._cells.seek(at)
        (length,) = LENGTH.unpack(self._cells.read(LENGTH.size))
        return self._cells.read(length)

    def close(self) -> None:
        """Give the space back."""
        self._files.close()

    def _write(self, bucket: int) -> None:
        waiting = self._buckets[bucket]
        self._records.write(waiting)
        self._segments[bucket].append((self._records_end, len(waiting)))
        self._records_end += len(waiting)
        self._buckets[bucket] = bytearray()


def room_on_disk() -> int:
    """Half of what is free where temporary files are, so that others find some too."""
    return shutil.disk_usage(tempfile.gettempdir()).free // 2


def unnamed() -> BinaryIO:
    """A file that nobody else can open, which is gone when it is closed or the process ends."""
    return cast("BinaryIO", tempfile.TemporaryFile(prefix="maa-compare-"))
