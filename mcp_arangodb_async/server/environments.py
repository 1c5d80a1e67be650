"""SQL environments of an application: opened, and their tools listed, only where some are configured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.tools.spec import Tool

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.router import Environments, Renewed


class OpenEnvironments:
    """The environments of one application; `current` is None as long as none is configured."""

    def __init__(self, settings: Settings, manager: MultiDatabaseConnectionManager) -> None:
        self._manager = manager
        self._read_only = settings.server.read_only
        self._made: Environments | None = None
        self._configured = bool(settings.environments)
        if self._configured:
            self._made = self._make(settings)

    @property
    def current(self) -> Environments | None:
        """What calls are answered with."""
        return self._made if self._configured else None

    def start(self) -> None:
        """Open in the background what asks for it."""
        if self._made is not None:
            self._made.start()

    def prepare(self, settings: Settings) -> Renewed | None:
        """What another configuration says of environments; raises ConfigError, and changes nothing."""
        if self._made is None:
            if not settings.environments:
                return None
            self._made = self._make(settings, empty=True)
        return self._made.prepare(
            settings.environments, default=settings.default_environment, monitoring=settings.monitoring
        )

    def adopt(self, renewed: Renewed | None) -> None:
        """Take on what was prepared."""
        if renewed is not None and self._made is not None:
            self._made.adopt(renewed)
            self._configured = bool(renewed.settings)

    async def close(self) -> None:
        """Close everything."""
        if self._made is not None:
            await self._made.close()

    def _make(self, settings: Settings, *, empty: bool = False) -> Environments:
        # Here and not above: only who configured them pays for them.
        from mcp_arangodb_async.sql.export import Exports
        from mcp_arangodb_async.sql.router import Environments

        return Environments(
            {} if empty else settings.environments,
            default=None if empty else settings.default_environment,
            manager=self._manager,
            read_only=self._read_only,
            monitoring=None if empty else settings.monitoring,
            exports=Exports(
                settings.export_directory,
                max_bytes=settings.exports.max_bytes,
                total_bytes=settings.exports.total_bytes,
                keep=settings.exports.keep,
            ),
        )


@asynccontextmanager
async def open_environments(
    settings: Settings, manager: MultiDatabaseConnectionManager
) -> AsyncGenerator[OpenEnvironments]:
    """The environments for as long as the block lasts."""
    opened = OpenEnvironments(settings, manager)
    opened.start()
    try:
        yield opened
    finally:
        await opened.close()


def with_sql_tools(settings: Settings, tools: Mapping[str, Tool]) -> Mapping[str, Tool]:
    """The tools, with those of SQL environments behind them where some are configured."""
    names = enabled(settings)
    if not names:
        return tools
    from mcp_arangodb_async.tools.sql_tools import sql_tools

    return {**tools, **sql_tools(names)}


def enabled(settings: Settings) -> list[str]:
    """The names of the environments that can be used."""
    return [name for name, one in settings.environments.items() if one.enabled]
