"""A request and a response as plain records: all that the HTTP rooms share with their callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from mcp_arangodb_async.engine.records import record

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

#: What ArangoDB 3.12 adds to every answer.
EVERY_ANSWER: Mapping[str, str] = {
    "server": "ArangoDB",
    "x-content-type-options": "nosniff",
    "content-security-policy": "frame-ancestors 'self'; form-action 'self';",
    "cache-control": "no-cache, no-store, must-revalidate, pre-check=0, post-check=0, max-age=0, s-maxage=0",
    "pragma": "no-cache",
    "expires": "0",
    "strict-transport-security": "max-age=31536000 ; includeSubDomains",
    "x-arango-queue-time-seconds": "0.000000",
}
#: All headers of an answer in JSON that has none of its own: one object for all such answers.
PLAIN_ANSWER: Mapping[str, str] = {**EVERY_ANSWER, "content-type": JSON}


@record(kw_only=True)
class Request:
    """One HTTP request, as it came over the wire.

    `path` is still percent-encoded and `query` is the raw text behind the question mark; header names are
    lower-case. Decoding happens in one place (`paths`), so a name can never reach beyond its segment.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@record(kw_only=True)
class Response:
    """One HTTP response; header names are lower-case, `content-length` is left to whoever sends it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
