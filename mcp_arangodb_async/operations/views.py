"""Views: what they search in, as tools show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.connections import closest
from mcp_arangodb_async.connections.names import validate_view_name
from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.operations.together import for_each

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
VIEW_NOT_FOUND = 1203
# Of so many views the properties are asked for; of the others name and type are told.
DETAILED = 100


async def list_views(database: ArangoDatabase) -> list[Json]:
    """Every view by name: its type, and the collections, fields and analyzers it searches in."""
    listed = await database.call("GET", "_api", "view")
    rows: list[Json] = sorted(
        ({"name": view["name"], "type": view["type"]} for view in listed["result"]),
        key=lambda row: row["name"],
    )

    async def detail(row: Json) -> None:
        try:
            properties = await database.call("GET", "_api", "view", row["name"], "properties")
        except NotFoundError:
            row["dropped"] = True  # by somebody else, since it was listed
        else:
            row |= described(properties)

    await for_each(rows[:DETAILED], detail)
    return [row for row in rows if "dropped" not in row]


def described(properties: Mapping[str, Any]) -> Json:
    """A view's properties without what only tunes it (pure)."""
    shown: Json = {"name": properties["name"], "type": properties["type"]}
    if properties.get("links"):
        shown["links"] = {name: link_of(link) for name, link in properties["links"].items()}
    if properties.get("indexes"):
        shown["indexes"] = [
            {"collection": one["collection"], "index": one["index"]} for one in properties["indexes"]
        ]
    if properties.get("primarySort"):
        shown["primary_sort"] = properties["primarySort"]
    return shown


def link_of(link: Mapping[str, Any]) -> Json:
    """One link: `fields` maps attribute paths to analyzers, `all_fields` are those of everything else."""
    analyzers = link.get("analyzers") or ["identity"]
    shown: Json = {"fields": fields_of(link, analyzers)}
    if link.get("includeAllFields"):
        shown["all_fields"] = analyzers
    return shown


def fields_of(link: Mapping[str, Any], inherited: list[str]) -> dict[str, list[str]]:
    """The indexed attribute paths of a link or of one of its fields, each with its analyzers."""
    found: dict[str, list[str]] = {}
    members: Mapping[str, Any] = link.get("fields") or {}
    for name, field in members.items():
        analyzers = field.get("analyzers") or inherited
        below = fields_of(field, analyzers)
        if not below or field.get("includeAllFields"):
            found[name] = analyzers
        found |= {f"{name}.{path}": some for path, some in below.items()}
    return found


async def get_view(database: ArangoDatabase, name: str) -> Json:
    """One view as the server describes it; NotFoundError with the closest names."""
    validate_view_name(name)
    try:
        return await database.call("GET", "_api", "view", name, "properties")
    except NotFoundError as error:
        listed = await database.call("GET", "_api", "view")
        known = sorted(view["name"] for view in listed["result"])
        raise NotFoundError(
            f"no view {name!r} in database {database.key!r}",
            field="view",
            database=database.key,
            arango_error_num=error.arango_error_num or VIEW_NOT_FOUND,
            hint="arango_list_views lists them"
            if known
            else "there are none; a collection's inverted index can be searched as well",
            did_you_mean=closest(name, known),
        ) from error
