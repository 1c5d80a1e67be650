"""Tools that manage what a tenant brings: its servers, their versions, how they are tried and explained."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import Field

from mcp_arangodb_async.errors import DeniedError, InputError
from mcp_arangodb_async.gateway.resolve import explained, resolve, server_names
from mcp_arangodb_async.gateway.roles import Identity, act_for, decide
from mcp_arangodb_async.gateway.tenants.model import Tenant, shown_server, shown_tenant
from mcp_arangodb_async.gateway.validation import Report, Trial, unreadable
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.spec import Args, Effect, tool
from mcp_arangodb_async.tools.tenancy import Tenancy, tenancy_of

PAGE = 1000


class TenantArgs(Args):
    """Arguments of every tool here."""

    acting_for: str | None = Field(None, description="Tenant an Uber Admin acts for; recorded")


class ChangeArgs(TenantArgs):
    """Arguments of a change."""

    expected_version: int | None = Field(
        None, description="Fail if the configuration has another version", ge=0
    )
    dry_run: bool = Field(False, description="Check everything, store nothing")


class RegisterArgs(ChangeArgs):
    """Arguments of rag_register_tenant_mcp_config."""

    servers: dict[str, dict[str, Any]] = Field(
        description="By name (postgres, minio, ai_mcp_server, or your own): url, transport http|sse, "
        "headers, mode tenant|inherit|disabled, fallback none|global, tools, "
        "allow_tools, tenant_argument, timeout",
        min_length=1,
        max_length=32,
    )
    enabled: bool | None = Field(None, description="Use the tenant's own servers at all")
    validate_first: bool = Field(True, alias="validate", description="Try each server before storing it")


class UpdateArgs(ChangeArgs):
    """Arguments of rag_update_tenant_mcp_config."""

    server: str | None = Field(None, description="Server's name")
    config: dict[str, Any] | None = Field(
        None, description="What changes; null removes; what is not named stays"
    )
    enabled: bool | None = Field(None, description="Use the tenant's own servers at all")
    validate_first: bool = Field(True, alias="validate", description="Try the server before storing it")


class GetArgs(TenantArgs):
    """Arguments of rag_get_tenant_mcp_config."""

    server: str | None = Field(None, description="Only this server")
    history: bool = Field(False, description="Also the versions kept")


class ListArgs(Args):
    """Arguments of rag_list_tenant_mcp_config."""

    after: str = Field("", description="Ids after this one")
    limit: int = Field(100, description="How many", ge=1, le=PAGE)


class DeleteArgs(ChangeArgs):
    """Arguments of rag_delete_tenant_mcp_config."""

    server: str | None = Field(None, description="Only this server")
    confirm: str | None = Field(None, description="The tenant's id, to erase all of it")


class ValidateArgs(TenantArgs):
    """Arguments of rag_validate_tenant_mcp_config."""

    server: str = Field(description="Server's name")
    config: dict[str, Any] = Field(default_factory=dict, description="What would change")
    approve: list[str] | None = Field(
        None, description='Tools whose definition as it is now is approved; ["*"] for all'
    )


class TestArgs(TenantArgs):
    """Arguments of rag_test_tenant_mcp_config."""

    __test__ = False
    server: str | None = Field(None, description="Server's name; all if left out")


class ExplainArgs(TenantArgs):
    """Arguments of rag_explain_tenant_mcp_config."""

    server: str | None = Field(None, description="Server's name; all if left out")


class RollbackArgs(ChangeArgs):
    """Arguments of rag_rollback_tenant_mcp_config."""

    version: int = Field(description="Version to return to", ge=1)


class Stored(TypedDict):
    """What a change made; `stored` is false for a dry run and when a server failed its trial."""

    stored: bool
    dry_run: bool | None
    tenant: Mapping[str, Any] | None
    problems: list[str] | None
    reports: Sequence[Mapping[str, Any]] | None


class Shown(TypedDict):
    """A tenant's configuration without secrets."""

    tenant: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]] | None


class Ids(TypedDict):
    """Tenants; `next` continues."""

    tenants: list[str]
    next: str | None


class Erased(TypedDict):
    """What was removed."""

    removed: str
    dry_run: bool | None
    tenant: Mapping[str, Any] | None


class Tried(TypedDict):
    """Reports of trials."""

    valid: bool
    reports: list[Mapping[str, Any]]
    approved: list[str] | None


class Explained(TypedDict):
    """Which layer decides for each server."""

    tenant: str
    servers: list[Mapping[str, Any]]


@tool(title="Register tenant servers", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def rag_register_tenant_mcp_config(call: Call, args: RegisterArgs) -> Stored:
    """Register MCP servers of your tenant. Each is tried first; secrets are stored encrypted, never shown."""
    tenancy, identity = await asking(call, args.acting_for)
    reports = [
        await tried(tenancy, identity, server, document, wanted=args.validate_first)
        for server, document in args.servers.items()
    ]
    failed = failure(reports, dry_run=args.dry_run)
    if failed is not None:
        return failed
    tenant = await tenancy.registry.register(
        identity,
        args.servers,
        enabled=args.enabled,
        expected_version=args.expected_version,
        dry_run=args.dry_run,
    )
    if not args.dry_run:
        await approve_seen(tenancy, identity, reports)
    return stored(tenant, reports, dry_run=args.dry_run)


@tool(title="Update tenant server", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def rag_update_tenant_mcp_config(call: Call, args: UpdateArgs) -> Stored:
    """Change one MCP server of your tenant, or switch its own servers on or off; others stay as they are."""
    tenancy, identity = await asking(call, args.acting_for)
    if (args.server is None) != (args.config is None):
        raise InputError("server and config belong together", field="server")
    if args.server is None or args.config is None:
        if args.enabled is None:
            raise InputError("nothing to change: give server and config, or enabled", field="server")
        tenant = await tenancy.registry.set_enabled(
            identity, args.enabled, expected_version=args.expected_version, dry_run=args.dry_run
        )
        return stored(tenant, [], dry_run=args.dry_run)
    if args.enabled is not None:
        raise InputError("enabled is changed by a call of its own", field="enabled")
    reports = [await tried(tenancy, identity, args.server, args.config, wanted=args.validate_first)]
    failed = failure(reports, dry_run=args.dry_run)
    if failed is not None:
        return failed
    before = await tenancy.registry.pins(identity.scope or "", args.server)
    tenant = await tenancy.registry.update(
        identity,
        args.server,
        args.config,
        expected_version=args.expected_version,
        dry_run=args.dry_run,
    )
    if not args.dry_run and ("url" in args.config or not before):
        # Another address is another server: what was approved of the old one says nothing about it.
        await approve_seen(tenancy, identity, reports)
    return stored(tenant, reports, dry_run=args.dry_run)


@tool(title="Show tenant servers", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def rag_get_tenant_mcp_config(call: Call, args: GetArgs) -> Shown:
    """Your tenant's MCP servers and their version. Secrets show only since when they are set."""
    tenancy, identity = await asking(call, args.acting_for)
    tenant = await tenancy.registry.read(identity)
    shown = shown_tenant(tenant)
    if args.server is not None:
        shown["servers"] = {args.server: shown_server(server_of(tenant, args.server))}
    history = None
    if args.history:
        history = [
            {
                "version": line.version,
                "action": line.action,
                "at": line.at,
                "by": line.by,
                "servers": list(line.servers),
                "enabled": line.enabled,
            }
            for line in await tenancy.registry.history(identity)
        ]
    return Shown(tenant=shown, history=history)


@tool(title="List tenants", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def rag_list_tenant_mcp_config(call: Call, args: ListArgs) -> Ids:
    """Ids of all tenants that registered MCP servers; for Uber Admins."""
    tenancy, identity = await asking(call, None)
    found = await tenancy.registry.tenants(identity, after=args.after, limit=args.limit)
    return Ids(tenants=list(found), next=found[-1] if len(found) == args.limit else None)


@tool(title="Delete tenant server", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def rag_delete_tenant_mcp_config(call: Call, args: DeleteArgs) -> Erased:
    """Remove one MCP server of your tenant, or erase all of it with `confirm`."""
    tenancy, identity = await asking(call, args.acting_for)
    dry_run = args.dry_run or None
    if args.server is not None:
        tenant = await tenancy.registry.remove(
            identity, args.server, expected_version=args.expected_version, dry_run=args.dry_run
        )
        return Erased(removed=f"server {args.server}", dry_run=dry_run, tenant=shown_tenant(tenant))
    decide(identity, "config.delete", identity.scope)
    if args.confirm != identity.scope:
        raise InputError(
            "erasing a tenant needs confirm: its id; everything of it is lost, its history too",
            field="confirm",
            hint="pass server to remove one server only",
        )
    await tenancy.registry.delete(identity, expected_version=args.expected_version, dry_run=args.dry_run)
    return Erased(removed=f"tenant {identity.scope}", dry_run=dry_run, tenant=None)


@tool(title="Validate tenant server", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def rag_validate_tenant_mcp_config(call: Call, args: ValidateArgs) -> Tried:
    """Try an MCP server as it would be with `config`, storing nothing; or approve tools that changed."""
    tenancy, identity = await asking(call, args.acting_for)
    report = await tried(tenancy, identity, args.server, args.config, wanted=True)
    assert report is not None
    approved: list[str] | None = None
    if args.approve is not None:
        if not report.valid:
            raise InputError(f"nothing is approved: {problem(report)}", field="approve")
        approved = await approve(tenancy, identity, report, args.approve)
    return Tried(valid=report.valid, reports=[report.document()], approved=approved)


@tool(title="Test tenant servers", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def rag_test_tenant_mcp_config(call: Call, args: TestArgs) -> Tried:
    """Test the connection to your tenant's stored MCP servers: address, handshake, tools, credentials."""
    tenancy, identity = await asking(call, args.acting_for)
    decide(identity, "config.test", identity.scope)
    tenant = await tenancy.registry.current(identity.scope or "")
    if tenant is None:
        raise InputError("your tenant has registered nothing to test")
    names = [args.server] if args.server is not None else sorted(tenant.servers)
    reports: list[Report] = []
    for name in names:
        server = server_of(tenant, name)
        await tenancy.gateway.admit(tenant.id)
        pins = await tenancy.registry.pins(tenant.id, name)
        trial = Trial(
            tenancy.gateway,
            server=name,
            section=server.section,
            secrets=await tenancy.registry.secrets(tenant, name),
            tenant=tenant.id,
            pins=pins,
        )
        reports.append(await trial.run())
    return Tried(
        valid=all(report.valid for report in reports),
        reports=[report.document() for report in reports],
        approved=None,
    )


@tool(title="Explain tenant servers", category="multi_tenancy", effect=Effect.REMOTE_READ)
async def rag_explain_tenant_mcp_config(call: Call, args: ExplainArgs) -> Explained:
    """Which server your calls reach, and which layer supplied each value: tenant, global or default."""
    tenancy, identity = await asking(call, args.acting_for)
    decide(identity, "config.explain", identity.scope)
    scope = identity.scope or ""
    tenant = await tenancy.registry.current(scope)
    settings = tenancy.gateway.settings
    names = {*server_names(tenant, settings), *(tenant.servers if tenant else ())}
    chosen = [args.server] if args.server is not None else sorted(names)
    return Explained(
        tenant=scope,
        servers=[explained(resolve(name, tenant, settings), settings) for name in chosen],
    )


@tool(title="Roll back tenant servers", category="multi_tenancy", effect=Effect.REMOTE_CHANGE)
async def rag_rollback_tenant_mcp_config(call: Call, args: RollbackArgs) -> Stored:
    """Return your tenant's MCP servers to an earlier version, secrets included; it becomes the newest."""
    tenancy, identity = await asking(call, args.acting_for)
    tenant = await tenancy.registry.rollback(
        identity, args.version, expected_version=args.expected_version, dry_run=args.dry_run
    )
    return stored(tenant, [], dry_run=args.dry_run)


async def asking(call: Call, acting_for: str | None) -> tuple[Tenancy, Identity]:
    """The tenants and who asks, on behalf of another tenant if an Uber Admin says so."""
    tenancy = tenancy_of(call)
    identity = await tenancy.identity(call.principal)
    _ = tenancy.registry
    if identity is None:
        raise DeniedError(
            "this needs to know who asks: nobody is authenticated",
            hint="send a token with a role and a tenant, or an API key",
        )
    return tenancy, identity if acting_for is None else act_for(identity, acting_for)


async def tried(
    tenancy: Tenancy, identity: Identity, server: str, document: Mapping[str, Any], *, wanted: bool
) -> Report | None:
    """The report of a trial of what storing this document would make; None when none was wanted."""
    if not wanted:
        return None
    decide(identity, "config.validate", identity.scope)
    await tenancy.gateway.admit(identity.scope or "")
    try:
        candidate = await tenancy.registry.prepare(identity, server, document)
    except InputError as error:
        return unreadable(server, error)
    trial = Trial(
        tenancy.gateway,
        server=server,
        section=candidate.section,
        secrets=candidate.secrets,
        tenant=candidate.tenant,
    )
    return await trial.run()


def failure(reports: list[Report | None], *, dry_run: bool) -> Stored | None:
    """The answer when a server failed its trial: nothing is stored."""
    problems = [problem(report) for report in reports if report is not None and not report.valid]
    if not problems:
        return None
    return Stored(
        stored=False,
        dry_run=dry_run or None,
        tenant=None,
        problems=problems,
        reports=[report.document() for report in reports if report is not None],
    )


def problem(report: Report) -> str:
    """What failed, in a line."""
    failed = next(step for step in report.steps if step.ok is False)
    return f"{report.server}: {failed.name}: {failed.message}"


def stored(tenant: Tenant, reports: list[Report | None], *, dry_run: bool) -> Stored:
    """The answer to a change."""
    documents = [report.document() for report in reports if report is not None]
    return Stored(
        stored=not dry_run,
        dry_run=dry_run or None,
        tenant=shown_tenant(tenant),
        problems=None,
        reports=documents or None,
    )


async def approve_seen(tenancy: Tenancy, identity: Identity, reports: list[Report | None]) -> None:
    """Approve the definitions that were seen when the servers were tried."""
    for report in reports:
        if report is not None and report.hashes:
            await tenancy.registry.approve(identity, report.server, report.hashes)


async def approve(tenancy: Tenancy, identity: Identity, report: Report, wanted: list[str]) -> list[str]:
    """Approve these tools as they are now; the others stay as they were approved."""
    names = sorted(report.hashes) if wanted == ["*"] else wanted
    unknown = [name for name in names if name not in report.hashes]
    if unknown:
        raise InputError(
            f"no tool {', '.join(unknown)[:200]}; there are: {', '.join(report.hashes)[:500]}",
            field="approve",
        )
    before = dict(await tenancy.registry.pins(identity.scope or "", report.server))
    after = {**(before or report.hashes), **{name: report.hashes[name] for name in names}}
    await tenancy.registry.approve(identity, report.server, after)
    return names


def server_of(tenant: Tenant, name: str) -> Any:
    """The tenant's server of that name; InputError lists those that there are."""
    if name not in tenant.servers:
        there = ", ".join(sorted(tenant.servers)) or "none"
        raise InputError(f"no server {name[:40]!r}; there are: {there}", field="server")
    return tenant.servers[name]
