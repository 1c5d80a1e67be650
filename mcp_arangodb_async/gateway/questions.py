"""Questions that an upstream asks its user during a call, carried between the two protocol eras.

| client | upstream | how |
|---|---|---|
| 2026-07-28 | 2026-07-28 | the question is the call's result; the client calls again with the answer |
| 2026-07-28 | older | the call is held here meanwhile, and the same result names it |
| older | 2026-07-28 | the client is asked in its session, the call is sent again with the answer |
| older | older | the client is asked in its session |

What a client brings back is sealed: bound to its tenant, its principal, the tool, the arguments and a time,
and accepted once. A sealed state is useless to anybody else.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

import orjson

from mcp_arangodb_async.errors import InputError, LimitError, UpstreamError
from mcp_arangodb_async.gateway.upstreams import Result
from mcp_arangodb_async.gateway.view import clean

SECONDS = 300.0
MAXIMUM_USED = 50_000
MAXIMUM_HELD = 1000
MAXIMUM_STATE = 64 * 1024
MAXIMUM_QUESTION = 4000
# A client is asked so many times during one call at most.
MAXIMUM_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The call that a state belongs to: who calls what, with which arguments."""

    tenant: str
    principal: str
    tool: str
    arguments: Mapping[str, Any] = field(repr=False)

    @property
    def digest(self) -> str:
        """The arguments in short; most calls ask nothing and never need it."""
        return hashlib.sha256(orjson.dumps(self.arguments, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is inside a seal: the upstream's own state, or the name of a call that is held here."""

    kind: Literal["upstream", "held"]
    value: str | None


class Shared(Protocol):
    """What several processes keep together, so that each opens what another one sealed."""

    async def agreed(self, kind: str, value: bytes) -> bytes:
        """The value that all processes share under this name: the first one's to ask."""
        ...

    async def put(self, kind: str, name: str, value: bytes, seconds: float) -> None:
        """Keep a value for so long."""
        ...

    async def take(self, kind: str, name: str) -> bytes | None:
        """A kept value, which is gone then: only one taker gets it."""
        ...


class Seals:
    """Seals states and opens them once; with something shared, whichever process is asked to.

    `use` keeps the seals of one purpose from opening for another.
    """

    def __init__(
        self, shared: Shared | None = None, *, use: str = "upstream", clock: Callable[[], float] = time.time
    ) -> None:
        self._shared = shared
        self._kind = f"seals-{use}"
        self._clock = clock
        self._secret: bytes | None = None
        self._used: OrderedDict[str, float] = OrderedDict()

    async def seal(self, state: State, binding: Binding) -> str:
        """A text that only the same call can bring back."""
        ends = self._clock() + SECONDS
        number = secrets.token_urlsafe(16)
        body = orjson.dumps([state.kind, state.value, ends, number])
        mark = mark_of(body, binding, await self._key())
        if self._shared is not None:
            await self._shared.put(self._kind, number, b"1", SECONDS)
        return f"{_text(body)}.{_text(mark)}"

    async def open(self, sealed: str, binding: Binding) -> State:
        """What was sealed; InputError for every other text, with one message for all of them."""
        wrong = InputError(
            "requestState does not belong to this call, was used before, or is too old",
            hint="call the tool again without it",
        )
        body_text, _, mark_text = sealed.partition(".")
        if len(sealed) > MAXIMUM_STATE * 2:
            raise wrong
        try:
            body, mark = _bytes(body_text), _bytes(mark_text)
        except ValueError:
            raise wrong from None
        if not hmac.compare_digest(mark, mark_of(body, binding, await self._key())):
            raise wrong
        kind, value, ends, number = cast("list[Any]", orjson.loads(body))
        if self._clock() > ends or not await self._first(number, ends):
            raise wrong
        return State(kind=kind, value=value)

    async def _first(self, number: str, ends: float) -> bool:
        """Whether nobody opened the state of this number before."""
        if self._shared is not None:
            return await self._shared.take(self._kind, number) is not None
        now = self._clock()
        if number in self._used:
            return False
        while self._used and next(iter(self._used.values())) < now:
            self._used.popitem(last=False)
        if len(self._used) >= MAXIMUM_USED:
            raise LimitError("too many questions were answered in a short time", hint="try again later")
        self._used[number] = ends
        return True

    async def _key(self) -> bytes:
        if self._secret is None:
            mine = secrets.token_bytes(32)
            self._secret = mine if self._shared is None else await self._shared.agreed(self._kind, mine)
        return self._secret


def mark_of(body: bytes, binding: Binding, key: bytes) -> bytes:
    """What shows that this body was sealed with this key for this call."""
    parts = (binding.tenant, binding.principal, binding.tool, binding.digest)
    bound = b"".join(f"{len(part)}:{part}".encode("utf-8", "surrogateescape") for part in parts)
    return hmac.digest(key, bound + body, "sha256")


@dataclass(slots=True)
class Held:
    """A call that waits for an answer of its user."""

    task: asyncio.Task[Result]
    question: asyncio.Queue[Mapping[str, Any]] = field(default_factory=asyncio.Queue[Mapping[str, Any]])
    answer: asyncio.Queue[Mapping[str, Any]] = field(default_factory=asyncio.Queue[Mapping[str, Any]])
    timer: asyncio.TimerHandle | None = None


class HeldCalls:
    """Calls of older upstreams that wait for the answer of a client without session."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def keep(self, held: Held) -> str:
        """Hold the call for a while; its name."""
        if len(self._held) >= MAXIMUM_HELD:
            held.task.cancel()
            raise LimitError("too many calls wait for an answer of their user", hint="try again later")
        name = secrets.token_urlsafe(24)
        self._held[name] = held
        held.timer = asyncio.get_running_loop().call_later(SECONDS, self._give_up, name)
        return name

    def take(self, name: str) -> Held:
        """The call of that name; InputError when it is not held any more."""
        held = self._held.pop(name, None)
        if held is None:
            raise InputError("the call that was asked about has ended", hint="call the tool again")
        if held.timer is not None:
            held.timer.cancel()
        return held

    async def close(self) -> None:
        """Give up all of them."""
        tasks = [held.task for held in self._held.values()]
        for name in list(self._held):
            self._give_up(name)
        if tasks:
            await asyncio.wait(tasks)

    def _give_up(self, name: str) -> None:
        held = self._held.pop(name)
        if held.timer is not None:
            held.timer.cancel()
        held.task.cancel()


async def until_question(held: Held) -> Result | Mapping[str, Any]:
    """The call's result (`held.task` is done then), or the next question it asks."""
    asking = asyncio.ensure_future(held.question.get())
    try:
        await asyncio.wait({held.task, asking}, return_when=asyncio.FIRST_COMPLETED)
        return held.task.result() if held.task.done() else asking.result()
    except asyncio.CancelledError:
        held.task.cancel()
        raise
    finally:
        asking.cancel()


def questions_of(server: str, result: Result) -> dict[str, dict[str, Any]]:
    """The questions in a result of kind `input_required`, each shown as whose it is.

    Only forms are passed on: a request for a model's words or for the client's files goes no further.
    """
    given: object = result.get("inputRequests")
    questions: dict[str, dict[str, Any]] = {}
    if isinstance(given, Mapping):
        for name, request in cast("Mapping[str, dict[str, Any]]", given).items():
            params: dict[str, Any] | None = request.get("params")
            asks = request.get("method") == "elicitation/create" and params is not None
            if not asks or params is None or params.get("mode", "form") != "form":
                raise UpstreamError(f"{server} asks the client for something that is not passed on")
            questions[name] = {"method": "elicitation/create", "params": question(server, params)}
    return questions


def question(server: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A question as the user sees it: cleaned, bounded, and with the name of who asks."""
    message = str(clean(params.get("message") or ""))[:MAXIMUM_QUESTION]
    return {
        "mode": "form",
        "message": f"[{server}] {message}",
        "requestedSchema": clean(params.get("requestedSchema") or {"type": "object", "properties": {}}),
    }


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
