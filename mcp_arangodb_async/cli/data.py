"""What the commands that move data share: settings, databases by key, access, and progress."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mcp_arangodb_async.cli.command import Invocation, json_argument
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.options import add_change, add_config_file, add_env_file
from mcp_arangodb_async.config.files import unknown_key
from mcp_arangodb_async.config.model import EmbeddedServer, Settings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import InputError, ReadOnlyError
from mcp_arangodb_async.sessions import resolve_database

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

T = TypeVar("T")


def add_data(parser: argparse.ArgumentParser, *, changes: bool = False) -> None:
    """Which database, and what every such command takes."""
    parser.add_argument(
        "--database", "-d", metavar="KEY", help="the configured database (default: the one calls use)"
    )
    parser.add_argument("--no-progress", action="store_true", help="show no progress on standard error")
    if changes:
        add_change(parser)
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The settings of one command, and the key it works on."""

    invocation: Invocation
    settings: Settings
    key: str

    @classmethod
    def of(cls, invocation: Invocation) -> Data:
        """Load the settings and resolve the database."""
        settings = load(invocation)
        key = resolve_database(invocation.option("database"), None, settings).key
        return cls(invocation=invocation, settings=settings, key=key)

    def require_write(self, what: str) -> None:
        """Refuse where the configuration says that the database may only be read."""
        entry = self.settings.databases[self.key]
        if entry.access == "read" or self.settings.server.read_only:
            raise ReadOnlyError(
                f"{what} is refused: database {self.key!r} may only be read",
                hint="its access is in the configuration",
            )
        if isinstance(entry.server, EmbeddedServer) and entry.server.directory is None:
            self.invocation.out.note("note: this engine is in memory and ends with this command")

    def check(self, key: str) -> str:
        """The key, if it is configured."""
        if key not in self.settings.databases:
            raise unknown_key(key, list(self.settings.databases))
        return key

    def run(self, work: Callable[[ArangoDatabase], Awaitable[T]]) -> T:
        """Do this with the resolved database; the connections are closed afterwards."""

        async def run() -> T:
            async with self._manager() as manager:
                return await work(await manager.get_database(self.key))

        return asyncio.run(run())

    def run_both(
        self, one: str, other: str, work: Callable[[ArangoDatabase, ArangoDatabase], Awaitable[T]]
    ) -> T:
        """Do this with two databases."""

        async def run() -> T:
            async with self._manager() as manager:
                return await work(await manager.get_database(one), await manager.get_database(other))

        return asyncio.run(run())

    def _manager(self) -> MultiDatabaseConnectionManager:
        return MultiDatabaseConnectionManager(
            self.settings.databases, connect_timeout=self.settings.limits.connect_deadline
        )


@dataclass(slots=True)
class Meter:
    """A bar on standard error while a terminal is there; nothing when it is piped."""

    quiet: bool
    unit: str = "documents"
    _last: int = -1
    _shown: bool = False

    @classmethod
    def of(cls, invocation: Invocation, *, unit: str = "documents") -> Meter:
        """The meter for this command; `unit` is what is counted where nobody knows how many there are."""
        return cls(quiet=bool(invocation.option("no_progress")) or not sys.stderr.isatty(), unit=unit)

    async def __call__(self, done: float, total: float | None, message: str | None) -> None:
        if self.quiet:
            return
        part = min(1.0, done / total) if total else 0.0
        step = int(part * 200) if total else int(done // 1000)
        if step == self._last and message is None:
            return
        self._last, self._shown = step, True
        bar = "#" * int(part * 30)
        shown = f"[{bar.ljust(30)}] {part:4.0%}" if total else f"{int(done):,} {self.unit}"
        sys.stderr.write(f"\r\x1b[K{shown} {(message or '')[:60]}")
        sys.stderr.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def place(invocation: Invocation, settings: Settings, given: str | None) -> tuple[Path, str | None]:
    """A directory named on the command line as the directory above it and its name there.

    A bare name is one in the configured directory of backups; a path may be anywhere.
    """
    if given is None:
        return settings.backup_directory, None
    if "/" not in given:
        return settings.backup_directory, given
    path = (invocation.cwd / Path(given).expanduser()).resolve()
    if not path.name:
        raise InputError(f"{given!r} is not the name of a directory")
    return path.parent, path.name


def errors_told(invocation: Invocation, errors: Sequence[dict[str, Any]], count: int) -> None:
    """The first errors, a line each, on standard error."""
    for error in errors:
        where = " ".join(f"{name}={value}" for name, value in error.items() if name != "error")
        invocation.out.note(f"failed: {where}: {error.get('error')}")
    if count > len(errors):
        invocation.out.note(f"and {count - len(errors)} more")
