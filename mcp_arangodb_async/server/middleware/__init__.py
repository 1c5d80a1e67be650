"""What every call passes on its way to its tool and back, in the order of one tuple.

    tracing > measuring > auditing > shaping > limiting > the call itself

A layer is made once for an application, around the step behind it; one that has nothing to do for these
settings returns that step as it is and costs nothing. From `shaping` outwards every call has a result: errors
are results there, and only a caller's own cancellation passes as an exception.
"""

from __future__ import annotations

from collections.abc import Callable

from mcp_arangodb_async.server.middleware import auditing, limiting, measuring, shaping, tracing
from mcp_arangodb_async.server.middleware.watch import Watch
from mcp_arangodb_async.server.passage import Step

__all__ = ["MIDDLEWARE", "Layer", "Watch", "layered"]

Layer = Callable[[Watch, Step], Step]

# The first is the outermost.
MIDDLEWARE: tuple[Layer, ...] = (
    tracing.layer,
    measuring.layer,
    auditing.layer,
    shaping.layer,
    limiting.layer,
)


def layered(watch: Watch, call: Step) -> Step:
    """The call with every layer around it."""
    for layer in reversed(MIDDLEWARE):
        call = layer(watch, call)
    return call
