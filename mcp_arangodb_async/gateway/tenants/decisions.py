"""A right is asked for, the work is done, and how it ended is written down: once for everything here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from mcp_arangodb_async.errors import DeniedError, MaaError
from mcp_arangodb_async.gateway.roles import Action, Identity, decide
from mcp_arangodb_async.gateway.tenants.model import check_tenant
from mcp_arangodb_async.observability.audit_record import AuditRecord

Record = Callable[[AuditRecord], Awaitable[None]]
Facts = Mapping[str, str | int]
_REFUSED = frozenset({"denied", "seal_broken"})


class Decisions:
    """Asks `roles.decide`, and writes every refusal and every change into the audit log, if there is one."""

    def __init__(self, record: Record | None) -> None:
        self._record = record

    @asynccontextmanager
    async def tenant(
        self, identity: Identity | None, action: Action, facts: Facts | None = None, *, quiet: bool = False
    ) -> AsyncGenerator[str]:
        """The id of the caller's tenant, for as long as the work takes; DeniedError without the right.

        A `quiet` success is written down only when somebody acts for another tenant.
        """
        scope = None if identity is None else identity.scope
        async with self._written(identity, action, scope, facts, quiet=quiet):
            if identity is not None and scope is None:
                raise DeniedError(
                    f"{action} concerns one tenant, and role {identity.role} acts for none",
                    hint="name it with acting_for",
                )
            decide(identity, action, scope)
            yield check_tenant(scope or "")

    @asynccontextmanager
    async def platform(
        self, identity: Identity | None, action: Action, facts: Facts | None = None, *, quiet: bool = False
    ) -> AsyncGenerator[None]:
        """The same for what concerns no tenant."""
        async with self._written(identity, action, None, facts, quiet=quiet):
            decide(identity, action, None)
            yield

    @asynccontextmanager
    async def anywhere(
        self, identity: Identity | None, action: Action, facts: Facts | None = None, *, quiet: bool = False
    ) -> AsyncGenerator[str | None]:
        """The caller's tenant, or None for one of the platform who acts for nobody."""
        scope = None if identity is None else identity.scope
        async with self._written(identity, action, scope, facts, quiet=quiet):
            decide(identity, action, scope)
            yield None if scope is None else check_tenant(scope)

    @asynccontextmanager
    async def _written(
        self,
        identity: Identity | None,
        action: Action,
        tenant: str | None,
        facts: Facts | None,
        *,
        quiet: bool,
    ) -> AsyncGenerator[None]:
        try:
            yield
        except MaaError as error:
            await self.write(identity, action, error.code, tenant, facts)
            raise
        if not quiet or (identity is not None and identity.acting_for):
            await self.write(identity, action, "ok", tenant, facts)

    async def write(
        self,
        identity: Identity | None,
        action: str,
        outcome: str,
        tenant: str | None,
        facts: Facts | None = None,
    ) -> None:
        """Write down who did what, and how it ended; never what was stored."""
        if self._record is None:
            return
        details: dict[str, str | int | float | bool | None] = {"action": action, **(facts or {})}
        if identity is not None:
            details |= {"role": identity.role, "way": identity.way}
            if identity.acting_for:
                details["acting_for"] = identity.acting_for
        await self._record(
            AuditRecord(
                kind="tenant",
                decision="denied" if outcome in _REFUSED else "allowed",
                outcome=outcome,
                who=identity.principal if identity else None,
                tenant=tenant,
                details=details,
            )
        )
