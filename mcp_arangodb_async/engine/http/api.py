"""ArangoDB's HTTP API over an engine: one function from request to response.

`Api.handle` is synchronous and safe to call from several threads; `asgi` puts it behind a socket, and the
driver's in-process client calls it directly.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import TracebackType

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATABASE_NOT_FOUND,
    ERROR_ARANGO_USE_SYSTEM_DATABASE,
    ERROR_FORBIDDEN,
    ERROR_INTERNAL,
    ArangoError,
    TakesLongerError,
)
from mcp_arangodb_async.engine.http.authentication import EVERYBODY, Authenticator, Identity
from mcp_arangodb_async.engine.http.call import Call, Cancellation, failure
from mcp_arangodb_async.engine.http.messages import EVERY_ANSWER, PLAIN_ANSWER, TEXT, Request, Response
from mcp_arangodb_async.engine.http.paths import Location, locate
from mcp_arangodb_async.engine.http.routing import Need, Route, Router
from mcp_arangodb_async.engine.http.state import ServerState
from mcp_arangodb_async.engine.http.versions import routes_of
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.users import SYSTEM, Level

# Drivers ask for the same paths over and over; what a path means does not change.
_REMEMBERED_PATHS = 1024
# Longer bodies are not read on the way.
_SHORT_BODY = 16 * 1024
_UNAUTHORIZED = "not authorized to execute this request"
_EXPOSED = (
    "etag, content-encoding, content-length, location, server, x-arango-errors, x-arango-async-id, "
    "x-arango-error-codes, x-arango-queue-time-seconds"
)
_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


class Api:
    """The HTTP API of one engine.

    With `authentication=False` everybody may do all, as with ArangoDB's `--server.authentication false`.
    `on_bug` receives the traceback of an error nobody foresaw; its caller sees a 500 without it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        authentication: bool = True,
        jwt_secret: str | None = None,
        on_bug: Callable[[str], None] | None = None,
    ) -> None:
        self._state = ServerState(
            engine=engine,
            authenticator=Authenticator(engine.users, secret=jwt_secret),
            authentication=authentication,
        )
        self._router = Router(routes_of(engine.compat))
        self._locate = lru_cache(maxsize=_REMEMBERED_PATHS)(locate)
        self._routed = lru_cache(maxsize=_REMEMBERED_PATHS)(self._find)
        self._on_bug = on_bug

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop queries and jobs, close cursors; the engine stays open."""
        self._state.close()

    def announce(self, url: str) -> None:
        """Tell where the API can be reached, for `/_api/endpoint`."""
        self._state.endpoint = url

    @property
    def superuser_token(self) -> str:
        """A bearer token that may do everything, for whoever holds this object."""
        return self._state.authenticator.superuser_token()

    def handle(self, request: Request, *, cancellation: Cancellation | None = None) -> Response:
        """Answer one request. Never raises.

        Cancelling `cancellation`, from any thread, stops a query that the request runs; it answers 1500 then.
        """
        return self._answered(request, cancellation, at_once=False)

    def at_once(self, request: Request) -> Response | None:
        """Answer a request that takes a moment, such as a point query seen before; None for all others.

        For callers that have others to serve and would hand the request to a thread, which costs more than
        such a request itself. After None nothing has happened: call `handle`.
        """
        if self._state.authentication or len(request.body) > _SHORT_BODY:  # passwords are slow on purpose
            return None
        headers = request.headers
        if "x-arango-async" in headers or "x-arango-trx-id" in headers:
            return None
        try:
            return self._answered(request, None, at_once=True)
        except TakesLongerError:
            return None

    def _answered(self, request: Request, cancellation: Cancellation | None, *, at_once: bool) -> Response:
        try:
            if request.method == "OPTIONS":
                answer = self._preflight(request)
            else:
                answer = self._admit(request, cancellation, at_once=at_once)
        except ArangoError as error:
            answer = failure(error)
        except TakesLongerError:
            raise
        except Exception:  # noqa: BLE001  the border of the program: whatever happens becomes an answer
            answer = self._bug()
        if answer.headers is PLAIN_ANSWER and request.method != "HEAD" and "origin" not in request.headers:
            return answer
        return self._completed(request, answer)

    @staticmethod
    def _completed(request: Request, answer: Response) -> Response:
        """The answer with the headers of every answer, and those the request asks for."""
        headers = {**EVERY_ANSWER, **answer.headers}
        body = answer.body
        if request.method == "HEAD":
            headers["content-length"] = str(len(body))
            body = b""
        origin = request.headers.get("origin")
        if origin is not None:
            headers.setdefault("access-control-allow-origin", origin)
            headers.setdefault("access-control-allow-credentials", "false")
            headers.setdefault("access-control-expose-headers", _EXPOSED)
        return Response(status=answer.status, headers=headers, body=body)

    # ---- before the endpoint

    def _preflight(self, request: Request) -> Response:
        headers = {"allow": _METHODS, "content-type": TEXT}
        if "origin" in request.headers:
            headers["access-control-allow-methods"] = _METHODS
            headers["access-control-max-age"] = "1800"
            wanted = request.headers.get("access-control-request-headers")
            if wanted is not None:
                headers["access-control-allow-headers"] = wanted
        return Response(status=200, headers=headers)

    def _admit(self, request: Request, cancellation: Cancellation | None, *, at_once: bool) -> Response:
        location = self._locate(request.path)
        self._state.sweep()
        identity = self._identify(request)
        refused = self._refuse_database(location, identity)
        if refused is not None:
            return refused
        try:
            route, names = self._routed(request.method, request.path)
        except ArangoError:
            if identity is None:
                return self._unauthorized(request)
            raise
        if route.need is not Need.OPEN and identity is None:
            return self._unauthorized(request)
        if at_once and not route.is_short:
            raise TakesLongerError
        call = Call(
            state=self._state,
            request=request,
            location=location,
            names=names,
            identity=identity or Identity(user=""),
            cancellation=cancellation,
            at_once=at_once,
        )
        if route.need is not Need.OPEN:
            if call.database_level() is Level.NONE and not self._is_about_oneself(call):
                return self._unauthorized(request)
            if route.need is not Need.READ or route.system_only:
                self._check_need(route, call)
        if at_once:
            answer = route.answer(call)  # when it is given up, it will be counted later
            self._state.count(request.method, location)
            return answer
        self._state.count(request.method, location)
        mode = request.headers.get("x-arango-async", "")
        if mode in {"true", "store"}:
            return self._later(route, call, stored=mode == "store")
        return route.answer(call)

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        return self._router.find(method, self._locate(path))

    def _identify(self, request: Request) -> Identity | None:
        if not self._state.authentication:
            return EVERYBODY
        header = request.headers.get("authorization")
        return None if header is None else self._state.authenticator.identify(header)

    def _refuse_database(self, location: Location, identity: Identity | None) -> Response | None:
        """404 for a database that is not there; 401 instead for those who may not know."""
        engine = self._state.engine
        if location.database == SYSTEM or engine.has_database(location.database):
            return None
        if identity is None:
            return self._unauthorized(None)
        if not identity.is_superuser:
            user = engine.users.find(identity.user)
            if user is None or user.database_level(location.database) is Level.NONE:
                return self._unauthorized(None)
        return failure(ArangoError(ERROR_ARANGO_DATABASE_NOT_FOUND))

    @staticmethod
    def _is_about_oneself(call: Call) -> bool:
        """Users without a right to the database may still see and change their own account and tokens."""
        about_users = call.location.segments[:2] in {("_api", "user"), ("_api", "token")}
        return about_users and call.names.get("user") == call.identity.user

    @staticmethod
    def _check_need(route: Route, call: Call) -> None:
        if route.system_only and call.location.database != SYSTEM:
            raise ArangoError(ERROR_ARANGO_USE_SYSTEM_DATABASE)
        match route.need:
            case Need.READ:
                pass
            case Need.WRITE:
                call.allow_database_write()
            case Need.ADMIN if not call.is_admin:
                raise ArangoError(ERROR_FORBIDDEN, "this needs administrate access to the database _system")
            case Need.SUPERUSER if not call.identity.is_superuser:
                raise ArangoError(ERROR_FORBIDDEN, "only superusers may do this")
            case _:
                pass

    @staticmethod
    def _unauthorized(request: Request | None) -> Response:
        answer = failure(ArangoError(ERROR_FORBIDDEN, _UNAUTHORIZED, status=401))
        if request is not None and "x-omit-www-authenticate" in request.headers:
            return answer
        challenge = 'Bearer token_type="JWT", realm="ArangoDB"'
        return Response(
            status=401, headers={**answer.headers, "www-authenticate": challenge}, body=answer.body
        )

    # ---- the endpoint

    def _later(self, route: Route, call: Call, *, stored: bool) -> Response:
        def run() -> Response:
            try:
                return route.answer(call)
            except ArangoError as error:
                return failure(error)
            except Exception:  # noqa: BLE001  as in `handle`
                return self._bug()

        call.cancellation = call.cancellation or Cancellation()
        job = self._state.jobs.submit(
            run, user=call.identity.user, stored=stored, cancel=call.cancellation.cancel
        )
        headers = {"content-type": TEXT}
        if stored:
            headers["x-arango-async-id"] = job.id
        return Response(status=202, headers=headers)

    def _bug(self) -> Response:
        if self._on_bug is not None:
            self._on_bug(traceback.format_exc())
        return failure(ArangoError(ERROR_INTERNAL, "internal error; the server's log tells more"))
