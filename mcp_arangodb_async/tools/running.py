"""The queries that run on a database's server: seen, and stopped."""

from typing import Any, ClassVar, TypedDict

from pydantic import Field

from mcp_arangodb_async.connections import Running, kill_query, running, running_queries
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.documents import DRY_RUN
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, tool

SHOWN = 100
SHOWN_TEXT = 500


class KillArgs(DatabaseArgs):
    """Arguments of arango_kill_query.

    A caller sees the queries it started itself; with access `admin`, all that run in the database. Ids are
    good only for the caller they were shown to. The call does not wait for the session's running call, so
    that it can stop it.
    """

    query_id: str | None = Field(None, description="From the list; none: list")
    """Id from the list, good for the caller it was shown to; without it the call lists what runs."""
    dry_run: bool = DRY_RUN

    also: ClassVar = {"id": "query_id", "queryId": "query_id", "dryRun": "dry_run"}


class Killed(TypedDict):
    """What runs; with `query_id` the query that was meant, and whether it was killed: false if it ended."""

    queries: list[dict[str, Any]]
    killed: bool | None
    truncated: bool | None
    dry_run: bool | None


def kills(args: KillArgs) -> bool:
    """Whether the call stops something; without an id it only lists."""
    return args.query_id is not None and not args.dry_run


@tool(title="Kill query", category="schema_query", effect=Effect.STATEMENT, writes=kills, in_turn=False)
async def arango_kill_query(call: Call, args: KillArgs) -> Killed:
    """List running queries, or kill one: yours; with access admin, any."""
    database = await call.database()
    found = visible(call, [running(one) for one in await running_queries(database)])
    handles = call.around.running
    if args.query_id is None:
        shown = [told(call, one) for one in found[:SHOWN]]
        return Killed(
            queries=shown, killed=None, truncated=True if len(found) > SHOWN else None, dry_run=None
        )
    wanted = handles.query(call.caller, call.key, args.query_id)
    chosen = next((one for one in found if one.id == wanted), None)
    killed = None
    if not args.dry_run:
        killed = chosen is not None and await kill_query(database, chosen.id)
    return Killed(
        queries=[told(call, chosen)] if chosen else [],
        killed=killed,
        truncated=None,
        dry_run=True if args.dry_run else None,
    )


def visible(call: Call, found: list[Running]) -> list[Running]:
    """The queries the caller may know of, the longest running first."""
    own = [one for one in found if call.access == "admin" or (call.mark and one.mark == call.mark)]
    return sorted(own, key=lambda one: -one.seconds)


def told(call: Call, one: Running) -> dict[str, Any]:
    """A running query as its owner or an administrator sees it; its bind values stay where they are."""
    text = one.text if len(one.text) <= SHOWN_TEXT else f"{one.text[:SHOWN_TEXT]}..."
    return {
        "query_id": call.around.running.handle(call.caller, call.key, one.id),
        "query": text,
        "seconds": round(one.seconds, 3),
        "state": one.state,
        "own": bool(call.mark) and one.mark == call.mark,
    }
