"""What ArangoDB 4.0 does otherwise than 3.12: the same query or request on both.

https://docs.arangodb.com/4.0/release-notes/version-4.x/incompatible-changes-in-4-x/
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from mcp_arangodb_async.engine import Api, ArangoError, Engine, Request, Response

VERSIONS = ("3.12", "4.0")


@pytest.fixture(scope="module")
def apis() -> Generator[Mapping[str, Api]]:
    with (
        Engine.open(None, compat="3.12") as old,
        Engine.open(None, compat="4.0") as new,
        Api(old, authentication=False) as before,
        Api(new, authentication=False) as after,
    ):
        for engine in (old, new):
            catalog = engine.database("_system").catalog
            catalog.create_collection({"name": "things"})
            catalog.create_collection({"name": "links", "type": 3})
            with catalog.begin(write=True) as tx:
                tx.collection("things").insert(tx, {"_key": "a", "text": "x", "number": 3})
        yield {"3.12": before, "4.0": after}


def ask(api: Api, method: str, path: str, body: object = None) -> Response:
    text, _, query = path.partition("?")
    raw = b"" if body is None else json.dumps(body).encode()
    return api.handle(Request(method=method, path=text, query=query, body=raw))


def rows(api: Api, query: str) -> Any:
    """The result of a query, or the number of its error."""
    answer = json.loads(ask(api, "POST", "/_api/cursor", {"query": query}).body)
    return answer["errorNum"] if answer["error"] else answer["result"]


QUERIES: tuple[tuple[str, Any, Any], ...] = (
    # `+` with a string
    ('RETURN "foo" + "bar"', [0], ["foobar"]),
    ('RETURN "foo" + 123', [123], ["foo123"]),
    ('RETURN "123" + 200', [323], ["123200"]),
    ('RETURN 1 + "99"', [100], ["199"]),
    ("RETURN 1 + 2", [3], [3]),
    ("RETURN null + true", [1], [1]),
    ("RETURN [1] + 2", [3], [3]),
    ('RETURN "a" + null', [0], ["a"]),
    ('RETURN "a" + [1, 2]', [0], ["a[1,2]"]),
    ('RETURN 1 + 2 + "a" + 1 + 2', [6], ["3a12"]),
    ('FOR i IN 1..2 LET s = "v" + i RETURN s', [1, 2], ["v1", "v2"]),
    ("FOR t IN things RETURN t.text + t.number", [3], ["x3"]),
    ("FOR t IN things RETURN t.number + 1", [4], [4]),
    ('FOR t IN things FILTER t.text + "y" == "xy" RETURN t._key', [], ["a"]),
    ('FOR t IN things COLLECT s = t.text + "y" RETURN s', [0], ["xy"]),
    # which of two equal attribute names wins
    ("RETURN {a: 1, a: 2}", [{"a": 1}], [{"a": 2}]),
    ('RETURN {a: 1, ["a"]: 2}', [{"a": 1}], [{"a": 2}]),
    ("LET a = 1 RETURN {a, b: 3, a: 2}", [{"a": 1, "b": 3}], [{"a": 2, "b": 3}]),
    ("FOR t IN things RETURN {a: t.number, a: t.text}", [{"a": 3}], [{"a": "x"}]),
    # functions
    ('RETURN PARTITION("foo:bar:baz", ":", -1)', 1540, [["foo:bar", ":", "baz"]]),
    ("RETURN UNION_DISTINCT_STABLE([1, 2], [2, 1], [3])", 1540, [[1, 2, 3]]),
    ("RETURN V8(1)", [1], 1540),
    ('RETURN CALL("V8", 1)', [1], 1540),
    ("RETURN IS_IN_POLYGON([[0, 0], [0, 2], [2, 2]], 1.5, 1)", [False], 1540),
    ("FOR t IN NEAR(things, 1, 1) RETURN t", 1570, 1540),
    ("FOR t IN WITHIN(things, 1, 1, 1) RETURN t", 1570, 1540),
    ("FOR t IN WITHIN_RECTANGLE(things, 1, 1, 2, 2) RETURN t", 1570, 1540),
    ('FOR t IN FULLTEXT(things, "text", "x") RETURN t', 1571, 1540),
    ("RETURN VERSION()", ["3.12.9"], ["4.0.0"]),
    # reserved words
    ("LET match = 1 RETURN match", [1], 1501),
    ("FOR Scan IN 1..1 RETURN 1", [1], 1501),
    ("RETURN {fold: 1}", [{"fold": 1}], 1501),
    ("LET `match` = 1 RETURN {`fold`: `match`}", [{"fold": 1}], [{"fold": 1}]),
    ('RETURN {"while": 1}["while"]', [1], [1]),
    # `...` in literals
    ("LET a = [2, 3] RETURN [1, ...a, 4, ...[5]]", 1501, [[1, 2, 3, 4, 5]]),
    ("RETURN [0, ...(1..3), 4]", 1501, [[0, 1, 2, 3, 4]]),
    ("LET a = [[1, 2], [4]] RETURN [...[...a]]", 1501, [[[1, 2], [4]]]),
    ("RETURN [1, ...null, ...42, 2]", 1501, [[1, 2]]),
    ("RETURN [...(FOR t IN things RETURN t._key), ...[]]", 1501, [["a"]]),
    ("FOR i IN 1..2 LET a = [i, i] RETURN [0, ...a]", 1501, [[0, 1, 1], [0, 2, 2]]),
    ("FOR i IN [1, 3] FILTER i IN [1, ...[2]] RETURN i", 1501, [1]),
    ("LET a = {x: 1} RETURN {...a, ...{y: 2}, x: 3}", 1501, [{"x": 3, "y": 2}]),
    ("LET a = {x: 5} RETURN {x: 1, ...a}", 1501, [{"x": 5}]),
    ("LET s = {size: {w: 2, h: 3}} RETURN {...s, size: {w: 5}}", 1501, [{"size": {"w": 5}}]),
    ("RETURN {a: 1, ...null, ...42}", 1501, [{"a": 1}]),
    ('FOR i IN 1..2 RETURN {...{a: i}, [CONCAT("x", i)]: 0}', 1501, [{"a": 1, "x1": 0}, {"a": 2, "x2": 0}]),
    ("LET t = DOCUMENT('things/a') RETURN KEYS({...t, n: 1}, true)", 1501, [["text", "number", "n"]]),
    ("RETURN 1...5", [[1, 0]], 1501),
    # LIKE and regular expressions behind a quantifier
    ('RETURN ["foo", "bar"] ANY LIKE "b%"', 1501, [True]),
    ('RETURN ["foo", "bar"] ALL LIKE "%o%"', 1501, [False]),
    ('RETURN ["foo", "bar"] NONE LIKE "_a_"', 1501, [False]),
    ('RETURN ["foo", "bar"] ANY NOT LIKE "f__"', 1501, [True]),
    ('RETURN ["foo", "bar"] AT LEAST (3) LIKE "_oo"', 1501, [False]),
    ('RETURN ["foo", "bar", "baz"] AT LEAST (2) LIKE "b%"', 1501, [True]),
    ('RETURN [] AT LEAST (0) NOT LIKE "x%"', 1501, [True]),
    ('RETURN ["foo", "bar"] ALL =~ "[a-fro]{3}"', 1501, [True]),
    ('RETURN ["foo", "bar"] ANY !~ "^mo+$"', 1501, [True]),
    ('RETURN "foo" ANY LIKE "f%"', 1501, [False]),
    ('RETURN [[] ALL LIKE "x%", [] ANY LIKE "x%", [] NONE LIKE "x%"]', 1501, [[True, False, True]]),
    ('RETURN [{a: 1}, 34, [5]] ALL =~ "^[^b]+$"', 1501, [True]),
    ("FOR t IN things FILTER [t.text] ANY LIKE t.text RETURN t._key", 1501, ["a"]),
    ("RETURN [['a'], ['b']][* FILTER CURRENT ANY LIKE 'b']", 1501, [[["b"]]]),
    # options
    ('INSERT {_key: "a"} INTO things OPTIONS {overwrite: true} RETURN NEW.number', [None], 1210),
)


@pytest.mark.parametrize(("query", "before", "after"), QUERIES, ids=[query for query, _, _ in QUERIES])
def test_a_query_answers_as_its_version_does(
    apis: Mapping[str, Api], query: str, before: Any, after: Any
) -> None:
    assert rows(apis["4.0"], query) == after
    assert rows(apis["3.12"], query) == before


def test_an_option_that_is_gone_is_warned_about(apis: Mapping[str, Api]) -> None:
    query = "FOR v IN 1..2 OUTBOUND 'things/a' links OPTIONS {bfs: true} RETURN v"
    warned: dict[str, list[int]] = {}
    for version, api in apis.items():
        answer = json.loads(ask(api, "POST", "/_api/cursor", {"query": query}).body)
        warned[version] = [warning["code"] for warning in answer["extra"]["warnings"]]
    assert warned == {"3.12": [], "4.0": [1539]}


WEIGHTS = (
    ('["attr", "sub"]', 1, 2),
    ('["attr.sub"]', 1, 6),
    ('"attr.sub"', 6, 6),
    ("7", 1, 1),
    ("[]", 1, 1),
    ('["attr", "missing"]', 1, 1),
)


@pytest.mark.parametrize(("attribute", "before", "after"), WEIGHTS)
def test_the_way_to_a_weight_may_have_several_steps(
    apis: Mapping[str, Api], attribute: str, before: int, after: int
) -> None:
    query = (
        "FOR v, e, p IN 1..1 OUTBOUND 'things/a' links "
        f"OPTIONS {{order: 'weighted', weightAttribute: {attribute}}} RETURN p.weights[1]"
    )
    for api in apis.values():
        edge = {"_key": "e", "_from": "things/a", "_to": "things/b", "attr": {"sub": 2}, "attr.sub": 6}
        ask(api, "POST", "/_api/document/links?overwriteMode=replace", edge)
    assert rows(apis["3.12"], query) == [before]
    assert rows(apis["4.0"], query) == [after]


def warnings(api: Api, query: str) -> list[dict[str, Any]]:
    return json.loads(ask(api, "POST", "/_api/cursor", {"query": query}).body)["extra"]["warnings"]


def test_what_is_no_way_to_a_weight_is_warned_about(apis: Mapping[str, Api]) -> None:
    search = "FOR v IN OUTBOUND SHORTEST_PATH 'things/a' TO 'things/a' links"
    warned = {
        given: [
            each["code"]
            for each in warnings(apis["4.0"], f"{search} OPTIONS {{weightAttribute: {given}}} RETURN v")
        ]
        for given in ("7", "[1]", "[]", "''", "['a', 'b']")
    }
    assert warned == {"7": [1539], "[1]": [1539], "[]": [], "''": [], "['a', 'b']": []}


def test_spreading_another_value_is_warned_about(apis: Mapping[str, Api]) -> None:
    found = warnings(apis["4.0"], "RETURN [[...1, ...{}], {...1, ...[]}]")
    assert [each["code"] for each in found] == [1563, 1563, 1564, 1564]
    assert "array splice" in found[0]["message"]
    assert "object splice" in found[2]["message"]


def test_computed_values_and_analyzers_speak_the_language_of_the_version(apis: Mapping[str, Api]) -> None:
    found: dict[str, Any] = {}
    for version, api in apis.items():
        value = {"name": "full", "expression": "RETURN @doc.a + '-' + @doc.b", "overwrite": True}
        ask(api, "POST", "/_api/collection", {"name": f"c{version[0]}", "computedValues": [value]})
        ask(api, "POST", f"/_api/document/c{version[0]}", {"a": "x", "b": "y"})
        own = {"queryString": "RETURN @param + '!'"}
        ask(api, "POST", "/_api/analyzer", {"name": "own", "type": "aql", "properties": own})
        found[version] = rows(api, f"FOR d IN c{version[0]} RETURN [d.full, TOKENS(d.a, 'own')]")
    assert found == {"3.12": [[0, ["0"]]], "4.0": [["x-y", ["x!"]]]}


def test_computed_values_have_the_functions_of_the_version(apis: Mapping[str, Api]) -> None:
    statuses: dict[str, list[int]] = {}
    for version, api in apis.items():
        values = [
            {"name": "v", "expression": f"RETURN {call}", "overwrite": True}
            for call in ("PARTITION(@doc.a, ':')", "V8(@doc.a)")
        ]
        statuses[version] = [
            ask(api, "POST", "/_api/collection", {"name": f"f{number}", "computedValues": [value]}).status
            for number, value in enumerate(values)
        ]
    assert statuses == {"3.12": [400, 200], "4.0": [200, 400]}


REMOVED = (
    ("GET", "/_api/foxx"),
    ("GET", "/_api/tasks"),
    ("POST", "/_api/transaction"),
    ("PUT", "/_api/simple/all"),
    ("PUT", "/_api/simple/by-example"),
    ("POST", "/_api/batch"),
    ("GET", "/_api/aqlfunction"),
    ("DELETE", "/_api/aqlfunction/a::b"),
    ("GET", "/_api/endpoint"),
    ("GET", "/_admin/echo"),
    ("POST", "/_admin/execute"),
    ("GET", "/_admin/statistics"),
    ("GET", "/_admin/statistics-description"),
    ("GET", "/_admin/version"),
    ("GET", "/_admin/database/target-version"),
    ("GET", "/_admin/metrics/v2"),
    ("POST", "/_admin/routing/reload"),
    ("GET", "/_admin/log"),
    ("PUT", "/_api/cursor/123"),
    ("PUT", "/_api/collection/things/load"),
    ("PUT", "/_api/collection/things/unload"),
)


@pytest.mark.parametrize(("method", "path"), REMOVED)
def test_an_endpoint_that_is_gone_is_unknown(apis: Mapping[str, Api], method: str, path: str) -> None:
    before, after = ask(apis["3.12"], method, path), ask(apis["4.0"], method, path)
    # What an unknown path answers is not what a known one does, a missing cursor or function included.
    assert b"unknown path" not in before.body
    assert before.status != 405
    assert after.status in {404, 405}


KEPT = (
    ("GET", "/_api/version"),
    ("GET", "/_admin/status"),
    ("GET", "/_admin/time"),
    ("GET", "/_admin/support-info"),
    ("GET", "/_admin/log/entries"),
    ("GET", "/_admin/metrics"),
    ("GET", "/_api/transaction"),
    ("PUT", "/_api/collection/things/compact"),
    ("GET", "/_api/collection/things/count"),
)


@pytest.mark.parametrize(("method", "path"), KEPT)
def test_an_endpoint_that_stays_answers(apis: Mapping[str, Api], method: str, path: str) -> None:
    assert [ask(apis[version], method, path).status for version in VERSIONS] == [200, 200]


@pytest.mark.parametrize("path", ["/_api/version", "/_admin/time", "/_admin/status", "/_admin/support-info"])
def test_only_get_is_answered_where_any_method_was(apis: Mapping[str, Api], path: str) -> None:
    assert ask(apis["4.0"], "POST", path).status == 405


ATTRIBUTES = (
    ("/_api/version?details=true", "details.mode"),
    ("/_admin/status", "mode"),
    ("/_admin/status", "operationMode"),
    ("/_admin/status", "foxxApi"),
    ("/_admin/status", "serverInfo.writeOpsEnabled"),
    ("/_api/database/current", "result.path"),
    ("/_api/collection/things", "status"),
    ("/_api/collection/things/properties", "statusString"),
)


@pytest.mark.parametrize(("path", "attribute"), ATTRIBUTES)
def test_an_attribute_is_gone(apis: Mapping[str, Api], path: str, attribute: str) -> None:
    found: dict[str, bool] = {}
    for version, api in apis.items():
        value: Any = json.loads(ask(api, "GET", path).body)
        *way, last = attribute.split(".")
        for step in way:
            value = value[step]
        found[version] = last in value
    assert found == {"3.12": True, "4.0": False}


@pytest.mark.parametrize("kind", ["hash", "skiplist", "fulltext"])
def test_a_type_of_index_is_gone(apis: Mapping[str, Api], kind: str) -> None:
    body = {"type": kind, "fields": ["text"]}
    answers = {
        version: ask(api, "POST", "/_api/index?collection=things", body) for version, api in apis.items()
    }
    assert answers["3.12"].status == 201
    assert answers["4.0"].status == 400
    assert kind.encode() in answers["4.0"].body
    listed = {version: json.loads(ask(api, "GET", "/_api/engine").body) for version, api in apis.items()}
    assert "fulltext" in listed["3.12"]["supports"]["indexes"]
    assert "fulltext" not in listed["4.0"]["supports"]["indexes"]


def test_overwrite_replaces_documents_in_the_older_version_only(apis: Mapping[str, Api]) -> None:
    statuses = {
        version: ask(
            api, "POST", "/_api/document/things?overwrite=true", {"_key": "a", "text": "x", "number": 3}
        )
        for version, api in apis.items()
    }
    assert statuses["3.12"].status in {201, 202}
    assert statuses["4.0"].status == 409


def test_a_data_directory_may_be_opened_as_either(tmp_path: Any) -> None:
    with Engine.open(tmp_path, compat="3.12") as engine:
        engine.database("_system").catalog.create_collection({"name": "kept"})
    with Engine.open(tmp_path, compat="4.0") as engine:
        assert list(engine.database("_system").query('RETURN LENGTH(kept) + "!"').rows) == ["0!"]
        with pytest.raises(ArangoError) as error:
            engine.database("_system").query("RETURN V8(1)")
        assert error.value.num == 1540
