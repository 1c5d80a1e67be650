"""`/_api/cursor`: run a query and read its result in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.database import Database, QueryResult
from mcp_arangodb_async.engine.errors import (
    ERROR_HTTP_BAD_PARAMETER,
    ERROR_QUERY_EMPTY,
    ERROR_TYPE_ERROR,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, reply
from mcp_arangodb_async.engine.http.cursor_store import Cursor, batch_size_of
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, flag_field, number_field
from mcp_arangodb_async.engine.http.query_cache import Entry, QueryCache
from mcp_arangodb_async.engine.http.routing import Route
from mcp_arangodb_async.engine.http.state import PastQuery
from mcp_arangodb_async.engine.records import record
from mcp_arangodb_async.engine.values import encode_json

_HISTORY_TEXT = 4096
_LARGEST_KEPT = 64 * 1024
_DEFAULT_TTL = 30.0
_LONGEST_TTL = 24 * 3600.0


@record(kw_only=True, eq=False)
class Asked:
    """The body of a query request, read."""

    text: str
    bind_vars: Json
    options: Json
    batch_size: int = 1000
    ttl: float = _DEFAULT_TTL
    count: bool = False
    stream: bool = False
    allow_retry: bool = False


def query_text(body: Any) -> str:
    """The query in a body; 1502 when there is none."""
    text = cast("Json", body).get("query") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text:
        raise ArangoError(ERROR_QUERY_EMPTY, status=400)
    return text


def bind_vars(body: Json) -> Json:
    given = body.get("bindVars")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ArangoError(ERROR_TYPE_ERROR, "expecting object for <bindVars>", status=400)
    return cast("Json", given)


def options_of(body: Json) -> Json:
    given = body.get("options")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ArangoError(ERROR_TYPE_ERROR, "expecting object for <options>", status=400)
    return cast("Json", given)


def _asked(call: Call) -> Asked:
    body = call.body
    text = query_text(body)
    options = options_of(body)
    if "cache" in body or body.get("memoryLimit"):  # drivers send a limit of 0 along, which is none
        options = {**{name: body[name] for name in ("cache", "memoryLimit") if name in body}, **options}
    ttl = number_field(body, "ttl")
    return Asked(
        text=text,
        bind_vars=bind_vars(body),
        options=options,
        batch_size=batch_size_of(body.get("batchSize")),
        ttl=min(ttl, _LONGEST_TTL) if ttl else _DEFAULT_TTL,
        count=flag_field(body, "count"),
        stream=options.get("stream") is True,
        allow_retry=options.get("allowRetry") is True,
    )


def create_cursor(call: Call) -> Response:
    return answer_query(call, _asked(call))


def answer_query(call: Call, asked: Asked) -> Response:
    """Run a query: the first batch, and a cursor when there is more."""
    found = _from_cache(call, asked) or _run(call, asked)
    if not isinstance(found, Cursor):
        return merged(found, 201)
    try:
        answer = found.next_batch()
        if not found.is_drained or (found.allow_retry and "id" in answer):
            call.state.cursors.keep(found)
        else:
            found.close()
    except BaseException:
        found.close()
        raise
    return merged(answer, 201)


class Watch:
    """A running query: which collections it uses, and how it is stopped from elsewhere."""

    __slots__ = ("_call", "_stop", "used", "writes")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._stop: Callable[[], None] | None = None
        self.used: set[str] = set()
        self.writes = False

    def access(self, collection: str, write: bool) -> None:
        self._call.allow(collection, write)
        self.used.add(collection)
        self.writes = self.writes or write

    def started(self, number: str) -> None:
        call = self._call
        self._stop = partial(_kill, call.database, number)
        if call.cancellation is not None:
            call.cancellation.on_cancel(self._stop)
        call.state.running.add(self._stop)

    def ended(self) -> None:
        if self._stop is not None:
            self._call.state.running.discard(self._stop)


def _run(call: Call, asked: Asked) -> Cursor | Json:
    """The query's result: as the whole answer when it fits in one batch, else as a cursor."""
    in_transaction = call.header("x-arango-trx-id") is not None
    watch = Watch(call)
    started = time.monotonic()
    try:
        if in_transaction:
            # It lends itself to one request only, so its results cannot wait.
            with call.transaction(write=False) as tx:
                result = _started(call, asked, watch, tx)
                rows = _all_rows(result)
        else:
            # Everything is computed before the first batch is sent, as ArangoDB does for queries that do not
            # stream.
            result = _started(call, asked, watch)
            rows = None if asked.stream else _all_rows(result)
    except BaseException:
        watch.ended()
        raise
    elapsed = time.monotonic() - started
    _remember(call, asked, elapsed)
    if rows is None:
        return _cursor(call, asked, result.rows, None, result, watch)
    watch.ended()
    if call.state.cache.wants(asked.options.get("cache")) and not watch.writes and not in_transaction:
        _to_cache(call, asked, rows, result, watch.used, elapsed)
    if len(rows) > asked.batch_size:
        return _cursor(call, asked, iter(rows), len(rows), result, watch)
    count = {"count": len(rows)} if asked.count else {}
    return {"result": rows, "hasMore": False, **count, "cached": False, "extra": result.extra}


def _started(call: Call, asked: Asked, watch: Watch, tx: Transaction | None = None) -> QueryResult:
    return call.database.query(
        asked.text,
        asked.bind_vars,
        asked.options,
        transaction=tx,
        access=watch.access,
        user=call.identity.user,
        on_start=watch.started,
        at_once=call.at_once,
    )


def _all_rows(result: QueryResult) -> list[Any]:
    try:
        return list(result.rows)
    finally:
        result.close()


def _kill(database: Database, number: str) -> None:
    try:
        database.kill(number)
    except ArangoError:
        pass  # it has ended


def _cursor(
    call: Call, asked: Asked, rows: Iterator[Any], count: int | None, result: QueryResult, watch: Watch
) -> Cursor:
    def close() -> None:
        result.close()
        watch.ended()

    return Cursor(
        id=call.state.cursors.new_id(),
        database=call.location.database,
        user=call.identity.user,
        rows=rows,
        batch_size=asked.batch_size,
        ttl=asked.ttl,
        extra=lambda: result.extra,
        close=close,
        count=count if asked.count else None,
        allow_retry=asked.allow_retry,
        streaming=count is None,
    )


def _remember(call: Call, asked: Asked, elapsed: float) -> None:
    """For the list of slow queries and the history."""
    state = call.state
    tracking = state.tracking
    if not tracking["enabled"]:
        return
    # Bind variables may hold whole imports: such are not kept.
    keeps_values = tracking["trackBindVars"] and len(call.raw_body) < _LARGEST_KEPT
    entry = PastQuery(
        state.cursors.new_id(),
        call.location.database,
        call.identity.user,
        asked.text[: int(tracking["maxQueryStringLength"])],
        asked.bind_vars if keeps_values else {},
        time.time(),
        elapsed,
        asked.stream,
    )
    with state.lock:
        state.query_history.append(entry)
        threshold = tracking["slowStreamingQueryThreshold" if asked.stream else "slowQueryThreshold"]
        if tracking["trackSlowQueries"] and elapsed >= threshold:
            state.slow_queries.append(entry)


# ---- the query results cache


def _revisions(call: Call, collections: set[str]) -> dict[str, str]:
    with call.catalog.begin() as tx:
        return {name: tx.collection(name).revision(tx) for name in sorted(collections)}


def _from_cache(call: Call, asked: Asked) -> Cursor | None:
    """The stored result, if its collections did not change and the caller may read them all."""
    cache = call.state.cache
    if asked.stream or call.header("x-arango-trx-id") or not cache.wants(asked.options.get("cache")):
        return None
    key = QueryCache.key(call.location.database, asked.text, asked.bind_vars, asked.options)
    entry = cache.get(key)
    if entry is None:
        return None
    for name in entry.revisions:
        call.allow(name, False)
    try:
        unchanged = _revisions(call, set(entry.revisions)) == entry.revisions
    except ArangoError:
        unchanged = False
    if not unchanged:
        cache.forget(key)
        return None
    cache.hit(key)
    return Cursor(
        id=call.state.cursors.new_id(),
        database=call.location.database,
        user=call.identity.user,
        rows=iter(entry.rows),
        batch_size=asked.batch_size,
        ttl=asked.ttl,
        extra=lambda: entry.extra,
        close=lambda: None,
        count=len(entry.rows) if asked.count else None,
        cached=True,
        allow_retry=asked.allow_retry,
    )


def _to_cache(
    call: Call, asked: Asked, rows: list[Any], result: QueryResult, collections: set[str], elapsed: float
) -> None:
    if not result.cacheable:
        return
    if (
        any(name.startswith("_") for name in collections)
        and not call.state.cache.properties()["includeSystem"]
    ):
        return
    key = QueryCache.key(call.location.database, asked.text, asked.bind_vars, asked.options)
    call.state.cache.put(
        key,
        Entry(
            database=call.location.database,
            query=asked.text[:_HISTORY_TEXT],
            bind_vars=asked.bind_vars,
            rows=rows,
            extra=result.extra,
            size=len(encode_json(rows)),
            revisions=_revisions(call, collections),
            run_time=elapsed,
        ),
    )


# ---- later batches


def _user(call: Call) -> str | None:
    return None if call.identity.is_superuser else call.identity.user


def next_batch(call: Call) -> Response:
    return merged(
        call.state.cursors.read(
            call.names["cursor"],
            database=call.location.database,
            user=_user(call),
            batch=call.names.get("batch"),
        )
    )


def drop_cursor(call: Call) -> Response:
    call.state.cursors.drop(call.names["cursor"], database=call.location.database, user=_user(call))
    return reply(202, {"id": call.names["cursor"], "error": False, "code": 202})


def refuse_without_id(_: Call) -> Response:
    raise ArangoError(ERROR_HTTP_BAD_PARAMETER, "expecting /_api/cursor/<cursor-id>")


ROUTES: tuple[Route, ...] = (
    Route("POST", "/_api/cursor", create_cursor, is_short=True),
    Route("PUT", "/_api/cursor", refuse_without_id),
    Route("DELETE", "/_api/cursor", refuse_without_id),
    Route("PUT", "/_api/cursor/{cursor}", next_batch),
    Route("POST", "/_api/cursor/{cursor}", next_batch),
    Route("POST", "/_api/cursor/{cursor}/{batch}", next_batch),
    Route("DELETE", "/_api/cursor/{cursor}", drop_cursor),
)
