"""Tenants, their configuration with its history, and their data keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mcp_arangodb_async.gateway.tenants.isolation import isolate

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("tenant_directory", "tenant_configs", "tenant_config_history", "tenant_data_keys")


def upgrade() -> None:
    """Make the tables, and put each with data of tenants under row-level security."""
    generation = op.create_table(
        "store_generation",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(generation, [{"id": 1, "generation": 0}])
    op.create_table(
        "tenant_directory",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "tenant_configs",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("mcp_server_config", sa.JSON, nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("updated_by", sa.String(256), nullable=False),
    )
    op.create_table(
        "tenant_config_history",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("mcp_server_config", sa.JSON, nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("updated_by", sa.String(256), nullable=False),
    )
    op.create_table(
        "tenant_data_keys",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("incarnation", sa.String(32), nullable=False),
        sa.Column("master", sa.String(128), nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    isolate(TABLES, listed=("tenant_directory",), counted=("store_generation",))


def downgrade() -> None:
    """Take the tables away, with everything in them."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_table("store_generation")
