"""The user's own word before something is destroyed.

| client | is asked |
|---|---|
| up to 2025-11-25, with elicitation | during the call, in its session |
| 2026-07-28, with elicitation | by the call's result; it calls again with the answer and a sealed state |
| any other | not at all: the call is refused, and the refusal names the command that a person can run |

The answer belongs to exactly this call: the state is bound to the tool, its arguments, the database and the
principal, is good for a few minutes, and once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import orjson

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import DeniedError
from mcp_arangodb_async.gateway.questions import Binding, Seals, State
from mcp_arangodb_async.server.passage import Asked, WireResult
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.spec import Effect

QUESTION = "confirm"
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {QUESTION: {"type": "boolean", "title": "Yes, do it", "default": False}},
    "required": [QUESTION],
}
MAXIMUM_SHOWN = 600


def is_needed(asked: Asked, key: str, settings: Settings) -> bool:
    """Whether this call must be confirmed: it destroys something, for real, where the operator said so."""
    if asked.tool.effect is not Effect.DESTROY or getattr(asked.args, "dry_run", False):
        return False
    match settings.server.confirm:
        case "never":
            return False
        case "always":
            return True
        case "production":
            database = settings.databases.get(key)
            return database is not None and database.production


class Confirmation:
    """Asks; one for an application."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    async def obtained(self, call: Call, asked: Asked) -> WireResult | None:
        """None once the user agreed, else the question as this call's result; DeniedError for a no."""
        question = question_about(call, asked)
        questions = call.questions
        if questions.ask is not None:
            check(await questions.ask({"message": question, "requestedSchema": SCHEMA}))
            return None
        if not questions.elicitation:
            raise DeniedError(
                f"{asked.tool.name} needs the user's confirmation, and this client cannot ask for it",
                hint=f"a person can run: {command(call, asked)}",
            )
        binding = Binding(
            tenant=call.key, principal=call.caller, tool=asked.tool.name, arguments=given(call, asked)
        )
        if questions.responses is None or questions.state is None:
            state = await self._seals.seal(State(kind="held", value=None), binding)
            request = {"message": question, "requestedSchema": SCHEMA, "mode": "form"}
            return {
                "resultType": "input_required",
                "requestState": state,
                "inputRequests": {QUESTION: {"method": "elicitation/create", "params": request}},
            }
        await self._seals.open(questions.state, binding)
        check(questions.responses.get(QUESTION) or {})
        return None


def check(answer: Mapping[str, Any]) -> None:
    """DeniedError unless the user accepted and said yes."""
    content: Mapping[str, Any] = answer.get("content") or {}
    if answer.get("action") != "accept" or content.get(QUESTION) is not True:
        raise DeniedError("the user did not confirm; nothing was done")


def given(call: Call, asked: Asked) -> dict[str, Any]:
    """The arguments as they take effect, the database among them."""
    return {**asked.args.model_dump(mode="json", exclude_defaults=True), "database": call.key}


def question_about(call: Call, asked: Asked) -> str:
    """What the user reads: what will be done, where, with which arguments."""
    facts = given(call, asked)
    facts.pop("database")
    shown = orjson.dumps(facts).decode()
    if len(shown) > MAXIMUM_SHOWN:
        shown = f"{shown[:MAXIMUM_SHOWN]}…"
    return f"{asked.tool.title} in database {call.key!r}: {asked.tool.name} {shown}. It cannot be undone."


def command(call: Call, asked: Asked) -> str:
    """The command line that does the same."""
    arguments = orjson.dumps(given(call, asked)).decode()
    return f"maa call {asked.tool.name} {shlex.quote(arguments)}"
