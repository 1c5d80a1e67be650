"""Traces through the OpenTelemetry API: whoever configures a provider gets spans, nobody else pays.

The MCP SDK opens a span for each request, as a child of the trace that a client names in `_meta` (W3C
`traceparent`), and loads the API for that; nothing more is loaded here. A provider is configured outside:
`opentelemetry-instrument mcp-arangodb-async server ...`, or by a program that embeds the server, before the
application is opened.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import trace

Value = str | int | float | bool


def is_on() -> bool:
    """Whether anybody configured a provider of spans."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)


def annotate(attributes: Mapping[str, Value | None]) -> None:
    """Set attributes of the current span; those that are None are left out."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes({name: value for name, value in attributes.items() if value is not None})


def current_ids() -> tuple[str, str] | None:
    """The trace and span that the current work belongs to, for log lines."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
