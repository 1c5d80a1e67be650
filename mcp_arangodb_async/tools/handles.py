"""Handles of running queries, and the marks by which a caller's own queries are found.

A server's query id stops that query for whoever knows it, so ids never leave the process. A handle is random,
bound to the caller it was shown to and to the database, and forgotten when there are too many.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b

from mcp_arangodb_async.connections.queries import MARK_LENGTH
from mcp_arangodb_async.errors import NotFoundError

MAXIMUM = 4096


class QueryHandles:
    """The handles of one application, the oldest first."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._targets: OrderedDict[str, tuple[str, str, str]] = OrderedDict()
        self._handles: dict[tuple[str, str, str], str] = {}
        self._marks: dict[str, str] = {}

    def mark(self, caller: str) -> str:
        """What stands in front of the caller's queries; nobody else can tell whose it is."""
        mark = self._marks.get(caller)
        if mark is None:
            if len(self._marks) >= MAXIMUM:
                self._marks.clear()  # they are made of the secret again
            digest = blake2b(caller.encode(), digest_size=MARK_LENGTH // 2, key=self._secret)
            mark = self._marks[caller] = digest.hexdigest()
        return mark

    def handle(self, caller: str, database: str, query: str) -> str:
        """The caller's handle of a query with this id on its server."""
        target = (caller, database, query)
        handle = self._handles.get(target)
        if handle is None:
            handle = f"qry_{secrets.token_urlsafe(12)}"
            self._handles[target] = handle
            self._targets[handle] = target
            if len(self._targets) > MAXIMUM:
                _, gone = self._targets.popitem(last=False)
                del self._handles[gone]
        return handle

    def query(self, caller: str, database: str, handle: str) -> str:
        """The id on the server; NotFoundError for a handle that was not shown to this caller here."""
        target = self._targets.get(handle)
        if target is None or target[:2] != (caller, database):
            raise NotFoundError(
                "no running query with this query_id",
                field="query_id",
                database=database,
                hint="without query_id the call lists what runs; an id is good for whom it was shown to",
            )
        return target[2]
