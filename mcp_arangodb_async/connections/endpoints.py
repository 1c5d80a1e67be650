"""The endpoints a client may reach: a method and a path on this list, or no request is sent.

ArangoDB offers much that no tool needs and that runs code or crosses databases: server-side JavaScript,
tasks, Foxx, user functions, replication, users and their rights. A name that slips into a path cannot
reach them, whatever its collection is called. `READING` is for databases that may only be read,
`ADMINISTRATION` for the command line alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# `*` is a name in one segment, `#` a number that the server gave out.
Shape = tuple[str, ...]
_PLACES = {"*": "[^/]+", "#": "[0-9]{1,20}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """A list of endpoints: each with its method and the shape of its path."""

    shapes: frozenset[tuple[str, Shape]]
    # One expression for all shapes of a method that begin alike: looked up with every request.
    expressions: Mapping[tuple[str, str, str], re.Pattern[str]]


_DATA = """
GET /_api/version
GET /_api/engine
GET /_admin/status
GET /_admin/server/role
GET /_admin/server/mode
GET /_admin/server/availability
GET /_admin/license
GET /_api/database/current
GET /_api/database/user

GET,POST /_api/collection
GET,DELETE /_api/collection/*
GET,PUT /_api/collection/*/properties
GET /_api/collection/*/count
GET /_api/collection/*/figures
GET /_api/collection/*/revision
GET /_api/collection/*/checksum
GET /_api/collection/*/shards
PUT /_api/collection/*/truncate
PUT /_api/collection/*/rename
PUT /_api/collection/*/compact
PUT /_api/collection/*/recalculateCount
PUT /_api/collection/*/responsibleShard
PUT /_api/collection/*/loadIndexesIntoMemory

POST,PUT,PATCH,DELETE /_api/document/*
GET,HEAD,PUT,PATCH,DELETE /_api/document/*/*
POST /_api/import
GET,POST /_api/edges/*
GET,POST /_api/index
GET,DELETE /_api/index/*/*

GET,POST /_api/gharial
GET,DELETE /_api/gharial/*
GET,POST /_api/gharial/*/vertex
POST,DELETE /_api/gharial/*/vertex/*
GET,HEAD,PUT,PATCH,DELETE /_api/gharial/*/vertex/*/*
GET,POST /_api/gharial/*/edge
POST,PUT,DELETE /_api/gharial/*/edge/*
GET,HEAD,PUT,PATCH,DELETE /_api/gharial/*/edge/*/*

POST /_api/cursor
POST,PUT,DELETE /_api/cursor/#
POST /_api/cursor/#/#
POST /_api/query
POST /_api/explain
GET /_api/query/current
GET /_api/query/slow
GET /_api/query/properties
GET /_api/query/rules
DELETE /_api/query/#

GET /_api/transaction
POST /_api/transaction/begin
GET,PUT,DELETE /_api/transaction/#

GET,POST /_api/analyzer
GET,DELETE /_api/analyzer/*
GET,POST /_api/view
GET,DELETE /_api/view/*
GET,PUT,PATCH /_api/view/*/properties
PUT /_api/view/*/rename
"""

_ADMINISTRATION = """
GET,POST /_api/database
DELETE /_api/database/*
GET,POST /_api/user
GET,PUT,PATCH,DELETE /_api/user/*
GET /_api/user/*/database
GET,PUT,DELETE /_api/user/*/database/*
GET,PUT,DELETE /_api/user/*/database/*/*
"""

# What a database may be asked that may only be read, besides every GET and HEAD. Whether a query writes, its
# endpoint does not say: other walls do.
_ASKING = """
POST /_api/cursor
POST,PUT,DELETE /_api/cursor/#
POST /_api/cursor/#/#
POST /_api/query
POST /_api/explain
DELETE /_api/query/#
POST /_api/transaction/begin
PUT,DELETE /_api/transaction/#
"""

# Logging in happens outside any database.
_LOGIN = "POST /_open/auth"


def _only(methods: frozenset[str], text: str) -> str:
    """The lines of a list with these methods alone."""
    lines = (line.split(" ") for line in text.split("\n") if line)
    kept = [(",".join(m for m in given.split(",") if m in methods), path) for given, path in lines]
    return "\n".join(f"{given} {path}" for given, path in kept if given)


def _list(*texts: str) -> Endpoints:
    shapes: set[tuple[str, Shape]] = set()
    expressions: dict[tuple[str, str, str], list[str]] = {}
    for line in "\n".join(texts).split("\n"):
        if not line:
            continue
        methods, path = line.split(" ")
        shape = tuple(path[1:].split("/"))
        for method in methods.split(","):
            shapes.add((method, shape))
            expression = "/".join(_PLACES.get(segment, re.escape(segment)) for segment in shape)
            expressions.setdefault((method, shape[0], shape[1]), []).append(expression)
    return Endpoints(
        shapes=frozenset(shapes),
        expressions=MappingProxyType({key: re.compile("|".join(some)) for key, some in expressions.items()}),
    )


DATA = _list(_DATA)
ADMINISTRATION = _list(_DATA, _ADMINISTRATION)
READING = _list(_only(frozenset({"GET", "HEAD"}), _DATA), _ASKING)
LOGIN = _list(_LOGIN)


def is_allowed(endpoints: Endpoints, method: str, segments: tuple[str, ...]) -> bool:
    """Is there an endpoint of this method and these segments, the database's prefix left out?

    The segments are decoded and hold no slash (`guard.check_path` sees to both).
    """
    if len(segments) < 2:
        return False
    expression = endpoints.expressions.get((method, segments[0], segments[1]))
    return expression is not None and expression.fullmatch("/".join(segments)) is not None
