"""`/_api/view` and `/_api/analyzer`: search views and the analyzers they use."""

from __future__ import annotations

from typing import Any, cast

from mcp_arangodb_async.engine.catalog.records import Analyzer, View
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_ILLEGAL_NAME,
    ERROR_BAD_PARAMETER,
    ERROR_LOCKED,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, result
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, text_field
from mcp_arangodb_async.engine.http.routing import Need, Route

# ---- views


def _brief(view: View) -> Json:
    return {
        "globallyUniqueId": view.globally_unique_id,
        "id": str(view.id),
        "name": view.name,
        "type": view.type,
    }


def _full(view: View) -> Json:
    return {**view.properties, **_brief(view)}


def _find(call: Call) -> View:
    """The view of the path, by name or by number."""
    name = call.names["view"]
    by_number = (view for view in call.catalog.state().views.values() if str(view.id) == name)
    return next(by_number, None) or call.catalog.view(name)


def list_views(call: Call) -> Response:
    return result([_brief(view) for view in call.catalog.state().views.values()])


def _allow_sources(call: Call) -> None:
    """A view opens a way into its collections: who links them must be allowed to read them."""
    links: Any = call.fields.get("links")
    indexes: Any = call.fields.get("indexes")
    names = list(cast("Json", links)) if isinstance(links, dict) else []
    for entry in cast("list[Any]", indexes) if isinstance(indexes, list) else []:
        if isinstance(entry, dict):
            names.append(str(cast("Json", entry).get("collection")))
    with call.catalog.begin() as tx:
        for name in names:
            if call.knows(tx, name):
                call.readable(tx, name)


def create_view(call: Call) -> Response:
    _allow_sources(call)
    return merged(_full(call.catalog.create_view(call.fields)), 201)


def read_view(call: Call) -> Response:
    return merged(_brief(_find(call)))


def read_view_properties(call: Call) -> Response:
    return merged(_full(_find(call)))


def update_view(call: Call) -> Response:
    _allow_sources(call)
    return merged(_full(call.catalog.change_view(_find(call).name, call.fields, partial=True)))


def replace_view(call: Call) -> Response:
    _allow_sources(call)
    return merged(_full(call.catalog.change_view(_find(call).name, call.fields, partial=False)))


def rename_view(call: Call) -> Response:
    new_name = text_field(call.fields, "name", num=ERROR_ARANGO_ILLEGAL_NAME)
    return merged(_full(call.catalog.rename_view(_find(call).name, new_name)))


def drop_view(call: Call) -> Response:
    call.catalog.drop_view(_find(call).name)
    return result(True)


# ---- analyzers


def _shown(analyzer: Analyzer) -> Json:
    return {
        "name": analyzer.name,
        "type": analyzer.type,
        "properties": analyzer.properties,
        "features": list(analyzer.features),
    }


def list_analyzers(call: Call) -> Response:
    state = call.catalog.state()
    return result([_shown(analyzer) for analyzer in {**state.shared(), **state.analyzers}.values()])


def create_analyzer(call: Call) -> Response:
    analyzer, is_new = call.database.create_analyzer(call.fields)
    return merged(_shown(analyzer), 201 if is_new else 200)


def read_analyzer(call: Call) -> Response:
    return merged(_shown(call.catalog.analyzer(call.names["analyzer"])))


def drop_analyzer(call: Call) -> Response:
    name = call.names["analyzer"]
    if not name:
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting /_api/analyzer/<analyzer-name>")
    try:
        dropped = call.catalog.drop_analyzer(name, force=call.parameters.flag("force"))
    except ArangoError as error:
        if error.num == ERROR_LOCKED:  # which is 500 elsewhere
            raise ArangoError(error.num, error.message, status=409) from error
        raise
    return merged({"name": dropped.name})


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/view", list_views),
    Route("POST", "/_api/view", create_view, Need.WRITE),
    Route("GET", "/_api/view/{view}", read_view),
    Route("DELETE", "/_api/view/{view}", drop_view, Need.WRITE),
    Route("GET", "/_api/view/{view}/properties", read_view_properties),
    Route("PUT", "/_api/view/{view}/properties", replace_view, Need.WRITE),
    Route("PATCH", "/_api/view/{view}/properties", update_view, Need.WRITE),
    Route("PUT", "/_api/view/{view}/rename", rename_view, Need.WRITE),
    Route("GET", "/_api/analyzer", list_analyzers),
    Route("POST", "/_api/analyzer", create_analyzer, Need.WRITE),
    Route("GET", "/_api/analyzer/{analyzer}", read_analyzer),
    Route("DELETE", "/_api/analyzer/{analyzer}", drop_analyzer, Need.WRITE),
)
