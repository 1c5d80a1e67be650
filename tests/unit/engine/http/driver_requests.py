"""What requests a driver can make: read from its source, and recorded while it makes them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from mcp_arangodb_async.engine import Api, Engine, Request, Response
from mcp_arangodb_async.engine.http.call import Cancellation


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverRequest:
    """A request in a driver's source. In `endpoint`, `{}` stands for what is put in."""

    method: str
    endpoint: str
    parameters: frozenset[str]
    function: str

    @property
    def path(self) -> str:
        """A path such a request may have."""
        return self.endpoint.replace("{}", "x")

    def is_like(self, method: str, path: str) -> bool:
        """Whether a request that was made can have been this one."""
        pattern = re.escape(self.endpoint).replace(r"\{\}", ".+")
        return method == self.method and re.fullmatch(pattern, path) is not None


def requests_of(driver: ModuleType) -> list[DriverRequest]:
    """All requests in the source of a driver."""
    assert driver.__file__ is not None
    found = list[DriverRequest]()
    for file in sorted(Path(driver.__file__).parent.glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found += _requests_in(function, f"{file.stem}.{function.name}")
    return found


def _requests_in(function: ast.AST, name: str) -> Iterator[DriverRequest]:
    parameters = frozenset(_parameters_in(function))
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Request":
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            for endpoint in _texts(given.get("endpoint")):
                for method in _texts(given.get("method")):
                    yield DriverRequest(
                        method=method.upper(),
                        endpoint=endpoint.partition("#")[0],
                        parameters=parameters if "params" in given else frozenset(),
                        function=name,
                    )


def _texts(node: ast.AST | None) -> list[str]:
    """The texts an expression may be; a method may also be a member of an enumeration."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Attribute(attr=name):
            return [name]
        case ast.IfExp(body=body, orelse=other):
            return [*_texts(body), *_texts(other)]
        case ast.JoinedStr(values=values):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)]
        case _:
            return []


def _parameters_in(function: ast.AST) -> Iterator[str]:
    """The names of what is put into `params`."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id="params")], value=ast.Dict(keys=keys)):
                yield from _keys(keys)
            case ast.AnnAssign(target=ast.Name(id="params"), value=ast.Dict(keys=keys)):
                yield from _keys(keys)
            case ast.keyword(arg="params", value=ast.Dict(keys=keys)):
                yield from _keys(keys)
            case ast.Subscript(value=ast.Name(id="params"), slice=ast.Constant(value=str(key))):
                yield key
            case _:
                pass


def _keys(keys: list[ast.expr | None]) -> Iterator[str]:
    for key in keys:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


class RecordingApi(Api):
    """An API that remembers what it was asked."""

    def __init__(self, engine: Engine, *, jwt_secret: str | None = None) -> None:
        super().__init__(engine, jwt_secret=jwt_secret)
        self._asked: list[tuple[str, str, frozenset[str]]] = []

    def handle(self, request: Request, *, cancellation: Cancellation | None = None) -> Response:
        path = re.sub(r"^/_db/[^/]+", "", request.path)
        names = frozenset(pair.partition("=")[0] for pair in request.query.split("&") if pair)
        self._asked.append((request.method, path, names))
        return super().handle(request, cancellation=cancellation)

    def at_once(self, request: Request) -> Response | None:
        """Everything takes longer, so that it is recorded once."""
        return None

    def missing(self, expected: Sequence[DriverRequest]) -> list[str]:
        """Which of the requests, and of their parameters, were never made."""
        gaps = list[str]()
        for request in expected:
            made = [names for method, path, names in self._asked if request.is_like(method, path)]
            shown = f"{request.method} {request.endpoint} ({request.function})"
            if not made:
                gaps.append(shown)
            else:
                sent = frozenset[str]().union(*made)
                gaps += [f"{shown}: {name}" for name in sorted(request.parameters - sent)]
        return gaps


# ---- tables of calls and what they answer


@dataclass(frozen=True, slots=True)
class Refused:
    """The call fails with this status and this error number."""

    status: int
    number: int | None


Call = Callable[[Any], Any]
#: A call, and its answer: a value, how it is refused, or a test of the answer.
Step = tuple[Call, Any]


def difference(call: Call, answer: Any, expected: Any) -> list[str]:
    """What is wrong with an answer, naming the line of its table."""
    is_right = expected(answer) if callable(expected) else answer == expected
    code = call.__code__
    where = f"{Path(code.co_filename).name}:{code.co_firstlineno}"
    return [] if is_right else [f"{where}: {answer!r} instead of {expected!r}"]


def anything(answer: Any) -> bool:
    """For answers that differ from machine to machine: all but failures."""
    return not isinstance(answer, Refused | Exception)


def having(*names: str, **values: Any) -> Callable[[Any], bool]:
    """An object with these attributes, and these values of attributes."""

    def is_right(answer: Any) -> bool:
        if not isinstance(answer, dict):
            return False
        found = cast("dict[str, Any]", answer)
        return found.keys() >= set(names) and all(
            found.get(name, not_there) == value for name, value in values.items()
        )

    not_there = object()
    return is_right


def lacking(*names: str, **values: Any) -> Callable[[Any], bool]:
    """An object without these attributes, and with these values of others."""
    has_values = having(**values)
    return lambda answer: has_values(answer) and not any(name in answer for name in names)


def refusals(api: Api, families: Sequence[str], requests: Sequence[DriverRequest], token: str) -> list[str]:
    """Requests of these families that are not answered with 501 and an error number."""
    wrong = list[str]()
    for request in requests:
        if request.path.startswith(tuple(families)):
            answer = api.handle(
                Request(
                    method=request.method, path=request.path, headers={"authorization": f"bearer {token}"}
                )
            )
            number = json.loads(answer.body).get("errorNum") if answer.body else None
            if answer.status != 501 or (not number and request.method != "HEAD"):
                wrong.append(f"{request.method} {request.path}: {answer.status}, {number}")
    return wrong
