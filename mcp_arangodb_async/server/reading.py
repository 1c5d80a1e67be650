"""Resources, prompts and completions as MCP requests: both eras get the same answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from mcp_arangodb_async.errors import (
    BackendError,
    DeniedError,
    InputError,
    LimitError,
    MaaError,
    NotFoundError,
)
from mcp_arangodb_async.observability import get_logger, new_request_id, request_id
from mcp_arangodb_async.observability.audit_record import AuditRecord, Decision
from mcp_arangodb_async.server.app import App
from mcp_arangodb_async.server.endpoint import endpoint_of
from mcp_arangodb_async.server.middleware.auditing import DENIED, written
from mcp_arangodb_async.server.render import error_document, unexpected
from mcp_arangodb_async.server.sdk import Context, connection_of
from mcp_arangodb_async.sessions import Principal
from mcp_arangodb_async.tools import prompts, resources

log = get_logger(__name__)
Answer = dict[str, Any]
# Requests besides calls that tell what is in a database.
WRITTEN_DOWN = frozenset({"resources/read", "completion/complete"})
# Variables of resource templates are named by what stands before them in the URI.
TEMPLATE_KINDS = {
    resources.SCHEMA.uri: {"database": "database"},
    resources.COLLECTION.uri: {"database": "database", "name": "collection"},
    resources.GRAPH.uri: {"database": "database", "name": "graph"},
}


class Reading:
    """The answers to everything that a client reads besides calling tools."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._maximum = app.settings.limits.concurrent_calls
        self._running = 0

    def register(self, server: Server[App]) -> None:
        """Answer these requests of the server."""
        server.add_request_handler("resources/list", types.PaginatedRequestParams, self.list_resources)
        server.add_request_handler(
            "resources/templates/list", types.PaginatedRequestParams, self.list_templates
        )
        server.add_request_handler("resources/read", types.ReadResourceRequestParams, self.read_resource)
        server.add_request_handler("prompts/list", types.PaginatedRequestParams, self.list_prompts)
        server.add_request_handler("prompts/get", types.GetPromptRequestParams, self.get_prompt)
        server.add_request_handler("completion/complete", types.CompleteRequestParams, self.complete)

    async def list_resources(self, _context: Context, _params: types.PaginatedRequestParams) -> Answer:
        """The resources that have one URI."""
        return {
            "resources": [described(resource, "uri") for resource in resources.RESOURCES],
            "resultType": "complete",
        }

    async def list_templates(self, _context: Context, _params: types.PaginatedRequestParams) -> Answer:
        """The families of resources."""
        return {
            "resourceTemplates": [
                described(resource, "uriTemplate") for resource in resources.templates(self._app.around)
            ],
            "resultType": "complete",
        }

    async def read_resource(self, context: Context, params: types.ReadResourceRequestParams) -> Answer:
        """One resource, or a piece of it, never older than the request."""
        async with self._answering(context, "resources/read", uri=params.uri[: resources.MAXIMUM_URI]):
            check_may_read(context)
            content = await resources.read(self._app.around, params.uri, owner_of(context))
        told: dict[str, Any] = {"uri": params.uri, "mimeType": content.mime_type}
        if content.text is not None:
            told["text"] = content.text
        if content.blob is not None:
            told["blob"] = content.blob
        if content.about is not None:
            told["_meta"] = content.about
        return {"contents": [told], "resultType": "complete"}

    async def list_prompts(self, _context: Context, _params: types.PaginatedRequestParams) -> Answer:
        """The prompts with their arguments."""
        return {
            "prompts": [
                {
                    "name": prompt.name,
                    "title": prompt.title,
                    "description": prompt.description,
                    "arguments": [
                        {
                            "name": argument.name,
                            "description": argument.description,
                            "required": argument.required,
                        }
                        for argument in prompt.arguments
                    ],
                }
                for prompt in prompts.PROMPTS
            ],
            "resultType": "complete",
        }

    async def get_prompt(self, context: Context, params: types.GetPromptRequestParams) -> Answer:
        """One prompt's text; at an endpoint of one database, it is about that one."""
        async with self._answering(context, "prompts/get"):
            prompt = prompts.find(params.name)
            given = dict(params.arguments or {})
            fixed = endpoint_database(context)
            if fixed is not None and any(argument.name == "database" for argument in prompt.arguments):
                given.setdefault("database", fixed)
            text = prompts.written(prompt, given, self._app.around)
        return {
            "description": prompt.description,
            "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
            "resultType": "complete",
        }

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> Answer:
        """Names that fit what was typed; none where the database cannot be asked."""
        known = (params.context.arguments if params.context else None) or {}
        async with self._answering(context, "completion/complete"):
            check_may_read(context)
            kind = kind_of(params.ref, params.argument.name)
            key = known.get("database") or endpoint_database(context)
            try:
                names = await resources.known_names(self._app.around, kind, key)
            except BackendError as error:
                log.debug("completion.unanswered", database=key, outcome=error.code)
                names = ()
        values = resources.matching(names, params.argument.value)
        shown = values[: resources.MAXIMUM_COMPLETIONS]
        return {
            "completion": {"values": shown, "total": len(values), "hasMore": len(shown) < len(values)},
            "resultType": "complete",
        }

    @asynccontextmanager
    async def _answering(self, context: Context, method: str, **facts: str) -> AsyncGenerator[None]:
        """Turn our errors into MCP's, take one of the places there are; count and record the outcome."""
        number = new_request_id()
        watch = self._app.watch
        audit = watch.audit if method in WRITTEN_DOWN else None
        started = time.perf_counter()
        outcome = "ok"
        try:
            if self._running >= self._maximum:
                raise LimitError("the server is busy", hint="try again in a moment")
            if audit is not None and audit.fail_closed:
                await audit.record(read_record(context, method, number, facts, "started", "unknown"))
            self._running += 1
            try:
                with request_id(number):
                    yield
            finally:
                self._running -= 1
        except MaaError as error:
            outcome = error.code
            raise refusal(error, number, facts, watch.redact) from error
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:
            outcome = "internal"
            log.exception("call.bug", tool=method, request_id=number)
            document = unexpected(request_id=number)["structuredContent"]["error"]
            raise MCPError(types.INTERNAL_ERROR, document["message"], document) from error
        finally:
            seconds = time.perf_counter() - started
            watch.measures.call(method, outcome, None, seconds)
            if audit is not None:
                decision = "denied" if outcome in DENIED else "allowed"
                ms = round(seconds * 1000, 3)
                await written(audit, read_record(context, method, number, facts, decision, outcome, ms=ms))


def caller(context: Context) -> Principal | None:
    """Who was authenticated for the request; None on a pipe and where nobody is asked."""
    return None if context.request is None else endpoint_of(context.request.scope).principal


def owner_of(context: Context) -> str:
    """Whom exports are readable for: the owner that a call of the same client has."""
    if context.request is None:
        return connection_of(context).session_id or "stdio"
    endpoint = endpoint_of(context.request.scope)
    kept = connection_of(context).session_id or endpoint.transport_session
    return (endpoint.principal.id if endpoint.principal else None) or kept or "http"


def read_record(
    context: Context,
    method: str,
    number: str,
    facts: Mapping[str, str],
    decision: Decision,
    outcome: str,
    *,
    ms: float | None = None,
) -> AuditRecord:
    """The audit record of something that was read without a tool."""
    who = caller(context)
    return AuditRecord(
        kind="read",
        decision=decision,
        outcome=outcome,
        who=None if who is None else who.subject,
        issuer=None if who is None else who.issuer,
        client=None if who is None else who.client,
        transport="stdio" if context.request is None else "http",
        tool=method,
        ms=ms,
        request=number,
        details=facts,
    )


def check_may_read(context: Context) -> None:
    """DeniedError for callers to whom no database is allowed, such as those with a tenant's API key."""
    who = caller(context)
    if who is not None and who.access is None:
        raise DeniedError("no database is allowed to the presented token")


def described(resource: resources.Resource, uri: str) -> dict[str, str]:
    """A resource or template as lists show it."""
    told = {
        "name": resource.name,
        "title": resource.title,
        uri: resource.uri,
        "description": resource.description,
    }
    return told if resource.mime_type is None else {**told, "mimeType": resource.mime_type}


def refusal(error: MaaError, number: str, facts: dict[str, str], redact: Callable[[str], str]) -> MCPError:
    """Our error as MCP's: what the caller can mend is "invalid params", the rest "internal error"."""
    code = types.INVALID_PARAMS if isinstance(error, InputError | NotFoundError) else types.INTERNAL_ERROR
    message = redact(error.message)
    if error.did_you_mean:
        message = f"{message}; did you mean {', '.join(error.did_you_mean)}?"
    document = error_document(error, request_id=number, redact=redact)
    return MCPError(code, message, {**facts, **document["error"]})


def kind_of(reference: types.ResourceTemplateReference | types.PromptReference, argument: str) -> str:
    """What an argument of a prompt or template names; errors for what does not exist."""
    if isinstance(reference, types.PromptReference):
        prompt = prompts.find(reference.name)
        kinds = {one.name: one.kind for one in prompt.arguments}
    else:
        kinds = TEMPLATE_KINDS.get(reference.uri)
        if kinds is None:
            raise resources.no_resource(reference.uri)
    if argument not in kinds:
        raise InputError(
            f"{argument[:64]!r} is no argument here; there are: {', '.join(kinds)}", field="argument"
        )
    return kinds[argument]


def endpoint_database(context: Context) -> str | None:
    """The database that the request's path is bound to, if any."""
    return None if context.request is None else endpoint_of(context.request.scope).database
