"""Tools that find tools."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypedDict, get_args

from pydantic import Field

from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.ranking import ranked
from mcp_arangodb_async.tools.schema import input_schema
from mcp_arangodb_async.tools.spec import Args, Category, Effect, Names, Tool, hidden, tool

CATEGORIES: tuple[str, ...] = get_args(Category)
# The categories of earlier releases.
OLD_CATEGORIES: Mapping[str, str] = {
    "schema": "schema_query",
    "query": "schema_query",
    "graph_basic": "graph",
    "graph_advanced": "graph",
    "health": "core_data",
    "aliases": "core_data",
}
MOST_MATCHES = 15

Detail = Literal["name", "summary", "full"]


class SearchArgs(Args):
    """Arguments of arango_search_tools.

    Ranked by the words of names, titles, descriptions and arguments (BM25); the best fifteen are shown.
    """

    keywords: Names = Field(max_length=20, description="Words")
    """Words for what you want to do."""
    categories: Names = hidden(default=[], max_length=20)
    """Only tools of these categories."""
    detail_level: Detail = Field("summary", description="Detail")
    """`name`, `summary` with the description, or `full` with the input schema."""

    also: ClassVar = {"query": "keywords", "detailLevel": "detail_level"}


class Found(TypedDict):
    """Tools that fit, the best first."""

    matches: list[dict[str, Any]]
    total_matches: int
    keywords: list[str]
    categories_searched: list[str] | str
    detail_level: str


@tool(title="Find tools", category="patterns", effect=Effect.READ, uses_session=False)
async def arango_search_tools(call: Call, args: SearchArgs) -> Found:
    """Find tools by words."""
    wanted = {category_of(name) for name in args.categories}
    tools = [one for one in call.around.tools.values() if not wanted or one.category in wanted]
    found = ranked(tools, args.keywords)
    return Found(
        matches=[shown(one, args.detail_level) for one in found[:MOST_MATCHES]],
        total_matches=len(found),
        keywords=args.keywords,
        categories_searched=sorted(wanted) if wanted else "all",
        detail_level=args.detail_level,
    )


def category_of(name: str) -> str:
    """The category, by its name today or earlier; NotFoundError listing them."""
    current = OLD_CATEGORIES.get(name, name)
    if current not in CATEGORIES:
        raise NotFoundError(f"no category {name[:64]!r}; possible: {', '.join(CATEGORIES)}", field="category")
    return current


def shown(one: Tool, detail: Detail) -> dict[str, Any]:
    """A tool in as much detail as was asked for."""
    if detail == "name":
        return {"name": one.name}
    if detail == "summary":
        return {"name": one.name, "description": one.description}
    return {
        "name": one.name,
        "description": one.description,
        "inputSchema": input_schema(one, session=False),
    }


class CategoryArgs(Args):
    """Arguments of arango_list_tools_by_category."""

    category: str | None = Field(None, description="Only")
    """Only this category, with descriptions."""


class Categories(TypedDict):
    """The tools of one category, or of all."""

    category: str | None
    tools: list[dict[str, Any]] | None
    tool_count: int | None
    categories: dict[str, Any] | None
    total_tools: int | None


@tool(title="Categories", category="patterns", effect=Effect.READ, uses_session=False)
async def arango_list_tools_by_category(call: Call, args: CategoryArgs) -> Categories:
    """Tools by category."""
    by_category: dict[str, list[dict[str, Any]]] = {
        name: [] for name in CATEGORIES if name != "sql_environments" or call.around.environments
    }
    for one in call.around.tools.values():
        by_category[one.category].append(shown(one, "summary"))
    if args.category is not None:
        name = category_of(args.category)
        tools = by_category.get(name, [])
        return Categories(
            category=name, tools=tools, tool_count=len(tools), categories=None, total_tools=None
        )
    named = {
        name: {"tools": [one["name"] for one in tools], "count": len(tools)}
        for name, tools in by_category.items()
    }
    return Categories(
        category=None, tools=None, tool_count=None, categories=named, total_tools=len(call.around.tools)
    )
