"""What `docs/manual/engine-differences.md` claims, point by point: every point has its test here."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_arangodb_async.engine import Api, Engine, Request

PAGE: Final = Path(__file__).parents[4] / "docs" / "manual" / "engine-differences.md"
POINT: Final = re.compile(r"^- \*\*(?P<name>[^*]+)\.\*\*", re.MULTILINE)


class Server:
    """An engine with a few things in it, asked over its HTTP interface."""

    def __init__(self, engine: Engine, api: Api) -> None:
        self.engine = engine
        self.api = api

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        text, _, query = path.partition("?")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.api.handle(Request(method=method, path=text, query=query, body=raw, headers=names))
        return answer.status, json.loads(answer.body) if answer.body else None

    def rows(self, query: str, **options: Any) -> Any:
        """The result of a query, or the number of its error."""
        _, answer = self.ask("POST", "/_api/cursor", {"query": query, "options": options})
        return answer["errorNum"] if answer["error"] else answer["result"]

    def plan(self, query: str) -> Any:
        return self.ask("POST", "/_api/explain", {"query": query})[1]["plan"]


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with Engine.open(None) as engine, Api(engine, authentication=False) as api:
        catalog = engine.database("_system").catalog
        catalog.create_collection({"name": "places"})
        catalog.create_index("places", {"type": "geo", "fields": ["loc"]})
        catalog.create_index("places", {"type": "fulltext", "fields": ["text"], "minLength": 2})
        with catalog.begin(write=True) as tx:
            for key, document in {
                "a": {"loc": [1, 2], "text": "quick brown fox"},
                "B": {"loc": [40, 40], "text": "lazy dog"},
                "c": {"loc": [41, 40], "text": "quick dog"},
            }.items():
                tx.collection("places").insert(tx, {"_key": key, **document})
        catalog.create_view({"name": "view", "type": "arangosearch", "links": {"places": VIEWED}})
        yield Server(engine, api)


VIEWED: Final = {"fields": {"text": {"analyzers": ["text_en"]}}}


def one_server(server: Server) -> None:
    for method, path in (
        ("GET", "/_admin/cluster/health"),
        ("GET", "/_api/cluster/endpoints"),
        ("GET", "/_api/replication/inventory"),
        ("GET", "/_api/replication/dump"),
        ("POST", "/_admin/backup/create"),
    ):
        assert server.ask(method, path, {} if method == "POST" else None)[0] == 501, path


def smart_graphs(server: Server) -> None:
    body = {"name": "s", "isSmart": True, "options": {"smartGraphAttribute": "x", "numberOfShards": 3}}
    edges = [{"collection": "se", "from": ["sv"], "to": ["sv"]}]
    assert server.ask("POST", "/_api/gharial", {**body, "edgeDefinitions": edges})[0] == 202
    shown = server.ask("GET", "/_api/gharial/s")[1]["graph"]
    assert (shown["isSmart"], shown["smartGraphAttribute"], shown["numberOfShards"]) == (True, "x", 3)
    assert server.ask("POST", "/_api/gharial/s/vertex/sv", {"_key": "no-prefix"})[0] == 202


def no_javascript(server: Server) -> None:
    calls: tuple[tuple[str, str, object], ...] = (
        ("GET", "/_api/foxx", None),
        ("POST", "/_api/tasks", {"command": "1"}),
        ("POST", "/_api/transaction", {"collections": {}, "action": "function () {}"}),
        ("POST", "/_admin/execute", None),
    )
    for method, path, body in calls:
        assert server.ask(method, path, body)[0] == 501, path


def user_functions(server: Server) -> None:
    body = {"name": "mine::f", "code": "function () { return 1; }"}
    assert server.ask("POST", "/_api/aqlfunction", body)[0] == 201
    assert [each["name"] for each in server.ask("GET", "/_api/aqlfunction")[1]["result"]] == ["mine::f"]
    assert server.rows("RETURN mine::f()") == 1582


def binary_formats(server: Server) -> None:
    velocypack = b"\x14\x11Equery\x48RETURN 1"
    assert server.ask("POST", "/_api/cursor", velocypack, content_type="application/x-velocypack")[0] == 400


def string_order(server: Server) -> None:
    assert server.rows('RETURN SORTED(["B", "a", "A", "b", "ä", "_", "1", "10", "9"])') == [
        ["_", "1", "10", "9", "A", "a", "ä", "B", "b"]
    ]
    assert server.rows('RETURN SORTED(["龥", "丁", "㐀", "一"])') == [["一", "丁", "龥", "㐀"]]


def keys(server: Server) -> None:
    assert server.rows('FOR d IN places FILTER d._key >= "a" AND d._key < "c" SORT d._key RETURN d._key') == [
        "a",
        "B",
    ]


def depth_of_subqueries(server: Server) -> None:
    def nested(depth: int) -> Any:
        return server.rows("RETURN " + "(RETURN " * depth + "1" + ")" * depth)

    assert isinstance(nested(60), list)
    assert nested(61) == 1524


def collections_as_values(server: Server) -> None:
    assert server.rows("RETURN LENGTH(places)") == [3]
    assert server.rows("RETURN places") == 1568


def special_indexes(server: Server) -> None:
    types = [each["type"] for each in server.ask("GET", "/_api/index?collection=places")[1]["indexes"]]
    assert types == ["primary", "geo", "fulltext"]
    near = "FOR d IN places FILTER DISTANCE(d.loc[0], d.loc[1], 1, 2) < 1000 RETURN d._key"
    assert server.rows(near) == ["a"]
    assert "EnumerateCollectionNode" in {node["type"] for node in server.plan(near)["nodes"]}
    assert sorted(server.rows("FOR d IN FULLTEXT(places, 'text', 'quick') RETURN d._key")) == ["a", "c"]
    assert server.rows("FOR d IN FULLTEXT(places, 'loc', 'quick') RETURN d._key") == 1571
    # Around longitude 2 and latitude 1; `loc` of `a` is [1, 2].
    box = "GEO_POLYGON([[[1.5, 0.5], [2.5, 0.5], [2.5, 1.5], [1.5, 1.5], [1.5, 0.5]]])"
    assert server.rows(f"RETURN GEO_CONTAINS({box}, [2, 1])") == [True]
    assert server.rows(f"FOR d IN places FILTER GEO_CONTAINS({box}, d.loc) RETURN d._key") == []


def explain(server: Server) -> None:
    query = "FOR d IN places FILTER d.x == 1 RETURN d"
    every = {"query": query, "options": {"allPlans": True}}
    assert len(server.ask("POST", "/_api/explain", every)[1]["plans"]) == 1
    plan = server.plan(query)
    assert {node["type"] for node in plan["nodes"]} < {
        "SingletonNode",
        "EnumerateCollectionNode",
        "CalculationNode",
        "FilterNode",
        "IndexNode",
        "ReturnNode",
    }
    assert plan["estimatedCost"] > 0
    known = {each["name"] for each in server.ask("GET", "/_api/query/rules")[1]}
    assert set(plan["rules"]) <= known


def memory_limits(server: Server) -> None:
    assert server.rows("FOR i IN 1..100000 SORT i DESC RETURN i", memoryLimit=100_000) == 32
    assert server.rows("FOR i IN 1..10 SORT i DESC RETURN i", memoryLimit=100_000) != 32


def time_limits(server: Server) -> None:
    started = time.process_time()
    query = "RETURN REGEX_TEST(CONCAT(REPEAT('a', 60), '!'), '^(a|aa)+$')"
    assert server.rows(query, maxRuntime=0.3) == 1500
    assert time.process_time() - started < 0.3 * 1.5 + 0.2


def scores(server: Server) -> None:
    found = server.rows(
        "FOR d IN view SEARCH ANALYZER(d.text == 'dog' OR BOOST(d.text == 'lazi', 3), 'text_en')"
        " LET score = BM25(d) SORT score DESC RETURN [d._key, score > 0]"
    )
    assert found == [["B", True], ["c", True]]


def words(server: Server) -> None:
    assert server.rows("RETURN TOKENS('ชาวโลก 蝴蝶', 'text_en')") == [
        ["ช", "า", "ว", "โ", "ล", "ก", "蝴", "蝶"]
    ]


def locales(server: Server) -> None:
    for number, (kind, properties, status) in enumerate(
        (
            ("collation", {"locale": "en"}, 201),
            ("collation", {"locale": "sv"}, 501),
            ("classification", {"model_location": "m"}, 501),
            ("nearest_neighbors", {"model_location": "m"}, 501),
        )
    ):
        body = {"name": f"l{number}", "type": kind, "properties": properties}
        assert server.ask("POST", "/_api/analyzer", body)[0] == status, body


def one_writer(server: Server) -> None:
    begin = {"collections": {"write": ["places"]}}
    key = server.ask("POST", "/_api/transaction/begin", begin)[1]["result"]["id"]
    assert server.ask("PATCH", "/_api/document/places/a", {"n": 1}, x_arango_trx_id=key)[0] == 202
    assert server.rows("FOR d IN places FILTER d.n == 1 RETURN 1") == []  # a snapshot, and no waiting
    assert server.ask("PATCH", "/_api/document/places/a", {"n": 2})[0] == 202
    status, answer = server.ask("PUT", f"/_api/transaction/{key}")
    assert (status, answer["errorNum"]) == (409, 1200)


def passwords(server: Server) -> None:
    server.ask("POST", "/_api/user", {"user": "u", "passwd": "secret"})
    query = "FOR u IN _users FILTER u.user == 'u' RETURN u.authData.simple.method"
    assert server.rows(query) == ["scrypt"]


TESTS: Final[tuple[Callable[[Server], None], ...]] = (
    one_server, smart_graphs, no_javascript, user_functions, binary_formats, string_order, keys,
    depth_of_subqueries, collections_as_values, special_indexes, explain, memory_limits, time_limits, scores,
    words, locales, one_writer, passwords,
)  # fmt: skip


@pytest.mark.parametrize("claim", TESTS, ids=lambda claim: claim.__name__)
def test_a_difference_is_as_the_manual_says(server: Server, claim: Callable[[Server], None]) -> None:
    claim(server)


def test_every_point_of_the_manual_has_its_test() -> None:
    points = [each["name"].lower().replace(" ", "_") for each in POINT.finditer(PAGE.read_text("utf-8"))]
    assert points == [claim.__name__ for claim in TESTS]
