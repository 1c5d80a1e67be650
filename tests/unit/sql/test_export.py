"""Results as files: exact, private, bounded, removed in time; read piece by piece by their owner alone."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.connections.sql.connection import Column
from mcp_arangodb_async.errors import InputError, LimitError, MaaError, NotFoundError
from mcp_arangodb_async.sql.export import Exported, Exports, file_name, mark_of, whole
from mcp_arangodb_async.sql.export_formats import WRITERS, ExportFormat
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.values import shown, shown_rows
from tests.sql_servers import sqlite_file
from tests.unit.sql.world import in_file

pytestmark = pytest.mark.anyio
EXAMPLES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROWS = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {count}) "
MANY = ROWS + "SELECT i, printf('%0200d', i) AS t FROM s"
parquet: Any = pyarrow.parquet


async def quiet(_chunks: int, _rows: int) -> None:
    """Nobody wants to be told."""


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    file = sqlite_file(tmp_path / "dev.db", "CREATE TABLE t (x); INSERT INTO t VALUES (1), ('one');")
    return Environments({"dev": in_file(file, name="dev")})


def exports(
    directory: Path, *, max_bytes: int = 1 << 24, total_bytes: int = 1 << 25, keep: float = 60.0
) -> Exports:
    return Exports(directory, max_bytes=max_bytes, total_bytes=total_bytes, keep=keep)


async def exported(
    made: Exports, environments: Environments, statement: str, format: ExportFormat = "jsonl"
) -> Exported:
    return await made.write(environments.get("dev"), statement, None, format=format, owner="ada", grown=quiet)


def written(format: ExportFormat, columns: Sequence[Column], *chunks: Sequence[tuple[Any, ...]]) -> bytes:
    file = io.BytesIO()
    writer = WRITERS[format](file, columns)
    for rows in chunks:
        writer.write(rows, columns)
    writer.finish()
    return file.getvalue()


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=20)
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.tuples(*[VALUES] * width), min_size=1, max_size=8)
)


def columns_of(rows: Sequence[tuple[Any, ...]]) -> list[Column]:
    return [Column(name=f"c{index}", type="any") for index in range(len(rows[0]))]


@EXAMPLES
@given(rows=TABLES)
def test_json_lines_hold_what_any_answer_shows(rows: list[tuple[Any, ...]]) -> None:
    columns = columns_of(rows)
    lines = written("jsonl", columns, rows, rows[:1]).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == shown_rows(columns, [*rows, rows[0]])


@EXAMPLES
@given(rows=TABLES)
def test_csv_tells_null_from_the_empty_text_and_loses_nothing(rows: list[tuple[Any, ...]]) -> None:
    columns = columns_of(rows)
    text = written("csv", columns, rows).decode()
    head, *found = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == [column.name for column in columns]
    for row, cells in zip(rows, found, strict=True):
        # The only column's null is an empty line, as in PostgreSQL's own CSV.
        for value, cell in zip(row, cells or [""], strict=True):
            told = shown(value)
            if isinstance(told, str):
                assert cell == told
            elif told is None:
                assert cell == ""
            else:
                assert json.loads(cell) == told
    assert written("csv", columns_of([("",)]), [("",), (None,)]) == b'"c0"\r\n""\r\n\r\n'


@EXAMPLES
@given(rows=TABLES)
def test_parquet_has_typed_columns_or_the_same_texts(rows: list[tuple[Any, ...]]) -> None:
    columns = columns_of(rows)
    table = parquet.read_table(io.BytesIO(written("parquet", columns, rows)))
    for column in columns:
        values = [row[int(column.name[1:])] for row in rows]
        for value, found in zip(values, table.column(column.name).to_pylist(), strict=True):
            if isinstance(found, str) and not isinstance(value, str):
                told = shown(value)
                assert found == told or json.loads(found) == told
            else:
                assert found == value
                assert type(found) is type(value)


def test_parquet_says_which_column_changed_its_type() -> None:
    columns = [Column(name="n", type="integer")]
    with pytest.raises(InputError, match="'n' began as integers and holds str later on"):
        written("parquet", columns, [(1,), (None,)], [("one",)])
    found = written("parquet", columns, [(None,)], [(7,)], [(Decimal("1.50"),)])
    assert parquet.read_table(io.BytesIO(found)).column("n").to_pylist() == [None, "7", "1.50"]


async def test_a_file_is_private_and_named_by_nobody_else(tmp_path: Path, environments: Environments) -> None:
    made = exports(tmp_path / "out")
    one = await exported(made, environments, MANY.format(count=100))
    assert (one.rows, one.size) == (100, one.path.stat().st_size)
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(one.path.parent.stat().st_mode) == 0o700
    assert (await made.read(one.name, "ada", offset=0, length=10)).content == b'{"i":1,"t"'
    for name, owner in (
        (one.name, "eve"),
        (one.name.replace("dev", "../dev"), "ada"),
        (f"../out/{one.name}", "ada"),
        ("/etc/passwd", "ada"),
        (file_name("dev", "ada", "jsonl"), "ada"),
    ):
        with pytest.raises(NotFoundError, match="no such export"):
            await made.read(name, owner, offset=0, length=10)
    await environments.close()


async def test_a_link_in_the_directory_leads_nowhere(tmp_path: Path) -> None:
    made = exports(tmp_path / "out")
    made.directory.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="ascii")
    token = "0" * 32
    name = f"dev-20260101T000000-{token}-{mark_of(token, 'ada')}.csv"
    (made.directory / name).symlink_to(secret)
    with pytest.raises(NotFoundError):
        await made.read(name, "ada", offset=0, length=10)


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
async def test_the_pieces_make_the_whole(
    tmp_path: Path, environments: Environments, format: ExportFormat
) -> None:
    made = exports(tmp_path / "out")
    one = await exported(made, environments, MANY.format(count=300), format)
    content = b""
    while True:
        piece = await made.read(one.name, "ada", offset=len(content), length=1000)
        assert piece.size == one.size
        assert format == "parquet" or piece.content.endswith(b"\n")
        content += piece.content
        if piece.end >= piece.size:
            break
    assert content == one.path.read_bytes()
    assert (await made.read(one.name, "ada", offset=10**12, length=10)).content == b""
    await environments.close()


@EXAMPLES
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), length=st.integers(4, 20))
def test_a_piece_of_a_long_line_ends_with_a_whole_character(text: str, length: int) -> None:
    content = whole(text.encode()[:length])
    assert text.startswith(content.decode())
    assert content


@pytest.mark.parametrize(
    ("statement", "more", "error"),
    [
        (MANY.format(count=20_000), {"max_bytes": 100_000}, LimitError),
        (MANY.format(count=20_000), {"total_bytes": 100_000}, LimitError),
        ("SELECT x FROM t WHERE abs(-9223372036854775807 - x) > 0", {}, MaaError),
        ("SELECT nowhere FROM t", {}, MaaError),
        ("DELETE FROM t", {}, MaaError),
    ],
)
async def test_what_fails_leaves_no_file(
    tmp_path: Path, environments: Environments, statement: str, more: dict[str, Any], error: type[MaaError]
) -> None:
    made = exports(tmp_path / "out", **more)
    with pytest.raises(error):
        await exported(made, environments, statement)
    assert not list(made.directory.glob("*")) if made.directory.exists() else True
    pool = environments.get("dev").pool
    assert pool is not None
    assert (await environments.get("dev").query("SELECT 1")).rows == [(1,)]
    assert pool.counters().in_use == 0
    await environments.close()


async def test_old_files_are_removed_and_others_are_left_alone(
    tmp_path: Path, environments: Environments
) -> None:
    made = exports(tmp_path, keep=1000.0)
    one, other = [await exported(made, environments, "SELECT 1") for _ in range(2)]
    abandoned = one.path.with_name(one.name + ".part")
    abandoned.write_bytes(b"half")
    mine = tmp_path / "mine.jsonl"
    mine.write_text("{}", encoding="ascii")
    for path in (one.path, abandoned, mine):
        os.utime(path, (0, 0))
    with pytest.raises(NotFoundError):
        await made.read(one.name, "ada", offset=0, length=10)
    made.remove_old()
    left = {name for name in os.listdir(tmp_path) if ".jsonl" in name}  # noqa: PTH208 - not a path's
    assert left == {other.name, mine.name}
    await environments.close()
