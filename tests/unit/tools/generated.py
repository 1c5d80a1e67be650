"""Arguments for tools, made from their types: valid, almost valid, and hostile.

Hidden arguments and the spellings of earlier releases are drawn like the others.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from mcp_arangodb_async.tools.spec import Tool, fields_of

Json = dict[str, Any]
# What the database of the test holds.
KNOWN = (
    "things", "people", "knows", "social", "library", "words", "1", "2", "things/1", "people/a", "people/b",
    "knows/1", "name", "age", "tags", "mcp_schemas", "red", "green", "gone", "by_age", "first", "text_en",
)  # fmt: skip
HOSTILE = (
    "", " ", ".", "..", "../..", "../../etc/passwd", "/etc/passwd", "a/b/c", "things/../people", "things/1/2",
    "%2e%2e", "a%2Fb", "a?b=c", "a#b", "a;b", "`", "\u00b4", "`x`", "'", '"', "\\", "\x00", "\n", "\r\nX: y",
    "\u202e", "\ud800", "\ufeff", "\u2028", "\U0001f986", "e\u0301", "x" * 300, "x" * 5000, "\u00e9" * 200,
    "_users", "_graphs", "_system", "@x", "${x}", "{{x}}", "1 || true REMOVE 1 IN things", "a" * 255,
    "things` RETURN 1 //", "null", "true", "-1", "1e999", "[", "{", '{"a": 1}', "[1]", "con", "NUL",
    "nxt_AAAAAAAA", "qry_AAAAAAAA", "mss_AAAAAAAA",
)  # fmt: skip
QUERIES = (
    "RETURN 1", "FOR t IN things RETURN t", "FOR i IN 1..2000 RETURN i", "RETURN @x", "FOR t IN @@c RETURN t",
    "RETURN REPEAT('x', 300000)", "FOR i IN 1..40 RETURN REPEAT('x', 10000)", "INSERT {} INTO things",
    "FOR t IN things REMOVE t IN things", "RETURN 1 / 0", "RETURN DOCUMENT(@id)", "FOR t IN nothing RETURN t",
    "RETURN", "FOR", "RETURN \u00b4a\u00b4", "RETURN {a: [1, {b: null}]}", "RETURN V8('x')", "RETURN A::B()",
    "FOR v IN 1..2 ANY 'people/a' knows RETURN v", "RETURN FAIL('no')", "RETURN " + "(" * 600 + ")" * 600,
)  # fmt: skip
NUMBERS = (0, 1, 2, 10, -1, 1000, 10_001, 2**31, 2**53, 2**63, 2**70, -(2**70))
COLLECTIONS = ("things", "people", "knows")
IDS = ("people/a", "people/b", "things/1", "people/nobody")
# What an argument of this name usually means here.
MEANT: Mapping[str, Sequence[str]] = {
    "query": QUERIES,
    "database": ("red", "green"),
    "source": ("red", "green"),
    "databases": ("red", "green", "gone"),
    "collection": COLLECTIONS,
    "collections": COLLECTIONS,
    "edge_collection": ("knows",),
    "edge_collections": ("knows",),
    "from_collections": ("people",),
    "to_collections": ("people",),
    "graph": ("social",),
    "graph_name": ("social",),
    "graph_names": ("social",),
    "key": ("a", "b", "1", "2"),
    "keys": ("a", "b", "1", "people/a"),
    "start_vertex": IDS,
    "end_vertex": IDS,
    "from_id": IDS,
    "to_id": IDS,
    "field": ("name", "age", "tags", "n"),
    "fields": ("name", "age", "tags[*]"),
    "return_fields": ("name", "age"),
    "reference_fields": ("of", "_from"),
    "view": ("library",),
    "index": ("words",),
    "schema_name": ("first",),
    "id_or_name": ("by_age",),
    "text": ("Ann", "Ann and Bob"),
    "input_dir": ("one", "two"),
    "output_dir": ("one", "two", "deep/er"),
    "keywords": ("insert", "graph", "find documents"),
    "category": ("graph", "core_data"),
    "categories": ("graph", "core_data"),
    "tool_names": ("arango_insert", "arango_add_vertex", "arango_nothing"),
}


def mostly(meant: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is meant, and one time in twelve something else: most calls get past their first argument."""
    return st.integers(0, 11).flatmap(lambda turn: other if turn == 11 else meant)


texts = st.sampled_from(KNOWN) | st.sampled_from(HOSTILE) | st.text(max_size=20)
numbers = mostly(st.integers(1, 20), st.sampled_from(NUMBERS))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
meant_documents: st.SearchStrategy[Json] = st.one_of(
    st.dictionaries(st.sampled_from(["name", "age", "tags", "of"]), values, max_size=4),
    st.fixed_dictionaries({"_from": st.sampled_from(IDS), "_to": st.sampled_from(IDS)}),
    st.fixed_dictionaries({"key": st.sampled_from(["a", "b", "1"]), "update": st.just({"age": 1})}),
    st.fixed_dictionaries({"type": st.sampled_from(["object", "string"])}),
)
documents: st.SearchStrategy[Json] = mostly(
    meant_documents,
    st.one_of(
        st.dictionaries(texts, values, max_size=5),
        st.fixed_dictionaries({"_key": texts | values, "name": texts}),
        st.fixed_dictionaries({"_from": texts | values, "_to": texts}),
        st.fixed_dictionaries({"key": texts, "update": st.dictionaries(texts, values, max_size=3)}),
        st.fixed_dictionaries({"type": values, "$ref": texts, "pattern": texts}),
    ),
)
# By the names of the parameters that the queries have.
bind_vars: st.SearchStrategy[Json] = mostly(
    st.fixed_dictionaries(
        {}, optional={"x": values, "id": st.sampled_from(IDS), "@c": st.sampled_from(COLLECTIONS)}
    ),
    st.dictionaries(st.sampled_from(["x", "id", "@c", "c", ""]), values, max_size=3),
)


def of_type(hint: Any, name: str) -> st.SearchStrategy[Any]:
    """Values of one argument's type, mostly ones that could be meant."""
    origin: Any = get_origin(hint)
    if origin is Annotated:
        return of_type(get_args(hint)[0], name)
    if origin in (Union, types.UnionType):
        return st.one_of([of_type(choice, name) for choice in get_args(hint)])
    if origin is Literal:
        return mostly(st.sampled_from(get_args(hint)), st.sampled_from(["other", ""]))
    if hint is types.NoneType:
        return st.none()
    if hint is bool:
        return st.booleans()
    if hint is int:
        return numbers
    if hint is float:
        return mostly(st.floats(0.1, 5), st.sampled_from(NUMBERS) | st.floats(allow_nan=False))
    if hint is str:
        return mostly(st.sampled_from(MEANT.get(name, KNOWN)), texts)
    kind: Any = origin or hint
    if isinstance(kind, type):
        if issubclass(kind, BaseModel):
            return record(kind)
        if issubclass(kind, Mapping):
            return bind_vars if name == "bind_vars" else documents
        if issubclass(kind, Sequence):
            inner = of_type(get_args(hint)[0], name)
            return mostly(st.lists(inner, min_size=1, max_size=3), st.lists(inner, max_size=5) | inner)
    return values


def record(model: type[BaseModel]) -> st.SearchStrategy[Json]:
    """An object with the members of a model, the optional ones now and then."""
    members = {name: of_type(field.annotation, name) for name, field in fields_of(model).items()}
    required = {name for name, field in fields_of(model).items() if field.is_required()}
    return st.fixed_dictionaries(
        {name: member for name, member in members.items() if name in required},
        optional={name: member for name, member in members.items() if name not in required},
    )


@st.composite
def arguments(draw: st.DrawFn, tool: Tool) -> Json:
    """Arguments for a call of the tool, one time in four with a mistake in their names or types."""
    found: Json = dict(draw(record(tool.args)))
    also = list(tool.args.also.items())
    mistake = draw(st.integers(0, 19))
    if mistake == 15 and found:
        found[draw(st.sampled_from(sorted(found)))] = draw(values)
    elif mistake == 16:
        found[draw(texts)] = draw(values)
    elif mistake == 17 and found:
        del found[draw(st.sampled_from(sorted(found)))]
    elif mistake in {14, 18} and also:
        # The spelling of an earlier release, instead of today's or beside it.
        old, current = draw(st.sampled_from(also))
        if current in found and draw(st.booleans()):
            found[old] = found.pop(current)
        else:
            found[old] = draw(texts)
    elif mistake == 19:
        found["session"] = draw(texts | values)
    return found
