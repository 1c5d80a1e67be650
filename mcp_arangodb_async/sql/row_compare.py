"""Rows of several environments compared with a baseline's: by a key, or as they are where there is none.

    found = await compare_rows(environments, Request(names=("dev", "prod"), table="orders"))
    found.sides["prod"].tally.changed, found.groups

All sides are streamed at once. Each row becomes cells that mean the same on every engine
(`row_compare_values.py`) and goes to disk under digests (`row_compare_spill.py`); then one bucket after the
other is compared in memory (`row_compare_buckets.py`). Every row is read once, so what is compared and what
is shown are the same. Nothing but counts and samples is left afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from mcp_arangodb_async.connections.sql.connection import Chunks, Row
from mcp_arangodb_async.errors import DeadlineError, InputError, LimitError, MaaError
from mcp_arangodb_async.sql.arango import Pages
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.router import Environments, Status, status_of
from mcp_arangodb_async.sql.row_compare_buckets import KINDS, MOST_IN_MEMORY, Buckets, Difference, Tally
from mcp_arangodb_async.sql.row_compare_plan import Choice, Head, Plan, planned, result_type
from mcp_arangodb_async.sql.row_compare_sources import Source, table_source
from mcp_arangodb_async.sql.row_compare_spill import BUCKETS, DIGEST_BYTES, Disk, Spill, room_on_disk
from mcp_arangodb_async.sql.row_compare_values import anything, encoded
from mcp_arangodb_async.sql.values import unique_names

Progress = Callable[[float, float | None, str | None], Awaitable[None]]
MOST_ENVIRONMENTS = 16
DISK_BYTES = 8 * 1024**3
CHUNK_ROWS = 1000
REPORT_SECONDS = 0.5
# How long buckets are compared before a cancellation or a deadline is looked at.
MOMENT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is compared: `names` of environments, the baseline first, and a table of theirs or a statement.

    `texts` are other statements for some environments: AQL, or another dialect. `most` is how many
    differences of each environment are kept; `tolerance` is by how much numbers may differ; of a bucket, the
    digests of `in_memory` rows are in memory at a time.
    """

    names: tuple[str, ...]
    table: str | None = None
    text: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    choice: Choice = field(default_factory=Choice)
    tolerance: float | None = None
    most: int = 100
    seconds: float = 600.0
    disk_bytes: int = DISK_BYTES
    in_memory: int = MOST_IN_MEMORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One environment: how its rows differ, or why they could not be read. The baseline has no tally."""

    environment: str
    engine: str
    status: Status
    rows: int = 0
    tally: Tally | None = None
    error: MaaError | None = None

    def differences(self, most: int) -> list[Difference]:
        """Some of the differences: of each kind in turn, then by kind and key."""
        if self.tally is None:
            return []
        turns = zip_longest(*(self.tally.samples[kind] for kind in KINDS))
        taken = [one for turn in turns for one in turn if one is not None][:most]
        return sorted(taken, key=lambda one: (KINDS.index(one.kind), in_order(one)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between the baseline and each of the others.

    `plan` says what was compared, and how; `groups` have the environments with equal rows, the baseline's
    first; those that could not be read are in none.
    """

    baseline: str
    plan: Plan
    sides: Mapping[str, Compared]
    groups: Sequence[Sequence[str]]
    ms: float

    @property
    def is_identical(self) -> bool:
        """Whether every environment answered, and all have the same rows; types may differ."""
        return all(
            one.error is None and (one.tally is None or one.tally.is_identical) for one in self.sides.values()
        )


async def compare_rows(
    environments: Environments, request: Request, *, progress: Progress | None = None
) -> Comparison:
    """Compare the rows; an environment that fails costs the others nothing, unless it is the baseline."""
    refuse(request)
    started = time.perf_counter()
    with ExitStack() as files:
        work = _Comparing(environments, request, files, progress)
        try:
            async with asyncio.timeout(request.seconds):
                plan, tallies, groups = await work.run()
        except TimeoutError:
            raise DeadlineError(
                f"comparing was not done after {request.seconds:g} s; {work.rows:,} rows were read",
                hint="compare fewer columns or rows, or allow more time",
            ) from None
    return Comparison(
        baseline=request.names[0],
        plan=plan,
        sides={name: work.compared(name, tallies.get(name)) for name in request.names},
        groups=groups,
        ms=round((time.perf_counter() - started) * 1000, 3),
    )


def refuse(request: Request) -> None:
    """InputError for what cannot be compared."""
    if not 2 <= len(request.names) <= MOST_ENVIRONMENTS:
        raise InputError(
            f"environments: {len(request.names)} named; 2 to {MOST_ENVIRONMENTS} are compared",
            field="environments",
        )
    if request.table is None and request.text is None and set(request.names) - set(request.texts):
        raise InputError("name a table, or give a statement", field="table")
    if request.table is not None and (request.text is not None or request.texts):
        raise InputError("name a table or give a statement, not both", field="table")
    unknown = [name for name in request.texts if name not in request.names]
    if unknown:
        raise InputError(f"statements for {', '.join(unknown)}: not compared here", field="environments")


class _Comparing:
    """One comparison while it runs."""

    def __init__(
        self, environments: Environments, request: Request, files: ExitStack, progress: Progress | None
    ) -> None:
        self._environments = environments
        self._request = request
        self._files = files
        self._progress = progress
        self._disk = Disk(limit=min(request.disk_bytes, room_on_disk()))
        self._heads: dict[str, Head] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._spills: dict[str, Spill] = {}
        self._errors: dict[str, MaaError] = {}
        self._expected = set(request.names)
        self._plan: asyncio.Future[Plan] = asyncio.get_running_loop().create_future()
        self._reported = 0.0
        self._phase = 0

    @property
    def rows(self) -> int:
        """The rows read until now, of all environments."""
        return sum(spill.rows for spill in self._spills.values())

    def compared(self, name: str, tally: Tally | None) -> Compared:
        """What came of one environment."""
        error = self._errors.get(name)
        known = name in self._environments.names
        return Compared(
            environment=name,
            engine=self._environments.get(name).settings.kind if known else "",
            status="ok" if error is None else status_of(error),
            rows=self._spills[name].rows if error is None else 0,
            tally=tally,
            error=error,
        )

    async def run(self) -> tuple[Plan, Mapping[str, Tally], Sequence[Sequence[str]]]:
        """Read everything, then compare it."""
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._request.names:
                    group.create_task(self._side(name))
        except* MaaError as errors:
            raise first_of(errors) from None
        finally:
            self._plan.cancel()
        read = {name: self._spills[name] for name in self._request.names if name not in self._errors}
        plan = self._plan.result()
        tolerance = self._request.tolerance
        buckets = Buckets(
            read,
            plan.layout,
            tolerance=None if tolerance is None else Fraction(str(tolerance)),
            most=self._request.most,
            in_memory=self._request.in_memory,
        )
        while self._phase < BUCKETS:
            self._phase = await asyncio.to_thread(some_of, buckets, self._phase)
            await self._report("comparing")
        return plan, buckets.tallies, buckets.groups()

    async def _side(self, name: str) -> None:
        """Read one environment; its failure is its own, unless it is the baseline's."""
        try:
            await self._read(name)
        except MaaError as error:
            if name == self._request.names[0] or self._failed_all(error):
                raise
            self._errors[name] = error
            self._met(name)

    def _failed_all(self, error: MaaError) -> bool:
        """Whether it is the comparison itself that cannot be done."""
        return self._plan.done() and not self._plan.cancelled() and self._plan.exception() is error

    async def _read(self, name: str) -> None:
        environment = self._environments.get(name)
        source = await self._source(environment)
        async with environment.stream(source.text, source.parameters, chunk_rows=CHUNK_ROWS) as chunks:
            head = head_of(source, chunks)
            self._heads[name], self._keys[name] = head, source.key
            self._met(name)
            plan = await asyncio.shield(self._plan)
            spill = self._spills[name] = Spill(self._disk)
            self._files.callback(spill.close)
            writer = RowWriter(plan, head, name, spill)
            if isinstance(chunks, Pages):
                async for page in chunks.pages():
                    names = [column.name for column in page.columns]
                    await spilling(writer.put_documents, names, page.rows)
                    await self._report(name)
            else:
                async for rows in chunks:
                    await spilling(writer.put, rows)
                    await self._report(name)
            await spilling(spill.done)

    async def _source(self, environment: Environment) -> Source:
        request = self._request
        if request.table is not None:
            return await table_source(environment, request.table)
        text = request.texts.get(environment.name, request.text)
        assert text is not None, "refused where there is none"
        return Source(environment=environment, text=text, parameters=request.parameters)

    def _met(self, name: str) -> None:
        """One side is there or lost; the last one to be decides how all are read."""
        self._expected.discard(name)
        if self._expected or self._plan.done():
            return
        heads = {one: self._heads[one] for one in self._request.names if one in self._heads}
        tables = [one for one, head in heads.items() if head.names is not None]
        try:
            natural = self._keys[(tables or list(heads))[0]]
            plan = planned(heads, self._request.choice, natural_key=natural)
            if self._request.tolerance is not None and not plan.layout.key:
                raise InputError("tolerance: whole rows are compared exactly; name a key", field="tolerance")
            self._plan.set_result(plan)
        except MaaError as error:
            self._plan.set_exception(error)

    async def _report(self, what: str) -> None:
        now = time.monotonic()
        if self._progress is not None and now - self._reported >= REPORT_SECONDS:
            self._reported = now
            read = [(name, self._spills[name]) for name in self._request.names if name in self._spills]
            told = ", ".join(f"{name} {spill.rows:,}" for name, spill in read)
            phase = f", comparing {100 * self._phase // BUCKETS} %" if what == "comparing" else ""
            await self._progress(self.rows + self._phase, None, f"{told}{phase}")


async def spilling(work: Callable[..., None], *rows: Any) -> None:
    """Put rows on disk, off the loop; LimitError where the disk does not take them."""
    try:
        await asyncio.to_thread(work, *rows)
    except OSError as error:
        raise LimitError(
            f"rows could not be put on disk to be compared: {error.strerror}",
            hint="make room in the temporary directory, or compare fewer columns or rows",
        ) from None


def some_of(buckets: Buckets, bucket: int) -> int:
    """Compare buckets from this one on for a moment; the one that is next."""
    until = time.monotonic() + MOMENT
    while bucket < BUCKETS:
        buckets.compare(bucket)
        bucket += 1
        if time.monotonic() > until:
            break
    return bucket


def first_of(errors: ExceptionGroup[MaaError]) -> MaaError:
    """The first error of a group, which may hold groups."""
    one = errors.exceptions[0]
    return first_of(one) if isinstance(one, ExceptionGroup) else one


def head_of(source: Source, chunks: Chunks) -> Head:
    """What the rows of a source look like."""
    engine = source.environment.settings.kind
    if isinstance(chunks, Pages):
        return Head(engine=engine, names=None)
    names = tuple(unique_names(chunks.columns))
    types = source.declared or {
        name: result_type(engine, column.type) for name, column in zip(names, chunks.columns, strict=True)
    }
    return Head(
        engine=engine,
        names=names,
        types=types,
        declared=source.declared is not None,
        masked=frozenset(names[index] for index in chunks.masked),
    )


class RowWriter:
    """Makes cells of one environment's rows and spills them; on one thread at a time."""

    def __init__(self, plan: Plan, head: Head, environment: str, spill: Spill) -> None:
        self._plan = plan
        self._spill = spill
        self._key_names = plan.layout.key
        self._key_size = len(plan.layout.key)
        self._sources = plan.sources.get(environment, ())
        self._readers = plan.readers(head, environment) if plan.layout.names is not None else ()
        self._places = [head.names.index(name) for name in self._sources] if head.names is not None else []

    def put(self, rows: Sequence[Row]) -> None:
        """Spill rows of a table or statement."""
        places, readers, keys = self._places, self._readers, self._key_size
        for row in rows:
            cells = [row[place] for place in places]
            for place, read in readers:
                cells[place] = read(cells[place])
            self._spill_row(cells[:keys], cells)
        self._spill.count()

    def put_documents(self, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Spill documents: those of one page have these attributes."""
        if self._plan.layout.names is None:
            taken = [(place, name) for place, name in enumerate(names) if self._plan.takes(name)]
            for row in rows:
                found = {name: anything(row[place]) for place, name in taken if row[place] is not None}
                self._spill_row([found.get(name) for name in self._key_names], found)
        else:
            known = {name: place for place, name in enumerate(names)}
            places = [known.get(name) for name in self._sources]
            for row in rows:
                cells = [None if place is None else row[place] for place in places]
                for place, read in self._readers:
                    cells[place] = read(cells[place])
                self._spill_row(cells[: self._key_size], cells)
        self._spill.count()

    def _spill_row(self, key: Sequence[Any], cells: Any) -> None:
        payload = encoded(cells)
        row = digest(payload)
        self._spill.put(digest(encoded(key)) if key else row, row, payload)


def digest(content: bytes) -> bytes:
    """A short name for a content that no other one has."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def in_order(difference: Difference) -> list[tuple[int, float, str]]:
    """Where a difference belongs among others: by its key, else by its whole row; numbers by size."""
    cells = difference.key or difference.row
    return [
        (0, float(cell), "")
        if isinstance(cell, int | float) and not isinstance(cell, bool)
        else (1, 0.0, str(cell))
        for cell in cells.values()
    ]
