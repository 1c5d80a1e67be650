"""Every request that python-arango-async can make is answered, or refused as ArangoDB refuses it."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import arangoasync
import pytest
from arangoasync.auth import Auth, JwtToken
from arangoasync.client import ArangoClient
from arangoasync.exceptions import ArangoServerError

from mcp_arangodb_async.engine import Engine
from mcp_arangodb_async.engine.testing.python_arango_async import InProcess
from tests.unit.engine.http.driver_requests import (
    RecordingApi,
    Refused,
    Step,
    difference,
    refusals,
    requests_of,
)
from tests.unit.engine.http.python_arango_async_calls import CHAPTERS

# What a single server without JavaScript does not do.
FAMILIES = (
    "/_admin/backup", "/_admin/cluster", "/_admin/execute", "/_api/cluster", "/_api/foxx",
    "/_api/replication/applier", "/_api/replication/clusterInventory", "/_api/replication/dump",
    "/_api/replication/inventory",
)  # fmt: skip
SECRET = "a secret that is long enough for a signature"


class World:
    """What the tables talk about: connections, and what was kept from earlier calls.

    It has a loop of its own, so a call may wait for several answers.
    """

    def __init__(self, runner: asyncio.Runner, client: ArangoClient) -> None:
        self._runner = runner
        self.client = client
        self.kept: dict[str, Any] = {}
        root = Auth("root", "a password")
        self.system: Any = self.wait(client.db("_system", auth=root))
        token = JwtToken.generate_token(SECRET)
        self.super: Any = self.wait(client.db("_system", auth_method="superuser", token=token))
        self.db: Any = self.wait(client.db("d", auth=root))

    def wait(self, answer: Any) -> Any:
        async def waited() -> Any:
            return await answer

        return self._runner.run(waited())

    def rows(self, cursor: Any) -> list[Any]:
        async def read() -> list[Any]:
            return [row async for row in await cursor]

        return self._runner.run(read())

    def keep(self, name: str, value: Any) -> Any:
        self.kept[name] = value
        return value

    @property
    def c(self) -> Any:
        return self.db.collection("c")

    @property
    def g(self) -> Any:
        return self.kept["g"]

    @property
    def v(self) -> Any:
        return self.g.vertex_collection("gv")


def answered(step: Step, world: World) -> list[str]:
    """What is wrong with the answer to one call."""
    call, expected = step
    try:
        answer = call(world)
        if inspect.isawaitable(answer):
            answer = world.wait(answer)
    except ArangoServerError as error:
        answer = Refused(error.http_code or 0, error.error_code)
    except Exception as error:  # noqa: BLE001  the table goes on, and the line is named
        answer = error
    return difference(call, answer, expected)


# The driver warns of what ArangoDB 4.0 has not.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_request_of_the_driver_is_answered_or_refused() -> None:
    engine = Engine.open(None, root_password="a password")
    api = RecordingApi(engine, jwt_secret=SECRET)
    with engine, api, asyncio.Runner() as runner:
        client = ArangoClient(hosts="http://in-process", http_client=InProcess(api))
        world = World(runner, client)
        wrong = [line for chapter in CHAPTERS for step in chapter for line in answered(step, world)]
        requests = requests_of(arangoasync)
        wrong += refusals(api, FAMILIES, requests, api.superuser_token)
        wrong += api.missing([each for each in requests if not each.path.startswith(FAMILIES)])
        world.wait(client.close())
    assert wrong == []
