"""The answer to a session that is not there, the same from every store."""

from __future__ import annotations

from mcp_arangodb_async.errors import NotFoundError


def unknown_session() -> NotFoundError:
    """It is unknown, expired or somebody else's: the answer does not say which."""
    return NotFoundError(
        "no such session: its handle is unknown, expired, or belongs to somebody else",
        field="session",
        hint="call arango_set_focused_database without `session` to get a new handle",
    )
