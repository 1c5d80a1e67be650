"""Operations: every form of each, and the tree it makes."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.aql.printer import print_query
from tests.unit.engine.aql.tree_shapes import shape


def operations(text: str) -> tuple[ast.Operation, ...]:
    return parse(text).operations


def name(text: str) -> ast.Name:
    return ast.Name(0, text)


def variable(text: str) -> ast.Variable:
    return ast.Variable(0, text)


def one(value: int = 1) -> ast.Literal:
    return ast.Literal(0, value)


def text(value: str) -> ast.Literal:
    return ast.Literal(0, value)


def options(key: str) -> ast.ObjectLiteral:
    return ast.ObjectLiteral(0, (ast.ObjectMember(0, text(key), one()),))


def edges(*names: str) -> ast.EdgeCollections:
    return ast.EdgeCollections(0, tuple(ast.EdgeCollection(0, name(edge)) for edge in names))


def call(function: str, *arguments: ast.Expression) -> ast.FunctionCall:
    return ast.FunctionCall(0, function, arguments)


def assigned(to: str, value: ast.Expression) -> ast.Assignment:
    return ast.Assignment(0, variable(to), value)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("FOR x IN c RETURN x", ast.For(0, variable("x"), name("c"))),
        ("FOR x IN @@c RETURN x", ast.For(0, variable("x"), ast.CollectionParameter(0, "c"))),
        ("FOR x IN @list RETURN x", ast.For(0, variable("x"), ast.BindParameter(0, "list"))),
        ("FOR x IN c OPTIONS {a: 1} RETURN x", ast.For(0, variable("x"), name("c"), None, options("a"))),
        ("FOR x IN v SEARCH y RETURN x", ast.For(0, variable("x"), name("v"), name("y"))),
        (
            "FOR x IN v SEARCH y OPTIONS {a: 1} RETURN x",
            ast.For(0, variable("x"), name("v"), name("y"), options("a")),
        ),
        ("FILTER x RETURN 1", ast.Filter(0, name("x"))),
        ("LET a = 1 RETURN a", ast.Let(0, variable("a"), one())),
        ("LIMIT 1 RETURN 1", ast.Limit(0, one())),
        ("LIMIT 2, 1 RETURN 1", ast.Limit(0, one(), one(2))),
        ("SORT a RETURN 1", ast.Sort(0, (ast.SortElement(0, name("a")),))),
        (
            "SORT a ASC, b DESC RETURN 1",
            ast.Sort(0, (ast.SortElement(0, name("a")), ast.SortElement(0, name("b"), "DESC"))),
        ),
        (
            "SORT a 'desc', b @d, c 1 RETURN 1",
            ast.Sort(
                0,
                (
                    ast.SortElement(0, name("a"), text("desc")),
                    ast.SortElement(0, name("b"), ast.BindParameter(0, "d")),
                    ast.SortElement(0, name("c"), one()),
                ),
            ),
        ),
    ],
)
def test_plain_operations(query: str, expected: ast.Operation) -> None:
    assert operations(query)[0] == expected


def test_let_with_commas_makes_one_operation_each() -> None:
    assert operations("LET a = 1, b = a RETURN b")[:2] == (
        ast.Let(0, variable("a"), one()),
        ast.Let(0, variable("b"), name("a")),
    )


V, E, P = variable("v"), variable("e"), variable("p")
START = text("a/1")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "FOR v IN OUTBOUND 'a/1' e RETURN v",
            ast.Traversal(0, (V,), "OUTBOUND", None, START, edges("e")),
        ),
        (
            "FOR v, e, p IN 1..1 INBOUND 'a/1' GRAPH 'g' RETURN v",
            ast.Traversal(
                0, (V, E, P), "INBOUND", ast.Range(0, one(), one()), START, ast.NamedGraph(0, text("g"))
            ),
        ),
        (
            "FOR v, e IN 1 ANY 'a/1' GRAPH g RETURN v",
            ast.Traversal(0, (V, E), "ANY", one(), START, ast.NamedGraph(0, text("g"))),
        ),
        (
            "FOR v IN ANY 'a/1' GRAPH @g RETURN v",
            ast.Traversal(0, (V,), "ANY", None, START, ast.NamedGraph(0, ast.BindParameter(0, "g"))),
        ),
        (
            "FOR v IN ANY 'a/1' OUTBOUND x, y, ANY @@z, @w RETURN v",
            ast.Traversal(
                0,
                (V,),
                "ANY",
                None,
                START,
                ast.EdgeCollections(
                    0,
                    (
                        ast.EdgeCollection(0, name("x"), "OUTBOUND"),
                        ast.EdgeCollection(0, name("y")),
                        ast.EdgeCollection(0, ast.CollectionParameter(0, "z"), "ANY"),
                        ast.EdgeCollection(0, ast.BindParameter(0, "w")),
                    ),
                ),
            ),
        ),
        (
            "FOR v IN ANY 'a/1' e PRUNE v RETURN v",
            ast.Traversal(0, (V,), "ANY", None, START, edges("e"), ast.Prune(0, name("v"))),
        ),
        (
            "FOR v IN ANY 'a/1' e PRUNE c = v OPTIONS {a: 1} RETURN v",
            ast.Traversal(
                0, (V,), "ANY", None, START, edges("e"), ast.Prune(0, name("v"), variable("c")), options("a")
            ),
        ),
        (
            "FOR v IN ANY 'a/1' e OPTIONS {a: 1} RETURN v",
            ast.Traversal(0, (V,), "ANY", None, START, edges("e"), None, options("a")),
        ),
        (
            "FOR v, e IN OUTBOUND SHORTEST_PATH 'a/1' TO b GRAPH 'g' OPTIONS {a: 1} RETURN v",
            ast.PathSearch(
                0,
                "SHORTEST_PATH",
                (V, E),
                "OUTBOUND",
                None,
                START,
                name("b"),
                ast.NamedGraph(0, text("g")),
                options("a"),
            ),
        ),
        (
            "FOR p IN ANY all_shortest_paths 'a/1' to b e RETURN p",
            ast.PathSearch(0, "ALL_SHORTEST_PATHS", (P,), "ANY", None, START, name("b"), edges("e")),
        ),
        (
            "FOR p IN INBOUND K_SHORTEST_PATHS 'a/1' TO b e RETURN p",
            ast.PathSearch(0, "K_SHORTEST_PATHS", (P,), "INBOUND", None, START, name("b"), edges("e")),
        ),
        (
            "FOR p IN 1 OUTBOUND K_PATHS 'a/1' TO b e, f RETURN p",
            ast.PathSearch(0, "K_PATHS", (P,), "OUTBOUND", one(), START, name("b"), edges("e", "f")),
        ),
    ],
)
def test_walks_over_graphs(query: str, expected: ast.Operation) -> None:
    assert operations(query)[0] == expected


G = (assigned("a", name("x")),)
N = (assigned("n", call("COUNT")),)


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("a = x", ast.Collect(0, G)),
        ("a = x, b = y", ast.Collect(0, (*G, assigned("b", name("y"))))),
        ("a = x INTO g", ast.Collect(0, G, into=variable("g"))),
        ("a = x INTO g = y", ast.Collect(0, G, into=variable("g"), projection=name("y"))),
        ("a = x INTO g KEEP y, z", ast.Collect(0, G, into=variable("g"), keep=(name("y"), name("z")))),
        ("a = x WITH COUNT INTO n", ast.Collect(0, G, count=variable("n"))),
        ("WITH count INTO n", ast.Collect(0, count=variable("n"))),
        ("WITH COUNT INTO n OPTIONS {a: 1}", ast.Collect(0, count=variable("n"), options=options("a"))),
        ("AGGREGATE n = COUNT()", ast.Collect(0, aggregates=N)),
        ("a = x AGGREGATE n = COUNT() INTO g", ast.Collect(0, G, N, into=variable("g"))),
        (
            "AGGREGATE n = COUNT(), m = ns::f(1)",
            ast.Collect(0, (), (*N, assigned("m", call("NS::F", one())))),
        ),
        ("a = x OPTIONS {a: 1}", ast.Collect(0, G, options=options("a"))),
        (
            "a = x INTO g KEEP y OPTIONS {a: 1}",
            ast.Collect(0, G, into=variable("g"), keep=(name("y"),), options=options("a")),
        ),
        (
            "keep = x INTO options KEEP keep",
            ast.Collect(0, (assigned("keep", name("x")),), into=variable("options"), keep=(name("keep"),)),
        ),
    ],
)
def test_collect_in_all_its_forms(clauses: str, expected: ast.Collect) -> None:
    assert operations(f"FOR x IN c COLLECT {clauses} RETURN 1")[1] == expected


def test_windows_by_rows_and_by_values() -> None:
    aggregates = (assigned("s", call("SUM", name("x"))),)
    bounds = ast.ObjectLiteral(0, (ast.ObjectMember(0, text("preceding"), one()),))
    rows, values = operations(
        "WINDOW {preceding: 1} AGGREGATE s = SUM(x)"
        " WINDOW x WITH {preceding: 1} AGGREGATE s = SUM(x) RETURN 1"
    )[:2]
    assert rows == ast.Window(0, bounds, aggregates)
    assert values == ast.Window(0, bounds, aggregates, name("x"))


EMPTY = ast.ObjectLiteral(0, ())
C = name("c")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("INSERT {} INTO c", ast.Insert(0, EMPTY, C)),
        ("INSERT {} IN c OPTIONS {a: 1}", ast.Insert(0, EMPTY, C, options("a"))),
        ("INSERT {} INTO @@c", ast.Insert(0, EMPTY, ast.CollectionParameter(0, "c"))),
        ("INSERT {} IN 'c'", ast.Insert(0, EMPTY, C)),
        ("REMOVE x IN c", ast.Remove(0, name("x"), C)),
        ("REMOVE x IN c OPTIONS {a: 1}", ast.Remove(0, name("x"), C, options("a"))),
        ("UPDATE x IN c", ast.Update(0, None, name("x"), False, C)),
        ("UPDATE x WITH {} IN c", ast.Update(0, name("x"), EMPTY, False, C)),
        ("UPDATE x WITH {} INTO c OPTIONS {a: 1}", ast.Update(0, name("x"), EMPTY, False, C, options("a"))),
        ("REPLACE x IN c", ast.Update(0, None, name("x"), True, C)),
        ("REPLACE x WITH {} IN c", ast.Update(0, name("x"), EMPTY, True, C)),
        ("UPSERT {} INSERT x UPDATE {} IN c", ast.Upsert(0, EMPTY, None, name("x"), EMPTY, False, C)),
        (
            "UPSERT @s INSERT x REPLACE {} INTO c OPTIONS {a: 1}",
            ast.Upsert(0, ast.BindParameter(0, "s"), None, name("x"), EMPTY, True, C, options("a")),
        ),
        (
            "UPSERT FILTER y INSERT x UPDATE {} IN c",
            ast.Upsert(0, None, name("y"), name("x"), EMPTY, False, C),
        ),
    ],
)
def test_modifications_in_all_their_spellings(query: str, expected: ast.Operation) -> None:
    assert operations(query) == (expected,)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("REMOVE x IN c", "x"),
        ("REMOVE a IN b IN c", "(IN a b)"),
        ("REMOVE a IN b[0] IN c", "(IN a (at b 0))"),
        ("REMOVE a IN f(b) IN c", "(IN a F(b))"),
        ("REMOVE a IN [1] INTO c", "(IN a [1])"),
        ("REMOVE a + b IN c", "(+ a b)"),
        ("REMOVE a.b IN c LET x = 1 RETURN x", "(. a b)"),
        ("REMOVE (a == b) IN c", "(== a b)"),
        ("REMOVE a IN b ? c : d INTO c", "(?: (IN a b) c d)"),
    ],
)
def test_in_before_a_collection_is_told_from_the_operator(query: str, key: str) -> None:
    removal = operations(query)[0]
    assert isinstance(removal, ast.Remove)
    assert (shape(removal.key), removal.collection) == (key, C)


def test_return_distinct_after_a_loop() -> None:
    assert operations("FOR x IN c RETURN DISTINCT x")[1] == ast.Return(0, name("x"), True)


@pytest.mark.parametrize("separator", [", ", " ", ",  "])
def test_with_names_collections_by_comma_or_space(separator: str) -> None:
    query = parse(f"WITH a{separator}@@b{separator}@c RETURN 1")
    assert query.with_collections == (
        name("a"),
        ast.CollectionParameter(0, "b"),
        ast.BindParameter(0, "c"),
    )


def test_a_query_may_go_on_after_a_modification() -> None:
    kinds = [
        type(operation)
        for operation in operations("FOR x IN c REMOVE x IN c INSERT x INTO d LET y = NEW RETURN y")
    ]
    assert kinds == [ast.For, ast.Remove, ast.Insert, ast.Let, ast.Return]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("LET [a, b] = x RETURN a", "LET `#1` = x LET a = `#1`[0] LET b = `#1`[1] RETURN a"),
        ("LET [, a, , b,] = x RETURN a", "LET `#1` = x LET a = `#1`[1] LET b = `#1`[3] RETURN a"),
        ("LET [[a], b] = x RETURN a", "LET `#1` = x LET a = `#1`[0][0] LET b = `#1`[1] RETURN a"),
        ("LET {a, b: c} = x RETURN a", "LET `#1` = x LET a = `#1`.a LET c = `#1`.b RETURN a"),
        ("LET {'a b': {c}, } = x RETURN c", "LET `#1` = x LET c = `#1`.`a b`.c RETURN c"),
        ("LET {a: [b, {c: d}]} = x RETURN b", "LET `#1` = x LET b = `#1`.a[0] LET d = `#1`.a[1].c RETURN b"),
        ("LET y = 1, [a] = y RETURN a", "LET y = 1 LET `#1` = y LET a = `#1`[0] RETURN a"),
        ("FOR [a, b] IN x RETURN a", "FOR `#1` IN x LET a = `#1`[0] LET b = `#1`[1] RETURN a"),
        ("FOR {a} IN x OPTIONS {o: 1} RETURN a", "FOR `#1` IN x OPTIONS {o: 1} LET a = `#1`.a RETURN a"),
        (
            "LET [a] = x LET [b] = y LET `#2` = 1 RETURN a",
            "LET `#1` = x LET a = `#1`[0] LET `#3` = y LET b = `#3`[0] LET `#2` = 1 RETURN a",
        ),
    ],
)
def test_patterns_are_assignments_from_a_temporary_variable(query: str, expected: str) -> None:
    assert print_query(parse(query)) == expected


def test_only_what_a_pattern_takes_apart_is_temporary() -> None:
    lets = [part for part in operations("LET [a] = x, b = 1 RETURN a") if isinstance(part, ast.Let)]
    assert [(let.variable.name, let.variable.temporary) for let in lets] == [
        ("#1", True),
        ("a", False),
        ("b", False),
    ]
