"""python-arango without a socket: its requests go to an engine in this process.

with in_process() as client:
    db = client.db("_system")
"""

from __future__ import annotations

from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import orjson
from arango.client import ArangoClient
from arango.http import HTTPClient
from arango.response import Response
from requests import Session

from mcp_arangodb_async.engine.http.api import Api
from mcp_arangodb_async.engine.http.messages import Request
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.testing.wire import PHRASES, basic_login, write_json

if TYPE_CHECKING:
    from requests_toolbelt import MultipartEncoder


class InProcess(HTTPClient):
    """The transport: give it to `ArangoClient(http_client=...)`, with any URL as `hosts`."""

    def __init__(self, api: Api) -> None:
        """Answer requests with `api`, which stays the caller's to close."""
        self._api = api
        self._login = lru_cache(maxsize=1024)(basic_login)
        self._path = lru_cache(maxsize=1024)(_path_of)

    def create_session(self, host: str) -> Session:  # noqa: ARG002  the driver's signature
        """What the driver hands back with every request; it opens no connection."""
        return Session()

    def send_request(
        self,
        session: Session,  # noqa: ARG002  the driver's signature
        method: str,
        url: str,
        headers: MutableMapping[str, str] | None = None,
        params: MutableMapping[str, str] | None = None,
        data: str | bytes | MultipartEncoder | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Response:
        """Answer one request in the calling thread."""
        sent = dict(headers or {})
        if not "".join(sent).islower():  # the driver writes most of them in lower case
            sent = {name.lower(): value for name, value in sent.items()}
        if auth is not None:
            sent["authorization"] = self._login(*auth)
        if data is None:
            body = b""
        elif isinstance(data, str | bytes):
            body = data.encode() if isinstance(data, str) else data
        else:
            body = bytes(data.to_string())
            sent["content-type"] = data.content_type
        answer = self._api.handle(
            Request(
                method=method.upper(),
                path=self._path(url),
                query=urlencode(params) if params else "",
                headers=sent,
                body=body,
            )
        )
        return Response(
            method=method,
            url=url,
            headers=dict(answer.headers),
            status_code=answer.status,
            status_text=PHRASES.get(answer.status, ""),
            raw_body=answer.body.decode(),
        )


def _path_of(url: str) -> str:
    return urlsplit(url).path


@contextmanager
def in_process(engine: Engine | None = None, *, authentication: bool = False) -> Generator[ArangoClient]:
    """A client of python-arango for a block; without an engine one in memory is made for it.

    Without `authentication` everybody may do all and user names mean nothing.
    """
    if engine is None:
        with Engine.open(None) as own, in_process(own, authentication=authentication) as client:
            yield client
        return
    with Api(engine, authentication=authentication) as api:
        client = ArangoClient(
            hosts="http://in-process",
            http_client=InProcess(api),
            serializer=write_json,
            deserializer=orjson.loads,  # what the engine writes has one meaning, and this is faster
        )
        try:
            yield client
        finally:
            client.close()
