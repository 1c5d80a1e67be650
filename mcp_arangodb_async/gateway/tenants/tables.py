"""The tables, as SQLAlchemy's models; the migrations make them, a test compares the two.

Each table with data of tenants begins its primary key with the tenant, and is under forced row-level security
in PostgreSQL.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Text32, Text64, Text128, Text256 = String(32), String(64), String(128), String(256)
# The tenant that API keys of the platform are kept under; no tenant can be called so.
PLATFORM = "@platform"


def dump_json(value: object) -> str:
    """JSON as it is stored: what was not changed is written as it was."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Tables(DeclarativeBase):
    """All tables of tenants."""


class StoreGeneration(Tables):
    """One number that every change adds to, so that a process knows when to read anew; of no tenant."""

    __tablename__ = "store_generation"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)


class TenantDirectory(Tables):
    """Which tenants there are; an Uber Admin's list reads nothing else."""

    __tablename__ = "tenant_directory"
    tenant_id: Mapped[str] = mapped_column(Text64, primary_key=True)
    created_at: Mapped[str] = mapped_column(Text32)


class TenantConfig(Tables):
    """What a tenant configured, as it is now: one row per tenant.

    `mcp_server_config` has one typed section per server; `mark` binds all of the row to the tenant.
    """

    __tablename__ = "tenant_configs"
    tenant_id: Mapped[str] = mapped_column(Text64, primary_key=True)
    incarnation: Mapped[str] = mapped_column(Text32)
    version: Mapped[int] = mapped_column(Integer)
    enabled: Mapped[bool] = mapped_column(Boolean)
    mcp_server_config: Mapped[dict[str, Any]] = mapped_column(JSON)
    key_version: Mapped[int] = mapped_column(Integer)
    mark: Mapped[str] = mapped_column(Text64)
    created_at: Mapped[str] = mapped_column(Text32)
    updated_at: Mapped[str] = mapped_column(Text32)
    updated_by: Mapped[str] = mapped_column(Text256)


class TenantHistory(Tables):
    """Every version that is kept of a tenant, the one in use among them."""

    __tablename__ = "tenant_config_history"
    tenant_id: Mapped[str] = mapped_column(Text64, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    incarnation: Mapped[str] = mapped_column(Text32)
    action: Mapped[str] = mapped_column(Text32)
    enabled: Mapped[bool] = mapped_column(Boolean)
    mcp_server_config: Mapped[dict[str, Any]] = mapped_column(JSON)
    key_version: Mapped[int] = mapped_column(Integer)
    mark: Mapped[str] = mapped_column(Text64)
    created_at: Mapped[str] = mapped_column(Text32)
    updated_at: Mapped[str] = mapped_column(Text32)
    updated_by: Mapped[str] = mapped_column(Text256)


class TenantDataKey(Tables):
    """A tenant's data keys, wrapped by a master key; without its row a key is lost for ever."""

    __tablename__ = "tenant_data_keys"
    tenant_id: Mapped[str] = mapped_column(Text64, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    incarnation: Mapped[str] = mapped_column(Text32)
    master: Mapped[str] = mapped_column(Text128)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[str] = mapped_column(Text32)


class TenantApiKey(Tables):
    """API keys: the hash of each, whose it is and what it may do, bound together by `mark`."""

    __tablename__ = "tenant_api_keys"
    tenant_id: Mapped[str] = mapped_column(Text64, primary_key=True)
    key_id: Mapped[str] = mapped_column(Text32, primary_key=True)
    digest: Mapped[str] = mapped_column(Text64)
    principal: Mapped[str] = mapped_column(Text128)
    role: Mapped[str] = mapped_column(Text32)
    created_at: Mapped[str] = mapped_column(Text32)
    created_by: Mapped[str] = mapped_column(Text256)
    expires_at: Mapped[str | None] = mapped_column(Text32)
    revoked_at: Mapped[str | None] = mapped_column(Text32)
    key_version: Mapped[int] = mapped_column(Integer)
    mark: Mapped[str] = mapped_column(Text64)


class TenantToolPin(Tables):
    """The definitions of upstream tools that a tenant approved, by their hashes; bound by `mark` as well."""

    __tablename__ = "tenant_tool_pins"
    tenant_id: Mapped[str] = mapped_column(Text64, primary_key=True)
    server: Mapped[str] = mapped_column(Text64, primary_key=True)
    tool: Mapped[str] = mapped_column(Text128, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text64)
    approved_at: Mapped[str] = mapped_column(Text32)
    approved_by: Mapped[str] = mapped_column(Text256)
    key_version: Mapped[int] = mapped_column(Integer)
    mark: Mapped[str] = mapped_column(Text64)
