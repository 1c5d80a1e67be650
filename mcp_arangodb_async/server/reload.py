"""A changed configuration, taken on by the running server: on SIGHUP, and when the file changes.

What names databases and environments is applied at once, and only what changed is opened anew. A file with a
mistake changes nothing: the last good configuration stays, and the log says what is wrong with the new one.
Options that are read once, such as the port, are named in the log: they wait for a restart.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.config.tenancy import TAKEN_ON
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.observability import get_logger
from mcp_arangodb_async.server.tenancy import is_configured

log = get_logger(__name__)
LOOK_SECONDS = 1.0
# Fields of Settings that a running server takes on, and those that only tell where the others come from.
APPLIED = frozenset(
    {"databases", "default_database", "env_default", "environments", "default_environment", "monitoring"}
)
ABOUT = frozenset({"source", "origins", "warnings", "variables", "working_directory", "data_directory"})

Load = Callable[[], Settings]
Fingerprint = tuple[int, int, int] | None


class Reloading:
    """Looks after one process's configuration while `watch` runs.

    `load` reads everything anew and raises ConfigError; `apply` takes a good configuration on, or raises it
    and changes nothing. The file is that of the settings' source; without one only SIGHUP reloads.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        load: Load,
        apply: Callable[[Settings], None],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings = settings
        self._load = load
        self._apply = apply
        self._look_seconds = look_seconds
        self._asked = asyncio.Event()
        self._seen = fingerprint(settings.file)

    def ask(self) -> None:
        """Reload soon, as SIGHUP does."""
        self._asked.set()

    async def watch(self) -> None:
        """Reload whenever asked to or the file is another one, until cancelled."""
        loop = asyncio.get_running_loop()
        hangup = getattr(signal, "SIGHUP", None)
        # Signals are the main thread's, and Windows has no SIGHUP.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            if hangup is not None:
                loop.add_signal_handler(hangup, self.ask)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), self._look_seconds)
            now = await asyncio.to_thread(fingerprint, self._settings.file)
            if not self._asked.is_set():
                # A file that vanished is being replaced, or was moved away: what it said still holds.
                if now == self._seen or now is None:
                    continue
            self._asked.clear()
            self._seen = now
            await self.reload()

    async def reload(self) -> bool:
        """Load and apply once; false when the configuration was wrong and the last good one stays."""
        try:
            settings = await asyncio.to_thread(self._load)
            self._apply(settings)
        except ConfigError as error:
            log.error("configuration.kept", reason=error.message, problems=list(error.problems))
            return False
        waiting = waiting_for_restart(self._settings, settings)
        self._settings = settings
        if waiting:
            log.warning("configuration.needs_restart", options=waiting)
        for warning in settings.warnings:
            log.warning("configuration.warning", text=warning)
        return True


def fingerprint(path: Path | None) -> Fingerprint:
    """What tells one content of a file from the next without reading it; None if there is no file."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def waiting_for_restart(before: Settings, after: Settings) -> list[str]:
    """The options that differ and are read only when the server starts, by their dotted names."""
    waiting: list[str] = []
    for section in fields(Settings):
        if section.name in APPLIED or section.name in ABOUT:
            continue
        old, new = getattr(before, section.name), getattr(after, section.name)
        if old == new:
            continue
        if is_dataclass(new):
            taken_on = TAKEN_ON if section.name == "tenants" and is_configured(before) else frozenset[str]()
            names = (option.name for option in fields(new) if option.name not in taken_on)
            waiting += [
                f"{section.name}.{name}" for name in names if getattr(old, name) != getattr(new, name)
            ]
        else:
            waiting.append(section.name)
    return waiting
