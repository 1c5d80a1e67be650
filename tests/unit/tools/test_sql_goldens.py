"""Conversations with the tools of SQL environments, kept as text: tests/goldens/sql/<dialect>.txt.

Each file is one conversation of the real client with an application of its own, whose environments are on
real servers: `reads` may only be read and is the default, `writes` may be changed and asks before it drops
things, `masked` hides a column and has one table. `many.txt` talks to all dialects at once.

A line `> name {arguments}` is a call, what follows up to the next call is its answer: first the progress that
a stream told, last the links that it gave. NEXT is what the answer before it gave to go on with. `< LINK`
reads what the last link leads to. What differs from run to run is written as `~`. `--update` rewrites the
answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult, ResourceLink, TextContent, TextResourceContents

from mcp_arangodb_async.config.environments import EnvironmentSettings, PolicySettings
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, MonitoringSettings, Settings
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.build import build_server
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.world import in_file, nowhere, on_server
from tests.unit.tools.test_goldens import CALL, member

pytestmark = pytest.mark.server
GOLDENS = Path(__file__).parents[2] / "goldens" / "sql"
OURS = ("shop_", "main")
VARYING = {
    "ms", "version", "request_id", "next", "timestamp", "connection_time_ms", "pool", "slowest_ms", "hash",
    "path", "expires",
    "estimated_rows", "cost", "QUERY PLAN", "EXPLAIN", "state_since", "at", "trials", "statements",
    "last_trial", "mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms",
}  # fmt: skip
STEADY = (
    (r"again in \d+\.\d s", "again in ~ s"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"-\d{8}T\d{6}-[0-9a-f]{32}-[0-9a-f]{16}", "-~"),
)
SHOP: dict[str, str] = {
    "postgresql": """
        CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text,
            since date DEFAULT '2020-01-01');
        CREATE TABLE orders (id bigint PRIMARY KEY, customer int REFERENCES customers, total numeric(12,2),
            placed timestamptz, tags text[], details jsonb, receipt bytea);
        CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
        INSERT INTO customers VALUES (1, 'Ada', 'ada@example.com', '2021-02-03'), (2, 'Grace', NULL, DEFAULT);
        INSERT INTO orders VALUES (9007199254740993, 1, 10.50, '2024-02-29 12:00:00+00', '{a,b}',
            '{"paid": true, "n": 12345678901234567890}', '\\x00ff'), (2, 2, 0.10, NULL, NULL, NULL, NULL);
        ALTER VIEW totals OWNER TO writer; GRANT ALL ON customers, orders TO writer;""",
    "mariadb": """
        CREATE TABLE customers (id int PRIMARY KEY, name varchar(40) NOT NULL, email varchar(80),
            since date DEFAULT '2020-01-01');
        CREATE TABLE orders (id bigint unsigned PRIMARY KEY, customer int, total decimal(12,2),
            placed datetime(3), details longtext, receipt blob,
            FOREIGN KEY (customer) REFERENCES customers (id));
        CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
        INSERT INTO customers VALUES (1, 'Ada', 'ada@example.com', '2021-02-03'), (2, 'Grace', NULL, DEFAULT);
        INSERT INTO orders VALUES (18446744073709551615, 1, 10.50, '2024-02-29 12:00:00.120',
            '{"paid": true}', X'00FF'), (2, 2, 0.10, NULL, NULL, NULL);""",
    "sqlite": """
        CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, email text,
            since text DEFAULT '2020-01-01');
        CREATE TABLE orders (id integer PRIMARY KEY, customer int REFERENCES customers, total real,
            placed text, details text, receipt blob);
        CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
        INSERT INTO customers VALUES (1, 'Ada', 'ada@example.com', '2021-02-03'),
            (2, 'Grace', NULL, '2020-01-01');
        INSERT INTO orders VALUES (9007199254740993, 1, 10.5, '2024-02-29T12:00:00Z', '{"paid": true}',
            x'00ff'), (2, 2, 0.1, NULL, NULL, NULL);""",
}  # fmt: skip


@pytest.fixture(scope="module")
def makers(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Callable[[str, str], EnvironmentSettings]]:
    """How to make an environment with a shop of its own, for each dialect: (name, access) -> settings."""
    files = tmp_path_factory.mktemp("shops")

    def on(server: SqlServer, name: str, access: Any) -> EnvironmentSettings:
        database = f"shop_{name}"
        server.run(
            f"DROP DATABASE IF EXISTS {database}", "postgres" if server.kind == "postgresql" else "mysql"
        )
        server.create_database(SHOP[server.kind], name=database)
        return on_server(server, database, name=name, access=access, eager=False)

    def file(name: str, access: Any) -> EnvironmentSettings:
        path = files / f"{name}.db"
        path.unlink(missing_ok=True)
        return in_file(sqlite_file(path, SHOP["sqlite"]), name=name, access=access, eager=False)

    return {
        "postgresql": lambda name, access: on(postgresql, name, access),
        "mariadb": lambda name, access: on(mariadb, name, access),
        "sqlite": file,
    }


def configured(
    stem: str, makers: dict[str, Callable[[str, str], EnvironmentSettings]]
) -> tuple[dict[str, EnvironmentSettings], str | None]:
    """The environments of a conversation, and its default."""
    if stem == "many":
        found = {kind: make(kind, "read") for kind, make in makers.items()}
        found["graph"] = EnvironmentSettings(name="graph", kind="arangodb", database_key="red", eager=False)
        return {**found, "nowhere": nowhere(eager=False)}, None
    make = makers[stem]
    writes = make("writes", "admin")
    policy = PolicySettings(rules={"ddl": "confirm", "admin": "deny"})
    masked = make("masked", "read")
    secretive = PolicySettings(masked_columns=("customers.email",), tables=("customers",))
    return {
        "reads": make("reads", "read"),
        "writes": replace(writes, policy=policy),
        "masked": replace(masked, policy=secretive),
    }, "reads"


def steady(value: Any, name: str = "") -> Any:
    """The value without what differs from run to run."""
    if name in VARYING:
        return "~"
    if isinstance(value, dict):
        return {key: steady(member, key) for key, member in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [steady(item) for item in cast("list[Any]", value)]
    if isinstance(value, str):
        for pattern, shown in STEADY:
            value = re.sub(pattern, shown, value)
        return value
    return value


def written(block: str, call: str) -> str:
    """A text block of an answer: one line, or one for each member of a long one."""
    try:
        document = steady(json.loads(block))
    except ValueError:
        return block.rstrip("\r\n").replace("\r\n", "\n")
    if call.startswith("list_databases"):
        # Other tests have databases on the same servers.
        for one in (document, *document.get("results", {}).values()):
            for member_of in {"rows", "databases"} & set(one):
                one[member_of] = [row for row in one[member_of] if row["name"].startswith(OURS)]
        if "rows" in document:
            document["row_count"] = "~"
    line = json.dumps(document, ensure_ascii=False)
    if len(line) <= 160:
        return line
    return "{\n" + ",\n".join(f"  {member(name, value)}" for name, value in document.items()) + "\n}"


async def conversation(text: str, settings: Settings) -> str:
    """The same file with the answers that the tools give now."""
    lines = [text.split("\n> ", 1)[0].rstrip("\n")]
    following = link = ""
    heard_of: list[str] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        heard_of.append(f"[progress] {progress:g}: {message}")

    async with (
        open_app(settings) as app,
        Client(build_server(app, transport="stdio"), mode="legacy") as client,
    ):
        for line in text.splitlines():
            if line == "< LINK":
                read = (await client.read_resource(link)).contents[0]
                assert isinstance(read, TextResourceContents)
                lines += ["", line, f"[{read.mime_type}]", *read.text.splitlines()]
                continue
            found = CALL.match(line)
            if found is None:
                assert not line.startswith(">"), f"not a call: {line}"
                continue
            arguments: dict[str, Any] = json.loads(found["arguments"].replace("NEXT", following))
            heard_of.clear()
            result = await client.call_tool(found["name"], arguments, progress_callback=heard)
            blocks = texts(result)
            following = handle_in(blocks[-1]) or following
            links = [block for block in result.content if isinstance(block, ResourceLink)]
            link = str(links[0].uri) if links else link
            # That of several environments comes in no certain order.
            told = heard_of if found["name"] == "execute_streaming_query_env" else ()
            lines += ["", line, *told, *(written(block, found["name"]) for block in blocks)]
            lines += [f"[link] {steady(one.name)} {one.mime_type}, {one.description}" for one in links]
    return "\n".join(lines) + "\n"


def texts(result: CallToolResult) -> list[str]:
    """The text blocks of an answer."""
    return [block.text for block in result.content if isinstance(block, TextContent)]


def handle_in(block: str) -> str | None:
    """What the next call may refer to: the `next` of an answer, or the word that a refusal asks for."""
    document: dict[str, Any] = json.loads(block)
    if "next" in document:
        return document["next"]
    hint: str = document.get("error", {}).get("hint", "")
    return hint.rpartition("confirm: ")[2] if "confirm: " in hint else None


def test_every_dialect_has_a_conversation() -> None:
    assert {path.stem for path in GOLDENS.glob("*.txt")} >= {*SHOP, "many"}


@pytest.mark.parametrize("stem", [*SHOP, "many"])
def test_the_conversation_goes_as_written(
    stem: str,
    makers: dict[str, Callable[[str, str], EnvironmentSettings]],
    update: bool,
    tmp_path: Path,
) -> None:
    path = GOLDENS / f"{stem}.txt"
    environments, default = configured(stem, makers)
    red = DatabaseSettings(key="red", server=EmbeddedServer(directory=None), database="red_data")
    settings = Settings(
        databases={"red": red},
        environments=environments,
        default_environment=default,
        # A trial in the middle of a conversation would be seen in it.
        monitoring=MonitoringSettings(interval=0),
        data_directory=tmp_path,
    )
    text = path.read_text(encoding="utf-8")
    found = anyio.run(conversation, text, settings)
    if update:
        path.write_text(found, encoding="utf-8")
    else:
        assert found == text
