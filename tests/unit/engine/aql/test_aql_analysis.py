"""What is said of a query from its tree alone."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.engine.aql import analysis, ast
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.aql.references import references


@pytest.mark.parametrize(
    ("text", "modifies"),
    [
        ("RETURN 1", False),
        ("FOR x IN c RETURN 'INSERT x INTO c'", False),
        ("FOR x IN c RETURN x.`insert`", False),
        ("INSERT {} INTO c", True),
        ("FOR x IN c UPDATE x IN c RETURN 1", True),
        ("FOR x IN c REPLACE x IN c", True),
        ("REMOVE 'a' IN c", True),
        ("UPSERT {} INSERT {} UPDATE {} IN c", True),
        ("LET a = (INSERT {} INTO c RETURN NEW) RETURN a", True),
        ("RETURN [{a: LENGTH(FOR x IN c REMOVE x IN c RETURN OLD)}]", True),
        ("FOR x IN c SORT x[* FILTER (REMOVE x IN c RETURN 1)] RETURN x", True),
        ("FOR x IN c COLLECT a = 1 INTO g = (REMOVE x IN c RETURN 1) RETURN a", True),
        ("LIMIT (REMOVE 1 IN c RETURN 1)[0] RETURN 1", True),
        ("FOR v IN 1..LENGTH(REMOVE 1 IN c) ANY 'x' e RETURN v", True),
    ],
)
def test_a_modification_is_found_wherever_it_hides(text: str, modifies: bool) -> None:
    assert analysis.is_modification(parse(text)) is modifies


def test_functions_are_named_in_upper_case_operators_included() -> None:
    text = "FOR x IN f(1) FILTER a LIKE b && c !~ d RETURN (RETURN [my::Func(g())])[* RETURN h(CURRENT)]"
    names = {"F", "LIKE", "REGEX_TEST", "MY::FUNC", "G", "H"}
    assert analysis.function_names(parse(text)) == names


def test_bind_parameters_are_named_as_the_keys_of_their_values() -> None:
    text = (
        "WITH @w FOR v IN @a..2 ANY @s GRAPH @g SORT v.@p @d"
        " FOR x IN @@c UPSERT @u INSERT {@k: 1} UPDATE @o IN @@t"
    )
    keys = {"w", "a", "s", "g", "p", "d", "@c", "u", "k", "o", "@t"}
    assert analysis.bind_parameters(parse(text)) == keys


@pytest.mark.parametrize(
    ("text", "height"),
    [
        ("RETURN 1", 2),
        ("RETURN 1 + 2", 3),
        ("RETURN 1 + 2 + 3 + 4", 5),
        ("RETURN a AND b AND c AND d", 5),
        ("RETURN a AND (b OR c) AND d", 5),
        ("RETURN a AND b AND (c OR d)", 4),
        ("RETURN [1, [2, 3], 4]", 4),
        ("RETURN {a: 1}", 4),
        ("RETURN (((1)))", 2),
        ("RETURN (RETURN 1)", 5),
    ],
)
def test_height_counts_levels_as_binary_operators_make_them(text: str, height: int) -> None:
    assert analysis.height(parse(text)) == height


def test_walking_visits_every_node_parents_first() -> None:
    query = parse("LET a = [1, b] RETURN {c: a}")
    kinds = [type(node).__name__ for node in analysis.walk(query)]
    assert kinds == [
        *("Query", "Let", "Variable", "ArrayLiteral", "Literal", "Name"),
        *("Return", "ObjectLiteral", "ObjectMember", "Literal", "Name"),
    ]
    assert analysis.children(query) == list(query.operations)


def described(text: str) -> dict[str, set[str]]:
    found = references(parse(text))
    groups = {
        "reads": found.reads,
        "writes": found.writes,
        "graphs": found.graphs,
        "read_parameters": found.read_parameters,
        "write_parameters": found.write_parameters,
        "graph_parameters": found.graph_parameters,
    }
    return {name: set(names) for name, names in groups.items() if names}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RETURN 1", {}),
        ("FOR x IN c RETURN x", {"reads": {"c"}}),
        ("FOR x IN @@c FOR y IN x.list RETURN y", {"read_parameters": {"@c"}}),
        ("RETURN LENGTH(users)", {"reads": {"users"}}),
        ("LET users = [] FOR x IN users RETURN x", {}),
        ("FOR x IN a LET a = 1 RETURN a", {"reads": {"a"}}),
        ("FOR x IN x RETURN x", {"reads": {"x"}}),
        ("LET a = b, b = a RETURN b", {"reads": {"b"}}),
        ("FOR x IN v SEARCH x.a == y RETURN x", {"reads": {"v", "y"}}),
        ("FOR x IN (FOR y IN c RETURN y) RETURN y", {"reads": {"c", "y"}}),
        ("LET y = 1 FOR x IN (FOR z IN c RETURN y) RETURN y", {"reads": {"c"}}),
        ("RETURN {a}", {"reads": {"a"}}),
        ("WITH a, @@b RETURN 1", {"reads": {"a"}, "read_parameters": {"@b"}}),
        ("INSERT {} INTO c", {"writes": {"c"}}),
        ("FOR x IN a INSERT x INTO @@b", {"reads": {"a"}, "write_parameters": {"@b"}}),
        ("FOR x IN c UPDATE x WITH OLD IN c RETURN [NEW, OLD]", {"reads": {"c", "OLD"}, "writes": {"c"}}),
        ("INSERT {} INTO c RETURN [NEW, OLD]", {"reads": {"OLD"}, "writes": {"c"}}),
        ("REMOVE 1 IN c RETURN [NEW, OLD]", {"reads": {"NEW"}, "writes": {"c"}}),
        ("UPSERT {a: b} INSERT d UPDATE OLD IN c", {"reads": {"b", "c", "d"}, "writes": {"c"}}),
        ("UPSERT FILTER CURRENT INSERT {} UPDATE CURRENT IN c", {"reads": {"c", "CURRENT"}, "writes": {"c"}}),
        ("RETURN a[* FILTER CURRENT == b]", {"reads": {"a", "b"}}),
        ("RETURN a[? AT LEAST (b) FILTER CURRENT].c[CURRENT]", {"reads": {"a", "b", "CURRENT"}}),
        ("RETURN [1][* RETURN CURRENT].a[CURRENT]", {"reads": {"CURRENT"}}),
        ("FOR v, e, p IN 1..a ANY s GRAPH 'g' RETURN [v, e, p]", {"reads": {"a", "s"}, "graphs": {"g"}}),
        ("FOR v IN ANY 'x' GRAPH g PRUNE q = v RETURN [v, q]", {"graphs": {"g"}}),
        ("FOR v IN ANY 'x' GRAPH @g RETURN v", {"graph_parameters": {"g"}}),
        ("FOR v IN ANY 'x' e, @@f, @h RETURN v", {"reads": {"e"}, "read_parameters": {"@f", "h"}}),
        ("FOR p IN ANY K_PATHS a TO b GRAPH g RETURN p", {"reads": {"a", "b"}, "graphs": {"g"}}),
        ("LET k = 1 FOR x IN c COLLECT a = x INTO g RETURN [k, a, g]", {"reads": {"c"}}),
        ("FOR x IN c LET y = x COLLECT a = y RETURN [x, y]", {"reads": {"c", "x", "y"}}),
        ("FOR x IN c COLLECT AGGREGATE n = SUM(x), m = SUM(n) RETURN [n, m]", {"reads": {"c", "n"}}),
        ("FOR x IN c COLLECT a = x INTO g = [x, a] RETURN g", {"reads": {"c", "a"}}),
        ("FOR x IN c COLLECT WITH COUNT INTO n RETURN n", {"reads": {"c"}}),
        ("FOR x IN c WINDOW {preceding: 1} AGGREGATE s = SUM(x.v) RETURN [x, s]", {"reads": {"c"}}),
        ("FOR {a, b: [d]} IN c LET [e] = a RETURN [a, b, d, e]", {"reads": {"b", "c"}}),
        ("FOR x IN c SORT x, y LIMIT z RETURN DISTINCT x", {"reads": {"c", "y", "z"}}),
    ],
)  # fmt: skip
def test_a_name_is_a_collection_where_no_variable_has_it(text: str, expected: dict[str, set[str]]) -> None:
    assert described(text) == expected


def test_nodes_are_values() -> None:
    query = parse("FOR x IN c FILTER x.a == 1 RETURN {x, y: [1, 'a']}")
    assert query == parse('FOR x IN c   FILTER x.a==1 RETURN {x,y:[1,"a"]}')
    assert len({query, parse("FOR x IN c FILTER x.a == 1.0 RETURN {x, y: [1, 'a']}")}) == 2
    assert isinstance(query.operations[0], ast.For)

    def _() -> None:
        """Nobody may write to a node: not stopped at run time, so the type checker has to see it."""
        query.operations[0].position = 1  # pyright: ignore[reportAttributeAccessIssue]
