"""What a socket would have added, for the transports without one."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus

#: The words of a status, by its number.
PHRASES = {status.value: status.phrase for status in HTTPStatus}

#: JSON as the drivers write it, without making an encoder for every request as they do.
write_json = json.JSONEncoder(separators=(",", ":")).encode


def basic_login(user: str, password: str) -> str:
    """The `authorization` header of a user."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
