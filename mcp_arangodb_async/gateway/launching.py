"""From an operator's launcher and a tenant's section to a command: addresses judged, words filled.

The program that is started connects by itself, so the guard cannot stand at its socket. Where it is told to
go is judged before it starts, by the policy that holds for URLs; `{host_address}` (of any field that holds an
address) is what the name led to then, for programs that take an address beside the name. A value stays one
part of the word it stands in: what could end that part is written in percent in a URL, and refused elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mcp_arangodb_async.config.tenancy import PLACEHOLDER, Launcher
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.guard import (
    DEFAULT_PORTS,
    Reach,
    Resolve,
    addresses_of,
    check_url,
    host_of,
    parsed_address,
)

# What separates the parts of a connection string; a value that holds one would become several parts.
_SEPARATORS = re.compile(r"[\s;,'\"\\]")
_ADDRESS_NAMES = re.compile(r"(?:.*_)?(?:host|hostname|server|url|uri|endpoint|address)\Z")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,5}))?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the braces of a launcher may stand for: the section's values, and what was judged of them."""

    server: str
    values: Mapping[str, str]
    secrets: Mapping[str, str]
    hosts: frozenset[str] = frozenset()

    def word(self, text: str, *, secret: bool = False) -> str:
        """A launcher's word with its braces filled; it stays one word, and does not become an option."""
        known = {**self.values, **self.secrets} if secret else self.values

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name not in known:
                raise InputError(
                    f"server {self.server!r}: its launcher needs {name!r}, which the section does not give",
                    field=name,
                )
            return self._part(name, known[name], text, found.start())

        word = PLACEHOLDER.sub(value, text)
        if word.startswith("-") and not text.startswith("-"):
            raise InputError(f"server {self.server!r}: a value for its launcher must not start with -")
        return word

    def _part(self, name: str, value: str, text: str, place: int) -> str:
        """The value as it may stand at this place of the text."""
        if "\0" in value:
            raise InputError(f"server {self.server!r}: {name} holds a NUL character", field=name)
        if PLACEHOLDER.fullmatch(text):
            return value
        if "://" in text[:place]:
            # An IPv6 address is the one host that a URL writes otherwise.
            if name in self.hosts:
                return f"[{value}]" if ":" in value else value
            return quote(value, safe="")
        if _SEPARATORS.search(value):
            raise InputError(
                f"server {self.server!r}: {name} holds blanks, quotes, commas or the like, which its "
                "launcher cannot pass on inside a longer word",
                field=name,
            )
        return value


def is_address(name: str, value: str, launcher: Launcher) -> bool:
    """Whether a free parameter says where to connect: by its name, its looks, or the operator's word."""
    return (
        name in launcher.addresses
        or _ADDRESS_NAMES.match(name) is not None
        or "://" in value
        or parsed_address(value.strip("[]")) is not None
    )


async def judged(
    addresses: Mapping[str, str], reach: Reach, resolve: Resolve | None
) -> tuple[dict[str, str], frozenset[str]]:
    """The addresses as they may be passed on, with where each one led; and which of them are bare hosts.

    Raises InputError for what is no address, DeniedError for what the policy refuses, and UnavailableError
    for a name that nobody knows.
    """
    values: dict[str, str] = {}
    hosts: set[str] = set()
    for name, text in addresses.items():
        if "://" in text:
            pinned = await check_url(text, reach, resolve, field=name)
            location = pinned.location
            # A path that nobody wrote is not added: some programs join their own to it.
            given = location.url if text.rstrip().endswith("/") else location.url.removesuffix("/")
            values[name] = given
            found = pinned.addresses
        else:
            host, port = _host_and_port(name, text)
            found = await addresses_of(host, port or DEFAULT_PORTS["https"], reach, resolve, field=name)
            shown = f"[{host}]" if port and ":" in host else host
            values[name] = f"{shown}:{port}" if port else host
            if not port:
                hosts.add(name)
        values[f"{name}_address"] = str(found[0])
        hosts.add(f"{name}_address")
    return values, frozenset(hosts)


def _host_and_port(name: str, text: str) -> tuple[str, int | None]:
    """A host as the guard writes it, and the port behind it if there is one."""
    address = parsed_address(text)
    if address is not None and address.version == 6:  # without brackets, its colons separate no port
        return host_of(f"[{text}]", field=name), None
    found = _HOST_AND_PORT.match(text)
    if found is None:
        raise InputError(f"{name}: is neither a host, host:port nor a URL", field=name)
    return host_of(found["host"].lower(), field=name), int(found["port"]) if found["port"] else None
