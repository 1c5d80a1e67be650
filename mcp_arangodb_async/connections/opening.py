"""How each kind of server is opened, and how its login works: everything that needs the driver.

`manager.py` imports this module when the first database is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import orjson
from arangoasync.request import Method, Request

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, RemoteServer
from mcp_arangodb_async.connections.arango import ArangoHttpClient
from mcp_arangodb_async.connections.client import ServerClient, Transport
from mcp_arangodb_async.connections.credentials import (
    Credentials,
    Login,
    LoginCredentials,
    PasswordCredentials,
    TokenCredentials,
)
from mcp_arangodb_async.connections.database import ArangoDatabase
from mcp_arangodb_async.connections.endpoints import ADMINISTRATION, Endpoints
from mcp_arangodb_async.connections.tls import TlsContexts
from mcp_arangodb_async.errors import AuthenticationError, BackendError, UnavailableError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.embedded import EmbeddedEngines, EmbeddedHttpClient


class Opening:
    """Opens servers, with what all clients of a process share: TLS contexts and embedded engines."""

    def __init__(self, *, endpoints: Endpoints, connect_timeout: float, maximum_response: int) -> None:
        self.tls = TlsContexts()
        self._engines: EmbeddedEngines | None = None
        self.endpoints = endpoints
        self.connect_timeout = connect_timeout
        self.maximum_response = maximum_response

    def transport(self, settings: DatabaseSettings) -> Coroutine[Any, Any, Transport]:
        """Open the server of these settings."""
        return OPENERS[type(settings.server)](self, settings)

    def credentials(self, settings: DatabaseSettings, client: ServerClient) -> Credentials | None:
        """How this client proves who it is; the engine inside the process asks nobody."""
        if isinstance(settings.server, EmbeddedServer):
            return None
        match settings.auth:
            case "basic":
                return PasswordCredentials(settings.username, settings.password)
            case "jwt":
                return LoginCredentials(settings.username, settings.password, login_through(client))
            case "token":
                return TokenCredentials(settings.token)

    def database(self, client: ServerClient, settings: DatabaseSettings) -> ArangoDatabase:
        """The handle of one database on a client's server."""
        # What administers a server is the operator's own: `access` is for those who only use it.
        reads_only = settings.access == "read" and self.endpoints is not ADMINISTRATION
        return ArangoDatabase(client, settings, reads_only=reads_only)

    async def ensure_database(self, client: ServerClient, settings: DatabaseSettings) -> None:
        """Make an embedded database that does not exist yet; others are the operator's to make."""
        transport = await client.transport()
        if isinstance(settings.server, EmbeddedServer):
            await cast("EmbeddedHttpClient", transport).ensure_database(settings.database)

    async def engines(self) -> EmbeddedEngines:
        """The embedded engines; whoever only talks to servers elsewhere does not pay for importing one."""
        module = await asyncio.to_thread(import_module, "mcp_arangodb_async.connections.embedded")
        if self._engines is None:
            self._engines = cast("EmbeddedEngines", module.EmbeddedEngines())
        return self._engines


async def _open_remote(opening: Opening, settings: DatabaseSettings) -> Transport:
    assert isinstance(settings.server, RemoteServer)
    urls = settings.server.urls
    secure = any(url.startswith("https:") for url in urls)
    return ArangoHttpClient(
        urls=urls,
        endpoints=opening.endpoints,
        tls=await opening.tls.get(settings.tls) if secure else None,
        connect_timeout=opening.connect_timeout,
        keep_alive=settings.pool.idle_timeout,
        maximum_response=opening.maximum_response,
    )


async def _open_embedded(opening: Opening, settings: DatabaseSettings) -> Transport:
    assert isinstance(settings.server, EmbeddedServer)
    engines = await opening.engines()
    return await engines.client(settings.server.directory, endpoints=opening.endpoints)


# The kind of server → how it is opened.
OPENERS: dict[type, Callable[[Opening, DatabaseSettings], Coroutine[Any, Any, Transport]]] = {
    RemoteServer: _open_remote,
    EmbeddedServer: _open_embedded,
}


def login_through(client: ServerClient, *, seconds: float = 10.0) -> Login:
    """The server's login as a function from user name and password to token."""

    async def login(username: str, password: str) -> str:
        request = Request(
            method=Method.POST,
            endpoint="/_open/auth",
            data=orjson.dumps({"username": username, "password": password}).decode(),
            prefix_needed=False,
        )
        try:
            async with asyncio.timeout(seconds):
                transport = await client.transport()
                response = await transport.send(request, database=None, repeatable=False)
        except TimeoutError:
            raise UnavailableError(
                f"{client.address}: no answer to the login within {seconds:.3g} s"
            ) from None
        if response.status_code in {401, 403}:
            raise AuthenticationError(
                f"{client.address} refused the login of user {username!r}",
                hint="check the user name and the variable named by password_env",
            )
        try:
            token = orjson.loads(response.raw_body)["jwt"]
        except (ValueError, LookupError, TypeError):
            token = None
        if not isinstance(token, str):
            raise BackendError(
                f"{client.address} answered the login with {response.status_code} and no token"
            )
        return token

    return login
