"""The tables' versions: made and unmade by Alembic, from scripts that are part of the package.

async with engine.begin() as connection:
    await connection.run_sync(upgrade, head(), {"application_role": "maa_tenants"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mcp_arangodb_async.errors import ConfigError, InputError

SCHEMA = "maa_tenants"
# The settings of a transaction that the policies read.
TENANT_SETTING, SCOPE_SETTING = "maa.tenant", "maa.scope"
_SCRIPTS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


@cache
def head() -> str:
    """The newest version there is a script for."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def versions() -> Sequence[str]:
    """All versions, the oldest first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def revision(connection: Connection) -> str | None:
    """The version of the tables that are there; None if there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def move(connection: Connection, target: str, options: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Bring the tables up or back to a version, `head` or `base`; what it was, and what it is."""
    before = revision(connection)
    wanted = head() if target == "head" else None if target == "base" else target
    if wanted is not None and wanted not in versions():
        raise InputError(f"there is no version {target!r}; possible are {', '.join(versions())}, head, base")
    order: list[str | None] = [None, *versions()]
    if before not in order:
        raise ConfigError(f"the tables are of version {before}, which this program does not know")
    if order.index(wanted) > order.index(before):
        upgrade(connection, wanted or "base", options)
    elif wanted != before:
        downgrade(connection, wanted or "base", options)
    return before, revision(connection)


def upgrade(connection: Connection, target: str, options: Mapping[str, Any]) -> None:
    """Bring the tables up to a version, in the transaction of the connection.

    `options` of PostgreSQL: `application_role`, who may then use them.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    _run(connection, options, command.upgrade, target)


def downgrade(connection: Connection, target: str, options: Mapping[str, Any]) -> None:
    """Take the tables back to a version, or `base` for none: what later versions stored is lost."""
    _run(connection, options, command.downgrade, target)


def _run(
    connection: Connection, options: Mapping[str, Any], do: Callable[[Config, str], None], target: str
) -> None:
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["options"] = dict(options)
    do(config, target)
