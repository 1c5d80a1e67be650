"""Several databases at once, through a client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interaction.conversation import Places, Talk, Way

pytestmark = pytest.mark.anyio
MEMORY = Way(carrier="memory", era="stateless")
THREE = """
databases:
  red: {url: "embedded::memory:", database: red_data, access: read}
  blue: {url: "embedded::memory:", database: blue_data}
  green: {url: "embedded::memory:", database: green_data}
  gone: {url: "http://127.0.0.1:%d", database: x}
"""


async def fill(client: Talk, database: str, count: int = 30, *, unique: bool = True) -> None:
    await client.call("create_collection", name="users", database=database)
    documents: list[dict[str, Any]] = [{"_key": str(n), "n": n, "deep": {"x": [n]}} for n in range(count)]
    await client.call("bulk_insert", collection="users", documents=documents, database=database)
    await client.call(
        "create_index", collection="users", fields=["n"], name="by_n", unique=unique, database=database
    )


async def test_a_copy_is_identical_and_changes_are_found(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await fill(client, "red")
        before = await client.call("compare_databases", source="red", database="blue")
        assert before["identical"] is False
        assert before["collections"]["removed"] == ["users"]
        planned = await client.call(
            "copy_collection", source="red", collection="users", database="blue", dry_run=True
        )
        assert (planned["total_documents"], planned["created"], planned["indexes"]) == (30, False, 1)
        copied = await client.call("copy_collection", source="red", collection="users", target="blue")
        assert (copied["inserted"], copied["indexes"], copied["completed"]) == (30, 1, True)
        same = await client.call("compare_databases", source="red", database="blue", documents=True)
        assert (same["identical"], same["differences"], same["documents"]) == (True, 0, [])

        await client.call("update", collection="users", key="3", update={"deep": {"x": [4]}}, database="blue")
        await client.call("remove", collection="users", key="4", database="blue")
        await client.call("insert", collection="users", document={"_key": "new"}, database="blue")
        found = await client.call(
            "compare_databases", source="red", database="blue", documents=True, detailed=True
        )
        (users,) = found["documents"]
        assert (users["added_keys"], users["removed_keys"]) == (["new"], ["4"])
        changes = [{"path": "deep.x", "source": [3], "target": [4]}]
        assert users["changed_keys"] == [{"_key": "3", "changes": changes}]
        assert found["differences"] == 3

        again = await client.call(
            "copy_collection", source="red", collection="users", database="blue", on_conflict="overwrite"
        )
        assert (again["inserted"], again["updated"], again["created"]) == (1, 29, False)
        stopped = await client.call("copy_collection", source="red", collection="users", database="blue")
        assert (stopped["completed"], stopped["error_count"]) == (False, 30)
        assert stopped["errors"][0]["arango_error_num"] == 1210


async def test_definitions_are_compared(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        await fill(client, "red", count=2)
        await fill(client, "blue", count=2, unique=False)
        definition = {"edge_collection": "knows", "from_collections": ["users"], "to_collections": ["users"]}
        await client.call("create_graph", name="g", edge_definitions=[definition], database="blue")
        await client.call("create_index", collection="users", fields=["a", "b"], name="two", database="blue")
        found = await client.call("compare_databases", source="red", database="blue", detailed=True)
        assert found["collections"]["added"] == ["knows"]
        assert found["graphs"]["added"] == ["g"]
        (users,) = found["collections"]["changed"]
        changes = {change["path"]: change for change in users["changes"]}
        assert set(changes) == {"indexes.by_n.unique", "indexes.two"}
        assert changes["indexes.two"]["source"] is None
        concise = await client.call("compare_databases", source="red", database="blue")
        assert concise["collections"]["changed"][0]["changes"][0] == {"path": "indexes.by_n.unique"}
        narrowed = await client.call("compare_databases", source="red", database="blue", collections="users")
        assert (narrowed["graphs"]["added_count"], narrowed["differences"]) == (0, 1)


async def test_one_query_on_many_databases_groups_equal_answers(places: Places, free_port: int) -> None:
    async with places.open(MEMORY, THREE % free_port) as talk, talk() as client:
        await fill(client, "blue", count=3)
        await fill(client, "green", count=3)
        query = "FOR u IN users SORT u.n RETURN u.n"
        found = await client.call("query_many", query=query, timeout=20)
        status = {one["database"]: one["status"] for one in found["databases"]}
        assert status == {"red": "error", "blue": "ok", "green": "ok", "gone": "error"}
        errors = {one["database"]: one["error"]["code"] for one in found["databases"] if "error" in one}
        assert errors == {"red": "not_found", "gone": "unavailable"}
        (answer,) = found["answers"]
        assert (answer["databases"], answer["rows"]) == (["blue", "green"], [0, 1, 2])
        assert (found["ok"], found["failed"], found["identical"]) == (2, 2, False)
        slow = await client.call(
            "query_many", query="RETURN SLEEP(@s)", bind_vars={"s": 30}, databases=["blue"], timeout=0.5
        )
        assert slow["databases"][0]["status"] == "timeout"
        cut = await client.call(
            "query_many", query="FOR i IN 1..50 RETURN i", databases=["red", "blue"], max_rows=10
        )
        assert (cut["identical"], cut["truncated"], cut["answers"][0]["row_count"]) == (True, True, 10)


async def test_access_is_asked_of_both_sides(places: Places, free_port: int) -> None:
    async with places.open(MEMORY, THREE % free_port) as talk, talk() as client:
        await fill(client, "blue", count=3)
        error = await client.fail("copy_collection", source="blue", collection="users", database="red")
        assert error["code"] == "read_only"
        error = await client.fail("query_many", query="FOR u IN users REMOVE u IN users", databases=["blue"])
        assert error["code"] == "read_only"
        for name, arguments in (
            ("copy_collection", {"source": "blu", "collection": "users", "database": "green"}),
            ("compare_databases", {"source": "blu", "database": "green"}),
            ("query_many", {"query": "RETURN 1", "databases": ["blu"]}),
        ):
            error = await client.fail(name, **arguments)
            assert (error["code"], error["did_you_mean"]) == ("unknown_database", ["blue"])
        error = await client.fail("copy_collection", source="blue", collection="users", database="blue")
        assert error["field"] == "new_name"
