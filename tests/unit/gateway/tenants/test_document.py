"""A caller's document: what it becomes, and everything that is wrong with it, said at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.tenancy import Launcher
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.tenants.codec import read_server, server_json
from mcp_arangodb_async.gateway.tenants.document import known_fields, read_document
from mcp_arangodb_async.gateway.tenants.model import (
    SECTION_TYPES,
    AiSection,
    GenericSection,
    MinioSection,
    PostgresSection,
    Server,
    check_tenant,
    section_type,
    shown_section,
)

HTTPS = {"url": "https://a.example/mcp"}
LAUNCHERS = {
    "pg": Launcher(type="postgres", command=("pg", "{host}"), env={"PGPASSWORD": "{password}"}),
    "s3": Launcher(type="minio", command=("s3",)),
}


def wrong(server: str, document: Any, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_document(server, document, **more)
    return caught.value.message


@pytest.mark.parametrize(
    ("server", "record"),
    [("postgres", PostgresSection), ("minio", MinioSection), ("ai_mcp_server", AiSection),
        ("generic", GenericSection), ("wiki", GenericSection)],
)  # fmt: skip
def test_each_name_has_its_type(server: str, record: type[Any]) -> None:
    submission = read_document(server, HTTPS)
    assert type(submission.section) is section_type(server) is record
    assert SECTION_TYPES[submission.section.TYPE] is record
    assert shown_section(submission.section) == HTTPS
    assert "headers" in known_fields(server)


def test_a_whole_document_of_each_type_is_taken() -> None:
    postgres = read_document(
        "postgres",
        {
            "mode": "tenant", "fallback": "global", "transport": "sse", **HTTPS, "tools": {"q": "pg_q"},
            "allow_tools": ["pg_q"], "tenant_argument": "tenant_id", "downstream_tenant_id": "rag",
            "timeout": 5, "connect_timeout": 2, "concurrency": 3, "host": "h", "port": 5433, "database": "d",
            "username": "u", "password": "p", "headers": {"Authorization": "x", "X-B": "y"},
        },
    )  # fmt: skip
    assert dict(postgres.secrets) == {"password": "p", "headers.authorization": "x", "headers.x-b": "y"}
    assert shown_section(postgres.section)["allow_tools"] == ["pg_q"]
    assert "'p'" not in repr(postgres)
    generic = read_document("wiki", {**HTTPS, "parameters": {"space": "eng"}, "secrets": {"token": "t"}})
    assert (dict(generic.secrets), shown_section(generic.section)["parameters"]) == (
        {"secrets.token": "t"},
        {"space": "eng"},
    )
    started = read_document("postgres", {"transport": "stdio", "launcher": "pg"}, launchers=LAUNCHERS)
    assert started.section.launcher == "pg"
    assert read_document("minio", {"mode": "disabled"}).section.mode == "disabled"


@pytest.mark.parametrize(
    ("server", "document", "parts"),
    [
        ("postgres", {}, ["url: is missing: the address of a server reached by http"]),
        ("postgres", {"url": "x", "prot": 1, "timeout": 0}, ["url: must be an", "did you mean 'port'?",
            "timeout: must be more than 0"]),
        ("postgres", {**HTTPS, "zzz": 1}, ["unknown field 'zzz'; possible are mode, fallback"]),
        ("postgres", {**HTTPS, "command": ["rm"]}, ["unknown field 'command'"]),
        ("minio", {**HTTPS, "password": "x"}, ["unknown field 'password'"]),
        ("postgres", {**HTTPS, "secrets": {"x": "y"}}, ["unknown field 'secrets'"]),
        ("postgres", {**HTTPS, "mode": "off"}, ["mode: must be tenant, inherit or disabled, not 'off'"]),
        ("postgres", {"url": "https://u:p@h/"}, ["must not hold a user name or password"]),
        ("postgres", {"url": "https://h/#x"}, ["must not hold blanks"]),
        ("postgres", {"url": "https://h:99999/"}, ["is not an address"]),
        ("postgres", {"url": "https://h/?api_key=1"}, ["url: must not hold a secret after the ?"]),
        ("minio", {**HTTPS, "endpoint": "https://h/?sig=1"}, ["endpoint: must not hold a secret after"]),
        ("postgres", {**HTTPS, "launcher": "pg"}, ["launcher: belongs to transport stdio"]),
        ("postgres", {**HTTPS, "transport": "stdio"}, ["url: belongs to transport http or sse",
            "launcher: is missing", "possible are pg"]),
        ("postgres", {"transport": "stdio", "launcher": "s3"}, ["no 's3' for postgres; possible are pg"]),
        ("wiki", {"transport": "stdio", "launcher": "pg"}, ["the operator configured none for this type"]),
        ("postgres", {**HTTPS, "headers": {"Host": "x"}}, ["Host is written by the protocol itself"]),
        ("postgres", {**HTTPS, "headers": {"MCP-Anything": "x"}}, ["is written by the protocol itself"]),
        ("postgres", {**HTTPS, "headers": {"a b": "x"}}, ["headers: is not the name of a header"]),
        ("postgres", {**HTTPS, "headers": {"X": "a\nb"}}, ["headers.x: must be 1 to 8192 printable"]),
        ("postgres", {**HTTPS, "headers": {"X": ""}}, ["headers.x: is empty; null removes it"]),
        ("postgres", {**HTTPS, "headers": []}, ["headers: must be names and values"]),
        ("postgres", {**HTTPS, "password": 5}, ["password: must be text"]),
        ("postgres", {**HTTPS, "password": "x" * 20_000}, ["password: must be at most 16384 characters"]),
        ("postgres", {**HTTPS, "password": "\ud800"}, ["password: must be text that can be written"]),
        ("wiki", {**HTTPS, "secrets": {"A B": "x"}}, ["secrets: a secret's name is"]),
        ("wiki", {**HTTPS, "secrets": {f"s{n}": "x" for n in range(65)}}, ["65 secrets are more than 64"]),
        ("postgres", {**HTTPS, "tools": {"a": "b c"}}, ["tools.a: is not the name of a tool"]),
        ("postgres", {**HTTPS, "host": "a\nb"}, ["host: must be 1 to 128 characters"]),
        ("postgres", {**HTTPS, "port": True}, ["port: must be a number, not true or false"]),
        ("postgres", {"tools": {"x": "y" * 70_000}}, ["characters, at most 65536"]),
        ("postgres", [1], ["must be keys and values"]),
        ("postgres", {"tools": {1, 2}}, ["must be plain JSON"]),
        ("Postgres", HTTPS, ["'Postgres' is not a server's name"]),
        ("a__b", HTTPS, ["is not a server's name"]),
        ("", HTTPS, ["is not a server's name"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_field(server: str, document: Any, parts: list[str]) -> None:
    message = wrong(server, document, launchers=LAUNCHERS)
    for part in parts:
        assert part in message


def before(document: dict[str, Any]) -> Server:
    submission = read_document("postgres", document)
    return Server(name="postgres", section=submission.section, version=1, credential_version=1)


def test_a_change_merges_into_what_was_there() -> None:
    old = before({**HTTPS, "timeout": 9, "tools": {"a": "x", "b": "y"}, "allow_tools": ["q"]})
    changed = read_document(
        "postgres", {"timeout": None, "tools": {"a": None, "c": "z"}, "allow_tools": None}, before=old
    )
    assert shown_section(changed.section) == {**HTTPS, "tools": {"b": "y", "c": "z"}}
    assert read_document("postgres", {"headers": {"X-A": None}, "password": None}, before=old).removed == {
        "headers.x-a", "password",
    }  # fmt: skip
    assert "tools: must be keys and values" in wrong("postgres", {"tools": "x"}, before=old)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70_000),
    st.floats(0, 1e6),
    st.sampled_from(["https://a.example/mcp", "http", "stdio", "pg", "tenant", "inherit", "x", "", "é"]),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.none(), max_size=3),
)


@settings(max_examples=150, deadline=None, suppress_health_check=(HealthCheck.too_slow,))
@given(st.dictionaries(st.sampled_from(known_fields("postgres")), VALUES, max_size=6))
def test_any_document_is_taken_or_refused_in_words(document: dict[str, Any]) -> None:
    try:
        submission = read_document("postgres", document, launchers=LAUNCHERS)
    except InputError:
        return
    server = Server(name="postgres", section=submission.section, version=1, credential_version=1)
    assert read_server("postgres", server_json(server)) == server
    again = read_document("postgres", shown_section(submission.section), launchers=LAUNCHERS)
    assert again.section == submission.section


@pytest.mark.parametrize("tenant", ["a", "A.b-c_9", "0", "x" * 64, "550e8400-e29b-41d4-a716-446655440000"])
def test_an_id_of_a_tenant_is_taken(tenant: str) -> None:
    assert check_tenant(tenant) == tenant


@pytest.mark.parametrize(
    "tenant", ["", "-a", ".", "..", "a/b", "a b", "a\n", "é", "x" * 65, "@platform", "a'--"]
)
def test_what_is_no_id_of_a_tenant_is_refused(tenant: str) -> None:
    with pytest.raises(InputError, match="is not a tenant's id: 1 to 64 letters"):
        check_tenant(tenant)
