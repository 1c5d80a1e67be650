"""The manual's pages about tools, written from the code and from the goldens.

Arguments, their types and defaults come from a tool's `Args`; what they mean, from the string that stands
below a field in its source; results from the TypedDict; the example from tests/goldens/tools/manual.txt, and
the errors from all conversations there, which their own test runs.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mcp_arangodb_async.tools.aliases import ALIASES
from mcp_arangodb_async.tools.catalog import ALL_TOOLS
from mcp_arangodb_async.tools.spec import Args, Effect, Tool, fields_of, is_hidden

GOLDENS = Path(__file__).parent / "goldens" / "tools"
EXAMPLES = "manual.txt"
LINE, LINES = 150, 30
# The pages: file name -> title, what it is about, category.
PAGES: Mapping[str, tuple[str, str, str]] = {
    "core-data": (
        "Documents, collections and backups",
        "Query and change documents, create and drop collections, back up, reach across databases.",
        "core_data",
    ),
    "indexing": ("Indexes", "List, create and drop indexes.", "indexing"),
    "validation": (
        "Bulk changes and checks",
        "Write many documents, each counted truthfully, and check what refers to what.",
        "validation",
    ),
    "graph": ("Graphs", "Define, fill, follow, measure, check and save named graphs.", "graph"),
    "schema-and-query": (
        "Schemas, queries and searches",
        "Describe a database, build, explain and profile queries, search texts, keep JSON Schemas.",
        "schema_query",
    ),
    "patterns": (
        "Finding tools",
        "Search the tools, and narrow their list to a piece of work.",
        "patterns",
    ),
    "multi-tenancy": (
        "Choosing a database",
        "Which databases are configured, which one a call uses, whether they answer.",
        "multi_tenancy",
    ),
}
# What these arguments mean wherever they occur and nothing else is said.
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


def spoken(text: str) -> Iterable[Spoken]:
    """The calls of a conversation file."""
    for part in re.split(r"\n(?=[>!] )", text):
        match = re.match(r"> (?P<name>[a-z_]+) (?P<arguments>\{[^\n]*\})\n(?P<answer>.*)", part, re.DOTALL)
        if match is not None:
            name = f"arango_{match['name']}"
            yield Spoken(ALIASES.get(name, name), match["arguments"], match["answer"].strip("\n"))


@cache
def conversations() -> tuple[Spoken, ...]:
    """Every call of every conversation, those of the manual first."""
    paths = sorted(GOLDENS.glob("*.txt"), key=lambda path: (path.name != EXAMPLES, path.name))
    return tuple(one for path in paths for one in spoken(path.read_text(encoding="utf-8")))


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


def argument_rows(tool: Tool) -> Iterable[Sequence[str]]:
    """The table of a tool's arguments, the database last."""
    said = meanings(tool.args)
    fields = fields_of(tool.args)
    for name in sorted(fields, key=lambda one: one == "database"):
        field = fields[name]
        meaning = said.get(name) or SHARED.get(name)
        assert meaning, f"{tool.name}: nothing is said about {name}; write it below the field"
        shown = f"`{name}`" + (" \\*" if is_hidden(field) else "")
        yield shown, type_words(field.annotation), default_words(field), meaning


def access_words(tool: Tool) -> str:
    """What a call needs, and what its hints say."""
    hints = tool.effect.annotations
    words = [ACCESS[tool.effect.access if tool.needs_database else None]]
    if tool.effect is Effect.STATEMENT:
        words.append("more where the call changes something")
    words.append("only reads" if hints["readOnlyHint"] else "changes something")
    if hints["destructiveHint"]:
        words.append("may overwrite or remove")
    if not hints["readOnlyHint"] and hints["idempotentHint"]:
        words.append("repeating it changes nothing more")
    return "; ".join(words)


def result_words(tool: Tool) -> str:
    """What a tool answers with."""
    if tool.returns_rows:
        return "**Result**: [rows](README.md#rows)."
    text = " ".join((tool.result.__doc__ or "").split())
    rows = [(f"`{name}`", type_words(hint)) for name, hint in get_type_hints(tool.result).items()]
    return f"**Result**: {text}\n\n{table(('member', 'type'), rows)}"


def shortened(answer: str) -> str:
    """The answer in a few lines that fit a page."""
    lines = [line if len(line) <= LINE else f"{line[:LINE]} ..." for line in answer.split("\n")]
    return "\n".join([*lines[:LINES], "..."] if len(lines) > LINES else lines)


def example(tool: Tool) -> str:
    """The worked example."""
    first = next(one for one in conversations() if one.tool == tool.name)
    assert first.error is None, f"{tool.name} has no call in {EXAMPLES} that succeeds"
    return (
        f"**Example**\n\n```json\n{first.arguments}\n```\n\nanswers\n\n"
        f"```json\n{shortened(first.answer)}\n```"
    )


def errors(tool: Tool) -> str:
    """The errors of a tool's own, each with a message it was seen with."""
    found: dict[str, str] = {}
    for one in conversations():
        if one.tool == tool.name and one.error is not None:
            found.setdefault(one.error["code"], one.error["message"])
    if not found:
        return ""
    rows = [(f"`{code}`", message[:LINE]) for code, message in sorted(found.items())]
    head = "**Errors**, with an example of each; all tools share [the others](README.md#errors):"
    return f"{head}\n\n{table(('code', 'message'), rows)}"


def section(tool: Tool) -> str:
    """A tool."""
    _, _, more = inspect.cleandoc(tool.args.__doc__ or "").partition("\n\n")
    prose = f"{tool.description} {' '.join(more.split())}".strip()
    parts = [f"## {tool.name}", prose, f"*{access_words(tool)}.*"]
    rows = list(argument_rows(tool))
    if rows:
        parts.append(table(("argument", "type", "default", "meaning"), rows))
    old = [f"`{old}` for `{current}`" for old, current in tool.args.also.items()]
    names = [f"`{alias}` for the tool" for alias, name in ALIASES.items() if name == tool.name]
    if old or names:
        parts.append(f"Also taken: {', '.join([*names, *old])}.")
    parts += [result_words(tool), example(tool), errors(tool)]
    return "\n\n".join(part for part in parts if part)


HEAD = "<!-- Written from the code by `make manual`; change it there. -->"


def page(name: str) -> str:
    """One page of the manual."""
    title, about, category = PAGES[name]
    tools = [tool for tool in ALL_TOOLS if tool.category == category]
    intro = f"{about} Arguments marked \\* are taken and not advertised."
    return "\n\n".join([f"# {title}", HEAD, intro, *(section(tool) for tool in tools)]) + "\n"


def contents() -> str:
    """The list of pages with their tools."""
    lines: list[str] = []
    for name, (title, about, category) in PAGES.items():
        lines.append(f"- [{title}]({name}.md): {about}")
        lines += [
            f"  - [`{tool.name}`]({name}.md#{tool.name}): {tool.description}"
            for tool in ALL_TOOLS
            if tool.category == category
        ]
    return "\n".join(lines)
