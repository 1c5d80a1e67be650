"""python-arango-async without a socket: its requests go to an engine in this process.

async with in_process() as client:
    db = await client.db("_system", auth=Auth("root", ""))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlencode

import orjson
from arangoasync import ArangoClient
from arangoasync.exceptions import DeserializationError, SerializationError
from arangoasync.http import HTTPClient
from arangoasync.request import Request as DriverRequest
from arangoasync.response import Response
from arangoasync.serialization import JsonDeserializer, JsonSerializer

from mcp_arangodb_async.engine.http.api import Api
from mcp_arangodb_async.engine.http.messages import Request
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.testing.wire import PHRASES, basic_login, write_json


class Writer(JsonSerializer):
    """What the driver does, with one encoder for all requests."""

    def dumps(self, data: Any) -> str:
        """The text of a value."""
        try:
            return write_json(data)
        except (TypeError, ValueError, RecursionError) as error:
            raise SerializationError("Failed to serialize data to JSON.") from error


class Reader(JsonDeserializer):
    """What the driver does, faster: what the engine writes has one meaning."""

    def loads(self, data: bytes) -> Any:
        """The value of a text."""
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise DeserializationError("Failed to deserialize data from JSON.") from error


class InProcess(HTTPClient):
    """The transport: give it to `ArangoClient(http_client=...)`, with any URL as `hosts`."""

    def __init__(self, api: Api) -> None:
        """Answer requests with `api`, which stays the caller's to close."""
        self._api = api
        self._login = lru_cache(maxsize=1024)(basic_login)

    def create_session(self, host: str) -> str:
        """What the driver hands back with every request; it opens no connection."""
        return host

    async def close_session(self, session: str) -> None:
        """Nothing is open."""

    async def send_request(self, session: str, request: DriverRequest) -> Response:
        """Answer one request, in a thread unless it takes a moment: the event loop goes on."""
        headers = dict(request.normalized_headers())
        if request.auth is not None:
            headers["authorization"] = self._login(request.auth.username, request.auth.password)
        data: Any = request.data
        if isinstance(data, dict):  # the driver's echo sends one; a socket would send a form
            data = urlencode(cast("dict[str, Any]", data))
        params = request.normalized_params()
        asked = Request(
            method=request.method.name,
            path=request.endpoint,
            query=urlencode(params) if params else "",
            headers=headers,
            body=data.encode() if isinstance(data, str) else data or b"",
        )
        answer = self._api.at_once(asked) or await asyncio.to_thread(self._api.handle, asked)
        return Response(
            method=request.method,
            url=f"{session}{request.endpoint}",
            headers=dict(answer.headers),
            status_code=answer.status,
            status_text=PHRASES.get(answer.status, ""),
            raw_body=answer.body,
        )


@asynccontextmanager
async def in_process(
    engine: Engine | None = None, *, authentication: bool = False
) -> AsyncGenerator[ArangoClient]:
    """A client of python-arango-async for a block; without an engine one in memory is made for it.

    Without `authentication` everybody may do all and user names mean nothing.
    """
    if engine is None:
        own = await asyncio.to_thread(Engine.open, None)
        try:
            async with in_process(own, authentication=authentication) as client:
                yield client
        finally:
            await asyncio.to_thread(own.close)
        return
    with Api(engine, authentication=authentication) as api:
        async with ArangoClient(
            hosts="http://in-process",
            http_client=InProcess(api),
            serializer=Writer(),
            deserializer=Reader(),
        ) as client:
            yield client
