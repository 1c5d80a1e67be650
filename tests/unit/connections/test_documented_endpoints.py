"""Every endpoint of ArangoDB's reference: sent where its role allows it, else refused before a socket opens.

In `documented_endpoints.txt` the least role that may use an endpoint stands in front of it, as was decided
for each. A new endpoint on our lists shows as a difference here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import DeniedError
from tests.unit.connections.recording_server import recording_server

REFERENCE = Path(__file__).with_name("documented_endpoints.txt")
# What each role of a connection may use.
ROLES = {
    "read": {"read"},
    "data": {"read", "data"},
    "administration": {"read", "data", "administration"},
}


@dataclass(frozen=True, slots=True)
class Documented:
    """One endpoint of the reference."""

    role: str
    method: str
    path: tuple[str, ...]


def documented() -> list[Documented]:
    lines = REFERENCE.read_text(encoding="utf-8").splitlines()
    found: list[Documented] = []
    for line in lines:
        if not line.startswith("#"):
            role, method, path = line.split()
            # A number is a name as well as an id that the server gave out.
            found.append(Documented(role, method, tuple(path[1:].replace("*", "7").split("/"))))
    return found


ENDPOINTS = documented()


def test_the_reference_is_whole() -> None:
    assert len(ENDPOINTS) >= 225
    assert {one.role for one in ENDPOINTS} == {"read", "data", "administration", "login", "never"}


@pytest.mark.parametrize("role", ROLES)
def test_only_the_endpoints_of_a_role_are_ever_sent(role: str) -> None:
    async def run() -> None:
        async with recording_server() as server:
            settings = server.settings(access="read" if role == "read" else "admin")
            async with MultiDatabaseConnectionManager(
                {"main": settings}, administration=role == "administration"
            ) as manager:
                database = await manager.get_database("main")
                refused = [one for one in ENDPOINTS if one.role not in ROLES[role]]
                for one in refused:
                    with pytest.raises(DeniedError):
                        await database.call(cast("Any", one.method), *one.path)
                assert server.connections == 0
                # The server answers with a body, which a HEAD has none of.
                allowed = [one for one in ENDPOINTS if one.role in ROLES[role] and one.method != "HEAD"]
                for one in allowed:
                    await database.call(cast("Any", one.method), *one.path)
                assert len(server.requests) == len(allowed)

    asyncio.run(run())


def test_a_foxx_service_and_a_path_of_no_api_are_never_reached() -> None:
    async def run() -> int:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}, administration=True) as manager,
        ):
            database = await manager.get_database("main")
            for path in (("service",), ("service", "route"), ("_api",), ("_admin", "aardvark", "index.html")):
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                    with pytest.raises(DeniedError):
                        await database.call(method, *path)
            return server.connections

    assert asyncio.run(run()) == 0
