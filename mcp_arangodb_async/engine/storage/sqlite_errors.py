"""What SQLite's errors mean here, how long to try again, and how to undo."""

import errno
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_FILESYSTEM_FULL,
    ERROR_ARANGO_IO_ERROR,
    ERROR_ARANGO_READ_ONLY,
    ERROR_LOCK_TIMEOUT,
    ERROR_OUT_OF_MEMORY,
    ArangoError,
)

Result = TypeVar("Result")

#: A reader only meets another process that opens or closes the file at the same moment.
READER_PATIENCE: Final = 10.0
_RETRY: Final = 0.002
_BUSY: Final = 5
_IO_ERROR: Final = 10
_FULL: Final = 13
#: A disk with less than a page of the log is full.
_ROOM: Final = 16 * 1024


def patiently(run: Callable[[], Result], patience: float = READER_PATIENCE) -> Result:
    """Run a statement again while another process is in the way."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return run()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was in the way."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == _BUSY


def lock_timeout(timeout: float) -> ArangoError:
    return ArangoError(
        ERROR_LOCK_TIMEOUT,
        f"lock timeout: another transaction has been writing to the database for {timeout:g} seconds",
    )


def translated(error: sqlite3.Error | OSError, path: Path) -> ArangoError:
    """An error of SQLite as one of ArangoDB's, naming the file and what can be done."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (0, _IO_ERROR) and (_is_full(error) or _has_no_room(path)):
        code = _FULL
    num, text = _MEANINGS.get(code, (ERROR_ARANGO_IO_ERROR, f"cannot be used: {error}"))
    return ArangoError(num, f"database file {path.name} {text}")


def undone(connection: sqlite3.Connection) -> bool:
    """Undo what is not committed. False when that fails: then closing the connection does it."""
    try:
        if connection.in_transaction:  # a full disk may have undone it already
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        return False
    return True


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _has_no_room(path: Path) -> bool:
    """Whether the disk is full: SQLite says so for some of the calls that fail then, not for all."""
    try:
        return shutil.disk_usage(path.parent).free < _ROOM
    except OSError:
        return False


#: SQLite's result code to ArangoDB's number.
_MEANINGS: Final = {
    _BUSY: (ERROR_LOCK_TIMEOUT, "is locked by another process"),
    7: (ERROR_OUT_OF_MEMORY, "needs more memory than there is"),
    8: (ERROR_ARANGO_READ_ONLY, "cannot be written: check its permissions"),
    _FULL: (ERROR_ARANGO_FILESYSTEM_FULL, "has no space left on its disk: free some and repeat"),
}
