"""Results of environments written to files, chunk by chunk, in a directory of the server's own.

A file's name holds what nobody guesses and a mark of its owner, so that whoever shows the name later is known
without any list; it is removed after a time, by whichever process looks first.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from mcp_arangodb_async.connections.sql.connection import Chunks, Column, Row
from mcp_arangodb_async.errors import BackendError, LimitError, NotFoundError
from mcp_arangodb_async.observability.logs import get_logger
from mcp_arangodb_async.sql.arango import Pages
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.export_formats import MIME_TYPES, WRITERS, ExportFormat, Writer

log = get_logger(__name__)

NAME = re.compile(
    r"(?P<about>[A-Za-z0-9_.-]{1,64})-\d{8}T\d{6}-(?P<token>[0-9a-f]{32})-(?P<mark>[0-9a-f]{16})"
    r"\.(?P<format>jsonl|csv|parquet)\Z"
)
PART = ".part"
CHUNK_ROWS = 5000
LONGEST_SWEEP = 60.0
NEWLINE = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A finished file: what is in it, and until when it is there, in seconds since 1970."""

    name: str
    path: Path
    format: ExportFormat
    size: int
    rows: int
    chunks: int
    columns: tuple[Column, ...]
    expires: float

    @property
    def mime_type(self) -> str:
        """Its media type."""
        return MIME_TYPES[self.format]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a file: bytes from an offset on; `size` is that of the whole file."""

    content: bytes
    offset: int
    size: int
    format: ExportFormat

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + len(self.content)


# What is told while a file grows: chunks and rows so far.
Grown = Callable[[int, int], Awaitable[None]]


class Exports:
    """The exported files of a server.

    `max_bytes` bounds one file, `total_bytes` all of them; `keep` is for how many seconds a file stays.
    """

    def __init__(self, directory: Path, *, max_bytes: int, total_bytes: int, keep: float) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._total_bytes = total_bytes
        self._keep = keep
        self._growing: dict[str, int] = {}
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Remove what is old now, and from now on whenever something has become old."""
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def close(self) -> None:
        """Stop removing; the files stay for whoever reads them by their path."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping

    async def write(
        self,
        environment: Environment,
        text: str,
        parameters: Mapping[str, Any] | None,
        *,
        format: ExportFormat,
        owner: str,
        grown: Grown,
    ) -> Exported:
        """The result of a statement that reads, as a file; there is none if it cannot be written to its end.

        A chunk is written before the next one is asked for: the disk holds the server's cursor back.
        """
        name = file_name(environment.name, owner, format)
        self._growing[name] = 0
        file: _File | None = None
        try:
            async with environment.stream(text, parameters, chunk_rows=CHUNK_ROWS) as chunks:
                file = await asyncio.to_thread(_File, self.directory / name, format, chunks.columns)
                held = await asyncio.to_thread(self._held)
                rows = number = 0
                async for columns, part in parts(chunks):
                    self._growing[name] = await asyncio.to_thread(file.append, part, columns)
                    self._check(name, held)
                    rows += len(part)
                    number += 1
                    await grown(number, rows)
            size = await asyncio.to_thread(file.finish)
            file = None
            return Exported(
                name=name,
                path=self.directory / name,
                format=format,
                size=size,
                rows=rows,
                chunks=number,
                columns=chunks.columns,
                expires=time.time() + self._keep,
            )
        except OSError as error:
            raise BackendError(f"the export cannot be written: {error.strerror}") from error
        finally:
            del self._growing[name]
            if file is not None:
                # Nobody waits for it: whoever was cancelled leaves at once.
                await asyncio.shield(asyncio.to_thread(file.discard))

    async def read(self, name: str, owner: str, *, offset: int, length: int) -> Piece:
        """A part of a file of this owner; of a text, whole lines where they are short enough.

        NotFoundError for somebody else's file as for none.
        """
        found = NAME.match(name)
        if found is None or found["mark"] != mark_of(found["token"], owner):
            raise no_export()
        kind = cast("ExportFormat", found["format"])
        return await asyncio.to_thread(self._read, self.directory / name, kind, offset, length)

    def _read(self, path: Path, format: ExportFormat, offset: int, length: int) -> Piece:
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
                stat = os.fstat(file.fileno())
                if time.time() > stat.st_mtime + self._keep:
                    raise no_export()
                file.seek(min(offset, stat.st_size))
                content = file.read(length)
        except OSError:
            raise no_export() from None
        begins = min(offset, stat.st_size)
        if format != "parquet" and begins + len(content) < stat.st_size:
            content = whole(content)
        return Piece(content=content, offset=begins, size=stat.st_size, format=format)

    def _check(self, name: str, held: int) -> None:
        """LimitError once a file, or all of them together, are too large."""
        size = self._growing[name]
        if size > self._max_bytes:
            raise LimitError(
                f"the export is larger than the {self._max_bytes} bytes that a file may have",
                hint="select less, or raise exports.max_bytes",
            )
        if held + sum(self._growing.values()) > self._total_bytes:
            raise LimitError(
                f"all exports together are larger than {self._total_bytes} bytes",
                hint="wait until older ones are removed, or raise exports.total_bytes",
            )

    def _held(self) -> int:
        """The bytes of the files that are finished."""
        return sum(size for name, size, _ in self._files() if not name.endswith(PART))

    def _files(self) -> Sequence[tuple[str, int, float]]:
        """Our files: name, size, when they were last written."""
        found: list[tuple[str, int, float]] = []
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                if NAME.match(entry.name.removesuffix(PART)) and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        stat = entry.stat(follow_symlinks=False)
                        found.append((entry.name, stat.st_size, stat.st_mtime))
        return found

    def remove_old(self) -> None:
        """Remove the files whose time is over, and those that nobody finished."""
        before = time.time() - self._keep
        for name, _, written in self._files():
            if written < before and name.removesuffix(PART) not in self._growing:
                with suppress(OSError):
                    (self.directory / name).unlink()

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.remove_old)
            except OSError as error:
                log.warning("exports.not_swept", reason=error.strerror)
            await asyncio.sleep(min(LONGEST_SWEEP, max(0.05, self._keep / 4)))


class _File:
    """A file that grows under another name until it is finished; used by one thread at a time."""

    def __init__(self, path: Path, format: ExportFormat, columns: Sequence[Column]) -> None:
        self._path = path
        self._part = path.with_name(path.name + PART)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: IO[bytes] = os.fdopen(opened, "wb", buffering=1024 * 1024)
        try:
            self._writer: Writer = WRITERS[format](self._file, columns)
        except BaseException:
            self.discard()
            raise

    def append(self, rows: Sequence[Row], columns: Sequence[Column]) -> int:
        """Write a chunk; the size so far."""
        self._writer.write(rows, columns)
        return self._file.tell()

    def finish(self) -> int:
        """Write the end and give the file its name; its size."""
        self._writer.finish()
        self._file.flush()
        size = self._file.tell()
        self._file.close()
        self._part.rename(self._path)
        return size

    def discard(self) -> None:
        """Remove it."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink()


async def parts(chunks: Chunks) -> AsyncIterator[tuple[Sequence[Column], Sequence[Row]]]:
    """The rows of each chunk with their columns; documents have columns of their own in each."""
    if isinstance(chunks, Pages):
        async for answer in chunks.pages():
            yield answer.columns, answer.rows
    else:
        async for rows in chunks:
            yield chunks.columns, rows


def file_name(environment: str, owner: str, format: ExportFormat) -> str:
    """A new name: which environment, when, what nobody guesses, and whose it is."""
    about = re.sub(r"[^A-Za-z0-9_.-]", "_", environment)[:64].lstrip(".") or "_"
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    token = secrets.token_hex(16)
    return f"{about}-{now}-{token}-{mark_of(token, owner)}.{format}"


def mark_of(token: str, owner: str) -> str:
    """What only this owner's name makes of the token."""
    return hashlib.sha256(f"{token}:{owner}".encode()).hexdigest()[:16]


def whole(content: bytes) -> bytes:
    """The content up to its last line end; without one, up to the last whole character."""
    end = content.rfind(NEWLINE) + 1
    if end:
        return content[:end]
    for back in range(1, min(4, len(content)) + 1):
        first = content[-back]
        if first >= 0xC0:
            needed = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            return content if needed <= back else content[:-back]
        if first < 0x80:
            break
    return content


def no_export() -> NotFoundError:
    """The answer to a name that leads nowhere."""
    return NotFoundError(
        "no such export: it was removed, or never was", field="uri", hint="run the statement again"
    )
