"""Rows of a view: the search is made when the loop over the view starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mcp_arangodb_async.engine.catalog.analyzers import find_analyzer
from mcp_arangodb_async.engine.search.compile import Recipe, Setting
from mcp_arangodb_async.engine.search.links import Linked, index_link, view_link
from mcp_arangodb_async.engine.search.parts import Scope, parts_of
from mcp_arangodb_async.engine.search.scoring import Match, Search
from mcp_arangodb_async.engine.values import Value

from .context import PACE, QueryContext

Document = dict[str, Any]
#: Documents fetched at once.
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewQuery:
    """What is searched: a view or an index, a compiled condition, and the collections it is restricted to."""

    view: str
    index: tuple[str, str] | None
    recipe: Recipe | None
    collections: frozenset[str] | None


def search_view(
    ctx: QueryContext, query: ViewQuery, values: Sequence[Value], tests: Sequence[Callable[[Any], bool]]
) -> Iterator[tuple[Document, Match]]:
    """The documents of a view that fulfil the condition, each with its match."""
    scope = _scope(ctx, query)
    parts = parts_of(scope, query.collections)
    made = None
    if query.recipe is not None:
        made = query.recipe.make(Setting(scope=scope, values=values, tests=tests))
    search = Search(parts=parts, filter=made)
    for place, part, numbers in search.found():
        keys = part.segment.keys
        for start in range(0, len(numbers), _BATCH):
            batch = numbers[start : start + _BATCH]
            ctx.tick(min(len(batch), PACE))
            documents = part.collection.get_many(ctx.tx, [keys[number] for number in batch])
            for number, document in zip(batch, documents, strict=True):
                if document is not None:
                    ctx.stats.scanned_index += 1
                    yield document, Match(search, place, number)


def _scope(ctx: QueryContext, query: ViewQuery) -> Scope:
    analyzer = partial(find_analyzer, ctx.tx.catalog)
    return Scope(
        tx=ctx.tx,
        indexes=ctx.search_indexes,
        analyzer=lambda asked: analyzer(name=asked),
        tokenizer=ctx.tokenizer,
        call=ctx.quietly,
        check=ctx.check,
        linked=tuple(_linked(ctx, query, lambda asked: analyzer(name=asked).name)),
    )


def _linked(ctx: QueryContext, query: ViewQuery, naming: Callable[[str], str]) -> Iterator[Linked]:
    """What is taken from each collection."""
    if query.index is not None:
        yield _of_index(ctx, *query.index, naming)
        return
    view = ctx.tx.catalog.view(query.view)
    if view.type == "arangosearch":
        for collection, link in view.properties["links"].items():
            yield view_link(collection, link, naming)
        return
    for each in view.properties["indexes"]:
        yield _of_index(ctx, each["collection"], each["index"], naming)


def _of_index(ctx: QueryContext, collection: str, index: str, naming: Callable[[str], str]) -> Linked:
    details = ctx.tx.collection(collection).index(index).details
    assert details is not None
    return index_link(collection, details, naming)
