"""What a store of tenants does: rows of one tenant inside one transaction, nothing of secrets or rights.

    async with store.transaction("acme", write=True) as rows:
        row = await rows.config()
        await rows.put_config(changed, action="update", keep=50)

A transaction belongs to one tenant and reaches no other. `registry.py` decides, seals and opens; a back end
only keeps what it is given, all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_arangodb_async.gateway.keys import WrappedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRow:
    """A version of a tenant as it is stored; `servers` is the JSON of `mcp_server_config`."""

    tenant: str
    incarnation: str
    version: int
    enabled: bool
    servers: Mapping[str, Any] = field(repr=False)
    key_version: int
    mark: str = field(repr=False)
    created_at: str
    updated_at: str
    updated_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """A version, and what made it."""

    row: ConfigRow
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A data key as it is stored."""

    version: int
    incarnation: str
    wrapped: WrappedKey
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow:
    """An API key as it is stored; `digest` is the hash of its secret part."""

    key_id: str
    digest: str = field(repr=False)
    principal: str
    role: str
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    key_version: int
    mark: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRow:
    """An approved definition of a tool."""

    server: str
    tool: str
    sha256: str
    approved_at: str
    approved_by: str
    key_version: int
    mark: str = field(repr=False)


class TenantRows(Protocol):
    """The rows of one tenant, inside one transaction."""

    @property
    def tenant(self) -> str:
        """Whose rows these are."""
        ...

    async def config(self) -> ConfigRow | None:
        """The version in use; in a writing transaction nobody else changes it before the end."""
        ...

    async def config_with_key(self) -> tuple[ConfigRow, KeyRow | None] | None:
        """The version in use with the data key that marked it, in one question."""
        ...

    async def put_config(self, row: ConfigRow, *, action: str, keep: int, new: bool) -> None:
        """Make this the version in use and keep so many earlier ones; ConflictError if one was faster."""
        ...

    async def replace(self, row: ConfigRow) -> None:
        """Store the same version under other seals, in use and in the history."""
        ...

    async def history(self, *, limit: int) -> Sequence[HistoryRow]:
        """The versions that are kept, the newest first."""
        ...

    async def earlier(self, version: int) -> ConfigRow | None:
        """One version that is kept."""
        ...

    async def versions(self) -> Sequence[int]:
        """The numbers of the versions that are kept, the oldest first."""
        ...

    async def keys(self) -> Sequence[KeyRow]:
        """The data keys, the newest first."""
        ...

    async def put_key(self, key: KeyRow) -> None:
        """Add a data key, or store another wrapping of it."""
        ...

    async def drop_keys(self, versions: Sequence[int]) -> None:
        """Destroy data keys."""
        ...

    async def api_keys(self) -> Sequence[ApiKeyRow]:
        """All API keys, the oldest first."""
        ...

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        """One API key."""
        ...

    async def put_api_key(self, key: ApiKeyRow) -> None:
        """Add an API key, or store it changed."""
        ...

    async def pins(self, server: str | None = None) -> Sequence[PinRow]:
        """The approved tools of a server, or of all."""
        ...

    async def put_pins(self, server: str, pins: Sequence[PinRow]) -> None:
        """Replace the approved tools of a server."""
        ...

    async def erase(self) -> bool:
        """Delete everything of the tenant; was there anything?"""
        ...


class TenantStore(Protocol):
    """All tenants, reached one at a time."""

    @property
    def kind(self) -> str:
        """The back end in a word: `sqlite`, `postgresql`."""
        ...

    def transaction(self, tenant: str, *, write: bool = False) -> AbstractAsyncContextManager[TenantRows]:
        """The rows of a tenant; kept when the block ends well, else as before."""
        ...

    async def tenants(self, *, after: str = "", limit: int = 1000) -> Sequence[str]:
        """Ids of tenants in order; `after` is the last one already seen."""
        ...

    async def generation(self) -> int:
        """A number that is another one after every change of any tenant."""
        ...

    async def problems(self) -> Sequence[str]:
        """What is wrong with the store itself: rights, isolation, version of its tables."""
        ...

    async def erased(self) -> None:
        """Make sure that deleted rows are gone from the files, as far as the back end can."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
