"""What is found out about the attributes of documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.operations.attributes import (
    EXAMPLE_LENGTH,
    EXAMPLES,
    MAP_NAMES,
    MAXIMUM_PATHS,
    Profile,
    quoted,
)


def profile(*documents: dict[str, Any], collections: frozenset[str] = frozenset()) -> dict[str, Any]:
    found = Profile(collections)
    for document in documents:
        found.add(document)
    return found.attributes()


def test_types_are_counted_and_a_missing_attribute_shows_in_the_counts() -> None:
    found = profile({"age": 1}, {"age": None}, {"age": 2.5}, {"name": "Ann"})
    assert found["age"]["types"] == {"number": 2, "null": 1}
    assert found["name"]["types"] == {"string": 1}


def test_nested_attributes_and_elements_have_paths_that_aql_takes() -> None:
    found = profile({"a": {"b": [{"c": True}, 1], "x-y": 1, "filter": [[2]]}})
    assert list(found) == [
        "a", "a.b", "a.b[*]", "a.b[*].c", "a.`x-y`", "a.`filter`", "a.`filter`[*]", "a.`filter`[*][*]",
    ]  # fmt: skip
    assert found["a.b[*]"]["types"] == {"object": 1, "number": 1}


def test_ids_and_revisions_are_left_out_only_where_the_server_makes_them() -> None:
    assert list(profile({"_key": "1", "_id": "c/1", "_rev": "x", "sub": {"_id": "c/2"}})) == [
        "_key", "sub", "sub._id",
    ]  # fmt: skip


def test_ids_of_known_collections_are_references() -> None:
    documents = [{"town": "towns/1", "path": "home/x"}, {"town": "rivers/2", "path": "a b"}]
    found = profile(*documents, collections=frozenset({"towns", "rivers"}))
    assert found["town"]["refers_to"] == ["rivers", "towns"]
    assert "refers_to" not in found["path"]


def test_examples_are_few_short_and_different() -> None:
    found = profile(*({"n": n % 2, "t": "x" * 500, "b": n % 2 == 0} for n in range(9)), {"n": "0"}, {"n": 7})
    assert found["n"]["examples"] == [0, 1, "0"]
    assert found["b"]["examples"] == [True, False]
    assert found["t"]["examples"] == ["x" * EXAMPLE_LENGTH + "..."]


def test_an_object_with_very_many_names_is_taken_for_a_map() -> None:
    found = profile({"days": {f"2024-{n}": {"sum": n, "of": "x"} for n in range(MAP_NAMES * 3)}})
    assert list(found) == ["days", "days.*", "days.*.sum", "days.*.of"]
    assert found["days.*.sum"]["types"] == {"number": MAP_NAMES * 3}


def test_of_very_many_attributes_the_most_frequent_are_told() -> None:
    found = Profile(frozenset())
    for _ in range(2):
        found.add({"often": 1})
    found.add({f"a{n}": n for n in range(MAXIMUM_PATHS * 2)})
    told = found.attributes()
    assert len(told) == MAXIMUM_PATHS
    assert "often" in told
    assert found.paths == MAXIMUM_PATHS * 2 + 1


def test_a_large_document_counts_by_its_types_alone() -> None:
    found = Profile(frozenset())
    found.add_types({"text": "string", "_id": "string"})
    assert found.documents == 1
    assert found.attributes() == {"text": {"types": {"string": 1}}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(min_size=1, max_size=20), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=20), json_values, max_size=6), max_size=5))
def test_any_documents_are_described_within_bounds(documents: list[dict[str, Any]]) -> None:
    found = profile(*documents)
    assert len(found) <= MAXIMUM_PATHS
    for one in found.values():
        assert sum(one["types"].values()) >= 1
        assert len(one.get("examples", ())) <= EXAMPLES


@given(st.text(min_size=1, max_size=30))
def test_a_quoted_name_cannot_leave_its_quotes(name: str) -> None:
    shown = quoted(name)
    if shown != name:
        assert shown[0] == shown[-1] == "`"
        assert "`" not in shown[1:-1].replace("\\\\", "").replace("\\`", "")
