"""The names of the MCP SDK that it does not promise to keep: an update that moves one fails here first."""

from __future__ import annotations

import importlib
import inspect

import pytest

NAMES = (
    ("mcp.server.connection", "Connection"),
    ("mcp.server.connection", "NotifyOnlyOutbound"),
    ("mcp.server.runner", "ServerRunner"),
    ("mcp.server.runner", "_NoServerRequestsDispatchContext"),
    ("mcp.server.runner", "aclose_shielded"),
    ("mcp.server.runner", "modern_error_data"),
    ("mcp.server.runner", "serve_one"),
    ("mcp.shared._stream_protocols", "ReadStream"),
    ("mcp.shared.inbound", "classify_inbound_request"),
    ("mcp.shared.jsonrpc_dispatcher", "JSONRPCDispatcher"),
)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_the_sdk_still_has_the_name(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_a_request_context_still_leads_to_its_connection() -> None:
    from mcp.server.session import ServerSession

    assert "_connection" in inspect.getsource(ServerSession.__init__)


def test_handlers_may_still_return_dictionaries_and_middleware_may_be_dropped() -> None:
    from mcp.server.lowlevel import Server

    server: Server[object] = Server("x")
    server.middleware.clear()
    assert callable(server.add_request_handler)
    assert "get_tool_input_schema" in inspect.signature(Server.__init__).parameters
