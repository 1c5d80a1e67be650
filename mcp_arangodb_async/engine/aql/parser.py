"""AQL text to syntax tree.

The parser knows neither collections nor bind values, and leaves scopes alone: what a name means, whether a
variable is declared twice or an aggregate function exists, the planner finds out. Everything the grammar of
ArangoDB refuses is refused here, with error 1501 and the place: what runs on the engine must run on ArangoDB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Thread
from types import MappingProxyType

from mcp_arangodb_async.engine.aql import analysis, ast, lexer
from mcp_arangodb_async.engine.aql.pattern_parser import PatternParser
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_EMPTY,
    ERROR_QUERY_INVALID_AGGREGATE_EXPRESSION,
    ERROR_QUERY_TOO_MUCH_NESTING,
    ArangoError,
)


def parse(text: str, compat: str = "3.12") -> ast.Query:
    """Return the syntax tree of a query; `compat` decides which words are reserved.

    Raises ArangoError: 1501 for a mistake in the text, with its line and column; 1502 for no text at all;
    1524 for more nesting or more text than a query may have; 1574 and 1575 for a wrong kind of aggregate and
    of OPTIONS.
    """
    try:
        return _parse(text, compat)
    except RecursionError:
        # The caller has used up Python's stack, not the query, whose nesting is counted: take a fresh stack.
        return _parse_in_thread(text, compat)


def _parse(text: str, compat: str) -> ast.Query:
    if not text:
        raise ArangoError(ERROR_QUERY_EMPTY)
    if not text.isascii():
        _require_unicode(text)
    parser = QueryParser(text, compat)
    query = parser.whole_query()
    if len(parser.kinds) > ast.MAX_HEIGHT and analysis.height(query) > ast.MAX_HEIGHT:
        raise ArangoError(ERROR_QUERY_TOO_MUCH_NESTING)
    return query


def _parse_in_thread(text: str, compat: str) -> ast.Query:
    outcome: list[ast.Query | ArangoError] = []

    def run() -> None:
        try:
            outcome.append(_parse(text, compat))
        except ArangoError as error:
            outcome.append(error)
        except RecursionError:
            outcome.append(ArangoError(ERROR_QUERY_TOO_MUCH_NESTING))

    thread = Thread(target=run, name="aql-parser")
    thread.start()
    thread.join()
    result = outcome[0]
    if isinstance(result, ArangoError):
        raise result
    return result


def _require_unicode(text: str) -> None:
    """Refuse half a surrogate pair, which no answer could carry: it has no UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise lexer.mistake(
            text[: error.start], error.start, "query text is not valid Unicode after this"
        ) from None


class QueryParser(PatternParser):
    """Reads operations, and queries made of them."""

    __slots__ = ()

    def whole_query(self) -> ast.Query:
        """Read a query and the end of the text."""
        with_collections = self.with_collections() if self.accept("WITH") else ()
        query = self.query()
        if self.kinds[self.at] != lexer.END:
            raise self.unexpected()
        return ast.Query(query.position, query.operations, with_collections, tuple(self.warnings))

    def with_collections(self) -> tuple[ast.CollectionReference, ...]:
        """Read the collections of WITH; commas between them are optional."""
        collections = [self.collection_or_parameter()]
        while self.accept(",") or self.kinds[self.at] in {
            lexer.IDENTIFIER,
            lexer.PARAMETER,
            lexer.COLLECTION_PARAMETER,
        }:
            collections.append(self.collection_or_parameter())
        return tuple(collections)

    def query(self) -> ast.Query:
        """Read operations up to the RETURN or the modification that ends them."""
        position = self.offsets[self.at]
        operations: list[ast.Operation] = []
        loops = False
        while True:
            kind = self.kinds[self.at]
            if kind == "RETURN":
                operations.append(self.return_operation(loops=loops))
                break
            if kind == "LET":
                self.let_operations(operations)
                continue
            if kind == "FOR":
                self.for_operations(operations)
                loops = True
                continue
            read = _OPERATIONS.get(kind)
            if read is None:
                if not operations or not isinstance(operations[-1], ast.Modification):
                    raise self.unexpected()
                break
            operations.append(read(self))
        return ast.Query(position, tuple(operations))

    # Operations, in the order of the manual.

    def for_operations(self, operations: list[ast.Operation]) -> None:
        """Read FOR over a collection, array, view or graph; the variables of a pattern are LETs after it."""
        position = self.step()
        if self.at_pattern():
            pattern = self.pattern()
            self.expect("IN")
            operations.append(self.for_operation(position, pattern.source, self.expression()))
            operations.extend(pattern.parts)
            return
        variables = [self.variable()]
        while self.accept(","):
            variables.append(self.variable())
        self.expect("IN", ",")
        source = None if self.at_direction() else self.expression()
        if source is None or self.at_direction():
            operations.append(self.graph_operation(position, tuple(variables), source))
            return
        self.check_variables(
            variables, 1, "Collections and views FOR loops only allow a single return variable"
        )
        operations.append(self.for_operation(position, variables[0], source))

    def for_operation(self, position: int, variable: ast.Variable, source: ast.Expression) -> ast.Operation:
        """Read what may follow the source of a loop: SEARCH and OPTIONS."""
        search = options = None
        if self.is_qualifier("SEARCH", "OPTIONS"):
            if self.values[self.at].upper() == "SEARCH":
                if variable.temporary:
                    raise self.mistake("SEARCH condition is incompatible with destructuring")
                self.at += 1
                search = self.expression()
                if not isinstance(source, ast.Name | ast.CollectionParameter):
                    raise self.mistake("SEARCH condition used on non-view", offset=source.position)
            options = self.options()
        return ast.For(position, variable, source, search, options)

    def let_operations(self, operations: list[ast.Operation]) -> None:
        """Read LET; each variable it assigns is an operation."""
        self.at += 1
        while True:
            position = self.offsets[self.at]
            pattern = self.pattern() if self.at_pattern() else None
            variable = pattern.source if pattern else self.variable()
            self.expect("=")
            operations.append(ast.Let(position, variable, self.expression()))
            if pattern:
                operations.extend(pattern.parts)
            if not self.accept(","):
                return

    def filter_operation(self) -> ast.Operation:
        """Read FILTER."""
        return ast.Filter(self.step(), self.expression())

    def sort_operation(self) -> ast.Operation:
        """Read SORT."""
        position = self.step()
        elements = [self.sort_element()]
        while self.accept(","):
            elements.append(self.sort_element())
        return ast.Sort(position, tuple(elements))

    def sort_element(self) -> ast.SortElement:
        """Read one criterion; its direction may be a word, a constant or a bind parameter."""
        position = self.offsets[self.at]
        value = self.expression()
        kind = self.kinds[self.at]
        if kind in {"ASC", "DESC"}:
            self.at += 1
            return ast.SortElement(position, value, "ASC" if kind == "ASC" else "DESC")
        if kind in {lexer.PARAMETER, lexer.COLLECTION_PARAMETER}:
            return ast.SortElement(position, value, self.bind_parameter())
        if kind in _SIMPLE_VALUES:
            direction = _SIMPLE_VALUES[kind](self)
            assert isinstance(direction, ast.Literal)
            return ast.SortElement(position, value, direction)
        return ast.SortElement(position, value)

    def limit_operation(self) -> ast.Operation:
        """Read LIMIT."""
        position = self.step()
        count = self.expression()
        if self.accept(","):
            return ast.Limit(position, self.expression(), count)
        return ast.Limit(position, count)

    def collect_operation(self) -> ast.Operation:
        """Read COLLECT; which of its clauses may follow which is the grammar's own choice."""
        position = self.step()
        groups: tuple[ast.Assignment, ...] = ()
        if self.kinds[self.at] not in {"WITH", "AGGREGATE"}:
            groups = self.assignments()
        if self.accept("WITH"):
            self.word("COUNT")
            self.expect("INTO")
            return ast.Collect(position, groups, count=self.variable(), options=self.options())
        aggregates = self.aggregates() if self.kinds[self.at] == "AGGREGATE" else ()
        into = projection = keep = None
        if self.accept("INTO"):
            into = self.variable()
            if self.accept("="):
                projection = self.expression()
        if not aggregates and self.at_keep():
            if into is None:
                raise self.mistake("use of 'KEEP' without 'INTO'")
            keep = self.kept()
        return ast.Collect(position, groups, aggregates, None, into, projection, keep, self.options())

    def at_keep(self) -> bool:
        """Tell whether KEEP is next; OPTIONS is told apart by the object behind it."""
        if not self.is_qualifier("KEEP", "OPTIONS") or self.kinds[self.at + 1] == "{":
            return False
        return self.values[self.at].upper() == "KEEP"

    def kept(self) -> tuple[ast.Name, ...]:
        """Read KEEP and its names."""
        self.at += 1
        names = [ast.Name(self.offsets[self.at], self.name())]
        while self.accept(","):
            names.append(ast.Name(self.offsets[self.at], self.name()))
        return tuple(names)

    def assignments(self) -> tuple[ast.Assignment, ...]:
        """Read `name = expression`, once or more."""
        found: list[ast.Assignment] = []
        while True:
            position = self.offsets[self.at]
            variable = self.variable()
            self.expect("=")
            found.append(ast.Assignment(position, variable, self.expression()))
            if not self.accept(","):
                return tuple(found)

    def aggregates(self) -> tuple[ast.Assignment, ...]:
        """Read AGGREGATE; each value must be a call."""
        self.expect("AGGREGATE")
        found = self.assignments()
        for assignment in found:
            if not isinstance(assignment.value, ast.FunctionCall):
                raise self.mistake(
                    "aggregate expression must be a function call",
                    offset=assignment.value.position,
                    number=ERROR_QUERY_INVALID_AGGREGATE_EXPRESSION,
                )
        return found

    def window_operation(self) -> ast.Operation:
        """Read WINDOW over rows or over values."""
        position = self.step()
        start = self.at
        range_value = None
        if self.kinds[start] == "{":
            bounds: ast.Expression = self.expression()
        else:
            bounds = range_value = self.expression()
        if self.accept("WITH"):
            range_value = bounds
            bounds = self.object()
        elif range_value is not None or not isinstance(bounds, ast.ObjectLiteral):
            raise self.unexpected("WITH")
        self.check_bounds(bounds)
        return ast.Window(position, bounds, self.aggregates(), range_value)

    def check_bounds(self, bounds: ast.ObjectLiteral) -> None:
        """Refuse bounds of a window other than `preceding` and `following`."""
        if not bounds.members:
            raise self.mistake(
                "At least one WINDOW bound must be specified ('preceding'/'following')",
                offset=bounds.position,
            )
        seen: set[str] = set()
        for member in bounds.members:
            name: object = None
            if isinstance(member, ast.ObjectMember) and not member.computed:
                name = member.key.value if isinstance(member.key, ast.Literal) else None
            if not isinstance(name, str) or name not in {"preceding", "following"}:
                raise self.mistake(
                    f"Invalid WINDOW attribute '{name or ''}'; "
                    'only "preceding" and "following" are supported',
                    offset=member.position,
                )
            if name in seen:
                raise self.mistake(
                    f"WINDOW attribute '{name}' is specified multiple times", offset=member.position
                )
            seen.add(name)

    def remove_operation(self) -> ast.Operation:
        """Read REMOVE."""
        position = self.step()
        key = self.expression(before_collection=True)
        return ast.Remove(position, key, self.target(), self.options())

    def insert_operation(self) -> ast.Operation:
        """Read INSERT."""
        position = self.step()
        document = self.expression(before_collection=True)
        return ast.Insert(position, document, self.target(), self.options())

    def update_operation(self) -> ast.Operation:
        """Read UPDATE or REPLACE, with the key in front or inside the document."""
        replace = self.kinds[self.at] == "REPLACE"
        position = self.step()
        key: ast.Expression | None = None
        document = self.expression(before_collection=True)
        if self.accept("WITH"):
            key, document = document, self.expression(before_collection=True)
        return ast.Update(position, key, document, replace, self.target(), self.options())

    def upsert_operation(self) -> ast.Operation:
        """Read UPSERT, by example or by FILTER."""
        position = self.step()
        search: ast.ObjectLiteral | ast.BindParameter | ast.CollectionParameter | None = None
        condition: ast.Expression | None = None
        if self.accept("FILTER"):
            condition = self.expression()
        elif self.kinds[self.at] == "{":
            search = self.object()
            self.check_example(search)
        elif self.kinds[self.at] in {lexer.PARAMETER, lexer.COLLECTION_PARAMETER}:
            search = self.bind_parameter()
        else:
            raise self.unexpected("FILTER", "{", lexer.PARAMETER, lexer.COLLECTION_PARAMETER)
        self.expect("INSERT")
        insert = self.expression()
        replace = self.kinds[self.at] == "REPLACE"
        if not self.accept("REPLACE"):
            self.expect("UPDATE", "REPLACE")
        update = self.expression(before_collection=True)
        return ast.Upsert(position, search, condition, insert, update, replace, self.target(), self.options())

    def check_example(self, example: ast.ObjectLiteral) -> None:
        """Refuse an UPSERT example whose attribute names are not written out."""
        for member in example.members:
            if isinstance(member, ast.Spread) or member.computed or not isinstance(member.key, ast.Literal):
                raise self.mistake(
                    "expecting object literal with literal attribute names in example",
                    offset=member.position,
                )

    def return_operation(self, *, loops: bool) -> ast.Operation:
        """Read RETURN; DISTINCT needs a loop, for there is but one row without."""
        position = self.step()
        distinct = self.accept("DISTINCT")
        if distinct and not loops:
            self.at -= 1
            raise self.mistake("cannot use DISTINCT modifier on top-level query element")
        return ast.Return(position, self.expression(), distinct)

    def target(self) -> ast.CollectionReference:
        """Read `IN collection` or `INTO collection`."""
        if not self.accept("INTO"):
            self.expect("IN", "INTO")
        at = self.at
        if self.kinds[at] == lexer.COLLECTION_PARAMETER:
            return self.bind_parameter()
        if self.kinds[at] not in {lexer.IDENTIFIER, lexer.STRING}:
            raise self.unexpected(lexer.IDENTIFIER, lexer.STRING, lexer.COLLECTION_PARAMETER)
        self.at = at + 1
        return ast.Name(self.offsets[at], self.values[at])


# FOR, LET and RETURN are read by `query` itself: they make several operations, or end the query.
_OPERATIONS: Mapping[str, Callable[[QueryParser], ast.Operation]] = MappingProxyType(
    {
        "FILTER": QueryParser.filter_operation,
        "SORT": QueryParser.sort_operation,
        "LIMIT": QueryParser.limit_operation,
        "COLLECT": QueryParser.collect_operation,
        "WINDOW": QueryParser.window_operation,
        "REMOVE": QueryParser.remove_operation,
        "INSERT": QueryParser.insert_operation,
        "UPDATE": QueryParser.update_operation,
        "REPLACE": QueryParser.update_operation,
        "UPSERT": QueryParser.upsert_operation,
    }
)
_SIMPLE_VALUES: Mapping[str, Callable[[QueryParser], ast.Expression]] = MappingProxyType(
    {
        lexer.STRING: QueryParser.literal_string,
        lexer.INTEGER: QueryParser.literal_number,
        lexer.NUMBER: QueryParser.literal_number,
        "NULL": QueryParser.literal_word,
        "TRUE": QueryParser.literal_word,
        "FALSE": QueryParser.literal_word,
    }
)
