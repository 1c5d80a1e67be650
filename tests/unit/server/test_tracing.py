"""Spans of calls, as a provider of OpenTelemetry gets them.

A provider is the whole process's, so each test traces in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SECONDS = 60
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = """
import asyncio, io, json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

from mcp_arangodb_async.observability import configure_logging
from tests.unit.server.test_doors import Place, settings

written = io.StringIO()
configure_logging(level="DEBUG", format="json", stream=written)

async def run():
    from mcp_arangodb_async.config.model import LogSettings
    async with Place(settings(log=LogSettings(level="DEBUG"))) as place:
        await place.call("arango_query", query="FOR i IN 1..3 RETURN i", traceparent="PARENT")
        await place.call("arango_query", query="RETURN nonsense")
        await place.call("no_such_tool")
        await place.request("tools/list")

asyncio.run(run())
spans = [
    {
        "name": span.name,
        "kind": span.kind.name,
        "trace": format(span.context.trace_id, "032x"),
        "parent": span.parent and format(span.parent.span_id, "016x"),
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes),
    }
    for span in exporter.get_finished_spans()
]
print(json.dumps({"spans": spans, "log": written.getvalue().splitlines()}))
"""


def run(script: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.defpath, "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_call_is_a_span_of_the_callers_trace_with_database_tool_and_outcome() -> None:
    found = run(TRACED.replace("PARENT", PARENT))
    query, nonsense, unknown, listing = found["spans"]
    assert (query["name"], query["kind"]) == ("tools/call arango_query", "SERVER")
    assert (query["trace"], query["parent"]) == (PARENT[3:35], PARENT[36:52])
    attributes = query["attributes"]
    assert attributes["mcp.method.name"] == "tools/call"
    assert attributes["mcp.protocol.version"] == "2026-07-28"
    assert attributes["gen_ai.tool.name"] == "arango_query"
    assert attributes["gen_ai.operation.name"] == "execute_tool"
    assert (attributes["db.system.name"], attributes["db.namespace"]) == ("arangodb", "memory")
    assert attributes["db.response.returned_rows"] == 3
    assert attributes["mcp_arangodb.outcome"] == "ok"
    assert query["status"] == "UNSET"
    assert "RETURN" not in json.dumps(attributes), "arguments are nobody's business"
    assert nonsense["parent"] is None
    assert nonsense["trace"] != query["trace"]
    assert (nonsense["status"], nonsense["attributes"]["error.type"]) == ("ERROR", "tool_error")
    assert nonsense["attributes"]["mcp_arangodb.outcome"] not in {"ok", "internal"}
    assert unknown["attributes"]["mcp_arangodb.outcome"] == "not_found"
    assert "db.namespace" not in unknown["attributes"]
    assert listing["name"] == "tools/list"
    lines = [json.loads(line) for line in found["log"]]
    calls = [line for line in lines if line["event"] == "call"]
    assert calls[0]["trace_id"] == query["trace"]
    assert calls[0]["request_id"] == attributes["mcp_arangodb.request_id"]


def test_without_a_provider_nothing_is_traced_and_no_more_is_loaded() -> None:
    script = """
import json, sys
import mcp.server.lowlevel
before = {name for name in sys.modules if name.startswith("opentelemetry")}
import asyncio
from tests.unit.server.test_doors import Place, settings
from mcp_arangodb_async.server.build import build_server

async def run():
    async with Place(settings()) as place:
        await place.call("arango_query", query="RETURN 1")
        return build_server(place.app, transport="http").middleware

kept = asyncio.run(run())
after = {name for name in sys.modules if name.startswith("opentelemetry")}
print(json.dumps({"more": sorted(after - before), "middleware": len(kept)}))
"""
    assert run(script) == {"more": [], "middleware": 0}
