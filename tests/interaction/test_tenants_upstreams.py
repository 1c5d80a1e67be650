"""The gateway in front of real upstream servers: npm's, PostgreSQL, S3 with enforced keys, models."""

# ruff: noqa: SIM117 - servers around, clients inside: the nesting is the reading

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sql_servers import PASSWORDS, SqlServer
from tests.upstreams.gateways import Gateways, ask, fail, names_of, register, text_of
from tests.upstreams.plain import Offered, Plain, schema
from tests.upstreams.postgres import PostgresTools
from tests.upstreams.programs import ObjectStorage, node, npm_server
from tests.upstreams.serving import serving

pytestmark = [pytest.mark.anyio, pytest.mark.server]

S3_PROGRAM = Path(__file__).parents[1] / "upstreams" / "s3.py"
NOTES = "CREATE TABLE notes (id int, text text); INSERT INTO notes VALUES (1, '{}');"


@pytest.fixture
def gateways(tmp_path: Path) -> Gateways:
    return Gateways(tmp_path)


def address(server: SqlServer, database: str) -> str:
    """A database's address with the writer's password, for an upstream that connects to it."""
    password = PASSWORDS["SQL_WRITER_PASSWORD"]
    return f"postgresql://writer:{password}@127.0.0.1:{server.port}/{database}"


async def test_two_tenants_have_a_postgresql_of_their_own(gateways: Gateways, postgresql: SqlServer) -> None:
    acme = postgresql.create_database(NOTES.format("note of acme"))
    blue = postgresql.create_database(NOTES.format("note of blue"))
    one = PostgresTools({None: address(postgresql, acme)}).plain()
    two = PostgresTools({None: address(postgresql, blue)}).plain(eras="handshake")
    async with serving(one.app()) as first, serving(two.app()) as second, gateways.open() as place:
        async with place.client("alice") as alice, place.client("bob") as bob:
            document = await register(alice, postgres={"url": first})
            steps = {step["step"]: step["message"] for step in document["reports"][0]["steps"]}
            assert steps["credentials"] == "pg_execute_query answered"
            assert document["reports"][0]["capabilities"] == {
                "postgres_query": "pg_execute_query", "postgres_list_tables": "pg_list_tables",
                "postgres_describe_table": "pg_describe_table",
            }  # fmt: skip
            await register(bob, postgres={"url": second})
            for client, own, other in ((alice, "acme", "blue"), (bob, "blue", "acme")):
                rows = text_of(await client.call_tool("postgres_query", {"sql": "SELECT text FROM notes"}))
                assert json.loads(rows) == [{"text": f"note of {own}"}]
                query = {"query": "SELECT text FROM notes"}
                raw = text_of(await client.call_tool("postgres__pg_execute_query", query))
                assert other not in raw
                tables = text_of(await client.call_tool("postgres_list_tables", {}))
                assert json.loads(tables) == [{"table_name": "notes"}]
                columns = await client.call_tool("postgres_describe_table", {"table": "notes"})
                assert {column["column_name"] for column in json.loads(text_of(columns))} == {"id", "text"}
                wrong = await client.call_tool("postgres_query", {"sql": "SELECT * FROM nowhere"})
                assert wrong.is_error
                assert "nowhere" in text_of(wrong)


async def test_an_upstream_of_many_tenants_is_told_which_by_the_gateway_only(
    gateways: Gateways, postgresql: SqlServer
) -> None:
    databases: dict[str | None, str] = {
        "t-acme": address(postgresql, postgresql.create_database(NOTES.format("note of acme"))),
        "t-blue": address(postgresql, postgresql.create_database(NOTES.format("note of blue"))),
    }
    shared = PostgresTools(databases, takes_tenant=True).plain()
    async with serving(shared.app()) as url:
        upstreams = {"postgres": {"url": url, "tenant_argument": "tenant_id"}}
        async with gateways.open({"upstreams": upstreams}) as place:
            async with place.client("alice") as alice, place.client("bob") as bob:
                for client, tenant in ((alice, "t-acme"), (bob, "t-blue")):
                    section = {"mode": "inherit", "downstream_tenant_id": tenant}
                    await register(client, postgres=section)
                for client, own in ((alice, "acme"), (bob, "blue")):
                    for spelling in ("tenant_id", "TENANT_ID", "tenant_id "):
                        for victim in ("t-acme", "t-blue", "t-nobody"):
                            given = {"query": "SELECT text FROM notes", spelling: victim}
                            found = text_of(await client.call_tool("postgres__pg_execute_query", given))
                            assert json.loads(found) == [{"text": f"note of {own}"}]
                    assert "postgres__pg_register_tenant" not in await names_of(client)
                    error = await fail(client, "postgres__pg_register_tenant", host="evil.example")
                    assert error["code"] == "not_found"


async def test_npms_postgres_server_is_started_by_the_operators_launcher(
    gateways: Gateways, postgresql: SqlServer
) -> None:
    acme = postgresql.create_database(NOTES.format("note of acme"))
    blue = postgresql.create_database(NOTES.format("note of blue"))
    launcher = {
        "type": "postgres",
        "command": [
            node(),
            npm_server("server-postgres"),
            "postgresql://{username}@{host}:{port}/{database}",
        ],
        "env": {"PGPASSWORD": "{password}"},
    }
    async with gateways.open({"launchers": {"npm_postgres": launcher}}) as place:
        async with place.client("alice") as alice, place.client("bob") as bob:
            for client, database in ((alice, acme), (bob, blue)):
                section = {
                    "transport": "stdio", "launcher": "npm_postgres", "host": "127.0.0.1",
                    "port": postgresql.port, "database": database, "username": "writer",
                    "password": PASSWORDS["SQL_WRITER_PASSWORD"], "connect_timeout": 30,
                }  # fmt: skip
                document = await register(client, postgres=section)
                assert document["reports"][0]["protocol_version"] == "2024-11-05"
            for client, own in ((alice, "acme"), (bob, "blue")):
                rows = text_of(await client.call_tool("postgres_query", {"sql": "SELECT text FROM notes"}))
                assert json.loads(rows) == [{"text": f"note of {own}"}]
            wrong = await ask(
                alice, "rag_validate_tenant_mcp_config", server="postgres",
                config={"password": "wrong-password-0123"},
            )  # fmt: skip
            assert wrong["valid"] is False
            assert "wrong-password-0123" not in json.dumps(wrong)


async def test_a_tenant_names_a_launcher_and_never_a_command(gateways: Gateways) -> None:
    launcher: dict[str, Any] = {"type": "postgres", "command": [sys.executable, "{database}"], "env": {}}
    async with gateways.open({"launchers": {"python": launcher}}) as place:
        async with place.client("alice") as alice:
            for section in (
                {"transport": "stdio", "command": ["/bin/sh", "-c", "id"]},
                {"transport": "stdio", "launcher": "sh"},
                {"transport": "stdio", "launcher": "python", "database": "-c"},
                {"transport": "stdio", "launcher": "python", "env": {"LD_PRELOAD": "/tmp/x"}},
                {"transport": "stdio", "url": "http://127.0.0.1/"},
            ):
                result = await alice.call_tool(
                    "rag_register_tenant_mcp_config", {"servers": {"postgres": section}}
                )
                document = json.loads(text_of(result))
                assert document.get("stored") is not True, section


async def test_a_launcher_is_sent_nowhere_that_a_url_may_not_go(gateways: Gateways) -> None:
    marker = gateways.directory / "started"
    launcher: dict[str, Any] = {
        "type": "postgres",
        "command": [sys.executable, "-c", f"open({str(marker)!r}, 'w')", "{host}"],
    }
    async with gateways.open({"launchers": {"python": launcher}}) as place:
        async with place.client("alice") as alice:
            section = {"transport": "stdio", "launcher": "python", "host": "169.254.169.254"}
            refused = await ask(alice, "rag_register_tenant_mcp_config", servers={"postgres": section})
            assert refused["stored"] is False
            assert refused["problems"][0].startswith("postgres: address: 169.254.169.254 is refused")
            unasked = {"servers": {"postgres": section}, "validate": False}
            assert (await ask(alice, "rag_register_tenant_mcp_config", **unasked))["stored"]
            assert (await fail(alice, "postgres_query", sql="SELECT 1"))["code"] == "denied"
            tested = await ask(alice, "rag_test_tenant_mcp_config", server="postgres")
            steps = {step["step"]: step["result"] for step in tested["reports"][0]["steps"]}
            assert (steps["address"], steps["handshake"]) == ("failed", "skipped")
    assert not marker.exists()


async def test_each_tenants_key_opens_its_own_bucket_only(
    gateways: Gateways, object_storage: ObjectStorage
) -> None:
    launcher = {
        "type": "minio",
        "command": [sys.executable, "-I", str(S3_PROGRAM)],
        "env": {
            "S3_ENDPOINT": "{endpoint}",
            "S3_ACCESS_KEY": "{access_key}",
            "S3_SECRET_KEY": "{secret_key}",
        },
    }
    owners = {"acme": object_storage.acme, "blue": object_storage.blue}
    async with gateways.open({"launchers": {"s3": launcher}}) as place:
        async with place.client("alice") as alice, place.client("bob") as bob:
            people = {"acme": alice, "blue": bob}
            for tenant, client in people.items():
                section: dict[str, Any] = {
                    "transport": "stdio", "launcher": "s3", "endpoint": object_storage.url,
                    "access_key": owners[tenant].access_key, "secret_key": owners[tenant].secret_key,
                    "connect_timeout": 30,
                }  # fmt: skip
                await register(client, minio=section)
            for tenant, client in people.items():
                own, other = owners[tenant].bucket, owners["blue" if tenant == "acme" else "acme"].bucket
                thing = {"bucket": own, "key": "note", "content": f"secret note of {tenant}"}
                stored = await client.call_tool("minio_put_object", thing)
                assert not stored.is_error, text_of(stored)
                read = await client.call_tool("minio_get_object", {"bucket": own, "key": "note"})
                assert json.loads(text_of(read)) == f"secret note of {tenant}"
                listed = await client.call_tool("minio_list_objects", {"bucket": own})
                assert json.loads(text_of(listed)) == ["canary", "note"]
                for name, arguments in (
                    ("minio_get_object", {"bucket": other, "key": "canary"}),
                    ("minio_list_objects", {"bucket": other}),
                    ("minio_put_object", {"bucket": other, "key": "x", "content": "x"}),
                    ("minio_delete_object", {"bucket": other, "key": "canary"}),
                ):
                    refused = await client.call_tool(name, arguments)
                    assert refused.is_error
                    assert "AccessDenied" in text_of(refused)
                    assert "canary of" not in text_of(refused)
            wrong = await ask(
                alice, "rag_validate_tenant_mcp_config", server="minio",
                config={"secret_key": "wrong-secret-0123456789"},
            )  # fmt: skip
            assert wrong["valid"] is False
            assert "SignatureDoesNotMatch" in json.dumps(wrong)
            assert "wrong-secret-0123456789" not in json.dumps(wrong)


async def test_npms_server_with_everything_works_through_the_gateway(
    gateways: Gateways, everything: str
) -> None:
    async with gateways.open() as place, place.client("alice") as alice:
        document = await register(alice, everything={"url": everything})
        assert document["reports"][0]["protocol_version"] == "2025-11-25"
        names = await names_of(alice)
        assert "everything__echo" in names
        said = await alice.call_tool("everything__echo", {"message": "through the gateway"})
        assert "through the gateway" in text_of(said)
        steps: list[float] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            steps.append(progress)

        long = {"duration": 1, "steps": 3}
        result = await alice.call_tool(
            "everything__trigger-long-running-operation", long, progress_callback=report
        )
        assert not result.is_error
        assert len(steps) >= 3


async def embeddings(context: Any, arguments: dict[str, Any]) -> str:
    """A vector for each text."""
    texts = arguments["texts"]
    return json.dumps({"vectors": [[float(len(text))] for text in texts], "tenant": arguments["tenant_id"]})


async def models(context: Any, arguments: dict[str, Any]) -> str:
    """What an unknown tenant would get of a careless server: a default."""
    return json.dumps({"models": ["m1"], "tenant": arguments["tenant_id"]})


async def test_a_model_server_is_used_by_capability_with_the_tenants_own_key(gateways: Gateways) -> None:
    plain = Plain(
        {
            "ai_create_embeddings": Offered(
                body=embeddings,
                input_schema={
                    "type": "object",
                    "properties": {"tenant_id": {"type": "string"}, "texts": {"type": "array"}},
                },
            ),
            "ai_list_models": Offered(body=models, input_schema=schema("tenant_id", tenant_id="string")),
        }
    )
    plain.key = "key-of-acme-models"
    async with serving(plain.app()) as url, gateways.open() as place, place.client("alice") as alice:
        section = {"url": url, "api_key": "key-of-acme-models", "tenant_argument": "tenant_id"}
        await register(alice, ai_mcp_server=section)
        made = await alice.call_tool("embeddings_generate", {"input": ["a", "bb"]})
        assert json.loads(text_of(made)) == {"vectors": [[1.0], [2.0]], "tenant": "acme"}
        missing = await fail(alice, "ai_chat", messages=[{"role": "user", "content": "hi"}])
        assert missing["code"] == "unsupported"
        assert "ai_create_embeddings" in missing["message"]
