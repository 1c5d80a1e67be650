"""Running AQL: bounded, in pages, and stopped on the server when its caller goes away.

A query on a server can only be stopped by its id, which the server tells nobody while the query runs. So
each query carries a comment with a random tag; its owner finds the tag in the list of running queries and
kills that id. The comment stands in front, because the server lists only the first 4,096 bytes of a
query; positions in error messages are corrected for it. A query that asks for a cached result or plan
carries none: both are found by the exact text. The comment also holds the caller's mark (`call_limits`), by
which the caller's own queries are told from others' (`Running.mark`).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from mcp_arangodb_async.connections.limits import call_limits, current_limits
from mcp_arangodb_async.errors import CancelledCallError, DeadlineError, MaaError, NotFoundError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase, ArangoTransaction

MARK_LENGTH = 12
_TAG = re.compile(rf"/\*(?P<mark>[0-9a-f]{{{MARK_LENGTH}}})?(?:[0-9a-f]{{16}})?\*/")
_POSITION = re.compile(r"position 1:(\d+)")
# A query just sent may not be listed yet: look again, for about a second.
_LOOKS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
_KILL_SECONDS = 3.0
_WAIT_FOR_KILL = 1.0
# The server gives up a little before we do, so that its own answer arrives.
_HEAD_START = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """How to run a query; None leaves a value to the server.

    `max_runtime` is in seconds and at most the database's timeout; `memory_limit` in bytes; `ttl` is how
    long an unread cursor lives. `profile` is 0, 1 or 2 (with the execution profile and plan). `cache` and
    `plan_cache` ask for the server's caches.
    """

    batch_size: int = 1000
    max_runtime: float | None = None
    memory_limit: int | None = None
    count: bool = False
    full_count: bool = False
    stream: bool | None = None
    ttl: float | None = None
    fail_on_warning: bool | None = None
    max_warnings: int | None = None
    profile: Literal[0, 1, 2] = 0
    cache: bool | None = None
    plan_cache: bool | None = None
    optimizer_rules: Sequence[str] = ()
    max_transaction_size: int | None = None
    allow_dirty_reads: bool = False

    def body(self, *, max_runtime: float) -> dict[str, Any]:
        """The part of a cursor request that says all this."""
        options: dict[str, Any] = {
            "maxRuntime": round(max_runtime, 3),
            "fullCount": self.full_count or None,
            "stream": self.stream,
            "failOnWarning": self.fail_on_warning,
            "maxWarningCount": self.max_warnings,
            "profile": self.profile or None,
            "usePlanCache": self.plan_cache,
            "maxTransactionSize": self.max_transaction_size,
            "optimizer": {"rules": list(self.optimizer_rules)} if self.optimizer_rules else None,
        }
        body: dict[str, Any] = {
            "batchSize": self.batch_size,
            "count": self.count or None,
            "ttl": self.ttl,
            "memoryLimit": self.memory_limit,
            "cache": self.cache,
            "options": {name: value for name, value in options.items() if value is not None},
        }
        return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a result; `cursor_id` asks for the next ones and is None with the last."""

    rows: list[Any]
    cursor_id: str | None
    count: int | None
    cached: bool
    stats: dict[str, Any]
    warnings: list[dict[str, Any]]
    profile: dict[str, Any] | None
    plan: dict[str, Any] | None


async def run_query(
    database: ArangoDatabase | ArangoTransaction,
    aql: str,
    bind_vars: Mapping[str, Any] | None = None,
    *,
    options: QueryOptions | None = None,
) -> Page:
    """The first page of a query's result.

    When the caller is cancelled or its time is over, the query is killed on the server. Read the other
    pages with `next_page`, or give the rest up with `close_cursor`.
    """
    options = options or QueryOptions()
    seconds = current_limits().seconds(database.settings.timeout, time.monotonic())
    max_runtime = min(options.max_runtime or seconds, max(0.001, seconds * _HEAD_START))
    # A server that stops the query of a closed request needs no tag to find it by.
    kills = not (options.cache or options.plan_cache or database.outside_transaction.client.stops_queries)
    mark = "" if options.cache or options.plan_cache else current_limits().mark
    tag = f"/*{mark}{secrets.token_hex(8) if kills else ''}*/" if kills or mark else ""
    body = {"query": tag + aql, "bindVars": dict(bind_vars or {}), **options.body(max_runtime=max_runtime)}
    headers = {"x-arango-allow-dirty-read": "true"} if options.allow_dirty_reads else None
    started = time.monotonic()
    try:
        answer = await database.call("POST", "_api", "cursor", body=body, headers=headers)
    except (asyncio.CancelledError, DeadlineError):
        if kills:
            await _in_background(database, _kill_tagged(database, tag))
        raise
    except CancelledCallError as error:
        if time.monotonic() - started < max_runtime * 0.95:
            raise
        raise DeadlineError(
            f"the query was stopped after {max_runtime:.3g} s, its max_runtime",
            hint=error.hint,
            database=error.database,
            arango_error_num=error.arango_error_num,
        ) from error
    except MaaError as error:
        _correct_position(error, len(tag))
        raise
    return _page(answer)


async def next_page(database: ArangoDatabase | ArangoTransaction, cursor_id: str) -> Page:
    """The next rows of a cursor; NotFoundError when it was read to its end, closed, or idle too long."""
    return _page(await database.call("POST", "_api", "cursor", cursor_id))


async def close_cursor(database: ArangoDatabase | ArangoTransaction, cursor_id: str) -> bool:
    """Give up the rest of a result; false if it was gone already."""
    try:
        await database.call("DELETE", "_api", "cursor", cursor_id)
    except NotFoundError:
        return False
    return True


async def explain_query(
    database: ArangoDatabase | ArangoTransaction,
    aql: str,
    bind_vars: Mapping[str, Any] | None = None,
    *,
    all_plans: bool = False,
    max_plans: int | None = None,
    optimizer_rules: Sequence[str] = (),
) -> dict[str, Any]:
    """The server's explanation: `plan` or `plans`, `warnings`, `stats`, `cacheable`. Nothing is executed."""
    options: dict[str, Any] = {"allPlans": all_plans}
    if max_plans is not None:
        options["maxNumberOfPlans"] = max_plans
    if optimizer_rules:
        options["optimizer"] = {"rules": list(optimizer_rules)}
    body = {"query": aql, "bindVars": dict(bind_vars or {}), "options": options}
    with call_limits(repeatable=True):
        return cast("dict[str, Any]", await database.call("POST", "_api", "explain", body=body))


async def parse_query(database: ArangoDatabase | ArangoTransaction, aql: str) -> dict[str, Any]:
    """What the server's parser finds: `collections`, `bindVars`, `ast`; raises InputError for a mistake."""
    with call_limits(repeatable=True):
        return cast("dict[str, Any]", await database.call("POST", "_api", "query", body={"query": aql}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A query that runs on a server. `mark` is its caller's, empty for other clients' queries."""

    id: str
    text: str
    mark: str
    seconds: float
    state: str
    user: str


def running(listed: Mapping[str, Any]) -> Running:
    """One entry of the server's list, its tag taken apart from its text (pure)."""
    text = str(listed.get("query", ""))
    match = _TAG.match(text)
    return Running(
        id=str(listed["id"]),
        text=text[match.end() :] if match else text,
        mark=match["mark"] or "" if match else "",
        seconds=float(listed.get("runTime") or 0),
        state=str(listed.get("state", "")),
        user=str(listed.get("user", "")),
    )


async def running_queries(database: ArangoDatabase) -> list[dict[str, Any]]:
    """The queries running in this database, as the server lists them."""
    return cast("list[dict[str, Any]]", await database.call("GET", "_api", "query", "current"))


async def kill_query(database: ArangoDatabase, query_id: str) -> bool:
    """Kill a running query; false if it has ended."""
    try:
        await database.call("DELETE", "_api", "query", query_id)
    except NotFoundError:
        return False
    return True


async def _kill_tagged(database: ArangoDatabase | ArangoTransaction, tag: str) -> None:
    outside = database.outside_transaction
    try:
        with call_limits(deadline_seconds=_KILL_SECONDS, urgent=True):
            for pause in _LOOKS:
                await asyncio.sleep(pause)
                found = [query["id"] for query in await running_queries(outside) if tag in query["query"]]
                for query_id in found:
                    await kill_query(outside, query_id)
                if found:
                    return
    except MaaError:
        # The server is gone or refuses: maxRuntime, which was sent along, ends the query there.
        return


async def _in_background(
    database: ArangoDatabase | ArangoTransaction, work: Coroutine[Any, Any, None]
) -> None:
    """Do this even though the caller is being cancelled, and wait for it a moment if the caller may wait."""
    # In a context of its own: the caller's deadline is over.
    task = asyncio.get_running_loop().create_task(work, context=Context())
    database.outside_transaction.client.keep(task)
    await asyncio.wait([task], timeout=_WAIT_FOR_KILL)


def _correct_position(error: MaaError, shift: int) -> None:
    def corrected(match: re.Match[str]) -> str:
        return f"position 1:{max(1, int(match[1]) - shift)}"

    error.message = _POSITION.sub(corrected, error.message)
    error.args = (error.message,)


def _page(answer: dict[str, Any]) -> Page:
    extra: dict[str, Any] = answer.get("extra") or {}
    return Page(
        rows=answer.get("result") or [],
        cursor_id=answer.get("id") if answer.get("hasMore") else None,
        count=answer.get("count"),
        cached=bool(answer.get("cached")),
        stats=extra.get("stats") or {},
        warnings=extra.get("warnings") or [],
        profile=extra.get("profile"),
        plan=extra.get("plan"),
    )
