"""Sessions of several processes, in Redis: each process sees what the others' calls set.

Two round trips a turn, each one script: the first takes the session's lock and reads its state, the second
writes the state and gives the lock back. A lock is a lease that is renewed while its turn lasts, so a process
that dies blocks its sessions for `lease` seconds at most. A single Redis server is meant, or one with
replicas behind a sentinel; the scripts name keys of several slots, which a cluster refuses.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field, fields
from typing import Any, Self, cast

import redis.asyncio
from redis.exceptions import AuthenticationError as RedisAuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mcp_arangodb_async.errors import BackendError, LimitError, UnavailableError
from mcp_arangodb_async.sessions.record import SessionState, decode_state, encode_state
from mcp_arangodb_async.sessions.stores.unknown import unknown_session

PREFIX = "maa"
# Waiting for a lock that another process holds: the first look again after this long, then ever later.
FIRST_WAIT, LONGEST_WAIT = 0.002, 0.1

# KEYS: lock, state, index. ARGV: token, lease ms, must exist, fresh state, idle ms, now, id, maximum, prefix.
# Answers the state, or 0 when somebody has the turn, -1 when there is no such session, -2 when all are in
# use.
ENTER = """
if ARGV[1] ~= '' and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local state = redis.call('GET', KEYS[2])
if not state then
  if ARGV[3] == '1' then return -1 end
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[8]) then
    local made_room = false
    for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, 63)) do
      if redis.call('EXISTS', ARGV[9] .. ':turn:' .. id) == 0 then
        redis.call('DEL', ARGV[9] .. ':session:' .. id)
        redis.call('ZREM', KEYS[3], id)
        made_room = true
        break
      end
    end
    if not made_room then return -2 end
  end
  state = ARGV[4]
  redis.call('SET', KEYS[2], state, 'PX', ARGV[5])
  redis.call('ZADD', KEYS[3], ARGV[6], ARGV[7])
end
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return state
"""

# KEYS: lock, state, index. ARGV: token, state, idle ms, now, id. Answers 1 when the state was kept, 0 when
# the lease had run out, -1 when the session ended meanwhile.
LEAVE = """
if ARGV[1] ~= '' then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('DEL', KEYS[1])
end
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[5])
return 1
"""

# KEYS: locks. ARGV: lease ms, then the token of each lock.
RENEW = """
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[i + 1] then redis.call('PEXPIRE', key, ARGV[1]) end
end
return 0
"""


@dataclass(slots=True)
class _Queue:
    """The calls of this process that use a session or wait for it, first come first served."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class RedisSessionStore:
    """A SessionStore in Redis; close it with `aclose`.

    `url` is `redis://host:port/number` or `rediss://` without credentials. `lease` and `idle_timeout` are
    seconds, `clock` gives seconds since the epoch. Every method raises UnavailableError when Redis cannot
    be reached within `deadline` seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        prefix: str = PREFIX,
        maximum: int = 10_000,
        idle_timeout: float = 3600.0,
        maximum_waiting: int = 64,
        lease: float = 15.0,
        deadline: float = 2.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._maximum = maximum
        self._idle_timeout = idle_timeout
        self._maximum_waiting = maximum_waiting
        self._lease = lease
        self._clock = clock
        self._redis: Any = redis.asyncio.Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped options
            url,
            username=username,
            password=password,
            socket_timeout=deadline,
            socket_connect_timeout=deadline,
            health_check_interval=30,
        )
        self._enter: Any = self._redis.register_script(ENTER)
        self._leave: Any = self._redis.register_script(LEAVE)
        self._renew: Any = self._redis.register_script(RENEW)
        self._queues: dict[str, _Queue] = {}
        self._held: dict[str, str] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop renewing and close the connections; turns in progress keep their lease until it runs out."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
        await self._redis.aclose()

    def turn(
        self, session_id: str, *, must_exist: bool = False, shared: bool = False
    ) -> AbstractAsyncContextManager[SessionState]:
        """Lend the session's state to one call; see SessionStore."""
        return _Turn(self, session_id, must_exist=must_exist, shared=shared)

    async def peek(self, session_id: str) -> SessionState | None:
        """The state now; None if there is none, or it was idle too long."""
        with self._reached():
            encoded = await self._redis.get(self._key("session", session_id))
        return None if encoded is None else decode_state(encoded)

    async def end(self, session_id: str) -> bool:
        """Forget a session; see SessionStore."""
        with self._reached():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(self._key("session", session_id))
                pipe.zrem(self._key("sessions"), session_id)
                gone, _ = await pipe.execute()
        return bool(gone)

    async def expire(self) -> tuple[str, ...]:
        """Drop from the index what Redis has forgotten after its idle time; their ids."""
        limit = self._clock() - self._idle_timeout
        index = self._key("sessions")
        with self._reached():
            idle = await self._redis.zrangebyscore(index, "-inf", limit, start=0, num=1000)
            ids = [name.decode() for name in idle]
            if ids:
                await self._redis.zrem(index, *ids)
        return tuple(ids)

    async def count(self) -> int:
        """How many sessions are kept, by all processes together."""
        with self._reached():
            return int(await self._redis.zcard(self._key("sessions")))

    async def put(self, kind: str, name: str, value: bytes, seconds: float) -> None:
        """Keep a value that another process may take, for so long."""
        with self._reached():
            await self._redis.set(self._key(kind, name), value, px=_milliseconds(seconds))

    async def get(self, kind: str, name: str) -> bytes | None:
        """A kept value."""
        with self._reached():
            return cast("bytes | None", await self._redis.get(self._key(kind, name)))

    async def take(self, kind: str, name: str) -> bytes | None:
        """A kept value, which is gone then: only one taker gets it."""
        with self._reached():
            return cast("bytes | None", await self._redis.getdel(self._key(kind, name)))

    async def agreed(self, kind: str, value: bytes) -> bytes:
        """The value that all processes share under this name: the first one's to ask."""
        key = self._key(kind)
        with self._reached():
            await self._redis.set(key, value, nx=True)
            return cast("bytes", await self._redis.get(key))

    async def enter(self, session_id: str, token: str, *, must_exist: bool) -> SessionState:
        """Take the turn (`token` is empty for a shared session) and read the state."""
        now = self._clock()
        fresh = SessionState(id=session_id, created=now, last_used=now)
        wait = FIRST_WAIT
        while True:
            answer = await self._scripted(
                self._enter,
                session_id,
                [
                    token, _milliseconds(self._lease), int(must_exist), encode_state(fresh),
                    _milliseconds(self._idle_timeout), now, session_id, self._maximum, self._prefix,
                ],
            )  # fmt: skip
            if isinstance(answer, bytes):
                if token:
                    self._held[session_id] = token
                    self._renew_held()
                return decode_state(answer)
            if answer == -1:
                raise unknown_session()
            if answer == -2:
                raise LimitError(
                    f"all {self._maximum} sessions are in use", hint="try again when a call has ended"
                )
            await asyncio.sleep(random.uniform(wait / 2, wait))
            wait = min(wait * 2, LONGEST_WAIT)

    async def leave(self, state: SessionState, token: str) -> None:
        """Write the state and give the turn back; UnavailableError when the lease was lost meanwhile."""
        if token:
            self._held.pop(state.id, None)
        state.last_used = self._clock()
        kept = await self._scripted(
            self._leave,
            state.id,
            [token, encode_state(state), _milliseconds(self._idle_timeout), state.last_used, state.id],
        )
        if kept == 0:
            raise UnavailableError(
                "the session was used by another process meanwhile; what this call set in it was not kept",
                hint="call again",
            )

    @contextmanager
    def queued(self, session_id: str) -> Generator[asyncio.Lock]:
        """This process's queue of the session; LimitError where too many wait."""
        queue = self._queues.setdefault(session_id, _Queue())
        if queue.users > self._maximum_waiting:
            raise LimitError(
                f"{queue.users - 1} calls of this session are waiting already; it runs one call at a time",
                hint="wait for an answer before the next call, or use several sessions",
            )
        queue.users += 1
        try:
            yield queue.lock
        finally:
            queue.users -= 1
            if not queue.users:
                self._queues.pop(session_id, None)

    async def _scripted(self, script: Callable[..., Awaitable[Any]], session_id: str, args: list[Any]) -> Any:
        keys = [self._key("turn", session_id), self._key("session", session_id), self._key("sessions")]
        with self._reached():
            return await script(keys=keys, args=args)

    def _key(self, kind: str, name: str | None = None) -> str:
        return f"{self._prefix}:{kind}" if name is None else f"{self._prefix}:{kind}:{name}"

    def _renew_held(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._keep_renewing())

    async def _keep_renewing(self) -> None:
        """Renew the leases of the turns in progress, until there are none."""
        while self._held:
            await asyncio.sleep(self._lease / 3)
            held = dict(self._held)
            if held:
                # A renewal that fails is tried again before the lease runs out; `leave` tells if it did.
                with suppress(RedisError, OSError):
                    await self._renew(
                        keys=[self._key("turn", name) for name in held],
                        args=[_milliseconds(self._lease), *held.values()],
                    )

    @contextmanager
    def _reached(self) -> Generator[None]:
        """Redis's errors as ours."""
        try:
            yield
        except RedisAuthenticationError:
            raise UnavailableError(
                f"sessions are kept in Redis at {self._url}, which refused the login",
                hint="the operator sets sessions.redis_username and sessions.redis_password_env",
            ) from None
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise UnavailableError(
                f"sessions are kept in Redis at {self._url}, which cannot be reached now",
                hint="pass `database`: calls that name their database need no session",
            ) from error
        except ResponseError as error:
            raise BackendError(f"Redis at {self._url} refused a command: {error}") from error


class _Turn:
    """One call's turn in a session."""

    __slots__ = ("_chosen", "_id", "_lock", "_must_exist", "_queue", "_shared", "_state", "_store", "_token")

    def __init__(self, store: RedisSessionStore, session_id: str, *, must_exist: bool, shared: bool) -> None:
        self._store = store
        self._id = session_id
        self._must_exist = must_exist
        self._shared = shared
        self._token = "" if shared else secrets.token_urlsafe(16)

    async def __aenter__(self) -> SessionState:
        self._queue = self._store.queued(self._id)
        self._lock = self._queue.__enter__()
        try:
            if not self._shared:
                await self._lock.acquire()
            try:
                state = await self._store.enter(self._id, self._token, must_exist=self._must_exist)
            except BaseException:
                if not self._shared:
                    self._lock.release()
                raise
        except BaseException:
            self._queue.__exit__(None, None, None)
            raise
        self._state = state
        self._chosen = _choices(state)
        return state

    async def __aexit__(self, kind: object, *_: object) -> None:
        try:
            if self._shared:
                await self._merge()
            await asyncio.shield(self._store.leave(self._state, self._token))
        except UnavailableError:
            # A call that only counted itself is not failed for that, and an error of its own goes first.
            if kind is None and _choices(self._state) != self._chosen:
                raise
        finally:
            if not self._shared:
                self._lock.release()
            self._queue.__exit__(None, None, None)

    async def _merge(self) -> None:
        """Put what this call did on top of what others, who share the session, did meanwhile."""
        others = await self._store.peek(self._id)
        if others is None:
            return
        mine = self._state
        if _choices(mine) == self._chosen:
            for name, value in _choices(others).items():
                setattr(mine, name, value)
        for tool, usage in others.usage.items():
            if tool not in mine.usage or mine.usage[tool].calls < usage.calls:
                mine.usage[tool] = usage


def _choices(state: SessionState) -> dict[str, object]:
    """What the client chose: everything but the counting."""
    names = (choice.name for choice in fields(state))
    return {name: getattr(state, name) for name in names if name not in {"usage", "last_used"}}


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
