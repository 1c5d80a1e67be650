"""`engine serve`: the embedded engine as an ArangoDB server of its own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.long_lived import collect_rarely, keep_what_there_is
from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.errors import BackendError, DeniedError, InputError

COMPATIBLE = ("3.12", "4.0")
OWN_ADDRESSES = frozenset({"127.0.0.1", "::1", "localhost"})
ROOT_VARIABLE = "ARANGO_ROOT_PASSWORD"  # as in ArangoDB's container images
JWT_VARIABLE = "ARANGO_JWT_SECRET"  # what superuser tokens are signed with; by default a new one each start


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default %(default)s)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8529,
        metavar="PORT",
        help="port; 0 takes a free one (default %(default)s)",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="directory of the data, or :memory: (default: that of `embedded:`)"
    )
    parser.add_argument(
        "--password", metavar="TEXT",
        help=f"root's password; better in the variable {ROOT_VARIABLE}, which other users cannot see",
    )  # fmt: skip
    parser.add_argument(
        "--no-authentication", action="store_true", help="let everybody in; on this machine only"
    )
    parser.add_argument(
        "--compat",
        choices=COMPATIBLE,
        default=COMPATIBLE[0],
        help="the ArangoDB version to be like (default %(default)s)",
    )


def _run(invocation: Invocation) -> int:
    host, port = invocation.option("host"), invocation.option("port")
    if not 0 <= port <= 65_535:
        raise InputError(f"--port must be from 0 to 65535, not {port}")
    open_to_all = bool(invocation.option("no_authentication"))
    if open_to_all and host not in OWN_ADDRESSES:
        raise DeniedError(f"--no-authentication is refused on {host}: everybody there could read and write")
    password = invocation.option("password") or invocation.environment.get(ROOT_VARIABLE) or None
    if host not in OWN_ADDRESSES and password is None and not open_to_all:
        raise DeniedError(f"root has no password, which is refused on {host}", hint=f"set {ROOT_VARIABLE}")
    directory = _directory(invocation)
    jwt_secret = invocation.environment.get(JWT_VARIABLE) or None

    # Here and not above: help, completion and mistakes in flags do without the engine.
    from mcp_arangodb_async.engine import ArangoError, Engine, Listening, serve

    collect_rarely()

    def ready(listening: Listening) -> None:
        keep_what_there_is()
        where = "memory" if directory is None else str(directory)
        invocation.out.line(f"listening on {listening.url}, data in {where}; Ctrl-C ends it")
        invocation.out.flush()

    try:
        with Engine.open(directory, compat=invocation.option("compat"), root_password=password) as engine:
            serve(
                engine, host, port, authentication=not open_to_all, jwt_secret=jwt_secret,
                on_ready=ready, on_bug=invocation.out.note,
            )  # fmt: skip
    except ArangoError as error:
        raise BackendError(f"the engine cannot serve {directory or 'memory'}: {error.message}") from error
    return 0


def _directory(invocation: Invocation) -> Path | None:
    data = invocation.option("data")
    if data == ":memory:":
        return None
    if data is None:
        return UserDirectories.of_platform().engine
    return Path(os.path.abspath(invocation.cwd / Path(data).expanduser()))  # noqa: PTH100 - keeps links as named


SERVE = Command(
    description="Run the embedded engine as a server that speaks ArangoDB's HTTP API, for drivers, for other "
    "programs and for several processes sharing its data.",
    examples=(
        ("engine serve", "http://127.0.0.1:8529, user root without password, data kept"),
        ("engine serve --port 0 --data :memory: --no-authentication", "for tests: a free port, nothing kept"),
    ),
    arguments=_arguments,
    run=_run,
)
