"""The audit log: who called what, on which database, what was decided; append-only, chained, never a secret.

    log = await AuditLog.open(Path("/var/log/maa"), key=b"...", fsync="interval")
    await log.record(AuditRecord(kind="call", decision="allowed", outcome="ok", tool="arango_query"))
    await log.close()

Each process writes a chain of its own, in files of its own: `audit-<start>-<chain>-<segment>.jsonl`. Beside
each file, `<file>.head` says how far it was written, so that a missing end is noticed. Files are for their
owner only. Writing happens in a thread, several records at once.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcp_arangodb_async.errors import ConfigError, UnavailableError
from mcp_arangodb_async.observability.audit_record import START, VERSION, AuditRecord, digest_of, line_of
from mcp_arangodb_async.observability.logs import get_logger

log = get_logger(__name__)

Fsync = Literal["never", "interval", "always"]
SUFFIX = ".jsonl"
HEAD = ".head"
# How long records wait for company, and how long they may be lost to a power failure with `interval`.
LINGER_SECONDS = 0.02
SYNC_SECONDS = 1.0
# Records that wait to be written; with a disk that hangs, later ones are refused or counted as lost.
MAXIMUM_WAITING = 20_000
SHORTEST_KEY = 16
MARK_BYTES = 400


@dataclass(slots=True)
class _Waiting:
    record: AuditRecord
    at: float
    written: asyncio.Future[None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFigures:
    """What the log did so far; `lost` are records that could not be written and were let go."""

    written: int
    lost: int
    waiting: int
    failing: bool


class AuditLog:
    """One process's audit log. Not made directly: `open` finds out at once whether it can be written."""

    def __init__(
        self, directory: Path, *, key: bytes | None, fsync: Fsync, fail_closed: bool, segment_bytes: int
    ) -> None:
        self.fail_closed = fail_closed
        self._fsync: Fsync = fsync
        self._key = key
        # Without a key of the operator's, digests of arguments can be compared within one chain only.
        self._digest_key = key or secrets.token_bytes(32)
        self._writer = ChainWriter(directory, key=key, segment_bytes=segment_bytes)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._written = 0
        self._lost = 0
        self._failing = False
        self._synced = 0.0
        self._closed = False

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        key: bytes | None = None,
        fsync: Fsync = "interval",
        fail_closed: bool = False,
        segment_bytes: int = 64 * 1024 * 1024,
    ) -> AuditLog:
        """A new chain in that directory, which is made if need be; ConfigError if it cannot be written."""
        if key is not None and len(key) < SHORTEST_KEY:
            raise ConfigError(
                f"the key of the audit log has {len(key)} bytes; it needs {SHORTEST_KEY} or more"
            )
        audit = cls(directory, key=key, fsync=fsync, fail_closed=fail_closed, segment_bytes=segment_bytes)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(audit._thread, audit._writer.begin)
        except OSError as error:
            audit._thread.shutdown(wait=False)
            raise ConfigError(
                f"the audit log cannot be written to {directory}: {error.strerror or error}"
            ) from error
        return audit

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._writer.path

    @property
    def figures(self) -> AuditFigures:
        """What was written and lost."""
        return AuditFigures(
            written=self._written, lost=self._lost, waiting=len(self._waiting), failing=self._failing
        )

    def digest(self, arguments: Any) -> str:
        """The digest that stands for a call's arguments."""
        return digest_of(arguments, self._digest_key)

    async def record(self, record: AuditRecord) -> None:
        """Write a record down.

        Returns once it is on disk with `fsync: always` or a log that fails closed, else at once. Raises
        UnavailableError if it was not written and the log fails closed; otherwise a record that cannot be
        written is counted and said in the log.
        """
        awaited = self.fail_closed or self._fsync == "always"
        if self._closed or len(self._waiting) >= MAXIMUM_WAITING:
            self._lose(1)
            if self.fail_closed:
                raise not_written()
            return
        written = asyncio.get_running_loop().create_future() if awaited else None
        self._waiting.append(_Waiting(record, time.time(), written))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(0.0 if awaited else LINGER_SECONDS))
        if written is not None:
            # Shielded: a caller that leaves does not take the record with it.
            await asyncio.shield(written)

    async def _flush(self, linger: float) -> None:
        try:
            while self._waiting:
                if linger:
                    await asyncio.sleep(linger)
                batch, self._waiting = self._waiting, []
                await self._write(batch)
        finally:
            self._flushing = None

    async def _write(self, batch: list[_Waiting]) -> None:
        now = time.monotonic()
        sync = self._fsync == "always" or (self._fsync == "interval" and now - self._synced >= SYNC_SECONDS)
        entries = [(entry.record, entry.at) for entry in batch]
        try:
            work = asyncio.get_running_loop().run_in_executor(
                self._thread, self._writer.write, entries, sync or self.fail_closed
            )
            await asyncio.shield(work)
        except OSError as error:
            self._fail(batch, error)
            return
        self._written += len(batch)
        if self._failing:
            self._failing = False
            log.info("audit.works_again", lost=self._lost)
        if sync:
            self._synced = now
        for entry in batch:
            if entry.written is not None and not entry.written.done():
                entry.written.set_result(None)

    def _fail(self, batch: list[_Waiting], error: OSError) -> None:
        if not self._failing:
            self._failing = True
            log.error("audit.not_written", problem=error.strerror or type(error).__name__)
        self._lose(len(batch))
        for entry in batch:
            if entry.written is None or entry.written.done():
                continue
            if self.fail_closed:
                entry.written.set_exception(not_written())
            else:
                entry.written.set_result(None)

    def _lose(self, count: int) -> None:
        self._lost += count

    async def close(self) -> None:
        """Write what waits and the record of the end; the chain is complete then."""
        if self._closed:
            return
        self._closed = True
        while self._flushing is not None or self._waiting:
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush(0.0))
            await asyncio.shield(self._flushing)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.end, self._lost)
        except OSError as error:
            log.error("audit.not_written", problem=error.strerror or type(error).__name__)
        self._thread.shutdown(wait=True)
        log.info("audit.closed", file=self.path.name, seq=self._writer.seq, hash=self._writer.previous)


def not_written() -> UnavailableError:
    """The refusal of a call that cannot be written down."""
    return UnavailableError(
        "the call was refused: the audit log cannot be written", hint="the operator has to mend it"
    )


class ChainWriter:
    """Appends records to the files of one chain; used by one thread at a time."""

    def __init__(self, directory: Path, *, key: bytes | None, segment_bytes: int) -> None:
        self._directory = directory
        self._key = key
        self._segment_bytes = segment_bytes
        self._chain = secrets.token_hex(8)
        self._started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._segment = 0
        self._size = 0
        self._file = -1
        self._head = -1
        self._tenants: dict[str, tuple[int, str]] = {}
        self.seq = 0
        self.previous = START

    @property
    def path(self) -> Path:
        """The segment that is written."""
        return self._directory / f"audit-{self._started}-{self._chain}-{self._segment:06d}{SUFFIX}"

    def begin(self) -> None:
        """Open the first segment."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open()
        self._append([self._own("start", {"pid": os.getpid(), "version": VERSION})], sync=True)

    def write(self, entries: list[tuple[AuditRecord, float]], sync: bool) -> None:
        """Append records, all or none; OSError leaves the chain as it was."""
        if self._file < 0:  # the next segment could not be opened when its time came
            self._open()
        elif self._size >= self._segment_bytes:
            self._rotate()
        self._append([(record.facts(), at) for record, at in entries], sync=sync)

    def end(self, lost: int) -> None:
        """Write the last record and close the files."""
        try:
            self._append([self._own("end", {"lost": lost})], sync=True)
        finally:
            self._close()

    def _own(self, kind: str, facts: dict[str, Any]) -> tuple[dict[str, Any], float]:
        return {"kind": kind, **facts}, time.time()

    def _rotate(self) -> None:
        self._append([self._own("continued", {"segment": self._segment + 1})], sync=True)
        self._close()
        self._segment += 1
        self._open()

    def _open(self) -> None:
        # Made here and by nobody else: a file or link of that name that exists already is not followed.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(self.path, flags | os.O_APPEND, 0o600)
        try:
            self._head = os.open(self.path.with_name(self.path.name + HEAD), flags, 0o600)
        except OSError:
            self._close()
            self.path.unlink()
            raise
        self._size = 0

    def _close(self) -> None:
        for descriptor in (self._file, self._head):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._head = -1

    def _append(self, entries: list[tuple[dict[str, Any], float]], *, sync: bool) -> None:
        seq, previous, tenants = self.seq, self.previous, dict[str, tuple[int, str]]()
        lines: list[bytes] = []
        for facts, at in entries:
            seq += 1
            head: dict[str, Any] = {"seq": seq, "prev": previous, "chain": self._chain, "time": moment(at)}
            tenant = facts.get("tenant")
            if isinstance(tenant, str):
                count, before = tenants.get(tenant) or self._tenants.get(tenant) or (0, START)
                head |= {"tenant_seq": count + 1, "tenant_prev": before}
            known = {name: value for name, value in facts.items() if name not in head}
            line, previous = line_of({**head, **known}, self._key)
            if isinstance(tenant, str):
                tenants[tenant] = (head["tenant_seq"], previous)
            lines.append(line + b"\n")
        self._put(b"".join(lines))
        self.seq, self.previous = seq, previous
        self._tenants |= tenants
        self._mark(sync)

    def _put(self, content: bytes) -> None:
        """Append everything; a part that was written when it fails is taken back."""
        view = memoryview(content)
        written = 0
        try:
            while written < len(view):
                written += os.write(self._file, view[written:])
        except OSError:
            if written:
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(content)

    def _mark(self, sync: bool) -> None:
        """Note beside the file how far it goes, after the records themselves."""
        if sync:
            os.fdatasync(self._file)
        facts = {"chain": self._chain, "segment": self._segment, "seq": self.seq, "last": self.previous}
        line, _ = line_of(facts, self._key)
        os.pwrite(self._head, line.ljust(MARK_BYTES) + b"\n", 0)
        if sync:
            os.fdatasync(self._head)


def moment(at: float) -> str:
    """The time as text that sorts, in UTC, to the millisecond."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03d}Z"
