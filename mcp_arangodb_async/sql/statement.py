"""One statement, read before it runs: its class, and the functions and tables it names.

    classify("SELECT nextval('s')", POSTGRESQL).kind     # "dml": it changes a sequence

A statement is a `read` only if everything in it is known to read: the first word, every node of the parsed
tree, every function, every table. Whatever cannot be read with certainty is `unknown`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as Sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token as ParserToken

from mcp_arangodb_async.config.environments import StatementKind
from mcp_arangodb_async.sql.dialects.dialect import RANK, Dialect, Effect
from mcp_arangodb_async.sql.dialects.words import AFTER, QUERIES
from mcp_arangodb_async.sql.lexer import Outline, Token, UnreadableError, calls, outline
from mcp_arangodb_async.sql.names import TableName, tables_of
from mcp_arangodb_async.sql.second_opinion import second_opinion

# The parser reports every statement it does not know to this logger, with its text; our answer says so.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# What a first word alone says, for the classes that it says something about.
DOES: Mapping[StatementKind, str] = {
    "dml": "changes data",
    "ddl": "changes the schema or empties tables",
    "admin": "acts on the session or the server",
}

# What a query's tree may begin with, and where the nodes in it may come from; all others are not known to
# read.
QUERY_ROOTS = (exp.Select, exp.SetOperation, exp.Values, exp.Subquery, exp.Table)
CHANGE_ROOTS = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
QUERY_MODULES = frozenset(
    f"sqlglot.expressions.{name}"
    for name in (
        "aggregate",
        "array",
        "constraints",
        "core",
        "datatypes",
        "functions",
        "json",
        "math",
        "query",
        "string",
        "temporal",
    )
)
# In those modules, and not part of a query.
NOT_IN_QUERIES = (
    exp.Analyze,
    exp.Block,
    exp.Cache,
    exp.ConditionalInsert,
    exp.Get,
    exp.Grant,
    exp.LockingStatement,
    exp.MultitableInserts,
    exp.Put,
    exp.ReadCSV,
    exp.ReadParquet,
    exp.Refresh,
    exp.Revoke,
    exp.Semicolon,
    exp.StoredProcedure,
    exp.Uncache,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a caller.

    `text` is what is to be run: the caller's, with comments blanked. `why` says what makes it more than a
    `read`. `tables` is None where they cannot be told. `explained`: only its plan is asked for; `runs` says
    whether EXPLAIN executes it all the same. `tree` is the parsed query or change, if it is one.
    """

    dialect: Dialect
    text: str
    kind: StatementKind
    why: str = ""
    verb: str = ""
    functions: tuple[str, ...] = ()
    unknown_functions: tuple[str, ...] = ()
    tables: tuple[TableName, ...] | None = ()
    explained: bool = False
    runs: bool = True
    tree: exp.Expr | None = None

    @property
    def shown_kind(self) -> str:
        """The class in words."""
        return {
            "read": "a statement that reads",
            "dml": "a statement that changes data",
            "ddl": "a statement that changes the schema",
            "admin": "an administrative statement",
            "unknown": "a statement of unknown effect",
        }[self.kind]


def classify(text: str, dialect: Dialect, *, harmless: Sequence[str] = ()) -> Statement:
    """Read one statement; never raises. `harmless` are more functions that only read, `*` at the end too."""
    try:
        read = outline(text, dialect.lexing)
    except UnreadableError as error:
        return Statement(dialect=dialect, text=text, kind="unknown", why=str(error))
    try:
        return classified(read, dialect, harmless)
    except UnreadableError as error:
        return Statement(dialect=dialect, text=read.text, kind="unknown", why=str(error))
    except RecursionError:
        return Statement(dialect=dialect, text=read.text, kind="unknown", why="it is nested too deeply")


def classified(read: Outline, dialect: Dialect, harmless: Sequence[str]) -> Statement:
    """The class of an outlined statement; raises UnreadableError for what is not known."""
    if not read.tokens:
        raise UnreadableError("there is no statement in it")
    explained = dialect.explained(read.tokens)
    whole = Statement(dialect=dialect, text=read.text, kind="read", verb=read.tokens[0].text.upper())
    if explained is None:
        return inner_statement(whole, read, harmless)
    if explained.begins is None:
        names = [name for name in (explained.table or "").split(".") if name]
        described = TableName(schema=names[0] if len(names) > 1 else None, name=names[-1])
        return replace(whole, tables=(described,), runs=False)
    tokens = read.tokens[explained.begins :]
    if not tokens:
        raise UnreadableError(f"{whole.verb} without a statement")
    begin = tokens[0].start
    rest = Outline(text=" " * begin + read.text[begin:], tokens=tokens)
    inner = inner_statement(replace(whole, text=rest.text, verb=rest.first.upper()), rest, harmless)
    return replace(inner, text=read.text, explained=True, runs=explained.runs)


def inner_statement(whole: Statement, read: Outline, harmless: Sequence[str]) -> Statement:
    """The class by first word, then by everything in it."""
    dialect, first = whole.dialect, read.first
    kind = dialect.statements.get(first)
    if kind is None:
        raise UnreadableError(
            f"no statement of {dialect.label} is known that begins with {read.tokens[0].text!r}"
        )
    found = Effect(kind=kind, why=f"{first.upper()} {DOES[kind]}" if kind in DOES else "")
    if refine := dialect.refine.get(first):
        found = refine(read.tokens)
    if any(token.text == ";" for token in read.tokens) and not holds_a_body(read.tokens):
        raise UnreadableError("there is more than one statement in it; one is run at a time")
    tree = parsed(read, dialect, first) if first in QUERIES or kind == "dml" else None
    nodes = tuple(tree.walk()) if tree is not None else ()
    effects = [found, *tree_effects(nodes, dialect)]
    # The name of a PRAGMA stands before a parenthesis as well, and was judged.
    calling = () if first == "pragma" else read.tokens
    functions, unknown, called = function_effects(calling, nodes, dialect, harmless)
    tables = tables_of(nodes, dialect) if tree is not None else None
    effects += called
    effects += [effect for table in tables or () if (effect := secret(table, dialect))]
    if tree is not None and (doubt := second_opinion(read, dialect, nodes, functions, tables or ())):
        raise UnreadableError(doubt)
    highest = max(effects, key=lambda effect: RANK[effect.kind])
    return replace(
        whole,
        kind=highest.kind,
        why=highest.why,
        functions=functions,
        unknown_functions=unknown,
        tables=tables,
        tree=tree,
    )


def holds_a_body(tokens: Sequence[Token]) -> bool:
    """Whether it defines a routine, trigger or event, whose statements end in `;`; always class `admin`."""
    names = [token.name for token in tokens[:12]]
    bodies = {"trigger", "procedure", "function", "event", "package"}
    return names[0] == "create" and bool(bodies.intersection(names))


def parsed(read: Outline, dialect: Dialect, first: str) -> exp.Expr:
    """The tree of a query or change; raises UnreadableError unless it is exactly one."""
    text = read.text
    if first == "replace":
        # Read as the INSERT it is; the words have the same length, so positions stay.
        begin = next(token.start for token in read.tokens if token.name == "replace")
        text = f"{text[:begin]}INSERT {text[begin + len('REPLACE') :]}"
    reader = Sqlglot.get_or_raise(dialect.sqlglot)
    try:
        parser_tokens = reader.tokenize(text)
        compare_tokens(read.tokens, parser_tokens)
        trees = reader.parser().parse(parser_tokens, text)
    except SqlglotError as error:
        raise UnreadableError(f"it cannot be parsed: {first_line(error)}") from None
    if len(trees) != 1 or trees[0] is None:
        raise UnreadableError("there is not exactly one statement in it; one is run at a time")
    tree = trees[0]
    if not isinstance(tree, QUERY_ROOTS + CHANGE_ROOTS):
        raise UnreadableError(f"it is no query and no change of data, but {type(tree).__name__}")
    return tree


def first_line(error: SqlglotError) -> str:
    """The parser's message without the text that it underlines."""
    return str(error).splitlines()[0].split(".  ")[0]


def compare_tokens(ours: Sequence[Token], theirs: Sequence[ParserToken]) -> None:
    """Both readers must agree where strings and quoted names begin and end; raises UnreadableError."""
    edges = {(token.start, token.end) for token in ours if token.kind in {"string", "quoted"}}
    starts = dict(edges)
    inside = sorted(edges)
    position = 0
    for token in theirs:
        start, end = token.start, token.end + 1
        while position < len(inside) and inside[position][1] <= start:
            position += 1
        if position == len(inside) or end <= inside[position][0]:
            continue
        if starts.get(start) != end and not (inside[position][0] <= start and end <= inside[position][1]):
            raise UnreadableError(f"two readers disagree about the quotes near column {start + 1}")


def tree_effects(nodes: Sequence[exp.Expr], dialect: Dialect) -> Iterator[Effect]:
    """What the nodes of a tree do besides reading."""
    changes = any(isinstance(node, CHANGE_ROOTS) for node in nodes)
    for node in nodes:
        match node:
            case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge():
                yield Effect(kind="dml", why=f"{node.key.upper()} in it changes data")
            case exp.Into():
                kind: StatementKind = "admin" if dialect.assignments else "ddl"
                yield Effect(kind=kind, why="SELECT ... INTO writes its result")
            case exp.Lock():
                yield Effect(kind="dml", why="FOR UPDATE, FOR SHARE and the like lock rows")
            case exp.PropertyEQ() if dialect.assignments:
                yield Effect(kind="admin", why=":= sets a variable of the session")
            case exp.NextValueFor():
                yield Effect(kind="dml", why="NEXT VALUE FOR changes a sequence")
            case _:
                # A change brings nodes of its own, and is no read whatever they are.
                if not changes and not is_of_a_query(node):
                    raise UnreadableError(f"{type(node).__name__} is not known to be part of a query")


def is_of_a_query(node: exp.Expr) -> bool:
    """Whether this type of node is known to read only."""
    return type(node).__module__ in QUERY_MODULES and not isinstance(node, NOT_IN_QUERIES)


def function_effects(
    tokens: Sequence[Token], nodes: Sequence[exp.Expr], dialect: Dialect, harmless: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[Effect]]:
    """The functions called, those not known to read only, and what calling them does.

    Calls are found among the tokens, not in the tree: a parser may know a name from another dialect and
    hide it. A name before a list of columns (`WITH t (a, b) AS`) looks the same, and is let pass as often
    as the tree has it.
    """
    columns = Counter(
        node.name.lower() for node in nodes if isinstance(node, exp.TableAlias) and node.columns
    )
    names: dict[str, None] = {}
    unknown: dict[str, None] = {}
    effects: list[Effect] = []
    qualifiers = qualified(tokens)
    before = {token.start: previous for previous, token in pairwise(tokens)}
    for token in calls(tokens):
        lower = token.name.lower()
        qualifier = qualifiers.get(token.start)
        if token.kind == "word" and qualifier is None and is_keyword(lower, before.get(token.start), dialect):
            continue
        if columns[lower] and qualifier is None:
            columns[lower] -= 1
            continue
        names[lower] = None
        effect = effect_of(token, qualifier, dialect, harmless)
        if effect is None:
            unknown[lower] = None
            effect = Effect(
                kind="dml",
                why=f"function {lower} is not known to only read",
            )
        if effect.kind != "read":
            effects.append(effect)
    return tuple(names), tuple(unknown), effects


def is_keyword(name: str, before: Token | None, dialect: Dialect) -> bool:
    """Whether the word before a parenthesis is a keyword here, not the name of a function."""
    if name in dialect.before_parenthesis:
        return True
    places = AFTER.get(name)
    if places is None or before is None:
        return False
    return (before.name or before.text) in places or before.kind.upper() in places


def qualified(tokens: Sequence[Token]) -> dict[int, str]:
    """Where a name stands after a dot: its position, and the name before the dot."""
    return {
        name.start: before.name
        for before, dot, name in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if dot.text == "." and before.kind in {"word", "quoted"}
    }


def effect_of(
    token: Token, qualifier: str | None, dialect: Dialect, harmless: Sequence[str]
) -> Effect | None:
    """What calling the function does; None if nothing is known of it."""
    lower = token.name.lower()
    known = dialect.effects.get(lower)
    if known is None and lower not in dialect.functions:
        prefixes = dialect.effects_by_prefix
        known = next((effect for prefix, effect in prefixes if lower.startswith(prefix)), None)
    if known is not None and known.kind != "read":
        return Effect(kind=known.kind, why=f"{lower}() {known.why}")
    spelled = [lower] if qualifier is None else [f"{qualifier.lower()}.{lower}"]
    if any(matches(name, pattern) for name in spelled for pattern in harmless):
        return Effect(kind="read", why="")
    own = qualifier is None or qualifier.lower() in dialect.system_schemas
    exact = token.kind == "word" or not dialect.folds_names or token.name == lower
    if own and exact and (known is not None or lower in dialect.functions):
        return Effect(kind="read", why="")
    return None


def matches(name: str, pattern: str) -> bool:
    """Whether the name is the pattern, or begins with it where it ends in `*`."""
    pattern = pattern.lower()
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def secret(table: TableName, dialect: Dialect) -> Effect | None:
    """What reading one of the server's own tables of credentials or files amounts to."""
    why = dialect.secrets.get(table.name.lower())
    if why is None:
        return None
    if dialect.secrets_schema is not None and (table.schema or "").lower() != dialect.secrets_schema:
        return None
    return Effect(kind="admin", why=f"{table.name} {why}")
