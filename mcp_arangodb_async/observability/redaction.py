"""Secrets are taken out of every text before it is written."""

from __future__ import annotations

import re
from collections.abc import Callable

HIDDEN = "[hidden]"
# Shorter texts are words that stand everywhere; a password like that cannot be hidden without hiding the log.
SHORTEST = 4
_MAXIMUM_SECRETS = 1024
_URL_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,20}://)[^\s/@'\"]{1,512}@")
_AUTHORIZATION = re.compile(r"\b(?P<scheme>basic|bearer)\s+[A-Za-z0-9+/=._~\-]{8,}", re.IGNORECASE)


class Redactor:
    """Hides the secrets it was told, credentials in URLs, and authorization headers."""

    def __init__(self) -> None:
        self._secrets: list[Callable[[], str]] = []

    def register(self, secret: str | Callable[[], str]) -> None:
        """Hide this text from now on; a function is asked each time, for secrets that change."""
        if len(self._secrets) >= _MAXIMUM_SECRETS:
            raise ValueError(f"more than {_MAXIMUM_SECRETS} secrets cannot be watched for")
        self._secrets.append((lambda: secret) if isinstance(secret, str) else secret)

    def redact(self, text: str) -> str:
        """The text without secrets."""
        # The longest first: one secret may be part of another.
        for secret in sorted({read() for read in self._secrets}, key=len, reverse=True):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, HIDDEN)
        if "://" in text:
            text = _URL_CREDENTIALS.sub(rf"\g<scheme>{HIDDEN}@", text)
        return _AUTHORIZATION.sub(rf"\g<scheme> {HIDDEN}", text)
