"""How a client proves who it is: a password with every request, a login that is renewed, or a given token."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from mcp_arangodb_async.config.model import Secret
from mcp_arangodb_async.connections.single import SingleFlight

# Posts user name and password to the server's login; the token it answers with.
Login = Callable[[str, str], Awaitable[str]]
# A token is renewed when this part of its life is over, so that no call ever meets an expired one.
RENEW_AFTER = 0.8
# ArangoDB's own default, for tokens that do not say.
DEFAULT_LIFE = 3600.0


class Credentials(Protocol):
    """What goes into the `authorization` header."""

    async def header(self) -> str | None:
        """The header's value; None sends none."""
        ...

    async def renew(self, refused: str | None) -> bool:
        """After a 401 to this header's value: get another one; false when there is no other."""
        ...


class PasswordCredentials:
    """User name and password with every request (HTTP Basic)."""

    def __init__(self, username: str, password: Secret) -> None:
        self._username = username
        self._password = password

    async def header(self) -> str | None:
        """The password is revealed here and nowhere else, so a changed variable counts at once."""
        pair = f"{self._username}:{self._password.reveal()}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    async def renew(self, refused: str | None) -> bool:
        """Only if another one is there by now."""
        return await self.header() != refused


class TokenCredentials:
    """A token that was given."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def header(self) -> str | None:
        """The token, read each time: whoever renews it outside writes it into its variable."""
        return f"bearer {self._token.reveal()}"

    async def renew(self, refused: str | None) -> bool:
        """Only if another one is there by now."""
        return await self.header() != refused


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    header: str
    renew_at: float


class LoginCredentials:
    """A token from the server's login, renewed before it ends; many waiting calls cause one login."""

    def __init__(
        self,
        username: str,
        password: Secret,
        login: Login,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._username = username
        self._password = password
        self._login = login
        self._clock = clock
        self._held: _Held | None = None
        self._renewal = SingleFlight(self._renew)

    async def header(self) -> str | None:
        """The token's header, from a new login when there is none or it ends soon."""
        held = self._held
        if held is None or self._clock() >= held.renew_at:
            held = await self._renewal.run()
        return held.header

    async def renew(self, refused: str | None) -> bool:
        """Log in again, unless somebody has done so since this token was sent."""
        if self._held is None or self._held.header == refused:
            await self._renewal.run()
        return True

    async def _renew(self) -> _Held:
        token = await self._login(self._username, self._password.reveal())
        # The life is measured from here: the server's clock may differ.
        renew_at = self._clock() + RENEW_AFTER * _life(token)
        self._held = held = _Held(header=f"bearer {token}", renew_at=renew_at)
        return held


def _life(token: str) -> float:
    """Seconds a JSON Web Token lives; its signature is for the server that made it."""
    try:
        payload = token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return DEFAULT_LIFE
    return life if 0 < life <= 10 * 365 * 86_400 else DEFAULT_LIFE
