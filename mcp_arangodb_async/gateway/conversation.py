"""One call of an upstream's tool, with the questions it may ask on the way, in the words of both eras."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from mcp_arangodb_async.errors import InputError, LimitError, UpstreamError
from mcp_arangodb_async.gateway.clients import Clients, Downstream, Loan
from mcp_arangodb_async.gateway.inventory import Reached
from mcp_arangodb_async.gateway.questions import (
    MAXIMUM_ROUNDS,
    Binding,
    Held,
    HeldCalls,
    Seals,
    State,
    question,
    questions_of,
    until_question,
)
from mcp_arangodb_async.gateway.upstreams import Ask, Connection, Report, Result, ToolCall
from mcp_arangodb_async.gateway.view import ViewedTool

REDACTED = "[redacted]"
HELD_QUESTION = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The client behind a call: how it is told of progress, and how it can be asked.

    `ask` is set where the client has a session in which it can be asked; `elicitation` says that it can
    answer at all. `responses` and `state` are what a client of 2026-07-28 brings back.
    """

    downstream: Downstream = ""
    report: Report | None = None
    ask: Ask | None = None
    elicitation: bool = False
    responses: Mapping[str, Any] | None = None
    state: str | None = None


class Conversation:
    """Carries calls and their questions between clients and upstreams."""

    def __init__(self, clients: Clients, seals: Seals | None = None) -> None:
        self._clients = clients
        self._seals = seals or Seals()
        self._held = HeldCalls()

    async def answer(
        self,
        reached: Reached,
        tool: ViewedTool,
        arguments: Mapping[str, Any],
        downstream: Downstream,
        caller: Caller,
        binding: Binding,
    ) -> Result:
        """The result of a call, or the question that it asks a client which cannot be asked meanwhile."""
        state = None if caller.state is None else await self._seals.open(caller.state, binding)
        if state is None and caller.responses is not None:
            raise InputError("inputResponses without requestState answer nothing", field="inputResponses")
        if state is not None and state.kind == "held":
            held = self._held.take(state.value or "")
            held.answer.put_nowait(answer_of(caller.responses))
            return await self._continued(reached, held, binding)
        call = ToolCall(
            name=tool.upstream_name,
            arguments=arguments,
            timeout=reached.timeout,
            report=caller.report,
            elicitation=caller.elicitation,
            responses=caller.responses,
            state=state.value if state is not None else None,
            headers=tool.param_headers(arguments),
        )
        loan = self._clients.lend(reached.upstream, downstream)
        async with loan as connection:
            if connection.shared or caller.ask is not None or not caller.elicitation:
                asked = None if caller.ask is None else asking(reached.name, caller.ask, loan)
                call = with_ask(call, asked)
                result = await self._answered(connection, reached, call, caller)
                return await self._shown(reached, result, binding)
        return await self._holding(reached, downstream, call, binding)

    async def close(self) -> None:
        """Give up the calls that wait for an answer."""
        await self._held.close()

    async def _answered(
        self, connection: Connection, reached: Reached, call: ToolCall, caller: Caller
    ) -> Result:
        """The result; questions of an upstream of 2026-07-28 are put to a client that can be asked."""
        for _ in range(MAXIMUM_ROUNDS):
            result = redacted(await connection.call_tool(call), connection.secrets)
            if result.get("resultType") != "input_required" or caller.ask is None:
                return result
            responses: dict[str, Any] = {}
            for name, asked in questions_of(reached.name, result).items():
                responses[name] = await caller.ask(asked["params"])
            state: object = result.get("requestState")
            call = with_answers(call, responses, state if isinstance(state, str) else None)
        raise LimitError(f"{reached.upstream.shown} asked more than {MAXIMUM_ROUNDS} times during one call")

    async def _shown(self, reached: Reached, result: Result, binding: Binding) -> Result:
        """The result as the client gets it; a question's state is sealed."""
        if result.get("resultType") != "input_required":
            return finished(result)
        state: object = result.get("requestState")
        sealed = await self._seals.seal(
            State(kind="upstream", value=state if isinstance(state, str) else None), binding
        )
        shown: Result = {"resultType": "input_required", "requestState": sealed}
        asked = questions_of(reached.name, result)
        if asked:
            shown["inputRequests"] = asked
        return shown

    async def _holding(
        self, reached: Reached, downstream: Downstream, call: ToolCall, binding: Binding
    ) -> Result:
        """A call of an older upstream for a client that can only be asked by a result: it may be held."""
        held: Held
        loan = self._clients.lend(reached.upstream, downstream)

        async def ask(params: Mapping[str, Any]) -> Mapping[str, Any]:
            held.question.put_nowait(question(reached.name, params))
            with loan.aside():
                return await held.answer.get()

        async def run() -> Result:
            async with loan as connection:
                return redacted(await connection.call_tool(with_ask(call, ask)), connection.secrets)

        held = Held(task=asyncio.create_task(run()))
        return await self._continued(reached, held, binding)

    async def _continued(self, reached: Reached, held: Held, binding: Binding) -> Result:
        """Wait for the result of a held call or for its next question."""
        found = await until_question(held)
        if held.task.done():
            return await self._shown(reached, cast("Result", found), binding)
        name = self._held.keep(held)
        return {
            "resultType": "input_required",
            "requestState": await self._seals.seal(State(kind="held", value=name), binding),
            "inputRequests": {HELD_QUESTION: {"method": "elicitation/create", "params": dict(found)}},
        }


def with_ask(call: ToolCall, ask: Ask | None) -> ToolCall:
    """The call with somebody to ask."""
    return replace(call, ask=ask, elicitation=call.elicitation or ask is not None)


def with_answers(call: ToolCall, responses: Mapping[str, Any], state: str | None) -> ToolCall:
    """The call sent again with answers."""
    return replace(call, responses=responses, state=state)


def asking(server: str, ask: Ask, loan: Loan) -> Ask:
    """Asks the client, showing whose question it is; others use the server meanwhile."""

    async def asked(params: Mapping[str, Any]) -> Mapping[str, Any]:
        with loan.aside():
            return await ask(question(server, params))

    return asked


def answer_of(responses: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The answer to a held call's question; no answer counts as declined."""
    found: object = (responses or {}).get(HELD_QUESTION)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {"action": "cancel"}


def finished(result: Result) -> Result:
    """A result without what was meant for us, in the shape of the newest revision."""
    shown = {name: result[name] for name in ("content", "structuredContent") if name in result}
    if "content" not in shown:
        raise UpstreamError("the upstream's result has no content")
    return {**shown, "isError": result.get("isError") is True, "resultType": "complete"}


def redacted(result: Result, secrets: tuple[str, ...]) -> Result:
    """The result without the credentials that were sent to the upstream, should it repeat them."""
    if not secrets:
        return result
    try:
        text = orjson.dumps(result)
    except TypeError:
        # What our JSON cannot write is gone through piece by piece.
        return cast("Result", _without(result, secrets))
    # As JSON writes it: a quotation mark or a backslash of a secret has another one before it.
    if any(orjson.dumps(secret)[1:-1] in text for secret in secrets):
        return cast("Result", _without(result, secrets))
    return result


def _without(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REDACTED)
        return value
    if isinstance(value, Mapping):
        return {
            cast("str", _without(name, secrets)): _without(inner, secrets)
            for name, inner in cast("Mapping[str, object]", value).items()
        }
    if isinstance(value, list):
        return [_without(item, secrets) for item in cast("list[object]", value)]
    return value
