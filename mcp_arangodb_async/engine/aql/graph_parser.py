"""Traversals and path searches, the forms of FOR that walk a graph, and OPTIONS, which all forms have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mcp_arangodb_async.engine.aql import analysis, ast, lexer
from mcp_arangodb_async.engine.aql.expression_parser import ExpressionParser
from mcp_arangodb_async.engine.errors import ERROR_QUERY_COMPILE_TIME_OPTIONS

_DIRECTIONS: Mapping[str, ast.Direction] = MappingProxyType(
    {"OUTBOUND": "OUTBOUND", "INBOUND": "INBOUND", "ANY": "ANY"}
)
_PATHS: Mapping[str, ast.PathKind] = MappingProxyType(
    {
        "SHORTEST_PATH": "SHORTEST_PATH",
        "ALL_SHORTEST_PATHS": "ALL_SHORTEST_PATHS",
        "K_SHORTEST_PATHS": "K_SHORTEST_PATHS",
        "K_PATHS": "K_PATHS",
    }
)


class GraphParser(ExpressionParser):
    """Reads what stands behind `FOR variables IN` when a direction tells that it is about a graph."""

    __slots__ = ()

    def at_direction(self) -> bool:
        """Tell whether OUTBOUND, INBOUND or ANY is next."""
        return self.kinds[self.at] in _DIRECTIONS

    def direction(self) -> ast.Direction:
        """Step over a direction, which must be next."""
        direction = _DIRECTIONS[self.kinds[self.at]]
        self.at += 1
        return direction

    def graph_operation(
        self, position: int, variables: tuple[ast.Variable, ...], depth: ast.Expression | None
    ) -> ast.Operation:
        """Read a traversal or path search from its direction on."""
        direction = self.direction()
        kind = _PATHS.get(self.kinds[self.at])
        if kind is None:
            return self.traversal(position, variables, direction, depth)
        if depth is not None and kind != "K_PATHS":
            raise self.unexpected()
        self.at += 1
        if kind == "SHORTEST_PATH":
            self.check_variables(variables, 2, "SHORTEST_PATH must have one or two return variables")
        else:
            self.check_variables(variables, 1, f"{kind} only has one return variable")
        start = self.expression()
        self.word("TO")
        target = self.expression()
        graph = self.graph()
        return ast.PathSearch(
            position, kind, variables, direction, depth, start, target, graph, self.options()
        )

    def traversal(
        self,
        position: int,
        variables: tuple[ast.Variable, ...],
        direction: ast.Direction,
        depth: ast.Expression | None,
    ) -> ast.Operation:
        """Read a traversal from its start vertex on."""
        self.check_variables(variables, 3, "Traversals only have one, two or three return variables")
        start = self.expression()
        graph = self.graph()
        prune: ast.Prune | None = None
        if self.is_qualifier("PRUNE", "OPTIONS") and self.values[self.at].upper() == "PRUNE":
            prune = self.prune()
        return ast.Traversal(position, variables, direction, depth, start, graph, prune, self.options())

    def prune(self) -> ast.Prune:
        """Read PRUNE, whose condition may get a name and may not hold a subquery."""
        position = self.step()
        variable: ast.Variable | None = None
        if self.kinds[self.at] == lexer.IDENTIFIER and self.kinds[self.at + 1] == "=":
            variable = self.variable()
            self.at += 1
        condition = self.expression()
        for node in analysis.walk(condition):
            if isinstance(node, ast.Subquery):
                raise self.mistake("PRUNE condition must not use a subquery", offset=node.position)
        return ast.Prune(position, condition, variable)

    def graph(self) -> ast.GraphSubject:
        """Read a named graph or a list of edge collections."""
        position = self.offsets[self.at]
        if not self.accept("GRAPH"):
            collections = [self.edge_collection()]
            while self.accept(","):
                collections.append(self.edge_collection())
            return ast.EdgeCollections(position, tuple(collections))
        at = self.at
        if self.kinds[at] in {lexer.IDENTIFIER, lexer.STRING}:
            self.at = at + 1
            return ast.NamedGraph(position, ast.Literal(self.offsets[at], self.values[at]))
        if self.kinds[at] in {lexer.PARAMETER, lexer.COLLECTION_PARAMETER}:
            return ast.NamedGraph(position, self.bind_parameter())
        raise self.unexpected(lexer.IDENTIFIER, lexer.STRING, lexer.PARAMETER, lexer.COLLECTION_PARAMETER)

    def edge_collection(self) -> ast.EdgeCollection:
        """Read one edge collection and the direction it may have of its own."""
        position = self.offsets[self.at]
        direction = self.direction() if self.at_direction() else None
        return ast.EdgeCollection(position, self.collection_or_parameter(), direction)

    def collection_or_parameter(self) -> ast.CollectionReference:
        """Read a collection by name, or by either sort of bind parameter."""
        at = self.at
        if self.kinds[at] == lexer.IDENTIFIER:
            self.at = at + 1
            return ast.Name(self.offsets[at], self.values[at])
        if self.kinds[at] in {lexer.PARAMETER, lexer.COLLECTION_PARAMETER}:
            return self.bind_parameter()
        raise self.unexpected(lexer.IDENTIFIER, lexer.PARAMETER, lexer.COLLECTION_PARAMETER)

    def check_variables(self, variables: Sequence[ast.Variable], most: int, message: str) -> None:
        """Refuse more variables than this form of FOR has."""
        if len(variables) > most:
            raise self.mistake(message, offset=variables[most].position)

    def word(self, word: str) -> None:
        """Step over a word that is no reserved one, such as TO and COUNT."""
        if not self.is_qualifier(word):
            raise self.unexpected(lexer.IDENTIFIER)
        self.at += 1

    def options(self) -> ast.ObjectLiteral | None:
        """Read OPTIONS, if they are next: an object that is known before the query runs."""
        if not self.is_qualifier("OPTIONS"):
            return None
        self.at += 1
        if self.kinds[self.at] != "{":
            raise self.mistake("'OPTIONS' have to be an object")
        options = self.object()
        if not analysis.is_constant(options):
            raise self.mistake(
                "'OPTIONS' have to be known at query compile time",
                offset=options.position,
                number=ERROR_QUERY_COMPILE_TIME_OPTIONS,
            )
        return options
