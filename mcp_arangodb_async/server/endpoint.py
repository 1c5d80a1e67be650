"""Where an HTTP request came in, and who sent it: what the path and the token decide for the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp_arangodb_async.sessions import Principal

KEY = "mcp_arangodb_async.endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`/mcp/db/{database}` and `/mcp/x/{toolset}`, with the authenticated principal.

    `transport_session` is the `Mcp-Session-Id` that `portable` checked, where it and not the SDK keeps them.
    """

    database: str | None = None
    toolset: str | None = None
    principal: Principal | None = None
    transport_session: str | None = None


def endpoint_of(scope: Mapping[str, Any]) -> Endpoint:
    """The endpoint that the HTTP guard found for a request."""
    return cast("Endpoint", scope[KEY])
