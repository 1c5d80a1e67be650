"""The engine as a server in a child process, for measurements from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@contextmanager
def engine_server(
    *, compat: str = "3.12", password: str | None = None, jwt_secret: str | None = None
) -> Generator[Server]:
    """`engine serve` on a free port, in memory, for a block; it prints its address once it listens.

    With a password the server asks for one, from the user `root`; secrets travel by the environment.
    """
    command = [
        sys.executable,
        "-m",
        "mcp_arangodb_async",
        "engine",
        "serve",
        "--port",
        "0",
        "--data",
        ":memory:",
    ]
    command += ["--compat", compat, *(["--no-authentication"] if password is None else [])]
    environment = dict(os.environ)
    if password is not None:
        environment["ARANGO_ROOT_PASSWORD"] = password
    if jwt_secret is not None:
        environment["ARANGO_JWT_SECRET"] = jwt_secret
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                found = re.search(r"http://([^:/\s]+):(\d+)", line)
                if found:
                    yield Server(host=found[1], port=int(found[2]))
                    break
            else:
                raise RuntimeError(f"the server ended before it listened: {' '.join(command)}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
