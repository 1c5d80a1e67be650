"""SQL environments of an application: opened, and their tools listed, only where some are configured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.tools.spec import Tool

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.router import Environments


@asynccontextmanager
async def open_environments(
    settings: Settings, manager: MultiDatabaseConnectionManager, *, eager: bool = True
) -> AsyncGenerator[Environments | None]:
    """The environments for as long as the block lasts; None where none is configured.

    With `eager`, those that ask for it are opened in the background.
    """
    if not settings.environments:
        yield None
        return
    # Here and not above: only who configured them pays for them.
    from mcp_arangodb_async.sql.router import Environments

    environments = Environments(
        settings.environments,
        default=settings.default_environment,
        manager=manager,
        read_only=settings.server.read_only,
    )
    if eager:
        environments.start()
    try:
        yield environments
    finally:
        await environments.close()


def with_sql_tools(settings: Settings, tools: Mapping[str, Tool]) -> Mapping[str, Tool]:
    """The tools, with those of SQL environments behind them where some are configured."""
    names = [name for name, one in settings.environments.items() if one.enabled]
    if not names:
        return tools
    from mcp_arangodb_async.tools.sql_tools import sql_tools

    return {**tools, **sql_tools(names)}
