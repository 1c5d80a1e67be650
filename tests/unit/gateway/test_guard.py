"""The guard: what may be reached, judged by text, by look-up and on the address that is connected to."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

import pytest

from mcp_arangodb_async.config.tenancy import UrlPolicy
from mcp_arangodb_async.errors import DeniedError, InputError, MaaError, UnavailableError
from mcp_arangodb_async.gateway.guard import (
    OPERATOR,
    Location,
    Reach,
    check_url,
    parse_url,
    reach_of,
    refusal,
)
from mcp_arangodb_async.gateway.upstreams.network import Network
from tests.unit.gateway.hostile_urls import DENIED_V4, DENIED_V6, hostile_urls

pytestmark = pytest.mark.anyio

PUBLIC = Reach(schemes=frozenset({"https", "http"}))
NAMES = {
    "localtest.me": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "rebind.example": ["10.0.0.5"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "v6.example": ["::ffff:127.0.0.1"],
    "metadata": ["169.254.169.254"],
}


class Connects:
    """Every address that any socket of the process was connected to while it listens."""

    def __init__(self) -> None:
        self.listening = False
        self.seen: list[object] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.listening and event == "socket.connect":
            self.seen.append(arguments[1])

    @contextmanager
    def during(self) -> Generator[list[object]]:
        self.seen = []
        self.listening = True
        try:
            yield self.seen
        finally:
            self.listening = False


@pytest.fixture(scope="module")
def connects() -> Connects:
    return Connects()


async def resolve(host: str, port: int) -> Sequence[str]:
    """A resolver as wildcard DNS services answer: the address that is written into the name."""
    del port
    if host.endswith(("nip.io", "sslip.io", "xip.io")):
        inner = ".".join(host.split(".")[:-2])
        return [inner.replace("-", ".") if "-" in inner else inner]
    if "localhost" in host:
        return ["127.0.0.1", "::1"]
    if host in NAMES:
        return NAMES[host]
    raise OSError("no such name")


async def test_no_hostile_url_is_accepted_and_none_is_connected_to(connects: Connects) -> None:
    urls = hostile_urls()
    assert len(urls) >= 300
    network = Network(PUBLIC, resolve=resolve)
    accepted: list[str] = []
    with connects.during() as seen:
        for url in urls:
            try:
                pinned = await check_url(url, PUBLIC, resolve)
            except MaaError:
                continue
            accepted.append(f"{url} -> {pinned.addresses}")
    await network.close()
    assert accepted == []
    assert seen == []


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_connected_address_is_judged_even_where_nothing_was_checked_before(
    connects: Connects, scheme: str
) -> None:
    """As if the text had passed: whatever a laxer reader makes of a host, the socket is not connected."""
    hosts = [
        *DENIED_V4,
        *(host.partition("%")[0] for host in DENIED_V6),
        *NAMES,
        "localhost",
        "10.0.0.1.nip.io",
    ]
    network = Network(PUBLIC, resolve=resolve)
    refused = 0
    with connects.during() as seen:
        for host in hosts:
            shown = f"[{host}]" if ":" in host else host
            location = Location(scheme=scheme, host=host, port=9, url=f"{scheme}://{shown}:9/mcp")
            with pytest.raises((DeniedError, UnavailableError)) as caught:
                async with network.send("POST", location, headers={}, body=b"{}", connect_timeout=1):
                    pass
            refused += isinstance(caught.value, DeniedError)
    await network.close()
    assert seen == []
    assert refused == len(hosts)


async def test_an_answer_that_changes_between_check_and_connect_leads_nowhere(connects: Connects) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def changing(host: str, port: int) -> Sequence[str]:
        del host, port
        return next(answers)

    pinned = await check_url("https://rebind.example/mcp", PUBLIC, changing)
    network = Network(PUBLIC, resolve=changing)
    with connects.during() as seen, pytest.raises(DeniedError):
        async with network.send("POST", pinned.location, headers={}, body=b"{}", connect_timeout=1):
            pass
    await network.close()
    assert seen == []


async def test_one_refused_address_among_several_refuses_the_name() -> None:
    with pytest.raises(DeniedError, match="this machine"):
        await check_url("https://mixed.example/", PUBLIC, resolve)


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://Example.COM/MCP?Q=1", "https://example.com/MCP?Q=1"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:443/x", "https://example.com/x"),
        ("http://example.com:8080", "http://example.com:8080/"),
        ("https://xn--bcher-kva.example/a%20b", "https://xn--bcher-kva.example/a%20b"),
        ("https://[2606:4700:0:0::1111]/mcp", "https://[2606:4700::1111]/mcp"),
        ("https://8.8.8.8:8443/mcp", "https://8.8.8.8:8443/mcp"),
        ("https://my_host.internal-2.example/mcp", "https://my_host.internal-2.example/mcp"),
    ],
)
def test_an_honest_url_is_written_in_one_way(url: str, written: str) -> None:
    assert parse_url(url, PUBLIC).url == written


def test_a_private_network_is_reached_only_where_the_operator_allows_it() -> None:
    reach = reach_of(UrlPolicy(schemes=("https",), private_networks=("10.1.0.0/16", "fd00:1::/32")))
    assert parse_url("https://10.1.2.3/", reach).host == "10.1.2.3"
    assert refusal(ip_address("fd00:1::5"), reach) is None
    assert refusal(ip_address("::ffff:10.1.2.3"), reach) is None
    with pytest.raises(DeniedError, match="a private address"):
        parse_url("https://10.2.0.1/", reach)


def test_what_hands_out_credentials_is_reached_by_nobody() -> None:
    everywhere = Reach(schemes=frozenset({"http"}), networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    for reach in (everywhere, OPERATOR):
        for url in ("http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/"):
            with pytest.raises(DeniedError, match="credentials"):
                parse_url(url, reach)
        assert parse_url("http://127.0.0.1:8000/mcp", reach).port == 8000


def test_a_refusal_says_what_is_possible_and_repeats_no_password() -> None:
    with pytest.raises(DeniedError, match="allowed: https") as scheme:
        parse_url("gopher://x", Reach())
    assert scheme.value.field == "url"
    with pytest.raises(InputError) as caught:
        parse_url("https://admin:correct-horse@example.com/", PUBLIC)
    assert "correct-horse" not in f"{caught.value.message}{caught.value.hint}"


async def test_a_name_that_nobody_knows_is_unavailable_and_an_endless_answer_is_refused() -> None:
    async def many(host: str, port: int) -> Sequence[str]:
        del host, port
        return [f"8.8.{number // 250}.{number % 250}" for number in range(100)]

    with pytest.raises(UnavailableError):
        await check_url("https://nowhere.example/", PUBLIC, resolve)
    with pytest.raises(UnavailableError):
        await check_url("https://many.example/", PUBLIC, many)
