"""How the client behind a request is reached while its call runs: progress, questions, answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError, NoBackChannelError

from mcp_arangodb_async.errors import UnsupportedError
from mcp_arangodb_async.server.sdk import Context
from mcp_arangodb_async.sessions.identity import Era
from mcp_arangodb_async.tools.call import Questions


def questions_of(context: Context, params: types.CallToolRequestParams, era: Era) -> Questions:
    """What this client can be asked and told; older clients are asked in their session, newer by results."""
    capabilities = context.session.client_capabilities
    able = capabilities is not None and capabilities.elicitation is not None
    wants_progress = bool(context.meta and context.meta.get("progress_token") is not None)
    if era == "stateless":
        responses = params.input_responses
        return Questions(
            reports=wants_progress,
            elicitation=able,
            responses=None
            if responses is None
            else {name: plain(response) for name, response in responses.items()},
            state=params.request_state,
        )
    if not able or not context.session.can_send_request:
        return Questions(reports=wants_progress)

    async def ask(question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the client and wait for its user; UnsupportedError when that turns out to be impossible."""
        try:
            answer = await context.session.elicit_form(
                question["message"], question["requestedSchema"], related_request_id=context.request_id
            )
        except (MCPError, NoBackChannelError) as error:
            raise UnsupportedError("the client cannot be asked") from error
        return plain(answer)

    return Questions(reports=wants_progress, ask=ask, elicitation=True)


def plain(answer: Any) -> dict[str, Any]:
    """An answer as JSON."""
    found: dict[str, Any] = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
    found.pop("_meta", None)
    found.pop("resultType", None)
    return found
