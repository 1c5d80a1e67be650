"""API keys, and the tool definitions that tenants approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mcp_arangodb_async.gateway.tenants.isolation import isolate

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("tenant_api_keys", "tenant_tool_pins")


def upgrade() -> None:
    """Make the tables, and put each under row-level security."""
    op.create_table(
        "tenant_api_keys",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("principal", sa.String(128), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(256), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=True),
        sa.Column("revoked_at", sa.String(32), nullable=True),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
    )
    op.create_table(
        "tenant_tool_pins",
        sa.Column("tenant_id", sa.String(64), primary_key=True),
        sa.Column("server", sa.String(64), primary_key=True),
        sa.Column("tool", sa.String(128), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("approved_at", sa.String(32), nullable=False),
        sa.Column("approved_by", sa.String(256), nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
    )
    isolate(TABLES)


def downgrade() -> None:
    """Take the tables away, with everything in them."""
    for table in reversed(TABLES):
        op.drop_table(table)
