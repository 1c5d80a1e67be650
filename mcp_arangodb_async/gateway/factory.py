"""From a server's section to a target: what each server type needs to be reached, one factory each.

    target = await SERVER_TYPES["postgres"].target(build)

A factory opens nothing. It checks addresses with the guard, puts secrets into headers or, for a command of
the operator's, into its environment, and names the capabilities that its type offers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from mcp_arangodb_async.config.tenancy import GlobalUpstream, Launcher, ServerType
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.guard import OPERATOR, Reach, Resolve, parse_url
from mcp_arangodb_async.gateway.launching import Words, is_address, judged
from mcp_arangodb_async.gateway.tenants.model import Section
from mcp_arangodb_async.gateway.upstreams import Command, Target

Reveal = Callable[[str], str]
_HEADER = "headers."
_FREE = "secrets."


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What a target is made of: the section with its opened secrets, and what the operator allows.

    `reveal` reads a variable that the operator's file names, `resolve` looks host names up.
    """

    server: str
    section: Section
    secrets: Mapping[str, str] = field(repr=False)
    reach: Reach
    launchers: Mapping[str, Launcher]
    reveal: Reveal
    resolve: Resolve | None = None
    version: str | None = None


class UpstreamFactory(ABC):
    """How a server type becomes reachable; the one place that knows what its fields mean."""

    type: ClassVar[ServerType]
    address_fields: ClassVar[tuple[str, ...]] = ()

    async def target(self, build: Build) -> Target:
        """Where the upstream is; InputError or DeniedError when the section cannot be used."""
        section = build.section
        if section.transport == "stdio":
            return Target(
                server=build.server,
                way="stdio",
                command=await self.command(build),
                connect_timeout=section.connect_timeout,
                call_timeout=section.timeout,
                version=build.version,
            )
        if section.url is None:
            raise InputError(f"server {build.server!r} has no url", field="url")
        return Target(
            server=build.server,
            way=section.transport,
            location=parse_url(section.url, build.reach),
            headers=self.headers(build),
            connect_timeout=section.connect_timeout,
            call_timeout=section.timeout,
            version=build.version,
        )

    def headers(self, build: Build) -> dict[str, str]:
        """The headers of every request: those given as secrets, and what the type makes of its own."""
        given = {
            name.removeprefix(_HEADER): value
            for name, value in build.secrets.items()
            if name.startswith(_HEADER)
        }
        return {**self.own_headers(build), **given}

    @abstractmethod
    def own_headers(self, build: Build) -> Mapping[str, str]:
        """What the type's own secret fields are sent as; given headers win."""

    def launcher(self, build: Build) -> Launcher:
        """The operator's launcher that the section names; InputError lists those that fit."""
        name = build.section.launcher
        launcher = build.launchers.get(name) if name is not None else None
        if launcher is None or launcher.type != self.type:
            fitting = sorted(key for key, value in build.launchers.items() if value.type == self.type)
            raise InputError(
                f"server {build.server!r}: no launcher {name!r} for {self.type}; "
                f"there are: {', '.join(fitting) or 'none'}",
                field="launcher",
            )
        return launcher

    async def command(self, build: Build) -> Command:
        """The launcher's command, its braces filled and every address of the section judged."""
        launcher = self.launcher(build)
        values = self.values(build)
        pinned, hosts = await judged(self.addresses(build, launcher), build.reach, build.resolve)
        words = Words(
            server=build.server,
            values={**values, **pinned},
            secrets={name.removeprefix(_FREE): value for name, value in build.secrets.items()},
            hosts=hosts,
        )
        program, *arguments = (words.word(word) for word in launcher.command)
        environment = {variable: words.word(text, secret=True) for variable, text in launcher.env.items()}
        environment |= {variable: build.reveal(source) for variable, source in launcher.env_from.items()}
        return Command(
            program=program,
            arguments=tuple(arguments),
            environment=environment,
            secrets=tuple(build.secrets.values()),
        )

    def values(self, build: Build) -> dict[str, str]:
        """What braces in a launcher's words stand for: the section's own fields, none of its secrets."""
        section = build.section
        return {
            option.name: str(getattr(section, option.name))
            for option in fields(section)
            if isinstance(getattr(section, option.name), str | int)
        }

    def addresses(self, build: Build, launcher: Launcher) -> dict[str, str]:
        """The values that say where the program is to connect, by their names; the guard judges them."""
        del launcher
        values = self.values(build)
        return {name: values[name] for name in self.address_fields if name in values}


class PostgresFactory(UpstreamFactory):
    """Servers for PostgreSQL."""

    type = "postgres"
    address_fields = ("host",)

    def own_headers(self, build: Build) -> Mapping[str, str]:
        """A password belongs to the database and is for a launcher's environment only."""
        del build
        return {}

    def values(self, build: Build) -> dict[str, str]:
        """The fields; InputError for a database that PostgreSQL's own programs read as an address."""
        values = super().values(build)
        if "=" in values.get("database", "") or "://" in values.get("database", ""):
            raise InputError(
                f"server {build.server!r}: database must be a name, not a connection string", field="database"
            )
        return values


class MinioFactory(UpstreamFactory):
    """Servers for S3 and MinIO."""

    type = "minio"
    address_fields = ("endpoint",)

    def own_headers(self, build: Build) -> Mapping[str, str]:
        """Access keys sign requests to S3, not to the MCP server: they are for a launcher only."""
        del build
        return {}


class AiFactory(UpstreamFactory):
    """Servers for models."""

    type = "ai_mcp_server"
    address_fields = ("api_base_url",)

    def own_headers(self, build: Build) -> Mapping[str, str]:
        """The server's own API key, as a bearer token."""
        key = build.secrets.get("api_key")
        return {"authorization": f"Bearer {key}"} if key else {}


class GenericFactory(UpstreamFactory):
    """Any other server."""

    type = "generic"

    def own_headers(self, build: Build) -> Mapping[str, str]:
        """None but those given."""
        del build
        return {}

    def values(self, build: Build) -> dict[str, str]:
        """The free parameters as well."""
        return {**super().values(build), **parameters_of(build)}

    def addresses(self, build: Build, launcher: Launcher) -> dict[str, str]:
        """Those of the free parameters that are addresses."""
        given = parameters_of(build)
        return {name: value for name, value in given.items() if is_address(name, value, launcher)}


def parameters_of(build: Build) -> Mapping[str, str]:
    """The free parameters of a generic server's section."""
    found: Mapping[str, str] = getattr(build.section, "parameters", {})
    return found


SERVER_TYPES: Mapping[ServerType, UpstreamFactory] = {
    "postgres": PostgresFactory(),
    "minio": MinioFactory(),
    "ai_mcp_server": AiFactory(),
    "generic": GenericFactory(),
}


def global_target(server: str, upstream: GlobalUpstream, reveal: Reveal, version: str | None) -> Target:
    """The target of a server of the operator's own; it may be anywhere, and may be a command."""
    shared: dict[str, Any] = {
        "server": server,
        "connect_timeout": upstream.connect_timeout,
        "call_timeout": upstream.timeout,
        "version": version,
    }
    if upstream.transport == "stdio":
        environment = dict(upstream.env)
        environment |= {variable: reveal(source) for variable, source in upstream.env_from.items()}
        program, *arguments = upstream.command
        command = Command(program=program, arguments=tuple(arguments), environment=environment)
        return Target(way="stdio", command=command, **shared)
    assert upstream.url is not None
    return Target(
        way=upstream.transport,
        location=parse_url(upstream.url, OPERATOR),
        headers={name.lower(): reveal(variable) for name, variable in upstream.headers_env.items()},
        **shared,
    )
