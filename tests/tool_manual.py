"""The manual's pages about tools, written from the code and from the goldens.

Arguments, their types and defaults come from a tool's `Args`; what they mean, from the string that stands
below a field in its source; results from the TypedDict. Tools that are proved by the same conversations are a
`Family`: the example is the first call that succeeds there, the errors are those of all its conversations,
which their own test runs. A further family is one line in `FAMILIES`, with its pages.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mcp_arangodb_async.tools.aliases import ALIASES
from mcp_arangodb_async.tools.catalog import ALL_TOOLS
from mcp_arangodb_async.tools.result import Relayed
from mcp_arangodb_async.tools.spec import Args, Effect, Tool, fields_of, is_hidden
from mcp_arangodb_async.tools.sql_tools import SQL_TOOLS
from mcp_arangodb_async.tools.tenancy import LISTED_FOR
from mcp_arangodb_async.tools.tenant_catalog import SERVICE_TOOLS, TENANT_TOOLS

GOLDENS = Path(__file__).parent / "goldens"
LINE, LINES = 150, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its file's name, its title, what it is about, and which of the family's tools are on it."""

    name: str
    title: str
    about: str
    holds: Callable[[Tool], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Tools whose conversations are kept in one directory, and the pages about them.

    The file `examples` is read before the others. Names in conversations go without `prefix`. `needs` says
    what a call of a tool needs; `shared` what arguments mean wherever nothing else is said.
    """

    tools: Sequence[Tool]
    conversations: str
    examples: str
    pages: Sequence[Page]
    needs: Callable[[Tool], str]
    shared: Mapping[str, str]
    prefix: str = ""

    def tools_of(self, page: Page) -> list[Tool]:
        """The tools on a page, in the order clients see them."""
        return [tool for tool in self.tools if page.holds(tool)]


def in_category(category: str) -> Callable[[Tool], bool]:
    """Pages that hold the tools of a category."""
    return lambda tool: tool.category == category


def in_module(*names: str) -> Callable[[Tool], bool]:
    """Pages that hold the tools of modules."""
    return lambda tool: tool.run.__module__.rpartition(".")[2] in names


SHARED: Mapping[str, str] = {
    "database": "Key of the database; without it the session's focus is used, then the configured default.",
    "collection": "Name of the collection.",
    "graph": "Name of the graph.",
    "key": "`_key` of the document; `collection/key` is taken too when it names this collection.",
    "dry_run": "Only tell what would happen.",
    "format": "How rows are written: `json`, `columns`, `markdown`, `csv` or `yaml`.",
    "next": "The handle of a result that was cut; it is good alone, and for `arango_query` as well.",
    "query": "The AQL statement.",
    "bind_vars": "Values of `@name`, and names of collections for `@@name`.",
}
ACCESS: Mapping[str | None, str] = {
    None: "Needs no database",
    "read": "Needs access `read`",
    "write": "Needs access `write`",
    "admin": "Needs access `admin`",
}
ARANGO = Family(
    tools=ALL_TOOLS,
    conversations="tools",
    examples="manual.txt",
    prefix="arango_",
    needs=lambda tool: ACCESS[tool.effect.access if tool.needs_database else None],
    shared=SHARED,
    pages=(
        Page(
            name="core-data",
            title="Documents, collections and backups",
            about="Query and change documents, create and drop collections, back up, reach across databases.",
            holds=in_category("core_data"),
        ),
        Page(
            name="indexing",
            title="Indexes",
            about="List, create and drop indexes.",
            holds=in_category("indexing"),
        ),
        Page(
            name="validation",
            title="Bulk changes and checks",
            about="Write many documents, each counted truthfully, and check what refers to what.",
            holds=in_category("validation"),
        ),
        Page(
            name="graph",
            title="Graphs",
            about="Define, fill, follow, measure, check and save named graphs.",
            holds=in_category("graph"),
        ),
        Page(
            name="schema-and-query",
            title="Schemas, queries and searches",
            about="Describe a database, build, explain and profile queries, search texts, keep JSON Schemas.",
            holds=in_category("schema_query"),
        ),
        Page(
            name="patterns",
            title="Finding tools",
            about="Search the tools, and narrow their list to a piece of work.",
            holds=in_category("patterns"),
        ),
        Page(
            name="multi-tenancy",
            title="Choosing a database",
            about="Which databases are configured, which one a call uses, whether they answer.",
            holds=in_category("multi_tenancy"),
        ),
    ),
)
SQL = Family(
    tools=SQL_TOOLS,
    conversations="sql",
    examples="sqlite.txt",
    needs=lambda tool: (
        "What the environment's access and policy allow"
        if tool.effect is Effect.STATEMENT
        else "Listed where environments are configured"
    ),
    shared={
        "environment": "Name of the environment; without it the session's focus is used, then the "
        "configured default.",
        "environments": "Names of environments; all that are enabled without it.",
        "sql": "One statement of the environment's dialect; AQL for an ArangoDB database.",
        "parameters": "Values of `:name`, in every dialect; of `@name` in AQL.",
        "table": "Name of a table or view.",
        "database": "The schema (PostgreSQL) or database (MariaDB) to look into; else the connection's own.",
        "max_rows": "So many rows at most; never more than the environment's and the server's own limits.",
        "timeout": "Seconds the statement may take; never more than the environment's `query_timeout`.",
        "format": SHARED["format"],
        "next": "The handle of an answer that was cut, given alone: its rest, good once.",
        "confirm": "The word that a refusal gave which asks for confirmation of exactly this statement.",
        "stream_results": "Taken and without meaning: every answer comes from a cursor of the server.",
    },
    pages=(
        Page(
            name="sql-queries",
            title="SQL: statements",
            about="Run one statement on one environment, several or all; explain it.",
            holds=in_module("sql", "sql_stream", "sql_join"),
        ),
        Page(
            name="sql-catalogue",
            title="SQL: what there is",
            about="Which environments are configured, which databases, tables and columns they hold.",
            holds=in_module("sql_catalogue"),
        ),
        Page(
            name="sql-comparison",
            title="SQL: what differs",
            about="Compare environments with a baseline, or with what they were.",
            holds=in_module("sql_compare", "sql_compare_rows"),
        ),
        Page(
            name="sql-health",
            title="SQL: health",
            about="Whether environments answer, how far a connection gets, how they fare and how fast.",
            holds=in_module("sql_health", "sql_monitoring"),
        ),
    ),
)
TENANTS = Family(
    tools=(*TENANT_TOOLS, *SERVICE_TOOLS),
    conversations="tenants",
    examples="managing.txt",
    needs=lambda tool: f"Needs the right `{LISTED_FOR.get(tool.name, 'upstream.use')}`",
    shared={
        "acting_for": "The tenant that an Uber Admin acts for in this call; it is in the audit log.",
        "expected_version": "Fail if the tenant is at another version: somebody else changed it meanwhile.",
        "dry_run": "Check everything and store nothing.",
        "servers": "The new servers by name: `postgres`, `minio`, `ai_mcp_server`, or a name of your own. "
        "What may stand in a server is in the guide to tenants.",
        "enabled": "Whether the tenant's own servers are used at all; without them it is on the global ones.",
        "validate": "Try each server before it is stored: address, handshake, tools, credentials.",
        "server": "Name of the server; where it may be left out, all of them.",
        "config": "What changes: a field that is null goes back to its default, one that is not named stays.",
        "history": "Also the versions that are kept.",
        "after": "Ids that come after this one: the `next` of the answer before.",
        "limit": "So many ids at most.",
        "confirm": "The tenant's own id, to erase all of it: servers, history, keys.",
        "approve": 'Tools whose definitions are approved as they are now; `["*"]` for all.',
        "version": "The version to return to.",
        "sql": "The statement.",
        "parameters": "Values of its placeholders, where the server's tool takes some.",
        "schema": "The schema.",
        "table": "The table.",
        "bucket": "The bucket.",
        "prefix": "Only keys that begin so.",
        "key": "The object's key.",
        "content": "The text to store.",
        "content_type": "Its MIME type, where the server's tool takes one.",
        "input": "The texts.",
        "model": "The model; else the server's own choice.",
        "messages": "The conversation: objects with `role` and `content`.",
        "max_tokens": "The longest answer.",
    },
    pages=(
        Page(
            name="tenants",
            title="Tenants: what they bring",
            about="Register, try, explain, change and take away a tenant's own MCP servers.",
            holds=in_module("tenants"),
        ),
        Page(
            name="services",
            title="Tenants: what their servers do",
            about="Query, store and ask models through whichever server the caller's tenant has.",
            holds=in_module("upstreams"),
        ),
    ),
)
FAMILIES: tuple[Family, ...] = (ARANGO, SQL, TENANTS)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One call of a conversation, with its answer."""

    tool: str
    arguments: str
    answer: str

    @property
    def error(self) -> dict[str, Any] | None:
        """The error it ended with."""
        try:
            document = json.loads(self.answer)
        except ValueError:
            return None
        return document.get("error") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - a document


def spoken(text: str, prefix: str) -> Iterable[Spoken]:
    """The calls of a conversation file."""
    for part in re.split(r"\n(?=[>!] )", text):
        match = re.match(r"> (?P<name>[a-z_]+) (?P<arguments>\{[^\n]*\})\n(?P<answer>.*)", part, re.DOTALL)
        if match is not None:
            name = f"{prefix}{match['name']}"
            yield Spoken(ALIASES.get(name, name), match["arguments"], match["answer"].strip("\n"))


@cache
def spoken_in(directory: str, examples: str, prefix: str) -> tuple[Spoken, ...]:
    """Every call of every conversation in a directory, those of one file first."""
    paths = sorted((GOLDENS / directory).glob("*.txt"), key=lambda path: (path.name != examples, path.name))
    return tuple(one for path in paths for one in spoken(path.read_text(encoding="utf-8"), prefix))


def conversations(family: Family) -> tuple[Spoken, ...]:
    """Every call of every conversation of a family, the examples first."""
    return spoken_in(family.conversations, family.examples, family.prefix)


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the strings below the fields of a model say, its parents' included."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not issubclass(owner, BaseModel) or owner in {BaseModel, Args}:
            continue
        (body,) = ast.parse(inspect.getsource(owner)).body
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                found[field.target.id.rstrip("_")] = " ".join(below.value.value.split())
    return found


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""

    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return "\n".join([line(columns), line("---" for _ in columns), *(line(row) for row in rows)])


SIMPLE: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    Any: "any value",
    types.NoneType: "null",
}


def type_words(hint: Any) -> str:
    """A type in JSON's words."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    origin: Any = get_origin(hint)
    if origin is Annotated:
        return type_words(get_args(hint)[0])
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in get_args(hint))
    if origin in (Union, types.UnionType):
        words = [type_words(choice) for choice in get_args(hint) if choice is not types.NoneType]
        return " or ".join(dict.fromkeys(words))
    kind: Any = origin or hint
    if isinstance(kind, type) and issubclass(kind, Sequence):
        items = [type_words(item) for item in get_args(hint)]
        return f"array of {plural(items[0])}" if items else "array"
    return "object"


def plural(words: str) -> str:
    """The words for several of a type."""
    return words if words.startswith(("`", "any", "array")) else f"{words}s"


def default_words(field: FieldInfo) -> str:
    """The default as it stands in the table."""
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value in (None, [], {}) or isinstance(value, BaseModel):
        return ""
    return f"`{json.dumps(value)}`"


def argument_rows(tool: Tool, shared: Mapping[str, str]) -> Iterable[Sequence[str]]:
    """The table of a tool's arguments, the database last."""
    said = meanings(tool.args)
    fields = fields_of(tool.args)
    for name in sorted(fields, key=lambda one: one == "database"):
        field = fields[name]
        meaning = said.get(name) or shared.get(name)
        assert meaning, f"{tool.name}: nothing is said about {name}; write it below the field"
        shown = f"`{name}`" + (" \\*" if is_hidden(field) else "")
        yield shown, type_words(field.annotation), default_words(field), meaning


def access_words(tool: Tool, needs: str) -> str:
    """What a call needs, and what its hints say."""
    hints = tool.effect.annotations
    words = [needs]
    if tool.effect is Effect.STATEMENT and tool.needs_database:
        words.append("more where the call changes something")
    words.append("only reads" if hints["readOnlyHint"] else "changes something")
    if hints["destructiveHint"]:
        words.append("may overwrite or remove")
    if not hints["readOnlyHint"] and hints["idempotentHint"]:
        words.append("repeating it changes nothing more")
    return "; ".join(words)


def result_words(tool: Tool) -> str:
    """What a tool answers with."""
    if tool.result is Relayed:
        return "**Result**: what the tenant's server answered, passed on as it is."
    if tool.returns_rows:
        return "**Result**: [rows](README.md#rows)."
    text = " ".join((tool.result.__doc__ or "").split())
    rows = [(f"`{name}`", type_words(hint)) for name, hint in get_type_hints(tool.result).items()]
    return f"**Result**: {text}\n\n{table(('member', 'type'), rows)}"


def shortened(answer: str) -> str:
    """The answer in a few lines that fit a page."""
    lines = [line if len(line) <= LINE else f"{line[:LINE]} ..." for line in answer.split("\n")]
    return "\n".join([*lines[:LINES], "..."] if len(lines) > LINES else lines)


def example(tool: Tool, family: Family) -> str:
    """The worked example."""
    calls = [one for one in conversations(family) if one.tool == tool.name and one.error is None]
    assert calls, f"{tool.name} has no call that succeeds in the conversations under {family.conversations}"
    first = calls[0]
    return (
        f"**Example**\n\n```json\n{first.arguments}\n```\n\nanswers\n\n"
        f"```json\n{shortened(first.answer)}\n```"
    )


def errors(tool: Tool, family: Family) -> str:
    """The errors of a tool's own, each with a message it was seen with."""
    found: dict[str, str] = {}
    for one in conversations(family):
        if one.tool == tool.name and one.error is not None:
            found.setdefault(one.error["code"], one.error["message"])
    if not found:
        return ""
    rows = [(f"`{code}`", message[:LINE]) for code, message in sorted(found.items())]
    head = "**Errors**, with an example of each; all tools share [the others](README.md#errors):"
    return f"{head}\n\n{table(('code', 'message'), rows)}"


def section(tool: Tool, family: Family) -> str:
    """A tool."""
    _, _, more = inspect.cleandoc(tool.args.__doc__ or "").partition("\n\n")
    prose = f"{tool.description} {' '.join(more.split())}".strip()
    parts = [f"## {tool.name}", prose, f"*{access_words(tool, family.needs(tool))}.*"]
    rows = list(argument_rows(tool, family.shared))
    if rows:
        parts.append(table(("argument", "type", "default", "meaning"), rows))
    old = [f"`{old}` for `{current}`" for old, current in tool.args.also.items()]
    names = [f"`{alias}` for the tool" for alias, name in ALIASES.items() if name == tool.name]
    if old or names:
        parts.append(f"Also taken: {', '.join([*names, *old])}.")
    parts += [result_words(tool), example(tool, family), errors(tool, family)]
    return "\n\n".join(part for part in parts if part)


HEAD = "<!-- Written from the code by `make manual`; change it there. -->"


def written(page: Page, family: Family) -> str:
    """One page of the manual."""
    intro = f"{page.about} Arguments marked \\* are taken and not advertised."
    sections = [section(tool, family) for tool in family.tools_of(page)]
    return "\n\n".join([f"# {page.title}", HEAD, intro, *sections]) + "\n"


def contents() -> str:
    """The list of pages with their tools."""
    lines: list[str] = []
    for family in FAMILIES:
        for page in family.pages:
            lines.append(f"- [{page.title}]({page.name}.md): {page.about}")
            lines += [
                f"  - [`{tool.name}`]({page.name}.md#{tool.name}): {tool.description}"
                for tool in family.tools_of(page)
            ]
    return "\n".join(lines)
