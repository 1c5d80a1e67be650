"""Launchers: a tenant's values never lead a program elsewhere, and never become more than a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from mcp_arangodb_async.config.tenancy import Launcher
from mcp_arangodb_async.errors import DeniedError, InputError, MaaError, UnavailableError
from mcp_arangodb_async.gateway.factory import SERVER_TYPES, Build
from mcp_arangodb_async.gateway.guard import Reach
from mcp_arangodb_async.gateway.tenants.document import read_document
from mcp_arangodb_async.gateway.upstreams import Command
from tests.unit.gateway.hostile_urls import DENIED_V4, DENIED_V6

pytestmark = pytest.mark.anyio

NAMES = {
    "db.example": ["93.184.216.34"],
    "metadata.google.internal": ["169.254.169.254"],
    "rebind.example": ["10.0.0.5"],
    "both.example": ["93.184.216.34", "127.0.0.1"],
    "inside.example": ["10.1.2.3"],
}
LAUNCHERS: Mapping[str, Launcher] = {
    "pg": Launcher(
        type="postgres",
        command=("pg-mcp", "postgresql://{username}@{host}:{port}/{database}"),
        env={"PGPASSWORD": "{password}", "PGHOSTADDR": "{host_address}"},
    ),
    "dsn": Launcher(
        type="postgres", command=("pg-mcp",),
        env={"DSN": "postgresql://{username}:{password}@{host}/{database}"},
    ),
    "words": Launcher(
        type="postgres", command=("pg-mcp", "host={host} dbname={database}", "{database}", "--db={database}")
    ),
    "s3": Launcher(type="minio", command=("s3-mcp", "{endpoint}"), env={"KEY": "{access_key}"}),
    "ai": Launcher(type="ai_mcp_server", command=("ai-mcp", "--base={api_base_url}")),
    "free": Launcher(
        type="generic", command=("x-mcp", "{target}", "{wiki_url}", "{topic}"), addresses=("target",)
    ),
}  # fmt: skip


async def resolve(host: str, port: int) -> Sequence[str]:
    del port
    if host in NAMES:
        return NAMES[host]
    raise OSError("no such name")


async def command_of(
    launcher: str, section: Mapping[str, Any], *networks: str, schemes: Sequence[str] = ("https",)
) -> Command:
    """The command that a section's launcher makes, with these private networks allowed."""
    kind = LAUNCHERS[launcher].type
    server = "wiki" if kind == "generic" else kind
    document = {"transport": "stdio", "launcher": launcher, **section}
    submission = read_document(server, document, launchers=LAUNCHERS)
    build = Build(
        server=server,
        section=submission.section,
        secrets=submission.secrets,
        reach=Reach(schemes=frozenset(schemes), networks=tuple(ip_network(text) for text in networks)),
        launchers=LAUNCHERS,
        reveal=lambda name: name,
        resolve=resolve,
    )
    target = await SERVER_TYPES[kind].target(build)
    assert target.command is not None
    return target.command


PG: Mapping[str, Any] = {"host": "db.example", "database": "d", "username": "u", "password": "correct-horse"}


async def test_words_are_filled_and_the_judged_address_stands_beside_the_name() -> None:
    command = await command_of("pg", PG)
    assert command.program == "pg-mcp"
    assert command.arguments == ("postgresql://u@db.example:5432/d",)
    assert command.environment == {"PGPASSWORD": "correct-horse", "PGHOSTADDR": "93.184.216.34"}


HOSTS = [
    *DENIED_V4, *DENIED_V6, *(f"[{text}]" for text in DENIED_V6), "metadata.google.internal",
    "rebind.example", "both.example",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_refused_in_a_url_is_refused_for_a_launcher(host: str) -> None:
    with pytest.raises(DeniedError, match="is refused") as caught:
        await command_of("pg", {**PG, "host": host})
    assert caught.value.field == "host"
    with pytest.raises(DeniedError):
        await command_of("free", {"parameters": {"target": host, "wiki_url": "https://db.example/"}})


@pytest.mark.parametrize(
    "host",
    [
        "/var/run/postgresql", "db.example,169.254.169.254", "db.example 169.254.169.254", "a@b", "0x7f.1",
        "2130706433", "127.1", "db.example/x", "%31", "db.example#", "",
    ],
)  # fmt: skip
async def test_a_host_that_programs_read_differently_is_refused(host: str) -> None:
    with pytest.raises(MaaError):
        await command_of("pg", {**PG, "host": host})


async def test_a_name_that_nobody_knows_is_said() -> None:
    with pytest.raises(UnavailableError, match=r"nowhere\.example: the host name is not known"):
        await command_of("pg", {**PG, "host": "nowhere.example"})


async def test_private_networks_open_launchers_as_they_open_urls_and_metadata_never() -> None:
    inside = {**PG, "host": "inside.example"}
    with pytest.raises(DeniedError):
        await command_of("pg", inside)
    command = await command_of("pg", inside, "10.1.0.0/16")
    assert command.environment["PGHOSTADDR"] == "10.1.2.3"
    with pytest.raises(DeniedError, match="credentials"):
        await command_of("pg", {**PG, "host": "169.254.169.254"}, "0.0.0.0/0")
    v6 = await command_of("pg", {**PG, "host": "fd12::1"}, "fd00::/8")
    assert v6.arguments == ("postgresql://u@[fd12::1]:5432/d",)


@pytest.mark.parametrize(
    ("launcher", "field"), [("s3", "endpoint"), ("ai", "api_base_url")], ids=["endpoint", "api_base_url"]
)
async def test_endpoints_and_base_urls_are_judged_by_the_same_policy(launcher: str, field: str) -> None:
    secrets = {"access_key": "key-of-acme"} if launcher == "s3" else {}
    for url in (
        "https://169.254.169.254/latest", "https://10.0.0.1:9000", "https://rebind.example/",
        "http://db.example/", "https://[::1]/",
    ):  # fmt: skip
        with pytest.raises(DeniedError) as caught:
            await command_of(launcher, {field: url, **secrets})
        assert caught.value.field == field
    allowed = await command_of(launcher, {field: "https://DB.example:9000", **secrets})
    assert allowed.arguments[0].endswith("https://db.example:9000")
    http = await command_of(launcher, {field: "http://db.example/v1", **secrets}, schemes=("http",))
    assert http.arguments[0].endswith("http://db.example/v1")


@pytest.mark.parametrize(
    "parameters",
    [
        {"wiki_url": "https://10.0.0.1/"},
        {"wiki_url": "rebind.example"},
        {"topic": "https://169.254.169.254/latest"},
        {"topic": "gopher://db.example/"},
        {"topic": "127.0.0.1"},
        {"topic": "[::1]"},
        {"target": "rebind.example:5432"},
    ],
)
async def test_free_parameters_that_are_addresses_are_judged(parameters: Mapping[str, str]) -> None:
    given = {"target": "db.example:80", "wiki_url": "https://db.example/w", "topic": "cats"}
    assert (await command_of("free", {"parameters": given})).arguments == (
        "db.example:80", "https://db.example/w", "cats",
    )  # fmt: skip
    with pytest.raises(DeniedError):
        await command_of("free", {"parameters": {**given, **parameters}})


async def test_a_value_in_a_url_stays_one_part_of_it() -> None:
    hostile = {
        **PG, "username": "x@169.254.169.254:80/?", "database": "d?host", "password": "p@ss/word#1234",
    }  # fmt: skip
    command = await command_of("dsn", hostile)
    assert command.environment["DSN"] == (
        "postgresql://x%40169.254.169.254%3A80%2F%3F:p%40ss%2Fword%231234@db.example/d%3Fhost"
    )
    assert "p@ss/word#1234" in command.secrets  # what is looked for in the program's answers


@pytest.mark.parametrize(
    "database", ["d host=169.254.169.254", "d'x", 'd"x', "d\\x", "d;Server=x", "a,b", "host=x", "postgresql://x"]
)  # fmt: skip
async def test_a_value_in_a_connection_string_stays_one_part_of_it(database: str) -> None:
    with pytest.raises(InputError) as caught:
        await command_of("words", {**PG, "database": database})
    assert caught.value.field == "database"


async def test_a_value_never_becomes_an_option() -> None:
    with pytest.raises(InputError, match="must not start with -"):
        await command_of("words", {**PG, "database": "-c"})
    kept = await command_of("words", {**PG, "database": "d-1"})
    assert kept.arguments == ("host=db.example dbname=d-1", "d-1", "--db=d-1")


async def test_what_the_section_does_not_give_is_named() -> None:
    with pytest.raises(InputError, match="needs 'username'"):
        await command_of("pg", {"host": "db.example", "database": "d"})
    with pytest.raises(InputError, match="needs 'topic'"):
        await command_of("free", {"parameters": {"target": "db.example", "wiki_url": "https://db.example/"}})
