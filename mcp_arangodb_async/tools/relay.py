"""Calls of an upstream's own tools, `server__tool`, on their way through the dispatcher."""

from collections.abc import Mapping
from typing import Any

from mcp_arangodb_async.errors import DeniedError
from mcp_arangodb_async.gateway.conversation import Caller
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.result import Relayed
from mcp_arangodb_async.tools.spec import Args, Effect, Tool


class RelayArgs(Args):
    """The namespaced name, and what the caller gave."""

    name: str
    arguments: dict[str, Any]


def relayed(name: str, arguments: Mapping[str, Any]) -> tuple[Tool, Args]:
    """The call as one that can be dispatched; its arguments are the upstream's to judge."""
    return UPSTREAM_TOOL, RelayArgs.model_construct(name=name, arguments=dict(arguments))


async def relay(call: Call, args: RelayArgs) -> Relayed:
    """Pass a call on to the caller's own server."""
    tenancy = call.around.tenancy
    if tenancy is None:
        raise DeniedError("this server has neither tenants nor upstream servers")
    identity = await tenancy.identity(call.principal)
    return Relayed(wire=await tenancy.gateway.call(identity, args.name, args.arguments, caller_of(call)))


def caller_of(call: Call) -> Caller:
    """How the client behind a call is reached during it."""
    questions = call.questions
    return Caller(
        downstream=call.downstream,
        report=call.report if questions.reports else None,
        ask=questions.ask,
        elicitation=questions.elicitation,
        responses=questions.responses,
        state=questions.state,
    )


# It is never listed: what clients see are the tools behind it.
UPSTREAM_TOOL = Tool(
    name="upstream",
    title="Upstream tool",
    description="Passes a call on.",
    category="multi_tenancy",
    effect=Effect.REMOTE_CHANGE,
    args=RelayArgs,
    result=Relayed,
    run=relay,
    needs_database=False,
    uses_session=False,
)
