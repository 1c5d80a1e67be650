"""Every request that python-arango can make is answered, or refused as ArangoDB refuses what it does not do.

The driver types every result as a value, a job or nothing; here it is a value, so its objects are `Any`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import arango
import pytest
from arango.client import ArangoClient
from arango.exceptions import ArangoServerError

from mcp_arangodb_async.engine import Engine
from mcp_arangodb_async.engine.testing.python_arango import InProcess
from tests.unit.engine.http.driver_requests import (
    RecordingApi,
    Refused,
    Step,
    difference,
    refusals,
    requests_of,
)
from tests.unit.engine.http.python_arango_data import (
    COLLECTIONS,
    DOCUMENTS,
    GRAPHS,
    IMPORTS,
    INDEXES,
    JOBS,
    QUERIES,
    TRANSACTIONS,
    VIEWS,
)
from tests.unit.engine.http.python_arango_server import LOGS, SERVER, USERS

# What a single server without JavaScript does not do.
FAMILIES = (
    "/_admin/backup", "/_admin/cluster", "/_admin/execute", "/_admin/test", "/_admin/wal/properties",
    "/_admin/wal/transactions", "/_api/cluster", "/_api/control_pregel", "/_api/foxx",
    "/_api/traversal", "/_api/wal/tail", "/_api/replication/applier", "/_api/replication/batch",
    "/_api/replication/clusterInventory", "/_api/replication/dump", "/_api/replication/inventory",
    "/_api/replication/logger-first-tick", "/_api/replication/make-follower", "/_api/replication/sync",
)  # fmt: skip
CHAPTERS = (
    SERVER,
    LOGS,
    COLLECTIONS,
    USERS,
    DOCUMENTS,
    IMPORTS,
    INDEXES,
    QUERIES,
    JOBS,
    TRANSACTIONS,
    GRAPHS,
    VIEWS,
)


class World:
    """What the tables talk about: connections as several users, and what was kept from earlier calls."""

    def __init__(self, client: ArangoClient, super_token: str) -> None:
        self._client = client
        self.kept: dict[str, Any] = {}
        self.system: Any = client.db("_system", "root", "a password")
        self.super: Any = client.db("_system", superuser_token=super_token)
        self.db: Any = client.db("d", "root", "a password")
        self.user: Any = self.login("u", "x")

    def login(self, user: str, password: str, **options: Any) -> Any:
        return self._client.db("d", user, password, **options)

    def keep(self, name: str, value: Any) -> Any:
        self.kept[name] = value
        return value

    def until(self, is_so: Callable[[], bool]) -> bool:
        """Whether it comes true within ten seconds."""
        deadline = time.monotonic() + 10
        while not is_so() and time.monotonic() < deadline:
            time.sleep(0.005)
        return is_so()

    @property
    def c(self) -> Any:
        return self.db.collection("c")

    @property
    def g(self) -> Any:
        return self.db.graph("g")

    @property
    def v(self) -> Any:
        return self.g.vertex_collection("gv")

    @property
    def e(self) -> Any:
        return self.g.edge_collection("ge")


def answered(step: Step, world: World) -> list[str]:
    """What is wrong with the answer to one call."""
    call, expected = step
    try:
        answer = call(world)
    except ArangoServerError as error:
        answer = Refused(error.http_code or 0, error.error_code)
    except Exception as error:  # noqa: BLE001  the table goes on, and the line is named
        answer = error
    return difference(call, answer, expected)


# The driver warns of what ArangoDB 4.0 has not.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_every_request_of_the_driver_is_answered_or_refused() -> None:
    engine = Engine.open(None, root_password="a password")
    api = RecordingApi(engine)
    with engine, api:
        client = ArangoClient(hosts="http://in-process", http_client=InProcess(api))
        world = World(client, api.superuser_token)
        wrong = [line for chapter in CHAPTERS for step in chapter for line in answered(step, world)]
        requests = requests_of(arango)
        wrong += refusals(api, FAMILIES, requests, api.superuser_token)
        wrong += api.missing([each for each in requests if not each.path.startswith(FAMILIES)])
        client.close()
    assert wrong == []
