"""Errors become results, in the one shape of all errors, without secrets."""

from __future__ import annotations

import asyncio
import time

from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.observability import get_logger
from mcp_arangodb_async.server.middleware.watch import Watch
from mcp_arangodb_async.server.passage import Passage, Step, WireResult
from mcp_arangodb_async.server.render import failed, unexpected

log = get_logger(__name__)


def layer(watch: Watch, call: Step) -> Step:
    """Answer whatever happens; raise nothing but the caller's own cancellation."""
    tells = watch.settings.log.level == "DEBUG"

    async def shaped(passage: Passage) -> WireResult:
        started = time.perf_counter() if tells else 0.0
        try:
            result = await call(passage)
            passage.outcome = "ok"
            return result
        except MaaError as error:
            passage.outcome = error.code
            return failed(
                error, request_id=passage.request_id, database=passage.database, redact=watch.redact
            )
        except asyncio.CancelledError:
            passage.outcome = "cancelled"
            raise
        except Exception:  # a bug: its traceback goes to the log, a reference to the client
            passage.outcome = "internal"
            log.exception("call.bug", tool=passage.tool)
            return unexpected(request_id=passage.request_id, database=passage.database)
        finally:
            if tells:
                log.debug(
                    "call",
                    tool=passage.tool,
                    database=passage.database,
                    outcome=passage.outcome,
                    ms=round((time.perf_counter() - started) * 1000, 2),
                )

    return shaped
