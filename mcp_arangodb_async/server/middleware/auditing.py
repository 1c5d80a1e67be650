"""Writes down who called what and what came of it; arguments only as a digest."""

from __future__ import annotations

import time
from typing import Literal

from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.observability.audit_record import AuditRecord
from mcp_arangodb_async.server.middleware.watch import Watch
from mcp_arangodb_async.server.passage import Passage, Step, WireResult
from mcp_arangodb_async.server.render import failed

# Outcomes that mean: policy or rights forbade it.
DENIED = frozenset({"denied", "read_only"})


def layer(watch: Watch, call: Step) -> Step:
    """Record every call after it, and before it too where the log fails closed; nothing without a log."""
    audit = watch.audit
    if audit is None:
        return call
    claim = watch.settings.tenants.claim_tenant

    async def audited(passage: Passage) -> WireResult:
        arguments = audit.digest(passage.incoming.arguments)
        if audit.fail_closed:
            try:
                await audit.record(record_of(passage, arguments, "started", claim))
            except MaaError as error:
                passage.outcome = error.code
                return failed(error, request_id=passage.request_id)
        started = time.perf_counter()
        try:
            return await call(passage)
        finally:
            ms = round((time.perf_counter() - started) * 1000, 3)
            decision = "denied" if passage.outcome in DENIED else "allowed"
            await written(audit, record_of(passage, arguments, decision, claim, ms=ms))

    return audited


async def written(audit: AuditLog, record: AuditRecord) -> None:
    """The record of a call that has ended: what it did is done, so a failure is the log's own to tell."""
    try:
        await audit.record(record)
    except MaaError:
        return


def record_of(
    passage: Passage,
    arguments: str,
    decision: Literal["allowed", "denied", "started"],
    tenant_claim: str,
    *,
    ms: float | None = None,
) -> AuditRecord:
    """The facts of a call."""
    incoming = passage.incoming
    who = incoming.who
    tenant = None if who is None else who.claim(tenant_claim)
    return AuditRecord(
        kind="call",
        decision=decision,
        outcome="unknown" if decision == "started" else passage.outcome,
        who=None if who is None else who.subject,
        issuer=None if who is None else who.issuer,
        client=None if who is None else who.client,
        tenant=tenant if isinstance(tenant, str) else None,
        session=passage.session,
        transport=incoming.transport,
        tool=passage.tool,
        database=passage.database,
        rows=passage.rows,
        ms=ms,
        arguments=arguments,
        request=passage.request_id,
    )
