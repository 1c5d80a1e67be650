"""What each dialect does differently; one file each, one line here."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_arangodb_async.config.environments import EnvironmentKind
from mcp_arangodb_async.sql.dialects.dialect import Dialect
from mcp_arangodb_async.sql.dialects.mysql import MARIADB, MYSQL
from mcp_arangodb_async.sql.dialects.postgresql import POSTGRESQL
from mcp_arangodb_async.sql.dialects.sqlite import SQLITE

# ArangoDB environments have no SQL and so no dialect.
DIALECTS: Mapping[EnvironmentKind, Dialect] = {
    "postgresql": POSTGRESQL,
    "mysql": MYSQL,
    "mariadb": MARIADB,
    "sqlite": SQLITE,
}
