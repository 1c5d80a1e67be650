"""What the program tells about itself: logs on stderr, counters, request ids; never a secret.

Every line is a JSON object or a line of text, made of an event's name and fields; `redaction` has the
last word.
"""

from mcp_arangodb_async.observability.counters import Counters
from mcp_arangodb_async.observability.logs import EventLogger, LogSetup, configure_logging, get_logger
from mcp_arangodb_async.observability.measures import Figure, Measures
from mcp_arangodb_async.observability.redaction import Redactor
from mcp_arangodb_async.observability.request_ids import current_request_id, new_request_id, request_id

__all__ = [
    "Counters",
    "EventLogger",
    "Figure",
    "LogSetup",
    "Measures",
    "Redactor",
    "configure_logging",
    "current_request_id",
    "get_logger",
    "new_request_id",
    "request_id",
]
