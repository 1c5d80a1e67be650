"""Tools for views and full-text search."""

from typing import ClassVar

from pydantic import Field

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations import searching, views
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.continuations import LIFETIME_SECONDS
from mcp_arangodb_async.tools.paging import call_limits_for, continued, first_page
from mcp_arangodb_async.tools.result import Format, Rows
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool

MOST_HITS = 1000


class ListViewsArgs(DatabaseArgs):
    """Arguments of arango_list_views."""


@tool(title="Views", category="schema_query", effect=Effect.READ)
async def arango_list_views(call: Call, args: ListViewsArgs) -> Rows:  # noqa: ARG001
    """List search views with their fields and analyzers."""
    return Rows(rows=await views.list_views(await call.database()))


class SearchArgs(DatabaseArgs):
    """Arguments of arango_search.

    Give `view`, or `collection` with an inverted index. The text is cut into words by the analyzers of the
    searched fields. Views and inverted indexes follow changes within about a second.
    """

    text: str | None = Field(None, description="Words")
    """Words to look for; the analyzers of the fields cut and normalize them."""
    view: str | None = Field(None, description="View")
    """The view to search in."""
    collection: str | None = Field(None, description="Or one with an inverted index")
    """A collection with an inverted index, instead of a view; its hits have no score."""
    index: str | None = Field(None, description="Its index, if several")
    """Which inverted index, if the collection has several."""
    fields: Names = Field([], max_length=searching.MAXIMUM_FIELDS, description="Paths; none: all indexed")
    """Only these attribute paths; all that are indexed without it."""
    match: searching.Match = Field("any", description="Of the words")
    """`any` or `all` of the words, the words as a `phrase`, as beginnings (`prefix`), or with a letter or two
    wrong (`fuzzy`)."""
    analyzer: str | None = Field(None, description="If a field has several")
    """Which analyzer, where a field has several; else the one that cuts into words."""
    limit: int = Field(20, ge=1, le=MOST_HITS, description="Hits")
    """So many hits."""
    return_fields: Names = Field([], max_length=200, description="Paths")
    """Only these attribute paths of each document."""
    format: Format = hidden("json")
    next: str | None = hidden()

    also: ClassVar = {"query": "text", "returnFields": "return_fields", "view_name": "view"}


@tool(title="Search text", category="schema_query", effect=Effect.READ)
async def arango_search(call: Call, args: SearchArgs) -> Rows:
    """Full-text search in a view, best first by BM25, or in an inverted index, unranked."""
    limits = call_limits_for(call, None)
    if args.next is not None:
        return await continued(call, args.next, limits=limits, format=args.format)
    if args.text is None:
        raise InputError("text: is required", field="text")
    database = await call.database()
    statement = await searching.search_statement(
        database,
        searching.Search(
            text=args.text,
            view=args.view,
            collection=args.collection,
            index=args.index,
            fields=args.fields,
            analyzer=args.analyzer,
            match=args.match,
            limit=args.limit,
            return_fields=args.return_fields,
        ),
    )
    options = QueryOptions(
        batch_size=limits.rows, max_runtime=limits.seconds, ttl=LIFETIME_SECONDS, full_count=True
    )
    page = await run_query(database, statement.text, statement.bind_vars, options=options)
    return await first_page(call, page, limits=limits, format=args.format)
