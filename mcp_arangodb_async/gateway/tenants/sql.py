"""The rows of a tenant over SQLAlchemy: every statement of the store is here, the same for both back ends.

Each statement names the tenant, and each row that comes back is looked at again: a back end with row-level
security is the third wall, not the first.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
    ConflictError,
    SealError,
    UnavailableError,
)
from mcp_arangodb_async.gateway.keys import WrappedKey
from mcp_arangodb_async.gateway.tenants.store import ApiKeyRow, ConfigRow, HistoryRow, KeyRow, PinRow
from mcp_arangodb_async.gateway.tenants.tables import (
    StoreGeneration,
    Tables,
    TenantApiKey,
    TenantConfig,
    TenantDataKey,
    TenantDirectory,
    TenantHistory,
    TenantToolPin,
)

_CONFIG = (
    TenantConfig.tenant_id, TenantConfig.incarnation, TenantConfig.version, TenantConfig.enabled,
    TenantConfig.mcp_server_config, TenantConfig.key_version, TenantConfig.mark, TenantConfig.created_at,
    TenantConfig.updated_at, TenantConfig.updated_by,
)  # fmt: skip
_HISTORY = (
    TenantHistory.tenant_id, TenantHistory.incarnation, TenantHistory.version, TenantHistory.enabled,
    TenantHistory.mcp_server_config, TenantHistory.key_version, TenantHistory.mark, TenantHistory.created_at,
    TenantHistory.updated_at, TenantHistory.updated_by, TenantHistory.action,
)  # fmt: skip
_KEY = (
    TenantDataKey.tenant_id, TenantDataKey.version, TenantDataKey.incarnation, TenantDataKey.master,
    TenantDataKey.wrapped, TenantDataKey.created_at,
)  # fmt: skip
_API_KEY = (
    TenantApiKey.tenant_id, TenantApiKey.key_id, TenantApiKey.digest, TenantApiKey.principal,
    TenantApiKey.role, TenantApiKey.created_at, TenantApiKey.created_by, TenantApiKey.expires_at,
    TenantApiKey.revoked_at, TenantApiKey.key_version, TenantApiKey.mark,
)  # fmt: skip
_PIN = (
    TenantToolPin.tenant_id, TenantToolPin.server, TenantToolPin.tool, TenantToolPin.sha256,
    TenantToolPin.approved_at, TenantToolPin.approved_by, TenantToolPin.key_version, TenantToolPin.mark,
)  # fmt: skip
TENANT_TABLES: tuple[type[Tables], ...] = (
    TenantDirectory,
    TenantConfig,
    TenantHistory,
    TenantDataKey,
    TenantApiKey,
    TenantToolPin,
)
Answer = Sequence[Any]


class SqlTenantRows:
    """The rows of one tenant, inside one transaction of one connection."""

    def __init__(self, connection: AsyncConnection, tenant: str, *, locks: bool) -> None:
        """With `locks`, the row in use is locked when it is read (a database with many writers)."""
        self._connection = connection
        self._tenant = tenant
        self._locks = locks

    @property
    def tenant(self) -> str:
        """Whose rows these are."""
        return self._tenant

    def mine(self, table: Any) -> ColumnElement[bool]:
        """The condition that every statement carries."""
        return table.tenant_id == self._tenant

    def checked(self, found: Answer) -> Answer:
        """The row, if it is this tenant's; SealError for any other."""
        if found[0] != self._tenant:
            raise SealError(f"the store answered with a row of another tenant than {self._tenant!r}")
        return found

    async def config(self) -> ConfigRow | None:
        """The version in use."""
        question = select(*_CONFIG).where(self.mine(TenantConfig))
        if self._locks:
            question = question.with_for_update()
        found = (await self._connection.execute(question)).first()
        return None if found is None else _config(self.checked(found))

    async def config_with_key(self) -> tuple[ConfigRow, KeyRow | None] | None:
        """The version in use with the data key that marked it."""
        question = (
            select(*_CONFIG, *_KEY)
            .outerjoin(
                TenantDataKey,
                (TenantDataKey.tenant_id == TenantConfig.tenant_id)
                & (TenantDataKey.version == TenantConfig.key_version),
            )
            .where(self.mine(TenantConfig))
        )
        found = (await self._connection.execute(question)).first()
        if found is None:
            return None
        row = _config(self.checked(found))
        key = found[len(_CONFIG) :]
        return row, None if key[0] is None else _key(self.checked(key))

    async def put_config(self, row: ConfigRow, *, action: str, keep: int, new: bool) -> None:
        """Make this the version in use, and keep so many earlier ones."""
        values = _values(row)
        if new:
            await self._connection.execute(
                insert(TenantDirectory), {"tenant_id": self._tenant, "created_at": row.created_at}
            )
            await self._connection.execute(insert(TenantConfig), values)
        else:
            changed = await self._connection.execute(
                update(TenantConfig)
                .where(self.mine(TenantConfig), TenantConfig.version == row.version - 1)
                .values({name: value for name, value in values.items() if name != "tenant_id"})
            )
            if changed.rowcount != 1:
                raise ConflictError(f"tenant {self._tenant!r} was changed meanwhile", hint="read it again")
        await self._connection.execute(insert(TenantHistory), {**values, "action": action})
        await self._connection.execute(
            delete(TenantHistory).where(self.mine(TenantHistory), TenantHistory.version < row.version - keep)
        )

    async def replace(self, row: ConfigRow) -> None:
        """Store the same version under other seals."""
        sealed = {"mcp_server_config": row.servers, "key_version": row.key_version, "mark": row.mark}
        for table in (TenantConfig, TenantHistory):
            await self._connection.execute(
                update(table).where(self.mine(table), table.version == row.version).values(sealed)
            )

    async def history(self, *, limit: int) -> Sequence[HistoryRow]:
        """The versions that are kept, the newest first."""
        question = (
            select(*_HISTORY)
            .where(self.mine(TenantHistory))
            .order_by(TenantHistory.version.desc())
            .limit(limit)
        )
        answers = (await self._connection.execute(question)).all()
        return [
            HistoryRow(row=_config(self.checked(found)), action=str(found[len(_CONFIG)])) for found in answers
        ]

    async def earlier(self, version: int) -> ConfigRow | None:
        """One version that is kept."""
        question = select(*_HISTORY).where(self.mine(TenantHistory), TenantHistory.version == version)
        found = (await self._connection.execute(question)).first()
        return None if found is None else _config(self.checked(found))

    async def versions(self) -> Sequence[int]:
        """The numbers of the versions that are kept, the oldest first."""
        question = (
            select(TenantHistory.version).where(self.mine(TenantHistory)).order_by(TenantHistory.version)
        )
        return (await self._connection.execute(question)).scalars().all()

    async def keys(self) -> Sequence[KeyRow]:
        """The data keys, the newest first."""
        question = select(*_KEY).where(self.mine(TenantDataKey)).order_by(TenantDataKey.version.desc())
        answers = (await self._connection.execute(question)).all()
        return [_key(self.checked(found)) for found in answers]

    async def put_key(self, key: KeyRow) -> None:
        """Add a data key, or store another wrapping of it."""
        wrapping = {"master": key.wrapped.master, "wrapped": key.wrapped.blob}
        changed = await self._connection.execute(
            update(TenantDataKey)
            .where(
                self.mine(TenantDataKey),
                TenantDataKey.version == key.version,
                TenantDataKey.incarnation == key.incarnation,
            )
            .values(wrapping)
        )
        if changed.rowcount == 0:
            await self._connection.execute(
                insert(TenantDataKey),
                {
                    "tenant_id": self._tenant, "version": key.version, "incarnation": key.incarnation,
                    "created_at": key.created_at, **wrapping,
                },
            )  # fmt: skip

    async def drop_keys(self, versions: Sequence[int]) -> None:
        """Destroy data keys."""
        await self._connection.execute(
            delete(TenantDataKey).where(self.mine(TenantDataKey), TenantDataKey.version.in_(versions))
        )

    async def api_keys(self) -> Sequence[ApiKeyRow]:
        """All API keys, the oldest first."""
        question = (
            select(*_API_KEY)
            .where(self.mine(TenantApiKey))
            .order_by(TenantApiKey.created_at, TenantApiKey.key_id)
        )
        answers = (await self._connection.execute(question)).all()
        return [_api_key(self.checked(found)) for found in answers]

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        """One API key."""
        question = select(*_API_KEY).where(self.mine(TenantApiKey), TenantApiKey.key_id == key_id)
        found = (await self._connection.execute(question)).first()
        return None if found is None else _api_key(self.checked(found))

    async def put_api_key(self, key: ApiKeyRow) -> None:
        """Add an API key, or store it changed."""
        changing = {"revoked_at": key.revoked_at, "key_version": key.key_version, "mark": key.mark}
        changed = await self._connection.execute(
            update(TenantApiKey)
            .where(self.mine(TenantApiKey), TenantApiKey.key_id == key.key_id)
            .values(changing)
        )
        if changed.rowcount == 0:
            await self._connection.execute(
                insert(TenantApiKey),
                {
                    "tenant_id": self._tenant, "key_id": key.key_id, "digest": key.digest,
                    "principal": key.principal, "role": key.role, "created_at": key.created_at,
                    "created_by": key.created_by, "expires_at": key.expires_at, **changing,
                },
            )  # fmt: skip

    async def pins(self, server: str | None = None) -> Sequence[PinRow]:
        """The approved tools of a server, or of all."""
        question = select(*_PIN).where(self.mine(TenantToolPin)).order_by(TenantToolPin.tool)
        if server is not None:
            question = question.where(TenantToolPin.server == server)
        answers = (await self._connection.execute(question)).all()
        return [_pin(self.checked(found)) for found in answers]

    async def put_pins(self, server: str, pins: Sequence[PinRow]) -> None:
        """Replace the approved tools of a server."""
        await self._connection.execute(
            delete(TenantToolPin).where(self.mine(TenantToolPin), TenantToolPin.server == server)
        )
        if pins:
            await self._connection.execute(
                insert(TenantToolPin),
                [
                    {
                        "tenant_id": self._tenant, "server": server, "tool": pin.tool, "sha256": pin.sha256,
                        "approved_at": pin.approved_at, "approved_by": pin.approved_by,
                        "key_version": pin.key_version, "mark": pin.mark,
                    }
                    for pin in pins
                ],
            )  # fmt: skip

    async def erase(self) -> bool:
        """Delete everything of the tenant."""
        gone = 0
        for table in reversed(TENANT_TABLES):
            gone += (await self._connection.execute(delete(table).where(self.mine(table)))).rowcount
        return gone > 0


Enter = Callable[[AsyncConnection, str], Awaitable[None]]


class SqlTenantStore:
    """What both back ends share: transactions, the list of tenants, our errors for theirs."""

    rows: type[SqlTenantRows] = SqlTenantRows

    def __init__(self, engine: AsyncEngine, *, kind: str, name: str, locks: bool) -> None:
        """`name` is what messages call the store: it holds no credentials."""
        self.engine = engine
        self.name = name
        self._kind = kind
        self._locks = locks

    @property
    def kind(self) -> str:
        """The back end in a word."""
        return self._kind

    @asynccontextmanager
    async def transaction(self, tenant: str, *, write: bool = False) -> AsyncGenerator[SqlTenantRows]:
        """The rows of a tenant."""
        async with self.connected(write=write) as connection:
            await self.enter(connection, tenant)
            yield self.rows(connection, tenant, locks=self._locks and write)
            if write:  # last: other writers wait for this row until the end of the transaction
                await connection.execute(
                    update(StoreGeneration).values(generation=StoreGeneration.generation + 1)
                )

    @asynccontextmanager
    async def connected(self, *, write: bool = False) -> AsyncGenerator[AsyncConnection]:
        """A connection in a transaction of its own, belonging to no tenant yet."""
        try:
            async with self.engine.connect() as connection:
                options: dict[str, Any] = {"write": write}
                if self._locks and not write:  # several reads of one moment, whoever writes meanwhile
                    options["isolation_level"] = "REPEATABLE READ"
                await connection.execution_options(**options)
                async with connection.begin():
                    yield connection
        except IntegrityError:
            raise ConflictError("it exists already: somebody else stored it meanwhile") from None
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise self.translated(error) from None

    async def enter(self, connection: AsyncConnection, tenant: str) -> None:
        """Make the transaction the tenant's; where the database knows of tenants."""

    async def enter_directory(self, connection: AsyncConnection) -> None:
        """Let the transaction read the list of tenants, and nothing else."""

    async def generation(self) -> int:
        """A number that is another one after every change of any tenant."""
        async with self.connected() as connection:
            return (await connection.execute(select(StoreGeneration.generation))).scalar_one()

    async def tenants(self, *, after: str = "", limit: int = 1000) -> Sequence[str]:
        """Ids of tenants in order."""
        question = (
            select(TenantDirectory.tenant_id)
            .where(TenantDirectory.tenant_id > after)
            .order_by(TenantDirectory.tenant_id)
            .limit(limit)
        )
        async with self.connected() as connection:
            await self.enter_directory(connection)
            return (await connection.execute(question)).scalars().all()

    async def count(self) -> int:
        """How many tenants there are."""
        async with self.connected() as connection:
            await self.enter_directory(connection)
            return (await connection.execute(select(func.count()).select_from(TenantDirectory))).scalar_one()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    def translated(self, error: BaseException) -> BackendError:
        """Our error for a driver's: never its text, which may hold statements and addresses."""
        if isinstance(error, PoolTimeoutError):
            return UnavailableError(
                f"the store of tenants {self.name} is busy: no connection was free in time"
            )
        state = _state(error)
        if state.startswith("28"):
            return AuthenticationError(
                f"the store of tenants {self.name} refused the login",
                hint="tenants.store_username and store_password_env say who logs in",
            )
        if state == "3D000":
            return BackendError(f"there is no database at {self.name}", hint="create it for the owner role")
        if isinstance(error, DBAPIError) and not error.connection_invalidated:
            return UnavailableError(
                f"the store of tenants {self.name} refused a statement: {state or type(error.orig).__name__}"
            )
        return UnavailableError(f"the store of tenants {self.name} cannot be reached: {type(error).__name__}")


def _state(error: BaseException | None) -> str:
    """The SQLSTATE of an error, or of what caused it; empty where a driver has none."""
    while error is not None:
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if isinstance(state, str):
            return state
        error = getattr(error, "orig", None) or error.__cause__
    return ""


def _config(found: Sequence[Any]) -> ConfigRow:
    return ConfigRow(
        tenant=found[0],
        incarnation=found[1],
        version=found[2],
        enabled=found[3],
        servers=found[4],
        key_version=found[5],
        mark=found[6],
        created_at=found[7],
        updated_at=found[8],
        updated_by=found[9],
    )


def _values(row: ConfigRow) -> Mapping[str, Any]:
    return {
        "tenant_id": row.tenant,
        "incarnation": row.incarnation,
        "version": row.version,
        "enabled": row.enabled,
        "mcp_server_config": row.servers,
        "key_version": row.key_version,
        "mark": row.mark,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "updated_by": row.updated_by,
    }


def _key(found: Sequence[Any]) -> KeyRow:
    return KeyRow(
        version=found[1],
        incarnation=found[2],
        wrapped=WrappedKey(master=found[3], blob=bytes(found[4])),
        created_at=found[5],
    )


def _api_key(found: Sequence[Any]) -> ApiKeyRow:
    return ApiKeyRow(
        key_id=found[1],
        digest=found[2],
        principal=found[3],
        role=found[4],
        created_at=found[5],
        created_by=found[6],
        expires_at=found[7],
        revoked_at=found[8],
        key_version=found[9],
        mark=found[10],
    )


def _pin(found: Sequence[Any]) -> PinRow:
    return PinRow(
        server=found[1],
        tool=found[2],
        sha256=found[3],
        approved_at=found[4],
        approved_by=found[5],
        key_version=found[6],
        mark=found[7],
    )
