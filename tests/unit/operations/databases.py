"""Databases for the tests of operations: the embedded engine, inside the process and behind a real socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.config.address import EmbeddedServer, RemoteServer
from mcp_arangodb_async.config.model import DatabaseSettings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.engine import Engine, running

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

WAYS = ("embedded", "http")


@asynccontextmanager
async def opened(
    *names: str, way: str = "embedded", administration: bool = False
) -> AsyncGenerator[list[ArangoDatabase]]:
    """New databases of these names, on one server."""
    async with AsyncExitStack() as stack:
        if way == "http":
            engine = stack.enter_context(Engine.open(None))
            for name in names:
                if not engine.has_database(name):
                    engine.create_database(name, {})
            server = RemoteServer(urls=(stack.enter_context(running(engine)).url,))
        else:
            server = EmbeddedServer(directory=None)
        settings = {name: DatabaseSettings(key=name, server=server, database=name) for name in names}
        manager = await stack.enter_async_context(
            MultiDatabaseConnectionManager(settings, administration=administration)
        )
        yield [await manager.get_database(name) for name in names]


async def quiet(_done: float, _total: float | None, _message: str | None) -> None:
    """No progress."""


async def fill(database: ArangoDatabase, *, users: int = 2500) -> None:
    """Users who know each other, with everything a backup has to bring back."""
    rule = {"type": "object", "required": ["age"], "properties": {"age": {"type": "number"}}}
    schema = {"rule": rule, "level": "moderate", "message": "age is a number"}
    await database.call("POST", "_api", "collection", body={"name": "users", "schema": schema})
    await database.call(
        "POST", "_api", "collection", body={"name": "made keys", "keyOptions": {"allowUserKeys": False}}
    )
    await database.call(
        "POST",
        "_api",
        "gharial",
        body={
            "name": "friends",
            "edgeDefinitions": [{"collection": "knows", "from": ["users"], "to": ["users"]}],
            "orphanCollections": ["towns"],
        },
    )
    for body in (
        {"type": "persistent", "fields": ["age"], "name": "by_age", "storedValues": ["name"]},
        {"type": "persistent", "fields": ["mail"], "name": "one_mail", "unique": True, "sparse": True},
        {"type": "ttl", "fields": ["gone"], "name": "forget", "expireAfter": 3600},
    ):
        await database.call("POST", "_api", "index", params={"collection": "users"}, body=body)
    people: list[dict[str, Any]] = [
        {
            "_key": f"u{n}",
            "age": n % 90,
            "name": f"Zoë {n}",
            "mail": f"{n}@example.com",
            "deep": {"n": [n, None]},
        }
        for n in range(users)
    ]
    await database.call("POST", "_api", "document", "users", body=people)
    edges = [{"_key": str(n), "_from": f"users/u{n}", "_to": f"users/u{n + 1}"} for n in range(users - 1)]
    await database.call("POST", "_api", "document", "knows", body=edges)
    await database.call("POST", "_api", "document", "made keys", body=[{"n": n} for n in range(3)])
    await database.call(
        "POST",
        "_api",
        "analyzer",
        body={"name": "words", "type": "text", "properties": {"locale": "en", "stemming": False}},
    )
    links = {"users": {"fields": {"name": {"analyzers": ["words"]}}}}
    await database.call(
        "POST", "_api", "view", body={"name": "people", "type": "arangosearch", "links": links}
    )


async def rows(database: ArangoDatabase, query: str) -> list[Any]:
    """All rows of a small result."""
    answer = await database.call("POST", "_api", "cursor", body={"query": query, "batchSize": 100_000})
    assert not answer["hasMore"]
    return answer["result"]
