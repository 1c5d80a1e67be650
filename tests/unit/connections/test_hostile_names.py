"""No name a caller supplies leaves its segment of a request's path: shown on the wire."""

from __future__ import annotations

import ast
import asyncio
import inspect
import unicodedata
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import unquote

import arangoasync
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.connections import MultiDatabaseConnectionManager, next_page
from mcp_arangodb_async.connections.checked import COLLECTION_METHODS, DATABASE_METHODS, GRAPH_METHODS
from mcp_arangodb_async.connections.database import ArangoDatabase, CheckedDocuments
from mcp_arangodb_async.connections.endpoints import ADMINISTRATION, DATA, is_allowed
from mcp_arangodb_async.errors import DeniedError, InputError, MaaError
from tests.unit.connections.recording_server import RecordingServer, recording_server

HOSTILE = (
    "", ".", "..", "...", "../", "/", "a/b", "../../_system", "/_db/_system/_api/user", "users/count",
    "x/../../_api/user", "?", "a?collection=b", "#", "a#b", "%", "%2e", "%2e%2e", "%2E%2e", "%2f",
    "%2F..%2F", "a%2fb", "%00", "%252e%252e", "\x00", "a\x00b", "a\r\nX-Evil: 1", "\n", "\t", "\x1f",
    "\x7f", "\x85", " ", " a", "a ", "a b", "\\", "..\\", "a\\b", ";", "a;b", "a&b=c", "a=b", "+",
    "a+b", "@", "a@b", ":", "::", "a::b", "*", "~", "~root", "'", '"', "`", "´", "$", "{x}", "|", "^",
    "ä", "a\u0308", "ﬁ", "．．", "／", "\u2024\u2024", "%c0%ae", "\u202e", "\u200b", "\ufeff", "犬", "😀",
    "\ud800", "\udfff", "a" * 64, "a" * 256, "a" * 257, "é" * 200, "a" * 5000, "_users", "_system", "-",
    "0", "1", "123", "1a", ".hidden", "NULL", "_api", "_db", "count", "vertex", "g/vertex/c/k",
    "g/vertex/c", "c/k", "k/../..", "http://evil/", "//evil/", "a://b", "a//b",
)  # fmt: skip

# Each operation with the paths it may ask for: `*` is the hostile name's place, `D` the database's prefix.
Operation = Callable[[ArangoDatabase, str], Awaitable[object]]
OPERATIONS: dict[str, tuple[Operation, tuple[str, ...]]] = {
    "has_collection": (lambda db, name: db.has_collection(name), ("GET /_api/collection/*",)),
    "delete_collection": (lambda db, name: db.delete_collection(name), ("DELETE /_api/collection/*",)),
    "count": (lambda db, name: db.collection(name).count(), ("GET /_api/collection/*/count",)),
    "properties": (lambda db, name: db.collection(name).properties(), ("GET /_api/collection/*/properties",)),
    "truncate": (lambda db, name: db.collection(name).truncate(), ("PUT /_api/collection/*/truncate",)),
    "rename": (lambda db, name: db.collection(name).rename("other"), ("PUT /_api/collection/*/rename",)),
    "insert": (lambda db, name: db.collection(name).insert({"a": 1}), ("POST /_api/document/*",)),
    "delete_many": (
        lambda db, name: db.collection(name).delete_many([{"_key": "1"}]),
        ("DELETE /_api/document/*",),
    ),
    "get": (lambda db, name: db.collection("c").get(name), ("GET /_api/document/c/*",)),
    "get_by_id": (lambda db, name: db.collection("c").get(f"c/{name}"), ("GET /_api/document/c/*",)),
    "get_by_body": (lambda db, name: db.collection("c").get({"_key": name}), ("GET /_api/document/c/*",)),
    "has": (lambda db, name: db.collection("c").has(name), ("HEAD /_api/document/c/*",)),
    "update": (lambda db, name: db.collection("c").update({"_key": name}), ("PATCH /_api/document/c/*",)),
    "replace": (lambda db, name: db.collection("c").replace({"_key": name}), ("PUT /_api/document/c/*",)),
    "delete": (lambda db, name: db.collection("c").delete(name), ("DELETE /_api/document/c/*",)),
    "get_in": (lambda db, name: db.collection(name).get("k"), ("GET /_api/document/*/k",)),
    "delete_in": (lambda db, name: db.collection(name).delete("k"), ("DELETE /_api/document/*/k",)),
    "get_index": (lambda db, name: db.collection("c").get_index(name), ("GET /_api/index/c/*",)),
    "delete_index": (lambda db, name: db.collection("c").delete_index(name), ("DELETE /_api/index/c/*",)),
    "delete_index_in": (lambda db, name: db.collection(name).delete_index("1"), ("DELETE /_api/index/*/1",)),
    "edges": (lambda db, name: db.graph("g").edge_collection(name).edges("v/1"), ("GET /_api/edges/*",)),
    "has_graph": (lambda db, name: db.has_graph(name), ("GET /_api/gharial/*",)),
    "delete_graph": (lambda db, name: db.delete_graph(name), ("DELETE /_api/gharial/*",)),
    "graph_properties": (lambda db, name: db.graph(name).properties(), ("GET /_api/gharial/*",)),
    "vertex_collections": (
        lambda db, name: db.graph(name).vertex_collections(),
        ("GET /_api/gharial/*/vertex",),
    ),
    "delete_vertex_collection": (
        lambda db, name: db.graph("g").delete_vertex_collection(name),
        ("DELETE /_api/gharial/g/vertex/*",),
    ),
    "delete_edge_definition": (
        lambda db, name: db.graph("g").delete_edge_definition(name),
        ("DELETE /_api/gharial/g/edge/*",),
    ),
    "replace_edge_definition": (
        lambda db, name: db.graph("g").replace_edge_definition(name, ["a"], ["b"]),
        ("PUT /_api/gharial/g/edge/*",),
    ),
    "vertex": (lambda db, name: db.graph("g").vertex(f"c/{name}"), ("GET /_api/gharial/g/vertex/c/*",)),
    "delete_vertex": (
        lambda db, name: db.graph("g").delete_vertex({"_id": f"c/{name}"}),
        ("DELETE /_api/gharial/g/vertex/c/*",),
    ),
    "insert_vertex": (
        lambda db, name: db.graph("g").insert_vertex(name, {"a": 1}),
        ("POST /_api/gharial/g/vertex/*",),
    ),
    "update_edge": (
        lambda db, name: db.graph("g").update_edge({"_id": f"c/{name}"}),
        ("PATCH /_api/gharial/g/edge/c/*",),
    ),
    "view": (lambda db, name: db.view(name), ("GET /_api/view/*/properties",)),
    "view_info": (lambda db, name: db.view_info(name), ("GET /_api/view/*",)),
    "delete_view": (lambda db, name: db.delete_view(name), ("DELETE /_api/view/*",)),
    "analyzer": (lambda db, name: db.analyzer(name), ("GET /_api/analyzer/*",)),
    "delete_analyzer": (lambda db, name: db.delete_analyzer(name), ("DELETE /_api/analyzer/*",)),
    "delete_database": (lambda db, name: db.delete_database(name), ("DELETE /_api/database/*",)),
    "delete_user": (lambda db, name: db.delete_user(name), ("DELETE /_api/user/*",)),
    "permission": (lambda db, name: db.permission("u", name), ("GET /_api/user/u/database/*",)),
    "reset_permission": (
        lambda db, name: db.reset_permission("u", "d", name),
        ("DELETE /_api/user/u/database/d/*",),
    ),
    "kill": (lambda db, name: db.aql.kill(name), ("DELETE /_api/query/*",)),
    "next_page": (next_page, ("POST /_api/cursor/*",)),
    "call": (
        lambda db, name: db.call("GET", "_api", "collection", name, "count"),
        ("GET /_api/collection/*/count",),
    ),
    "transaction": (
        lambda db, name: db.fetch_transaction(name).commit_transaction(),
        ("PUT /_api/transaction/*",),
    ),
}
PREFIX = "/_db/db"


def escapes(server: RecordingServer, operation: str, name: str) -> list[str]:
    """What is wrong with the requests that reached the server: empty when every name stayed in its place."""
    allowed = {
        tuple(shape.split(" ")[1][1:].split("/")): shape.split(" ")[0] for shape in OPERATIONS[operation][1]
    }
    wrong: list[str] = []
    for request in server.requests:
        place = request.path.removeprefix(PREFIX)
        segments = tuple(place[1:].split("/"))
        fits = any(
            request.method == method
            and len(shape) == len(segments)
            and all(
                # The driver takes `c/k` as the id of a document of `c`: that is its place.
                segment == expected
                or (expected == "*" and unquote(segment) in {name, name.removeprefix("c/")})
                for expected, segment in zip(shape, segments, strict=True)
            )
            for shape, method in allowed.items()
        )
        plain = all(33 <= ord(character) < 127 for character in request.target)
        if not request.path.startswith(f"{PREFIX}/_api/") or not fits or not plain:
            wrong.append(f"{operation}({name!r}): {request.line}")
        if any(segment in {".", ".."} or "%2F" in segment.upper() for segment in segments):
            wrong.append(f"{operation}({name!r}): {request.line}")
    return wrong


async def attempt(server: RecordingServer, database: ArangoDatabase, operation: str, name: str) -> list[str]:
    server.requests.clear()
    try:
        async with asyncio.timeout(10):
            await OPERATIONS[operation][0](database, name)
    except MaaError:
        pass  # Refused, or the canned answer did not please the driver: only the wire counts here.
    except (KeyError, TypeError, AttributeError):
        assert server.requests, "the driver may stumble over the canned answer only after it was sent"
    return escapes(server, operation, name)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_hostile_name_stays_in_its_segment(operation: str) -> None:
    async def run() -> list[str]:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}, administration=True) as manager,
        ):
            database = await manager.get_database("main")
            wrong: list[str] = []
            for name in HOSTILE:
                wrong += await attempt(server, database, operation, name)
            return wrong

    assert asyncio.run(run()) == []


names = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="./\\%?#2eEfF:;@&=+$ \r\n\t\x00ab_", max_size=24),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.binary(max_size=20).map(lambda data: data.decode("latin-1")),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf", "Zs", "Mn"]), max_size=12),
)


def test_generated_names_stay_in_their_segments() -> None:
    """All operations with generated names, over one connection to a recording server."""

    async def start() -> tuple[RecordingServer, ArangoDatabase]:
        server = await stack.enter_async_context(recording_server())
        manager = await stack.enter_async_context(
            MultiDatabaseConnectionManager({"main": server.settings()}, administration=True)
        )
        return server, await manager.get_database("main")

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        server, database = runner.run(start())

        @settings(
            max_examples=600,
            deadline=None,
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
        )
        @given(name=names, operation=st.sampled_from(sorted(OPERATIONS)))
        def explore(name: str, operation: str) -> None:
            assert runner.run(attempt(server, database, operation, name)) == []

        try:
            explore()
        finally:
            runner.run(stack.aclose())


def test_names_that_arangodb_allows_reach_it_unchanged() -> None:
    """Safety is not bought by refusing what ArangoDB's extended naming constraints allow."""
    allowed = (
        "España",
        "😀",
        "犬",
        "@abc123",
        "abc? <> 123!",
        "a#b",
        "a%2eb",
        "a%b",
        "_users",
        "a.b",
        "a\\b",
        "a b",
    )

    async def run() -> list[str]:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            database = await manager.get_database("main")
            for name in allowed:
                await database.collection(name).truncate()
            return [unquote(request.path.split("/")[5]) for request in server.requests]

    assert asyncio.run(run()) == list(allowed)
    assert all(unicodedata.is_normalized("NFC", name) for name in allowed)


def test_keys_that_arangodb_allows_reach_it_unchanged() -> None:
    allowed = ("1", "a", "_-:.@()+,=;$!*'%", "%2e%2e", "%2F", "...", "a" * 254)

    async def run() -> list[str]:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            database = await manager.get_database("main")
            for key in allowed:
                await database.collection("c").delete(key)
            return [unquote(request.path.split("/")[6]) for request in server.requests]

    assert asyncio.run(run()) == list(allowed)


def test_query_parameters_cannot_be_smuggled_in() -> None:
    async def run() -> str:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            database = await manager.get_database("main")
            await database.call("GET", "_api", "index", params={"collection": "a&withStats=true#x\r\ny=1"})
            return server.requests[0].target

    assert asyncio.run(run()) == "/_db/db/_api/index?collection=a%26withStats%3Dtrue%23x%0D%0Ay%3D1"


def test_a_header_cannot_be_split() -> None:
    async def run() -> int:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            database = await manager.get_database("main")
            with pytest.raises(InputError):
                await database.collection("c").get("k", if_match="1\r\nX-Evil: 1")
            return len(server.requests)

    assert asyncio.run(run()) == 0


FORBIDDEN = (
    ("POST", "_admin/execute"), ("GET", "_admin/log"), ("POST", "_admin/shutdown"),
    ("DELETE", "_admin/shutdown"), ("PUT", "_admin/server/mode"), ("GET", "_admin/metrics"),
    ("POST", "_admin/routing/reload"), ("GET", "_api/tasks"), ("POST", "_api/tasks"),
    ("PUT", "_api/tasks/1"), ("POST", "_api/transaction"), ("POST", "_api/aqlfunction"),
    ("GET", "_api/aqlfunction"), ("DELETE", "_api/aqlfunction/a::b"), ("GET", "_api/foxx"),
    ("POST", "_api/foxx"), ("GET", "_api/user"), ("POST", "_api/user"),
    ("PUT", "_api/user/root/database/x"), ("DELETE", "_api/user/root"), ("POST", "_api/database"),
    ("DELETE", "_api/database/x"), ("GET", "_api/replication/dump"),
    ("PUT", "_api/replication/applier-start"), ("POST", "_api/batch"), ("PUT", "_api/simple/all"),
    ("POST", "_api/traversal"), ("GET", "_api/job/done"), ("PUT", "_api/job/1/cancel"),
    ("GET", "_api/wal/tail"), ("DELETE", "_api/query/slow"), ("DELETE", "_api/query-cache"),
    ("PUT", "_api/query/properties"), ("POST", "_open/auth"), ("GET", "my-foxx-app/secret"),
    ("GET", "_api/collection/a/b"), ("POST", "_api/token/root"), ("GET", "_api"),
    ("GET", "_api/cursor/1"), ("POST", "_api/cursor/abc"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), FORBIDDEN)
def test_an_endpoint_that_is_not_listed_is_refused_before_anything_is_sent(method: str, path: str) -> None:
    async def run() -> int:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            database = await manager.get_database("main")
            with pytest.raises(DeniedError):
                await database.call(method, *path.split("/"))  # pyright: ignore[reportArgumentType]  any method
            return server.connections

    assert asyncio.run(run()) == 0


def test_only_administration_reaches_users_and_databases() -> None:
    for method, path in (("GET", "_api/user"), ("PUT", "_api/user/u/database/d"), ("POST", "_api/database")):
        segments = tuple(path.split("/"))
        assert not is_allowed(DATA, method, segments)
        assert is_allowed(ADMINISTRATION, method, segments)
    assert DATA.shapes < ADMINISTRATION.shapes
    assert not is_allowed(ADMINISTRATION, "POST", ("_admin", "execute"))


def _interpolating_methods() -> dict[str, set[str]]:
    """Class → methods of the driver that write one of their parameters into an endpoint."""
    found: dict[str, set[str]] = {}
    for module in ("database", "collection", "graph"):
        tree = ast.parse((Path(inspect.getfile(arangoasync)).parent / f"{module}.py").read_text("utf-8"))
        for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for method in (
                node for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ):
                parameters = {argument.arg for argument in method.args.args[1:]}
                used = {
                    name.id
                    for text in ast.walk(method)
                    if isinstance(text, ast.JoinedStr) and "/_" in ast.unparse(text)
                    for name in ast.walk(text)
                    if isinstance(name, ast.Name)
                }
                if parameters & used:
                    found.setdefault(cls.name, set()).add(method.name)
    return found


def test_every_method_of_the_driver_that_writes_a_name_into_a_path_is_checked() -> None:
    found = _interpolating_methods()
    # Their endpoints are on no list, whatever the name is.
    unlisted = {
        "create_access_token",
        "delete_access_token",
        "list_access_tokens",
        "task",
        "create_task",
        "delete_task",
    }
    assert found["Database"] - unlisted <= set(DATABASE_METHODS)
    assert found["Database"] >= {"has_collection", "delete_graph", "permission"}, "the scan works"
    assert found["Graph"] <= set(GRAPH_METHODS)
    # A document's handle goes through `_get_doc_id` or `_extract_id`, which `CheckedDocuments` overrides.
    handles = {"get", "update", "replace", "delete"}
    for collection in ("Collection", "StandardCollection", "VertexCollection", "EdgeCollection"):
        assert found.get(collection, set()) <= handles, collection
    assert set(COLLECTION_METHODS) == {"rename"}
    assert {"get_index", "delete_index", "_get_doc_id", "_extract_id"} <= set(vars(CheckedDocuments))
    assert found.get("StandardDatabase", set()) <= {"async_jobs"}
