"""`tenant add|set|show|list|remove|rollback|test`: what tenants bring, from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.options import add_change
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.cli.tenancy import (
    add_common,
    add_document,
    add_expected,
    add_tenant,
    document_of,
    gateway_of,
    operator,
    with_registry,
)
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.tenants.model import Section, Tenant, shown_server, shown_tenant

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
    from mcp_arangodb_async.gateway.validation import Report

PAGE = 1000
FAILED = 1


def _server(parser: argparse.ArgumentParser, *, optional: bool = False, text: str = "") -> None:
    parser.add_argument(
        "server", metavar="SERVER", nargs="?" if optional else None,
        help=text or "the server: postgres, minio, ai_mcp_server, or a name of your own",
    )  # fmt: skip


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    _server(parser)
    add_document(parser)
    _untested(parser)
    add_expected(parser)
    add_change(parser)


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    _server(parser, optional=True)
    add_document(parser)
    parser.add_argument(
        "--enabled", action=argparse.BooleanOptionalAction, default=None,
        help="use the tenant's own servers; off, it uses the global ones",
    )  # fmt: skip
    _untested(parser)
    add_expected(parser)
    add_change(parser)


def _untested(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-test", action="store_true", help="store the server without trying it")


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    _server(parser, optional=True, text="only this server")
    parser.add_argument("--history", action="store_true", help="also the versions that are kept")


def _remove_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    _server(parser, optional=True, text="only this server; without it the tenant is erased with its keys")
    add_expected(parser)
    add_change(parser)


def _rollback_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    parser.add_argument("version", metavar="VERSION", type=int, help="the version to return to")
    add_expected(parser)
    add_change(parser)


def _test_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    _server(parser, optional=True, text="only this server")


def _run_add(invocation: Invocation) -> int:
    return _store(invocation, is_new=True)


def _run_set(invocation: Invocation) -> int:
    if invocation.option("server") is not None:
        if invocation.option("enabled") is not None:
            raise InputError("--enabled is of the tenant, not of a server: leave SERVER out")
        return _store(invocation, is_new=False)
    if invocation.option("enabled") is None:
        raise InputError("nothing to change: name a SERVER, or --enabled or --no-enabled")
    tenant, enabled = invocation.option("tenant"), bool(invocation.option("enabled"))
    word = "ENABLE" if enabled else "DISABLE"

    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        who, expected = operator(tenant), invocation.option("expected_version")
        await registry.set_enabled(who, enabled, expected_version=expected, dry_run=True)
        if not _agreed(invocation, f"[{word}] the own servers of tenant {tenant!r}", "Change this?"):
            return _changed(invocation, None)
        return _changed(invocation, await registry.set_enabled(who, enabled, expected_version=expected))

    return with_registry(invocation, work)


def _store(invocation: Invocation, *, is_new: bool) -> int:
    """Try a server, show what would be stored, ask, store it."""
    tenant, server = invocation.option("tenant"), invocation.option("server")
    document = document_of(invocation)
    expected = invocation.option("expected_version")

    async def work(registry: TenantRegistry, settings: Settings) -> int:
        who = operator(tenant)

        async def change(*, dry_run: bool) -> Tenant:
            if is_new:
                return await registry.register(
                    who, {server: document}, expected_version=expected, dry_run=dry_run
                )
            return await registry.update(who, server, document, expected_version=expected, dry_run=dry_run)

        after = await change(dry_run=True)
        report: Report | None = None
        if not invocation.option("no_test"):
            candidate = await registry.prepare(who, server, document)
            report = await _tried(registry, settings, tenant, server, candidate.section, candidate.secrets)
            _print_report(invocation, report)
            if not report.valid:
                if invocation.out.as_json:
                    invocation.out.json({"stored": False, "reports": [report.document()]})
                invocation.out.note("nothing was stored; --no-test stores it without trying it")
                return FAILED
        shown = shown_server(after.servers[server])
        what = f"[{'ADD' if is_new else 'UPDATE'}] server {server!r} of tenant {tenant!r}: {_words(shown)}"
        if not _agreed(invocation, what, "Store this?"):
            return _changed(invocation, None)
        stored = await change(dry_run=False)
        if report is not None and report.hashes:
            await registry.approve(who, server, report.hashes)
        return _changed(invocation, stored)

    return with_registry(invocation, work)


def _words(shown: Mapping[str, Any]) -> str:
    """A server in a line: its fields, and of its secrets only the names."""
    facts = [f"{name} {value}" for name, value in shown.items() if name not in {"secrets", "version", "type"}]
    secrets = ", ".join(shown["secrets"]) or "none"
    return f"{', '.join(facts)}; secrets: {secrets}"


def _agreed(invocation: Invocation, what: str, question: str) -> bool:
    """Show the change and ask; False for a dry run."""
    invocation.out.line(what)
    if invocation.option("dry_run"):
        invocation.out.line("dry run: nothing was changed")
        return False
    confirm(invocation, question)
    return True


def _changed(invocation: Invocation, tenant: Tenant | None) -> int:
    """Say which version the tenant is at."""
    if invocation.out.as_json:
        invocation.out.json(
            {"stored": tenant is not None, "tenant": shown_tenant(tenant) if tenant else None}
        )
    elif tenant is not None:
        invocation.out.line(f"tenant {tenant.id!r} is at version {tenant.version}")
    return 0


async def _tried(
    registry: TenantRegistry,
    settings: Settings,
    tenant: str,
    server: str,
    section: Section,
    secrets: Mapping[str, str],
) -> Report:
    from mcp_arangodb_async.gateway.validation import Trial

    pins = await registry.pins(tenant, server) or None
    async with gateway_of(settings, registry) as gateway:
        return await Trial(
            gateway, server=server, section=section, secrets=secrets, tenant=tenant, pins=pins
        ).run()


def _print_report(invocation: Invocation, report: Report) -> None:
    for step in report.document()["steps"]:
        invocation.out.line(f"  {step['result']:7} {step['step']}: {step['message']}")


def _run_show(invocation: Invocation) -> int:
    tenant, server = invocation.option("tenant"), invocation.option("server")

    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        who = operator(tenant)
        found = await registry.read(who)
        shown = shown_tenant(found)
        if server is not None:
            if server not in found.servers:
                raise NotFoundError(
                    f"tenant {tenant!r} has no server {server!r}; it has {', '.join(found.servers) or 'none'}"
                )
            shown["servers"] = {server: shown["servers"][server]}
        history = await _history(registry, who) if invocation.option("history") else []
        if invocation.out.as_json:
            invocation.out.json({**shown, **({"history": history} if history else {})})
            return 0
        state = "enabled" if found.enabled else "disabled: it uses the global servers"
        invocation.out.line(f"{tenant}: version {found.version}, {state}, changed by {found.updated_by}")
        invocation.out.table(
            ("SERVER", "TYPE", "MODE", "ADDRESS", "SECRETS"),
            [
                [
                    name,
                    one["type"],
                    one["mode"],
                    one.get("url") or one.get("launcher"),
                    _since(one["secrets"]),
                ]
                for name, one in shown["servers"].items()
            ],
        )
        if history:
            invocation.out.records(
                {"version": "VERSION", "action": "ACTION", "at": "AT", "by": "BY"}, history
            )
        return 0

    return with_registry(invocation, work)


async def _history(registry: TenantRegistry, who: Identity) -> list[dict[str, Any]]:
    return [
        {"version": line.version, "action": line.action, "at": line.at, "by": line.by}
        for line in await registry.history(who)
    ]


def _since(secrets: Mapping[str, str]) -> str | None:
    return "; ".join(f"{name} {text}" for name, text in secrets.items()) or None


def _run_list(invocation: Invocation) -> int:
    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        names: list[str] = []
        while page := await registry.tenants(operator(None), after=names[-1] if names else "", limit=PAGE):
            names += page
        if invocation.out.as_json:
            invocation.out.json({"tenants": names, "store": registry.store.kind})
        else:
            for name in names:
                invocation.out.line(name)
            invocation.out.note(f"{len(names)} tenant{'' if len(names) == 1 else 's'}")
        return 0

    return with_registry(invocation, work)


def _run_remove(invocation: Invocation) -> int:
    tenant, server = invocation.option("tenant"), invocation.option("server")
    expected = invocation.option("expected_version")

    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        who = operator(tenant)
        if server is not None:
            await registry.remove(who, server, expected_version=expected, dry_run=True)
            if not _agreed(invocation, f"[REMOVE] server {server!r} of tenant {tenant!r}", "Remove it?"):
                return _changed(invocation, None)
            return _changed(invocation, await registry.remove(who, server, expected_version=expected))
        await registry.delete(who, expected_version=expected, dry_run=True)
        what = f"[ERASE] tenant {tenant!r}: servers, history, API keys and data keys, for ever"
        if not _agreed(invocation, what, "Erase it?"):
            return _changed(invocation, None)
        await registry.delete(who, expected_version=expected)
        if invocation.out.as_json:
            invocation.out.json({"erased": tenant})
        invocation.out.line(f"tenant {tenant!r} was erased")
        return 0

    return with_registry(invocation, work)


def _run_rollback(invocation: Invocation) -> int:
    tenant, version = invocation.option("tenant"), invocation.option("version")
    expected = invocation.option("expected_version")

    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        who = operator(tenant)
        after = await registry.rollback(who, version, expected_version=expected, dry_run=True)
        servers = ", ".join(after.servers) or "none"
        what = f"[ROLL BACK] tenant {tenant!r} to version {version}; its servers then: {servers}"
        if not _agreed(invocation, what, "Roll back?"):
            return _changed(invocation, None)
        return _changed(invocation, await registry.rollback(who, version, expected_version=expected))

    return with_registry(invocation, work)


def _run_test(invocation: Invocation) -> int:
    tenant, only = invocation.option("tenant"), invocation.option("server")

    async def work(registry: TenantRegistry, settings: Settings) -> int:
        found = await registry.read(operator(tenant))
        if only is not None and only not in found.servers:
            raise NotFoundError(
                f"tenant {tenant!r} has no server {only!r}; it has {', '.join(found.servers) or 'none'}"
            )
        reports: list[Report] = []
        for name in [only] if only else list(found.servers):
            secrets = await registry.secrets(found, name)
            section = found.servers[name].section
            report = await _tried(registry, settings, tenant, name, section, secrets)
            invocation.out.line(f"{name}: {'ok' if report.valid else 'failed'}")
            _print_report(invocation, report)
            reports.append(report)
        valid = all(report.valid for report in reports)
        if invocation.out.as_json:
            invocation.out.json({"valid": valid, "reports": [report.document() for report in reports]})
        return 0 if valid else FAILED

    return with_registry(invocation, work)


ADD = Command(
    description="Register a server of a tenant, and the tenant itself if it is new. The server is tried "
    "first. Secrets come from variables, standard input or a question, never from the command line.",
    examples=(
        (
            "tenant add acme postgres --set url=https://pg.example/mcp --header Authorization=ACME_TOKEN",
            "the header's value is in the variable ACME_TOKEN",
        ),
        (
            "tenant add acme postgres --document - < postgres.json",
            "a whole document with its secrets, from standard input",
        ),
        ("tenant add acme minio --set mode=inherit", "acme uses the global server of that name"),
    ),
    arguments=_add_arguments,
    run=_run_add,
)
SET = Command(
    description="Change what is named of a tenant's server, or switch the tenant's own servers on or off. "
    "What is not named stays, secrets included.",
    examples=(
        ("tenant set acme postgres --set timeout=10 --expected-version 3", "fails if somebody was faster"),
        ("tenant set acme postgres --secret password=NEW_PASSWORD", "another password"),
        ("tenant set acme --no-enabled", "acme uses the global servers only"),
    ),
    arguments=_set_arguments,
    run=_run_set,
)
SHOW = Command(
    description="Show a tenant's servers; of secrets only since when they are set, and a fingerprint.",
    examples=(("tenant show acme", "a table"), ("tenant show acme --history --json", "for programs")),
    arguments=_show_arguments,
    run=_run_show,
)
LIST = Command(
    description="List all tenants, one id a line.",
    examples=(("tenant list", "on standard output"), ("tenant list --json", "for programs")),
    arguments=add_common,
    run=_run_list,
)
REMOVE = Command(
    description="Remove one server of a tenant, or erase the tenant with its history and its keys: its "
    "secrets can then not be read any more, not even in a backup that has no data key.",
    examples=(("tenant remove acme minio", "one server"), ("tenant remove acme --dry-run", "all of it")),
    arguments=_remove_arguments,
    run=_run_remove,
)
ROLLBACK = Command(
    description="Return to an earlier version of a tenant, its secrets included; it becomes the newest one.",
    examples=(("tenant rollback acme 2", "shows it and asks"),),
    arguments=_rollback_arguments,
    run=_run_rollback,
)
TEST = Command(
    description="Try a tenant's servers step by step: address, handshake, tools, credentials. Exit code 1 "
    "if one fails.",
    examples=(("tenant test acme", "all of its servers"), ("tenant test acme postgres --json", "one")),
    arguments=_test_arguments,
    run=_run_test,
)
