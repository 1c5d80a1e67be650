"""Listening sockets: an answer leaves at once, not when the client acknowledges its first part."""

from __future__ import annotations

import socket

from mcp_arangodb_async.server.http import listen_on


def test_sockets_that_a_listener_accepts_delay_nothing() -> None:
    with (
        listen_on("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
