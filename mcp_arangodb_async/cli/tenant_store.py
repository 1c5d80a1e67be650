"""`tenant rotate-keys|export|import|doctor|migrate|key ...`: the store of tenants and its keys."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.options import add_change
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.cli.tenancy import add_common, add_tenant, operator, read_json, with_registry
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.roles import ROLES
from mcp_arangodb_async.gateway.tenants.open import migrate_store

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.api_keys import ApiKey
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry

FAILED = 1
MODE = 0o600


def _rotate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tenant", metavar="TENANT", nargs="?", help="the tenant whose data key is replaced")
    parser.add_argument("--all", action="store_true", help="replace the data key of every tenant")
    parser.add_argument(
        "--master", action="store_true",
        help="wrap every data key with the first master key; put the new one in front of the old before",
    )  # fmt: skip
    add_common(parser)
    add_change(parser)


def _run_rotate(invocation: Invocation) -> int:
    tenant, every = invocation.option("tenant"), invocation.option("all")
    if sum((tenant is not None, bool(every), bool(invocation.option("master")))) != 1:
        raise InputError("name one: TENANT, --all or --master")
    what = "the wrapping of every data key" if invocation.option("master") else (
        "the data key of every tenant" if every else f"the data key of tenant {tenant!r}"
    )  # fmt: skip
    invocation.out.line(f"[ROTATE] {what}")
    if invocation.option("dry_run"):
        invocation.out.line("dry run: nothing was changed")
        return 0
    confirm(invocation, "Rotate?")

    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.rotation import rotate_data_key, rotate_master_key
        from mcp_arangodb_async.gateway.tenants.doctor import all_tenants
        from mcp_arangodb_async.gateway.tenants.tables import PLATFORM

        if invocation.option("master"):
            done = await rotate_master_key(registry, operator(None))
            if invocation.out.as_json:
                invocation.out.json(asdict(done))
            invocation.out.line(
                f"{done.wrapped} data keys of {done.tenants} tenants wrapped by {done.master}"
            )
            if done.others:
                invocation.out.line(f"no longer needed: {', '.join(done.others)}")
            return 0
        names = [one async for one in all_tenants(registry) if one != PLATFORM] if every else [tenant]
        rotated: list[dict[str, Any]] = []
        for name in names:
            one = await rotate_data_key(registry, operator(name))
            rotated.append(asdict(one))
            resumed = ", finishing an earlier rotation" if one.resumed else ""
            invocation.out.line(
                f"{name}: data key {one.key_version}, {one.versions} versions sealed{resumed}"
            )
        if invocation.out.as_json:
            invocation.out.json({"rotated": rotated})
        return 0

    return with_registry(invocation, work)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser)
    parser.add_argument(
        "--output", metavar="FILE", help="write it there, for its owner only (default: standard output)"
    )


def _run_export(invocation: Invocation) -> int:
    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.tenants.transfer import export_tenant

        document = await export_tenant(registry, operator(invocation.option("tenant")))
        if invocation.option("output") is None:
            invocation.out.json(document)
            return 0
        path = _write(invocation, document)
        if invocation.out.as_json:
            invocation.out.json(
                {"file": str(path), "tenant": document["tenant"], "version": document["version"]}
            )
        invocation.out.line(f"{path}: tenant {document['tenant']!r}, version {document['version']}, sealed")
        return 0

    return with_registry(invocation, work)


def _write(invocation: Invocation, document: dict[str, Any]) -> Path:
    """The document in a new file that only its owner reads."""
    path = invocation.cwd / Path(invocation.option("output")).expanduser()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, MODE), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
    return path


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="what `tenant export` wrote; - for standard input")
    add_common(parser)
    add_change(parser)


def _run_import(invocation: Invocation) -> int:
    document = read_json(invocation, invocation.option("file"))
    held = cast("dict[str, object]", document) if isinstance(document, dict) else dict[str, object]()
    named = held.get("tenant")
    if not isinstance(named, str):
        raise InputError(f"{invocation.option('file')} is no exported tenant: it names none")

    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.tenants.transfer import import_tenant

        who = operator(named)
        found = await import_tenant(registry, who, held, dry_run=True)
        servers = ", ".join(found.servers) or "none"
        invocation.out.line(f"[ADD] tenant {named!r}, version {found.version}; servers: {servers}")
        if not invocation.option("dry_run"):
            confirm(invocation, "Import it?")
            await import_tenant(registry, who, held)
        if invocation.out.as_json:
            invocation.out.json({"imported": not invocation.option("dry_run"), "tenant": named})
        return 0

    return with_registry(invocation, work)


def _run_doctor(invocation: Invocation) -> int:
    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.tenants.doctor import examine

        found = await examine(registry, operator(None))
        rows = [
            {"level": one.level, "tenant": one.tenant or "-", "finding": one.text} for one in found.findings
        ]
        if invocation.out.as_json:
            invocation.out.json(
                {
                    "healthy": not found.errors,
                    "tenants": found.tenants,
                    "secrets": found.secrets,
                    "errors": found.errors,
                    "findings": rows,
                }
            )
        else:
            if rows:
                invocation.out.records({"level": "LEVEL", "tenant": "TENANT", "finding": "FINDING"}, rows)
            invocation.out.line(
                f"{found.tenants} tenants, {found.secrets} sealed secrets opened, {found.errors} errors "
                f"({registry.store.kind}, master key {registry.keys.source.current} of "
                f"{registry.keys.source.name})"
            )
        return FAILED if found.errors else 0

    return with_registry(invocation, work)


def _migrate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="up|down|VERSION", nargs="?", default="up",
        help="up: what this program needs (the default); down: no tables at all; or one version",
    )  # fmt: skip
    add_common(parser)
    add_change(parser)


def _run_migrate(invocation: Invocation) -> int:
    settings = load(invocation)
    wanted: str = invocation.option("target")
    target = {"up": "head", "down": "base"}.get(wanted, wanted)
    if target != "head" and not invocation.option("dry_run"):
        invocation.out.line(f"[MIGRATE] the store of tenants to {wanted}")
        confirm(invocation, "What later versions stored is lost. Go on?")
    if invocation.option("dry_run"):
        invocation.out.line(f"dry run: the store would be brought to {invocation.option('target')}")
        return 0
    before, after = asyncio.run(migrate_store(settings, target))
    if invocation.out.as_json:
        invocation.out.json({"before": before, "after": after})
    invocation.out.line(f"the tables were of version {before or 'none'}, and are of {after or 'none'}")
    return 0


def _key_add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser, platform=True)
    parser.add_argument("--principal", required=True, metavar="NAME", help="whose key it is")
    parser.add_argument("--role", required=True, choices=ROLES, help="what the bearer may do")
    parser.add_argument("--days", type=int, metavar="N", help="how long it is valid (default: until revoked)")


def _key_revoke_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser, platform=True)
    parser.add_argument("key_id", metavar="KEY", help="the key's id, as `tenant key list` shows it")


def _key_list_arguments(parser: argparse.ArgumentParser) -> None:
    add_tenant(parser, platform=True)


def _run_key_add(invocation: Invocation) -> int:
    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.api_keys import ApiKeys

        made = await ApiKeys(registry).create(
            operator(invocation.option("tenant")),
            principal=invocation.option("principal"),
            role=invocation.option("role"),
            days=invocation.option("days"),
        )
        if invocation.out.as_json:
            invocation.out.json({**_key(made.key), "key": made.text})
        invocation.out.line(made.text)
        invocation.out.note("this is shown once; only its hash is stored")
        return 0

    return with_registry(invocation, work)


def _run_key_list(invocation: Invocation) -> int:
    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.api_keys import ApiKeys

        rows = [_key(key) for key in await ApiKeys(registry).list(operator(invocation.option("tenant")))]
        if invocation.out.as_json:
            invocation.out.json({"keys": rows})
        columns = {
            "id": "KEY", "prefix": "BEGINS", "principal": "WHO", "role": "ROLE", "created_at": "CREATED",
            "expires_at": "EXPIRES", "revoked_at": "REVOKED",
        }  # fmt: skip
        invocation.out.records(columns, rows)
        return 0

    return with_registry(invocation, work)


def _run_key_revoke(invocation: Invocation) -> int:
    async def work(registry: TenantRegistry, _settings: Settings) -> int:
        from mcp_arangodb_async.gateway.api_keys import ApiKeys

        who, key_id = operator(invocation.option("tenant")), invocation.option("key_id")
        key = await ApiKeys(registry).revoke(who, key_id)
        if invocation.out.as_json:
            invocation.out.json(_key(key))
        invocation.out.line(f"key {key.key_id} of {key.principal} was revoked at {key.revoked_at}")
        return 0

    return with_registry(invocation, work)


def _key(key: ApiKey) -> dict[str, Any]:
    facts = asdict(key)
    return {"id": facts.pop("key_id"), **facts}


ROTATE_KEYS = Command(
    description="Replace keys while everything goes on: a tenant's data key, or the wrapping of all data "
    "keys by the master key. Interrupted, it is simply run again.",
    examples=(
        ("tenant rotate-keys acme", "everything of acme is sealed with a new data key"),
        ("tenant rotate-keys --master --yes", "after the new master key was put in front of the old one"),
    ),
    arguments=_rotate_arguments,
    run=_run_rotate,
)
EXPORT = Command(
    description="Write a tenant as a document in which every secret is sealed; it opens with the same master "
    "key only. History and API keys stay where they are.",
    examples=(("tenant export acme --output acme.json", "into a file for its owner only"),),
    arguments=_export_arguments,
    run=_run_export,
)
IMPORT = Command(
    description="Store an exported tenant, when all of it opens with this master key and it is new here.",
    examples=(("tenant import acme.json --dry-run", "only checks it"),),
    arguments=_import_arguments,
    run=_run_import,
)
DOCTOR = Command(
    description="Look at the whole store: rights, row-level security, files, the mark of every row, and "
    "whether every secret opens. Changes nothing; exit code 1 if something is wrong.",
    examples=(("tenant doctor", "a table of what it found"), ("tenant doctor --json", "for monitoring")),
    arguments=add_common,
    run=_run_doctor,
)
MIGRATE = Command(
    description="Make the tables of tenants, bring them up to date, or take them back. PostgreSQL: as the "
    "role tenants.owner_username, once before the server is started.",
    examples=(
        ("tenant migrate up", "what this program needs"),
        ("tenant migrate 0001", "back to that version"),
        ("tenant migrate down --yes", "no tables, nothing left"),
    ),
    arguments=_migrate_arguments,
    run=_run_migrate,
)
KEY_ADD = Command(
    description="Make an API key of a tenant, or of the platform. It is printed once; its hash is stored.",
    examples=(
        ("tenant key add acme --principal ci --role end_user --days 90", "a key for three months"),
        ("tenant key add - --principal ops --role uber_admin", "a key of the platform"),
    ),
    arguments=_key_add_arguments,
    run=_run_key_add,
)
KEY_LIST = Command(
    description="List the API keys of a tenant; nobody can read the keys themselves.",
    examples=(("tenant key list acme", "a table"),),
    arguments=_key_list_arguments,
    run=_run_key_list,
)
KEY_REVOKE = Command(
    description="Revoke an API key, at once in this process and within tenants.stale_seconds in others.",
    examples=(("tenant key revoke acme 1f2e3d4c5b6a", "it lets nobody in any more"),),
    arguments=_key_revoke_arguments,
    run=_run_key_revoke,
)
