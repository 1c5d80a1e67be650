"""Secrets are taken out of every text before it is written, or told to a client in an error."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
# Shorter texts are words that stand everywhere; a password like that cannot be hidden without hiding the log.
SHORTEST = 4
# In what clients are told, words such as `root` and `test` mean users and collections.
SHORTEST_TOLD = 6
_MAXIMUM_SECRETS = 1024
_URL_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,20}://)[^\s/@'\"]{1,512}@")
_AUTHORIZATION = re.compile(r"\b(?P<scheme>basic|bearer)\s+[A-Za-z0-9+/=._~\-]{8,}", re.IGNORECASE)
# A JSON Web Token says itself what it is: base64 of `{"` in two parts, and a signature.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
# `password=x` and `"password": "x"`, but not `password: is missing` nor the names of variables.
_NAME = r"[\w\-]{0,40}(?:password|passwd|secret|api[_-]?key|access[_-]?token)[\w\-]{0,20}(?<![_-]env)"
_ASSIGNED = re.compile(
    rf"(?P<name>\b{_NAME}=|[\"']{_NAME}[\"']\s{{0,3}}:\s{{0,3}}[\"'])[^\s\"'&,;}}]{{4,512}}", re.IGNORECASE
)
_BLOB = re.compile(r"[A-Za-z0-9+/_\-]{12,8192}={0,2}")


class Redactor:
    """Hides the secrets it was told, also where they are quoted or encoded, and what looks like one.

    That is: credentials in URLs, authorization headers, JSON Web Tokens, `password=...`.
    """

    def __init__(self) -> None:
        self._secrets: list[Callable[[], str]] = []

    def register(self, secret: str | Callable[[], str]) -> None:
        """Hide this text from now on; a function is asked each time, for secrets that change."""
        if len(self._secrets) >= _MAXIMUM_SECRETS:
            raise ValueError(f"more than {_MAXIMUM_SECRETS} secrets cannot be watched for")
        self._secrets.append((lambda: secret) if isinstance(secret, str) else secret)

    def redact(self, text: str, *, shortest: int = SHORTEST) -> str:
        """The text without secrets; shorter ones than `shortest` stay."""
        # The longest first: one secret may be part of another.
        known = sorted({read() for read in self._secrets}, key=len, reverse=True)
        known = [secret for secret in known if len(secret) >= shortest]
        for secret in known:
            for form in forms(secret):
                if form in text:
                    text = text.replace(form, HIDDEN)
        if known and len(text) >= 12:
            text = _BLOB.sub(lambda found: blob(found[0], known), text)
        if "://" in text:
            text = _URL_CREDENTIALS.sub(rf"\g<scheme>{HIDDEN}@", text)
        if "eyJ" in text:
            text = _JWT.sub(HIDDEN, text)
        text = _AUTHORIZATION.sub(rf"\g<scheme> {HIDDEN}", text)
        return _ASSIGNED.sub(rf"\g<name>{HIDDEN}", text)

    def told(self, text: str) -> str:
        """A text for a client without secrets."""
        return self.redact(text, shortest=SHORTEST_TOLD)


@lru_cache(maxsize=_MAXIMUM_SECRETS)
def forms(secret: str) -> tuple[str, ...]:
    """The ways a secret stands in texts: as it is, in JSON (and that in JSON), in Python, in a URL.

    Also as a server reads it that takes the bytes of a header for Latin-1.
    """
    found: list[str] = []
    for text in (secret, secret.encode("utf-8", "surrogatepass").decode("latin-1")):
        quoted = json.dumps(text)[1:-1]
        found += [
            text,
            quoted,
            json.dumps(text, ensure_ascii=False)[1:-1],
            json.dumps(quoted)[1:-1],
            repr(text)[1:-1],
            quote(text, safe="", errors="surrogateescape"),
            quote(text, errors="surrogateescape"),
            quote_plus(text, errors="surrogateescape"),
        ]
    # The longest first: a form may begin with another one.
    return tuple(sorted(dict.fromkeys(found), key=len, reverse=True))


def blob(text: str, secrets: Iterable[str]) -> str:
    """The text, or nothing of it if it is base64 of something with a secret inside.

    What stands in front, such as the `20` of an encoded blank, moves where the groups of four begin.
    """
    wanted = [secret.encode("utf-8", "surrogatepass") for secret in secrets]
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = plain[start:]
        if len(part) % 4 == 1:
            part = part[:-1]
        content = base64.b64decode(part + "=" * (-len(part) % 4))
        if any(secret in content for secret in wanted):
            return HIDDEN
    return text
