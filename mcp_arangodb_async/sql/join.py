"""Results of several environments joined in this process, by DuckDB, which can reach nothing but them.

    inputs = {"a": JoinInput(environment="dev", text="SELECT ..."), "b": JoinInput(...)}
    joined = await join(environments, inputs, "SELECT ... FROM a JOIN b ...", limits=..., input_rows=100_000)

A join of a part of a result would be wrong, so an input that is larger than its limits is an error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mcp_arangodb_async.connections.sql.connection import Column, Row, weight
from mcp_arangodb_async.errors import (
    ConfigError,
    DeadlineError,
    DeniedError,
    InputError,
    LimitError,
    MaaError,
)
from mcp_arangodb_async.sql.answer import QueryLimits
from mcp_arangodb_async.sql.export_formats import ARROW_TYPES, arrow, as_text, kind_of
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.values import unique_names

CHUNK_ROWS = 2000
INPUT_BYTES = 32 * 1024 * 1024
MEMORY = "256MB"
THREADS = 2
FETCH_ROWS = 256
# What a join may take: as much as DuckDB can be told. It reads no file, loads nothing, keeps nothing on the
# disk, sees no variable of ours, and nobody can change that.
LOCKED: Mapping[str, str] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "temp_directory": "",
    "memory_limit": MEMORY,
    "threads": str(THREADS),
    "lock_configuration": "true",
}
# The engines' words for types whose values come as text, and what they become here.
AS_DATES: Mapping[str, str] = {"date": "DATE", "timestamp": "TIMESTAMP", "datetime": "TIMESTAMP"}
DIGITS = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinInput:
    """A result that takes part: where it comes from, and the statement that makes it."""

    environment: str
    text: str
    parameters: Mapping[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Loaded:
    """The rows of an input."""

    columns: tuple[Column, ...] = ()
    rows: list[Row] = field(default_factory=list[Row])


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What the join answered; `inputs` counts the rows of each input."""

    columns: tuple[Column, ...]
    rows: list[Row]
    truncated: bool
    inputs: Mapping[str, int]
    ms: float


@dataclass(slots=True, kw_only=True)
class _Budget:
    """The bytes that all inputs together may still take."""

    left: int = INPUT_BYTES


async def join(
    environments: Environments,
    inputs: Mapping[str, JoinInput],
    text: str,
    *,
    limits: QueryLimits,
    input_rows: int,
) -> Joined:
    """The rows of a statement over the named results; `limits` bound the answer, and the time of it all."""
    started = time.perf_counter()
    ends_at = time.monotonic() + limits.seconds
    engine = await asyncio.to_thread(opened)
    try:
        check(engine, text)
        budget = _Budget()
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + limits.seconds):
                loaded = await gathered(
                    {name: load(environments, name, one, input_rows, budget) for name, one in inputs.items()}
                )
        except TimeoutError:
            raise late(limits.seconds) from None

        def work() -> tuple[tuple[Column, ...], list[Row], bool]:
            for name in list(loaded):
                fill(engine, name, loaded[name])
                loaded[name].rows.clear()
            return run(engine, text, limits)

        counts = {name: len(one.rows) for name, one in loaded.items()}
        columns, rows, truncated = await interruptible(engine, work, ends_at, limits.seconds)
    finally:
        await asyncio.to_thread(engine.close)
    ms = round((time.perf_counter() - started) * 1000, 3)
    return Joined(columns=columns, rows=rows, truncated=truncated, inputs=counts, ms=ms)


def opened() -> Any:
    """An engine of one join, locked; ConfigError where it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise ConfigError(
            "joins need DuckDB, which is not installed", hint='pip install "mcp-arangodb-async[sql]"'
        ) from None
    arrow()
    library: Any = duckdb
    return library.connect(":memory:", config=dict(LOCKED))


def check(engine: Any, text: str) -> None:
    """InputError unless the text is one statement that reads."""
    with ours():
        statements = engine.extract_statements(text)
    if len(statements) != 1:
        raise InputError(f"sql: one statement is needed, {len(statements)} were given", field="sql")
    kind = str(statements[0].type.name)
    if kind != "SELECT":
        raise DeniedError(f"sql: only a statement that reads can join, this is {kind}")


async def gathered(work: Mapping[str, Any]) -> dict[str, Loaded]:
    """All inputs, read at the same time; the first that fails ends the others on their servers."""
    tasks = {name: asyncio.ensure_future(one) for name, one in work.items()}
    try:
        found = await asyncio.gather(*tasks.values())
    except BaseException:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        raise
    return dict(zip(tasks, found, strict=True))


async def load(
    environments: Environments, name: str, one: JoinInput, input_rows: int, budget: _Budget
) -> Loaded:
    """All rows of an input, within the limits."""
    found = Loaded()
    environment = environments.get(one.environment)
    async with environment.stream(one.text, one.parameters, chunk_rows=CHUNK_ROWS) as chunks:
        found.columns = tuple(chunks.columns)
        async for rows in chunks:
            found.rows += rows
            budget.left -= sum(map(weight, rows))
            if len(found.rows) > input_rows:
                raise too_much(name, f"more than {input_rows} rows")
            if budget.left < 0:
                raise too_much(name, f"together with the others more than {INPUT_BYTES // 1024**2} MiB")
    return found


def too_much(name: str, what: str) -> LimitError:
    """The error for inputs beyond the limits."""
    return LimitError(
        f"input {name!r} is {what}, and a join of a part would be wrong",
        hint="select fewer rows or columns of it, or aggregate in its environment",
    )


async def interruptible(engine: Any, work: Any, ends_at: float, seconds: float) -> Any:
    """The work's result; stopped within moments when its time is over or its caller is gone."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        async with asyncio.timeout(max(0.0, ends_at - time.monotonic())):
            return await asyncio.shield(running)
    except TimeoutError:
        raise late(seconds) from None
    finally:
        while not running.done():
            # Again and again: an interruption between two statements of the work is lost.
            engine.interrupt()
            await asyncio.wait({running}, timeout=0.05)
        if not running.cancelled():
            running.exception()  # so that it counts as seen; whoever waited has it already


def late(seconds: float) -> DeadlineError:
    """The error for a join that took too long."""
    return DeadlineError(
        f"the join took longer than {seconds:g} seconds and was stopped",
        hint="join less, or raise timeout",
    )


def fill(engine: Any, name: str, loaded: Loaded) -> None:
    """Make the table of an input."""
    library = arrow()
    names = unique_names(loaded.columns)
    columns = [typed(library, [row[index] for row in loaded.rows]) for index in range(len(names))]
    engine.register("incoming", library.Table.from_arrays(columns, names=names))
    wanted: list[str] = []
    for column, told in zip(loaded.columns, names, strict=True):
        place = quoted(told)
        date = AS_DATES.get(column.type)
        if date is not None and is_exact(engine, place, date):
            wanted.append(f"CAST({place} AS {date}) AS {place}")
        else:
            wanted.append(place)
    with ours():
        engine.execute(f"CREATE TABLE {quoted(name)} AS SELECT {', '.join(wanted)} FROM incoming")  # noqa: S608
    engine.unregister("incoming")


def is_exact(engine: Any, place: str, kind: str) -> bool:
    """Whether every text of a column is a value of a type; infinite dates and the like may not be."""
    found = engine.execute(
        f"SELECT count({place}) = count(TRY_CAST({place} AS {kind})) FROM incoming"  # noqa: S608
    ).fetchone()
    return bool(found[0])


def typed(library: Any, values: Sequence[Any]) -> Any:
    """A column in the narrowest type that holds every value exactly; else their texts."""
    kind = kind_of(values)
    if kind != "text":
        return library.array(values, type=getattr(library, ARROW_TYPES[kind])())
    known = [value for value in values if value is not None]
    if known and all(is_decimal(value) for value in known):
        scale, whole = decimals(known)
        if scale + whole <= DIGITS:
            exact = [None if value is None else Decimal(value) for value in values]
            return library.array(exact, type=library.decimal128(DIGITS, scale))
    if known and all(is_double(value) for value in known):
        return library.array([None if value is None else float(value) for value in values])
    return library.array([as_text(value) for value in values], type=library.large_string())


def is_decimal(value: object) -> bool:
    """Whether it is a decimal number, or a whole one of any size."""
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) and not isinstance(value, bool)


def is_double(value: object) -> bool:
    """Whether a double holds it exactly."""
    if isinstance(value, float):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53


def decimals(values: Sequence[Decimal | int]) -> tuple[int, int]:
    """The most digits behind and before the point."""
    scale = whole = 0
    for value in values:
        _, digits, exponent = Decimal(value).as_tuple()
        assert isinstance(exponent, int), "the value is finite"
        scale = max(scale, -exponent)
        whole = max(whole, len(digits) + exponent)
    return scale, whole


def run(engine: Any, text: str, limits: QueryLimits) -> tuple[tuple[Column, ...], list[Row], bool]:
    """The statement's columns and rows, as many as the limits let through; whether there are more."""
    with ours():
        result = engine.execute(text)
        columns = tuple(Column(name=str(one[0]), type=str(one[1]).lower()) for one in result.description)
        rows: list[Row] = []
        size = 0
        while len(rows) <= limits.rows and size <= limits.bytes:
            more: list[Row] = result.fetchmany(min(FETCH_ROWS, limits.rows + 1 - len(rows)))
            if not more:
                return columns, rows, False
            rows += more
            size += sum(map(weight, more))
        truncated = len(rows) > limits.rows or result.fetchone() is not None
    return columns, rows[: limits.rows], truncated


@contextmanager
def ours() -> Generator[None]:
    """A block of DuckDB's, with our errors."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise translated(error) from None


def translated(error: Exception) -> MaaError:
    """DuckDB's error as one of ours."""
    message = str(error).strip()
    kind = type(error).__name__
    if kind == "OutOfMemoryException":
        return LimitError(
            f"the join needs more than the {MEMORY} it is given", hint="join fewer rows, or aggregate first"
        )
    if kind == "PermissionException":
        return DeniedError("a join reads nothing but its inputs: no files, no extensions, no network")
    if kind == "InterruptException":
        return DeadlineError("the join was stopped")
    return InputError(f"sql: {message}", field="sql")


def quoted(name: str) -> str:
    """A name as an identifier of DuckDB."""
    return '"' + name.replace('"', '""') + '"'
