"""The stdio transport: one JSON-RPC message a line, on asyncio pipes.

Nothing but protocol messages can reach the client: the real standard output is kept aside and descriptor 1
becomes standard error. A regular file or a terminal, which asyncio cannot watch, is read by a thread.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import mcp_types as types
import orjson
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage

from mcp_arangodb_async.server.sdk import serve_streams

MAXIMUM_LINE = 64 * 1024 * 1024
# After the client closed its end, requests already read are still answered, for this long at most.
LAST_ANSWERS_SECONDS = 5.0


class LineTooLongError(Exception):
    """A line was longer than a message may be; it was skipped."""


class Lines(Protocol):
    """A pipe of lines: both directions of one client."""

    async def read(self) -> bytes | None:
        """The next line without its end, None when there are no more."""
        ...

    async def write(self, line: bytes) -> None:
        """Write a line, waiting while the client does not read."""
        ...


class PipeLines:
    """Lines on descriptors that asyncio can watch: pipes and sockets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, source: BinaryIO, target: BinaryIO, *, maximum: int = MAXIMUM_LINE) -> Self:
        """The lines of two descriptors; longer ones than `maximum` are skipped."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=maximum)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, target)
        return cls(reader, asyncio.StreamWriter(transport, protocol, None, loop))

    async def read(self) -> bytes | None:
        try:
            return (await self._reader.readuntil(b"\n"))[:-1]
        except asyncio.IncompleteReadError as end:
            return end.partial or None
        except asyncio.LimitOverrunError as overrun:
            await self._skip_line(overrun.consumed)
            raise LineTooLongError from overrun

    async def _skip_line(self, consumed: int) -> None:
        while True:
            await self._reader.readexactly(consumed)
            try:
                await self._reader.readuntil(b"\n")
                return
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError as overrun:
                consumed = overrun.consumed

    async def write(self, line: bytes) -> None:
        self._writer.write(line + b"\n")
        await self._writer.drain()

    def close(self) -> None:
        """Stop writing; what was written is still sent."""
        self._writer.close()


class FileLines:
    """Lines on files and terminals, read and written by threads."""

    def __init__(self, source: BinaryIO, target: BinaryIO, *, maximum: int = MAXIMUM_LINE) -> None:
        self._source = source
        self._target = target
        self._maximum = maximum

    async def read(self) -> bytes | None:
        return await asyncio.to_thread(self._line)

    def _line(self) -> bytes | None:
        line = self._source.readline(self._maximum + 1)
        if len(line) <= self._maximum or line.endswith(b"\n"):
            return line.removesuffix(b"\n") if line else None
        while line and not line.endswith(b"\n"):
            line = self._source.readline(self._maximum)
        raise LineTooLongError

    async def write(self, line: bytes) -> None:
        def put() -> None:
            self._target.write(line + b"\n")
            self._target.flush()

        await asyncio.to_thread(put)


class MessageStream:
    """Both ends of the SDK's stream contract over lines.

    A line that is no message is answered here with JSON-RPC's parse error, as nobody above can know its id.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._unanswered: set[types.RequestId] = set()
        self._answered = asyncio.Event()
        self._writing = asyncio.Lock()

    async def receive(self) -> SessionMessage | Exception:
        while True:
            try:
                line = await self._lines.read()
            except LineTooLongError:
                await self._refuse(f"a message is longer than {MAXIMUM_LINE} bytes")
                continue
            if line is None:
                await self._wait_for_last_answers()
                raise StopAsyncIteration
            if not line.strip():
                continue
            try:
                message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                await self._refuse("not a JSON-RPC message")
                continue
            self._note(message)
            return SessionMessage(message)

    def _note(self, message: types.JSONRPCMessage) -> None:
        """Remember which requests are owed an answer; a cancelled one is not."""
        if isinstance(message, types.JSONRPCRequest):
            self._unanswered.add(message.id)
        elif isinstance(message, types.JSONRPCNotification) and message.method == "notifications/cancelled":
            self._unanswered.discard((message.params or {}).get("requestId", ""))

    async def _wait_for_last_answers(self) -> None:
        try:
            async with asyncio.timeout(LAST_ANSWERS_SECONDS):
                while self._unanswered:
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            return

    async def _refuse(self, why: str) -> None:
        error = {
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": types.PARSE_ERROR, "message": f"Parse error: {why}"},
        }
        await self._put(orjson.dumps(error))

    async def send(self, item: SessionMessage, /) -> None:
        message = item.message
        await self._put(encoded(message))
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError) and message.id is not None:
            self._unanswered.discard(message.id)
            self._answered.set()

    async def _put(self, line: bytes) -> None:
        async with self._writing:
            try:
                await self._lines.write(line)
            except (BrokenPipeError, ConnectionResetError):
                return  # the client left; the reader sees the end as well

    async def aclose(self) -> None:
        """Nothing to close: the descriptors live as long as the process."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return await self.receive()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()


def encoded(message: types.JSONRPCMessage) -> bytes:
    """The message as one line of JSON."""
    if isinstance(message, types.JSONRPCResponse):
        try:
            return orjson.dumps({"jsonrpc": "2.0", "id": message.id, "result": message.result})
        except TypeError:  # integers beyond 64 bits in a structured result
            pass
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


def is_watchable(descriptor: int) -> bool:
    """Whether asyncio can watch it.

    Terminals are left alone: watching would make them non-blocking for everybody who has them open.
    """
    mode = os.fstat(descriptor).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


async def open_lines() -> Lines:
    """Take descriptors 0 and 1 for the protocol; from here on stray prints go to standard error."""
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    reading, writing = os.fdopen(source, "rb"), os.fdopen(target, "wb")
    if is_watchable(source) and is_watchable(target):
        return await PipeLines.open(reading, writing)
    return FileLines(reading, writing)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve this process's standard input and output until the client closes it."""
    stream = MessageStream(await open_lines())
    async with server.lifespan(server) as state:
        await serve_streams(server, stream, stream, lifespan_state=state)
