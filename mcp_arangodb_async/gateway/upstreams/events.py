"""Server-sent events: the data of each, cut from a stream of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_arangodb_async.errors import LimitError


class EventParser:
    """Reads the data of events of type `message`; nothing of an event larger than the limit is kept."""

    __slots__ = ("_data", "_kind", "_maximum", "_open", "_open_size", "_size")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        # The pieces of a line whose end has not arrived: joined once, however small they are.
        self._open: list[bytes] = []
        self._open_size = 0
        self._data: list[bytes] = []
        self._size = 0
        self._kind = b"message"

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of the events that this piece completes."""
        self._open.append(chunk)
        self._open_size += len(chunk)
        if self._size + self._open_size > self._maximum:
            raise self._too_large()
        if b"\n" not in chunk and b"\r" not in chunk and self._open[-2:-1] != [b"\r"]:
            return
        text = b"".join(self._open)
        # A carriage return at the end may be the first half of a line end.
        held = b"\r" if text.endswith(b"\r") else b""
        lines = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = lines.pop()
        self._open = [part for part in (rest, held) if part]
        self._open_size = len(rest) + len(held)
        for line in lines:
            yield from self._line(line)

    def _too_large(self) -> LimitError:
        return LimitError(f"an event of the upstream is larger than {self._maximum} bytes")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if not line:
            if self._data and self._kind == b"message":
                yield b"\n".join(self._data)
            self._data, self._size, self._kind = [], 0, b"message"
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._maximum:
                raise self._too_large()
        elif name == b"event":
            self._kind = value
