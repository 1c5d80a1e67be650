"""Lines on pipes and files: whole, bounded, and survived when they are too long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcp_arangodb_async.server.stdio import FileLines, LineTooLongError, PipeLines, is_watchable

pytestmark = pytest.mark.anyio
TEXT = b"first\n\n" + b"x" * 500 + b"\nlast\nno end"
MAXIMUM = 100


async def test_a_pipe_hands_out_lines_and_skips_one_that_is_too_long() -> None:
    source, into = os.pipe()
    away, target = os.pipe()
    assert is_watchable(source)
    with os.fdopen(into, "wb") as writer:
        writer.write(TEXT)
    lines = await PipeLines.open(os.fdopen(source, "rb"), os.fdopen(target, "wb"), maximum=MAXIMUM)
    assert await lines.read() == b"first"
    assert await lines.read() == b""
    with pytest.raises(LineTooLongError):
        await lines.read()
    assert [await lines.read() for _ in range(3)] == [b"last", b"no end", None]
    await lines.write(b"answer")
    assert os.read(away, 100) == b"answer\n"
    os.close(away)
    lines.close()


async def test_a_file_does_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(TEXT)
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as target:
        assert not is_watchable(source.fileno())
        lines = FileLines(source, target, maximum=MAXIMUM)
        assert await lines.read() == b"first"
        assert await lines.read() == b""
        with pytest.raises(LineTooLongError):
            await lines.read()
        assert [await lines.read() for _ in range(3)] == [b"last", b"no end", None]
        await lines.write(b"answer")
    assert (tmp_path / "out").read_bytes() == b"answer\n"
