"""The databases of one data directory (or of memory): which there are, and their catalogues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catalog import Catalog, ExpressionCompiler


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRecord:
    """A database as the registry keeps it."""

    id: int
    name: str


class Databases:
    """The registry of databases. `_system` always exists. Thread-safe; several processes may share a
    directory.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        compiler: ExpressionCompiler,
        cache_bytes: int = 256 * 1024 * 1024,
        lock_timeout: float = 60.0,
    ) -> None:
        """Open a directory, making it when it does not exist; None keeps everything in memory."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """The names of all databases, sorted."""
        raise NotImplementedError

    def record(self, name: str) -> DatabaseRecord:
        """What is known about a database; 1228 when it does not exist."""
        raise NotImplementedError

    def catalog(self, name: str) -> Catalog:
        """The catalogue of a database, opened when first asked for; 1228 when it does not exist."""
        raise NotImplementedError

    def create(self, name: str, *, users: Sequence[Mapping[str, Any]] = ()) -> Catalog:
        """Create a database. 1229 bad name, 1207 exists."""
        raise NotImplementedError

    def drop(self, name: str) -> None:
        """Remove a database with all data. 1228 unknown, 1230 `_system`."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all databases."""
        raise NotImplementedError
