"""Upstreams that are programs: from the operator's file only, without a shell, in a scrubbed environment."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from mcp_arangodb_async.errors import UnreachableError
from mcp_arangodb_async.gateway.upstreams.connection import Command, Connection, Target
from mcp_arangodb_async.gateway.upstreams.network import Network
from mcp_arangodb_async.gateway.upstreams.session import SessionConnection

# Where programs are looked for when the operator's environment for one names no path.
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
EXIT_SECONDS = 1.0


async def open_stdio(target: Target, network: Network) -> Connection:
    """A session with a program of its own; it ends with the session."""
    assert target.command is not None
    connection = SessionConnection(target, era="legacy")
    ended = asyncio.Event()
    streams = program(target, target.command, network.maximum_response, ended)
    await connection.open(streams, ended.is_set)
    return connection


@asynccontextmanager
async def program(
    target: Target, command: Command, maximum_line: int, ended: asyncio.Event
) -> AsyncGenerator[Any]:
    """The program's messages as the SDK's client takes them; the program is gone when the block ends.

    `ended` is set when the program says no more.
    """
    environment = {"PATH": SEARCH_PATH, **command.environment}
    try:
        process = await asyncio.create_subprocess_exec(
            command.program,
            *command.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Its own words may hold its credentials, so they go nowhere.
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd=command.directory,
            limit=maximum_line,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its arguments cannot be passed on"
        raise UnreachableError(f"{target.shown}: the program cannot be started: {reason}") from error
    try:
        incoming_in, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, outgoing_out = anyio.create_memory_object_stream[SessionMessage](0)
        async with incoming_in, incoming, outgoing, outgoing_out, anyio.create_task_group() as tasks:
            tasks.start_soon(_read, process, incoming_in, ended)
            tasks.start_soon(_write, process, outgoing_out, incoming_in)
            yield incoming, outgoing
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _read(process: asyncio.subprocess.Process, into: Any, ended: asyncio.Event) -> None:
    """Pass on a message a line; a line without end ends the connection."""
    assert process.stdout is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, ValueError, ConnectionError):
        while line := await process.stdout.readline():
            try:
                message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValidationError:
                # Programs print: what is no message is no reason to give up.
                continue
            await into.send(SessionMessage(message))
    ended.set()
    await into.aclose()


async def _write(process: asyncio.subprocess.Process, messages: Any, incoming: Any) -> None:
    """Write a message a line; a program that reads no more ends the connection."""
    assert process.stdin is not None
    try:
        async for message in messages:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
    except (ConnectionError, anyio.ClosedResourceError):
        await incoming.aclose()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask the program to leave by closing its input; then tell it, with all that it started."""
    assert process.stdin is not None
    process.stdin.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                await process.wait()
        except TimeoutError:
            continue
        break
    # Whatever it started and left behind goes as well.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # The pipe is closed by its end only.
    assert process.stdout is not None
    with suppress(TimeoutError, ConnectionError, ValueError):
        async with asyncio.timeout(EXIT_SECONDS):
            while await process.stdout.read(64 * 1024):
                pass
