"""The driver's methods that write a name into a path, and the check each name passes first.

The driver builds paths by writing names into text, so a slash in a name would make two segments of one:
the table closes that door, `guard.encode_path` all the others. A test reads the driver's source and names
every method that is missing here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mcp_arangodb_async.connections import names
from mcp_arangodb_async.errors import InputError

Check = Callable[[str], object]
# Method → parameter → check.
Checks = Mapping[str, Mapping[str, Check]]
C = TypeVar("C", bound=type)


def _user(value: Any) -> object:
    # `replace_user` and `update_user` take the driver's record.
    return names.validate_user_name(value if isinstance(value, str) else str(value.user))


_COLLECTION: Mapping[str, Check] = {"name": names.validate_collection_name}
_GRAPH: Mapping[str, Check] = {"name": names.validate_graph_name}
_VIEW: Mapping[str, Check] = {"name": names.validate_view_name}
_ANALYZER: Mapping[str, Check] = {"name": names.validate_analyzer_name}
_DATABASE: Mapping[str, Check] = {"name": names.validate_database_name}
_USER: Mapping[str, Check] = {"username": _user}
_GRANT: Mapping[str, Check] = {
    "username": _user,
    "database": lambda name: name if name == "*" else names.validate_database_name(name),
    "collection": lambda name: name if name == "*" else names.validate_collection_name(name),
}

DATABASE_METHODS: Checks = {
    "create_database": _DATABASE,
    "delete_database": _DATABASE,
    "collection": _COLLECTION,
    "has_collection": _COLLECTION,
    "create_collection": _COLLECTION,
    "delete_collection": _COLLECTION,
    "graph": _GRAPH,
    "has_graph": _GRAPH,
    "create_graph": _GRAPH,
    "delete_graph": _GRAPH,
    "view": _VIEW,
    "view_info": _VIEW,
    "create_view": _VIEW,
    "replace_view": _VIEW,
    "update_view": _VIEW,
    "rename_view": {**_VIEW, "new_name": names.validate_view_name},
    "delete_view": _VIEW,
    "analyzer": _ANALYZER,
    "create_analyzer": _ANALYZER,
    "delete_analyzer": _ANALYZER,
    "has_user": _USER,
    "user": _USER,
    "delete_user": _USER,
    "replace_user": {"user": _user},
    "update_user": {"user": _user},
    "permissions": _USER,
    "permission": _GRANT,
    "update_permission": _GRANT,
    "reset_permission": _GRANT,
}
COLLECTION_METHODS: Checks = {
    "rename": {"new_name": names.validate_collection_name},
}
GRAPH_METHODS: Checks = {
    "vertex_collection": _COLLECTION,
    "create_vertex_collection": _COLLECTION,
    "delete_vertex_collection": _COLLECTION,
    "edge_collection": _COLLECTION,
    "create_edge_definition": {"edge_collection": names.validate_collection_name},
    "replace_edge_definition": {"edge_collection": names.validate_collection_name},
    "delete_edge_definition": _COLLECTION,
}


def checks_names(checks: Checks) -> Callable[[C], C]:
    """A class decorator: these inherited methods check their names before they do anything."""

    def decorate(cls: C) -> C:
        for method, parameters in checks.items():
            setattr(cls, method, _checking(getattr(cls, method), parameters))
        return cls

    return decorate


def _checking(method: Callable[..., Any], checks: Mapping[str, Check]) -> Callable[..., Any]:
    order = list(inspect.signature(method).parameters)
    places = tuple((order.index(parameter), parameter, check) for parameter, check in checks.items())

    @functools.wraps(method)
    def checked(*arguments: Any, **named: Any) -> Any:
        for place, parameter, check in places:
            value = arguments[place] if place < len(arguments) else named.get(parameter)
            if value is not None:
                if isinstance(value, bytes | bytearray | int | float):
                    raise InputError(f"{parameter} must be text, not {type(value).__name__}", field=parameter)
                check(value)
        return method(*arguments, **named)

    return checked
