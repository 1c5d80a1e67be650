"""From method and decoded path to the function that answers, by a table anybody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from mcp_arangodb_async.engine.errors import ERROR_HTTP_METHOD_NOT_ALLOWED, ERROR_HTTP_NOT_FOUND, ArangoError
from mcp_arangodb_async.engine.http.call import Call
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.paths import Location

ANY = "*"
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


class Need(Enum):
    """What the caller must be before a route's function runs; collections are checked by the function."""

    OPEN = "open"  # no authentication
    READ = "read"  # may use the database
    WRITE = "write"  # administrates the database
    ADMIN = "admin"  # administrates the server, which is: administrates _system
    SUPERUSER = "superuser"  # signed with the server's own secret


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: `{name}` in the pattern takes one segment, `{name...}` at its end takes the rest."""

    method: str
    pattern: str
    answer: Callable[[Call], Response]
    need: Need = Need.READ
    system_only: bool = False  # only in the database _system
    is_short: bool = False  # never waits, and gives up what takes long when the caller asks for that


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    variable: _Node | None = None
    rest: _Node | None = None
    names: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    routes: dict[str, Route] = field(default_factory=dict[str, Route])


class Router:
    """A tree of the routes' segments; a literal segment wins over a variable one."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, list[str]()
        for part in route.pattern.split("/")[1:]:
            if part.endswith("...}"):
                names.append(part[1:-4])
                node.rest = node = node.rest or _Node()
            elif part.startswith("{"):
                names.append(part[1:-1])
                node.variable = node = node.variable or _Node()
            else:
                node = node.literal.setdefault(part, _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.pattern}")
        node.routes[route.method] = route
        node.names[route.method] = tuple(names)

    def find(self, method: str, location: Location) -> tuple[Route, Mapping[str, str]]:
        """The route and its variables; 404 for an unknown path, 405 for a method the path does not take."""
        found = list(self._reach(self._root, location.segments, ()))
        for node, values in found:
            key = method if method in node.routes else ANY
            route = node.routes.get(key)
            if route is not None and method in _METHODS:
                return route, MappingProxyType(dict(zip(node.names[key], values, strict=True)))
        if found:
            raise ArangoError(
                ERROR_HTTP_METHOD_NOT_ALLOWED, f"method {method} is not supported for '{location.path}'"
            )
        raise ArangoError(ERROR_HTTP_NOT_FOUND, f"unknown path '{location.path}'")

    def _reach(
        self, node: _Node, segments: tuple[str, ...], values: tuple[str, ...]
    ) -> Iterable[tuple[_Node, tuple[str, ...]]]:
        if not segments:
            if node.routes:
                yield node, values
        else:
            head, tail = segments[0], segments[1:]
            if head in node.literal:
                yield from self._reach(node.literal[head], tail, values)
            if node.variable is not None:
                yield from self._reach(node.variable, tail, (*values, head))
        if node.rest is not None and node.rest.routes:
            yield node.rest, (*values, "/".join(segments))
