"""Every conversation runs on every transport, in both protocol eras."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.interaction.conversation import WAYS, Places, Way


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """Every transport, in both protocol eras."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Servers with configurations of their own."""
    return Places(tmp_path)


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
