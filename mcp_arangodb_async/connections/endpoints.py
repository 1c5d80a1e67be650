"""The endpoints a client may reach: a method and a path on this list, or no request is sent.

ArangoDB offers much that no tool needs and that runs code or crosses databases: server-side JavaScript,
tasks, Foxx, user functions, replication, users and their rights. A name that slips into a path cannot
reach them, whatever its collection is called. `ADMINISTRATION` is for the command line alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# `*` is a name in one segment, `#` a number that the server gave out.
Pattern = tuple[str, ...]
Endpoints = Mapping[tuple[str, str, str, int], tuple[Pattern, ...]]

_NUMBER = re.compile(r"[0-9]{1,20}\Z")

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

# Logging in happens outside any database.
_LOGIN = "POST /_open/auth"


def _table(*texts: str) -> Endpoints:
    table: dict[tuple[str, str, str, int], tuple[Pattern, ...]] = {}
    for line in "\n".join(texts).split("\n"):
        if not line:
            continue
        methods, path = line.split(" ")
        pattern = tuple(path[1:].split("/"))
        for method in methods.split(","):
            key = (method, pattern[0], pattern[1], len(pattern))
            table[key] = (*table.get(key, ()), pattern)
    return MappingProxyType(table)


DATA = _table(_DATA)
ADMINISTRATION = _table(_DATA, _ADMINISTRATION)
LOGIN = _table(_LOGIN)


def is_allowed(endpoints: Endpoints, method: str, segments: tuple[str, ...]) -> bool:
    """Is there an endpoint of this method and these (decoded) segments, the database's prefix left out?"""
    if len(segments) < 2:
        return False
    patterns = endpoints.get((method, segments[0], segments[1], len(segments)), ())
    return any(_matches(pattern, segments) for pattern in patterns)


def patterns_of(endpoints: Endpoints) -> Iterable[tuple[str, Pattern]]:
    """Every method and pattern, for those who list or test them."""
    return ((method, pattern) for (method, *_), patterns in endpoints.items() for pattern in patterns)


def _matches(pattern: Pattern, segments: tuple[str, ...]) -> bool:
    for expected, segment in zip(pattern, segments, strict=True):
        if expected == "#":
            if not _NUMBER.match(segment):
                return False
        elif expected not in {"*", segment}:
            return False
    return True
