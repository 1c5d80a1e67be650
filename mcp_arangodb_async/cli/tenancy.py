"""What the `tenant` commands share: the registry, who asks, and where documents and secrets come from."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mcp_arangodb_async.cli.command import Invocation, json_argument
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.options import add_change, add_config_file, add_env_file
from mcp_arangodb_async.config.environment import read_env_file
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.roles import Identity, act_for
from mcp_arangodb_async.gateway.tenants.open import open_registry

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.door import Gateway
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry

T = TypeVar("T")
PLATFORM_WORD = "-"
MAXIMUM_BYTES = 8 * 1024 * 1024
# Fields whose values are secrets: they are named by variables, never given on the command line or in a file.
SECRET_FIELDS = frozenset(
    {
        "password", "access_key", "secret_key", "api_key", "openrouter_api_key", "elevenlabs_api_key",
        "openai_api_key", "headers", "secrets",
    }
)  # fmt: skip


def operator(tenant: str | None) -> Identity:
    """Whoever runs the command: it has the store and the master key at hand, so it may act for any tenant."""
    identity = Identity(principal=f"operator:{_user()}", role="uber_admin", way="operator")
    return identity if tenant in {None, PLATFORM_WORD} else act_for(identity, tenant or "")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def with_registry(invocation: Invocation, work: Callable[[TenantRegistry, Settings], Awaitable[T]]) -> T:
    """Do this with the registry open, what it does being written into the audit log, if there is one."""
    settings = load(invocation)

    async def run() -> T:
        async with opened(settings) as registry:
            return await work(registry, settings)

    return asyncio.run(run())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[TenantRegistry]:
    """The registry with the audit log of the settings."""
    from mcp_arangodb_async.server.app import open_audit

    audit = await open_audit(settings)
    try:
        async with open_registry(settings, record=audit.record if audit else None) as registry:
            yield registry
    finally:
        if audit is not None:
            await audit.close()


@asynccontextmanager
async def gateway_of(settings: Settings, registry: TenantRegistry) -> AsyncGenerator[Gateway]:
    """The way to upstream servers, for trying them."""
    from mcp_arangodb_async.gateway.door import open_gateway

    async with open_gateway(settings, registry=registry) as gateway:
        yield gateway


def add_tenant(parser: argparse.ArgumentParser, *, platform: bool = False) -> None:
    """TENANT, and the arguments of every command here."""
    text = "the tenant's id" + (f"; {PLATFORM_WORD} for the platform itself" if platform else "")
    parser.add_argument("tenant", metavar="TENANT", help=text)
    add_common(parser)


def add_common(parser: argparse.ArgumentParser, *, changes: bool = False) -> None:
    """The configuration file, and how to print."""
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)
    if changes:
        add_change(parser)


def add_expected(parser: argparse.ArgumentParser) -> None:
    """`--expected-version`, for every change of a tenant."""
    parser.add_argument(
        "--expected-version", type=int, metavar="N", help="fail unless the tenant is at this version"
    )


def add_document(parser: argparse.ArgumentParser) -> None:
    """Where a server's configuration comes from."""
    parser.add_argument(
        "--document", metavar="FILE",
        help="JSON with the server's fields, without secrets; - reads it, secrets too, from standard input",
    )  # fmt: skip
    parser.add_argument(
        "--set", dest="fields", action="append", default=[], metavar="NAME=VALUE",
        help="one field, such as url=https://host/mcp or timeout=10; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--secret", dest="secrets", action="append", default=[], metavar="NAME=VARIABLE",
        help="one secret field, from that variable; - asks for it, or reads a line; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--header", dest="headers", action="append", default=[], metavar="NAME=VARIABLE",
        help="one secret header, from a variable as above; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--unset", dest="unset", action="append", default=[], metavar="NAME",
        help="put a field back to its default, or remove a secret; headers.NAME removes a header",
    )  # fmt: skip


def document_of(invocation: Invocation) -> dict[str, Any]:
    """The server's configuration that the arguments describe, its secrets in the clear."""
    document = _from_file(invocation)
    for name, value in _pairs(invocation.option("fields"), "--set"):
        if name in SECRET_FIELDS or name.split(".")[0] in SECRET_FIELDS:
            raise InputError(
                f"{name} is a secret, and others can read a command line",
                hint="use --secret, with the NAME of a variable",
            )
        document[name] = _value(value)
    for name, variable in _pairs(invocation.option("secrets"), "--secret"):
        place, _, inner = name.partition(".")
        value = _secret(invocation, name, variable)
        if inner:
            cast("dict[str, Any]", document.setdefault(place, {}))[inner] = value
        else:
            document[name] = value
    for name, variable in _pairs(invocation.option("headers"), "--header"):
        value = _secret(invocation, f"header {name}", variable)
        cast("dict[str, Any]", document.setdefault("headers", {}))[name] = value
    for name in cast("Sequence[str]", invocation.option("unset", ())):
        place, _, inner = name.partition(".")
        if inner:
            cast("dict[str, Any]", document.setdefault(place, {}))[inner] = None
        else:
            document[name] = None
    return document


def _from_file(invocation: Invocation) -> dict[str, Any]:
    name = invocation.option("document")
    if name is None:
        return {}
    document = read_json(invocation, name)
    if not isinstance(document, dict):
        raise InputError("--document must hold keys and values")
    held = cast("dict[str, Any]", document)
    if name != "-":
        secrets = sorted(SECRET_FIELDS & held.keys())
        if secrets:
            raise InputError(
                f"{name} holds secrets: {', '.join(secrets)}",
                hint="name their variables with --secret and --header, or pass it by standard input",
            )
    return held


def read_json(invocation: Invocation, name: str) -> object:
    """The JSON in a file, or on standard input for `-`; InputError for anything else or too much."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAXIMUM_BYTES + 1)
        else:
            with (invocation.cwd / Path(name).expanduser()).open("rb") as file:
                content = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > MAXIMUM_BYTES:
        raise InputError(f"{name} holds more than {MAXIMUM_BYTES} bytes")
    try:
        return cast("object", json.loads(content))
    except (ValueError, RecursionError):
        raise InputError(f"{'standard input' if name == '-' else name} is not JSON") from None


def _pairs(given: Sequence[str], flag: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name:
            raise InputError(f"{flag} needs NAME=..., such as {flag} url=https://host/mcp")
        pairs.append((name, value))
    return pairs


def _value(text: str) -> Any:
    """Numbers, lists, true and false as JSON; everything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _secret(invocation: Invocation, name: str, variable: str) -> str:
    """The secret that a variable holds, or that the person types; it is hidden in everything printed."""
    if variable == "-":
        value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        if not value:
            raise InputError(f"no {name} was given")
    else:
        value = environment_of(invocation).get(variable, "")
        if not value:
            raise InputError(f"the variable for {name} is not set", hint="give the NAME of a variable")
    invocation.out.redactor.register(value)
    return value


def environment_of(invocation: Invocation) -> Mapping[str, str]:
    """The variables of the process, with those of `--env-file` on top."""
    if invocation.option("env_file"):
        return read_env_file(invocation.cwd / invocation.option("env_file"))
    return invocation.environment
