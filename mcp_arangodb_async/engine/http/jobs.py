"""`/_api/job`: requests that were sent with `x-arango-async`."""

from __future__ import annotations

from mcp_arangodb_async.engine.errors import ERROR_HTTP_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.http.call import Call, reply
from mcp_arangodb_async.engine.http.messages import TEXT, Response
from mcp_arangodb_async.engine.http.routing import ANY, Route

_LIST_LIMIT = 1000


def read_job(call: Call) -> Response:
    """`pending` and `done` list jobs; a number asks for the state of one, told by the status alone."""
    name = call.names["job"]
    if name in {"pending", "done"}:
        count = call.parameters.integer("count", _LIST_LIMIT)
        return reply(200, call.state.jobs.numbers(call.identity.user, done=name == "done")[: max(count, 0)])
    if not name.isdigit():
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, "expecting 'pending', 'done' or a job's number")
    job = call.state.jobs.find(name, call.identity.user)
    return Response(status=204 if job.answer is None else 200, headers={"content-type": TEXT})


def take_result(call: Call) -> Response:
    """The answer of a finished job, as it would have been; 204 while it runs."""
    number = call.names["job"]
    answer = call.state.jobs.take(number, call.identity.user)
    if answer is None:
        return Response(status=204, headers={"content-type": TEXT})
    return Response(
        status=answer.status, headers={**answer.headers, "x-arango-async-id": number}, body=answer.body
    )


def cancel_job(call: Call) -> Response:
    call.state.jobs.cancel(call.names["job"], call.identity.user)
    return reply(200, {"result": True})


def discard(call: Call) -> Response:
    user, which = call.identity.user, call.names["job"]
    if which == "all":
        call.state.jobs.discard(user)
    elif which == "expired":
        stamp = call.parameters.text("stamp")
        try:
            before = float(stamp)
        except ValueError:
            raise ArangoError(
                ERROR_HTTP_BAD_PARAMETER, "parameter 'stamp' must be a number of seconds"
            ) from None
        call.state.jobs.discard(user, before=before)
    else:
        call.state.jobs.discard(user, number=which)
    return reply(200, {"result": True})


def refuse_without_id(_: Call) -> Response:
    raise ArangoError(ERROR_HTTP_BAD_PARAMETER, "expecting /_api/job/<job-id>")


ROUTES: tuple[Route, ...] = (
    Route(ANY, "/_api/job", refuse_without_id),
    Route("GET", "/_api/job/{job}", read_job),
    Route("PUT", "/_api/job/{job}", take_result),
    Route("PUT", "/_api/job/{job}/cancel", cancel_job),
    Route("DELETE", "/_api/job/{job}", discard),
)
