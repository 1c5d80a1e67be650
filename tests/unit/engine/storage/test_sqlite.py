"""What only the store in a file promises."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_FILESYSTEM_FULL,
    ERROR_ARANGO_IO_ERROR,
    ERROR_LOCK_TIMEOUT,
    ArangoError,
)
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore, translated
from mcp_arangodb_async.engine.storage.store import numbered

ROWS = numbered("rows")


def opened(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    tx = store.begin(write=True)
    if "rows" not in tx.spaces():
        tx.create_space(ROWS)
    tx.commit()
    return store


def test_what_was_committed_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    store = opened(tmp_path / "a")
    tx = store.begin(write=True)
    tx.put(ROWS, 1, b"one")
    tx.commit(sync=True)
    store.close()
    store = opened(tmp_path / "a")
    tx = store.begin()
    assert tx.get(ROWS, 1) == b"one"
    tx.rollback()
    store.destroy()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_an_io_error(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"no database at all " * 1000)
    with pytest.raises(ArangoError) as raised:
        SqliteStore(path)
    assert raised.value.num == ERROR_ARANGO_IO_ERROR
    assert "a" in raised.value.message


def test_a_missing_directory_is_an_io_error(tmp_path: Path) -> None:
    with pytest.raises(ArangoError) as raised:
        SqliteStore(tmp_path / "nowhere" / "a")
    assert raised.value.num == ERROR_ARANGO_IO_ERROR


def test_a_writer_in_another_process_is_waited_for(tmp_path: Path) -> None:
    store = opened(tmp_path / "a")
    script = (
        "import sqlite3, sys\n"
        f"c = sqlite3.connect({str(tmp_path / 'a')!r}, isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.readline()\n"
        "c.execute('INSERT INTO s_rows VALUES (7, x\\'61\\')')\n"
        "c.execute('COMMIT')\n"
        "print('done', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(ArangoError) as raised:
            store.begin(write=True, timeout=0.1)
        assert raised.value.num == ERROR_LOCK_TIMEOUT
        other.stdin.write("go\n")
        other.stdin.flush()
        tx = store.begin(write=True, timeout=30)
        assert other.stdout.readline() == "done\n"
        assert tx.get(ROWS, 7) == b"a"
        tx.rollback()
    store.close()


def test_a_full_disk_is_named_and_nothing_is_written_halfway(tmp_path: Path) -> None:
    """SQLite's own page limit stands for the disk: it raises the same result code."""
    path = tmp_path / "a"
    store = opened(path)
    tx = store.begin(write=True)
    limit = sqlite3.connect(path)
    (pages,) = limit.execute("PRAGMA page_count").fetchone()
    limit.close()
    limited = tx._require_open()  # pyright: ignore[reportPrivateUsage]  # the limit belongs to a connection
    limited.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(ArangoError) as raised:
        tx.put_many(ROWS, ((number, b"x" * 4000) for number in range(1000)))
    assert raised.value.num == ERROR_ARANGO_FILESYSTEM_FULL
    tx.rollback()
    limited.execute("PRAGMA max_page_count = 1000000")
    tx = store.begin(write=True)
    assert list(tx.scan(ROWS)) == []
    tx.put(ROWS, 1, b"fits")
    tx.commit()
    store.close()


def test_errors_keep_the_path_of_the_directory_to_themselves(tmp_path: Path) -> None:
    error = translated(OSError(5, "Input/output error"), tmp_path / "a.sqlite")
    assert error.num == ERROR_ARANGO_IO_ERROR
    assert "a.sqlite" in error.message
