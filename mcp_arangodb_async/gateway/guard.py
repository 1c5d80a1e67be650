"""Which URLs of upstream servers may be reached: one guard, at register, at test and at every connect.

A tenant names the URL, so the URL is hostile until shown otherwise. It is read by one strict grammar, which
refuses whatever two parsers could read differently, and from then on only the text written from its parts is
used. A host name is looked up, every address of the answer is judged, and the address that was judged is the
one that is connected to: `upstreams/network.py` judges it once more when the socket is made. Redirects are
never followed.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from mcp_arangodb_async.config.tenancy import UrlPolicy
from mcp_arangodb_async.errors import DeniedError, InputError, UnavailableError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAXIMUM_URL = 2048
RESOLVE_SECONDS = 5.0
# More addresses than any honest name has; a longer answer is not worth judging.
MAXIMUM_ADDRESSES = 64
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?\Z"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

# The addresses under which clouds hand out credentials; never reachable.
NEVER: frozenset[Address] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
# All of unicast IPv6 that is handed out; the standard library counts more as global.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# Documentation's, which older Pythons take for global.
_DOCUMENTATION = IPv6Network("3fff::/20")
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"), IPv6Network("::/96"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the operator lets tenants reach: schemes, and networks beyond the public Internet."""

    schemes: frozenset[str] = frozenset({"https"})
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A URL taken apart; `url` is written from the parts and is the only text to use."""

    scheme: str
    host: str
    port: int
    url: str

    @property
    def origin(self) -> str:
        """Scheme, host and port: what an error or a log may show."""
        return origin_of(self.scheme, self.host, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedAddress:
    """A location whose name was looked up, with the addresses that were judged and allowed."""

    location: Location
    addresses: tuple[Address, ...]


def reach_of(policy: UrlPolicy) -> Reach:
    """What tenants' servers may be reached, as the operator wrote it."""
    networks = tuple(ip_network(text) for text in policy.private_networks)
    return Reach(schemes=frozenset(policy.schemes), networks=networks)


# The operator's own servers may be anywhere, but for what is never reached.
OPERATOR = Reach(
    schemes=frozenset({"http", "https"}), networks=(IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
)


def parse_url(url: str, reach: Reach, *, field: str = "url") -> Location:
    """Take a URL apart; InputError when it is none, DeniedError when its scheme or address is refused.

    `field` is the option that errors name.
    """
    if len(url) > MAXIMUM_URL:
        raise InputError(f"the URL is longer than {MAXIMUM_URL} characters", field=field)
    scheme = _SCHEME.match(url)
    if scheme is not None and scheme[1].lower() not in reach.schemes:
        allowed = ", ".join(sorted(reach.schemes))
        raise DeniedError(f"URLs of scheme {scheme[1][:20]!r} are refused; allowed: {allowed}", field=field)
    head, slash, tail = _split(url)
    found = _URL.match(head.lower() + slash + tail)
    if found is None or _ESCAPE.search(tail):
        raise InputError(f"this is not a URL that can be used: {_why(url)}", field="url")
    host = host_of(found["host"], field=field)
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS.get(found["scheme"], 0)
    if not 1 <= port <= 65535 or (found["port"] or "").startswith("0"):
        raise InputError("the URL's port is not one of 1 to 65535", field=field)
    origin = origin_of(found["scheme"], host, port)
    literal = literal_address(host)
    if literal is not None:
        judge(literal, reach, shown=origin, field=field)
    url = f"{origin}{found['path'] or '/'}{found['query'] or ''}"
    return Location(scheme=found["scheme"], host=host, port=port, url=url)


async def check_url(
    url: str, reach: Reach, resolve: Resolve | None = None, *, field: str = "url"
) -> PinnedAddress:
    """Take apart, look up, judge; raises InputError, DeniedError, or UnavailableError for an unknown name."""
    location = parse_url(url, reach, field=field)
    found = await addresses_of(
        location.host, location.port, reach, resolve, shown=location.origin, field=field
    )
    return PinnedAddress(location=location, addresses=found)


async def addresses_of(
    host: str,
    port: int,
    reach: Reach,
    resolve: Resolve | None = None,
    *,
    shown: str | None = None,
    field: str = "url",
) -> tuple[Address, ...]:
    """The addresses of a host, all of them allowed; errors name what is `shown`, or the host.

    One refused address refuses the name: which of several answers a connection takes is not for chance.
    """
    shown = shown or host
    literal = literal_address(host)
    if literal is not None:
        judge(literal, reach, shown=shown, field=field)
        return (literal,)
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            texts = await (resolve or look_up)(host, port)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise UnavailableError(f"{shown}: the host name is not known") from error
    if not 1 <= len(texts) <= MAXIMUM_ADDRESSES:
        raise UnavailableError(f"{shown}: the host name has no usable address")
    addresses: list[Address] = []
    for text in texts:
        address = parsed_address(text)
        if address is None:
            raise DeniedError(f"{shown}: the host name leads to an address that cannot be judged")
        judge(address, reach, shown=shown, field=field)
        addresses.append(address)
    return tuple(addresses)


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives for a name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def judge(address: Address, reach: Reach, *, shown: str, field: str = "url") -> None:
    """DeniedError, naming what is `shown`, unless the policy lets this address be reached."""
    reason = refusal(address, reach)
    if reason is not None:
        raise DeniedError(
            f"{shown} is refused: it leads to {reason}",
            field=field,
            hint="the operator can allow a network with tenants.private_networks",
        )


def refusal(address: Address, reach: Reach) -> str | None:
    """Why an address may not be reached, in words; None when it may."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "an address of one interface"
        inner = embedded(address)
        if inner is not None:
            return refusal(inner, reach)
    if address in NEVER:
        return "an address that hands out a machine's credentials"
    if address.is_unspecified or address.is_multicast:
        return "an address of no single machine"
    if any(address.version == network.version and address in network for network in reach.networks):
        return None
    if isinstance(address, IPv6Address):
        if not address.is_loopback and any(address in tunnel for tunnel in _TUNNELS):
            return "a tunnel's address"
        if address not in _GLOBAL_IPV6 or address in _DOCUMENTATION:
            return "this machine" if address.is_loopback else "a private address"
    if not address.is_global:
        return "this machine" if address.is_loopback else "a private address"
    return None


def embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end at, where one is written into it."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def origin_of(scheme: str, host: str, port: int) -> str:
    """Scheme, host and port as a URL starts with them."""
    shown = "" if DEFAULT_PORTS.get(scheme) == port else f":{port}"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{shown}"


def literal_address(host: str) -> Address | None:
    """The address a host is written as; None for a name."""
    if ":" in host:
        return IPv6Address(host)
    if host.rpartition(".")[2].isdigit():
        return IPv4Address(host)
    return None


def parsed_address(text: str) -> Address | None:
    """An address as a resolver or a socket writes it, None when it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _split(url: str) -> tuple[str, str, str]:
    """Scheme and authority, which are case-insensitive, and the rest, which is not."""
    scheme, _, rest = url.partition("://")
    authority, slash, tail = rest.partition("/")
    if not slash:
        authority, mark, query = rest.partition("?")
        return f"{scheme}://{authority}", mark, query
    return f"{scheme}://{authority}", slash, tail


def host_of(host: str, *, field: str = "url") -> str:
    """The host in its one spelling; InputError for spellings that parsers read differently."""
    if host.startswith("["):
        try:
            return IPv6Address(host[1:-1]).compressed
        except ValueError as error:
            raise InputError("the host is not an IPv6 address", field=field) from error
    labels = host.split(".")
    last = labels[-1]
    # A name that ends in a number is an address to some parsers: octal, hexadecimal, or with parts left out.
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise InputError(
                "the host looks like an IPv4 address and is not one: write four decimal numbers",
                field=field,
            ) from error
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise InputError("the host is not a host name", field=field)
    return host


def _why(url: str) -> str:
    """What is wrong with a URL, without repeating it: it may hold a password."""
    if not url.isascii():
        return "it has characters beyond ASCII (write the host as xn--...)"
    if any(character <= " " or character == "\x7f" for character in url):
        return "it has spaces or control characters"
    if "\\" in url:
        return "it has a backslash"
    if "#" in url:
        return "it has a fragment"
    authority = url.partition("://")[2].partition("/")[0]
    if "@" in authority:
        return "it has a user name or password: send them as headers"
    if "://" not in url:
        return "write it like https://host/mcp"
    return "write it like https://host:port/path"
