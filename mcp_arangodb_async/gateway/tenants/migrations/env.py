"""What Alembic runs around each migration: it hands our connection to the scripts.

Alembic loads this file by its path and runs it; nothing imports it.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from mcp_arangodb_async.gateway.tenants.tables import Tables

connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)
context.configure(
    connection=connection,
    target_metadata=Tables.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
