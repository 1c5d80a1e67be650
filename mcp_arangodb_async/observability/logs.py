"""Logs: events with fields, on stderr, through the standard library's logging.

    log = get_logger(__name__)
    log.info("pool.closed", server=address, idle=seconds)

Standard output belongs to the protocol and is never written here. Lines of libraries pass through the same
formatter, so they are redacted too.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TextIO, cast

from mcp_arangodb_async.observability.redaction import Redactor
from mcp_arangodb_async.observability.request_ids import current_request_id

Format = Literal["text", "json"]
_MAXIMUM_FIELD = 2000
_MAXIMUM_ITEMS = 100
_MAXIMUM_DEPTH = 3
# The driver's debug lines hold login data, aiohttp's and the SDK's every message.
_QUIET = (
    "aiosqlite", "alembic", "arangoasync", "aiohttp", "asyncio", "client", "httpcore2", "httpx2", "mcp",
    "sqlalchemy", "uvicorn.access",
)  # fmt: skip
# Its own words about upstream servers hold what those said; ours say what is to be said.
_SILENT = ("client", "mcp.client", "mcp.shared.jsonrpc_dispatcher")
_PLAIN_VALUE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/+@")


class EventLogger:
    """Writes events; a field's value is anything JSON can hold, other things are written as text."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: object) -> None:
        """An event for those who look for a mistake in the program."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """An event of normal life."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something the operator may want to change."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something failed."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """A bug: the exception being handled is written with its traceback."""
        self._log(logging.ERROR, event, fields, exception=True)

    def _log(self, level: int, event: str, fields: dict[str, object], *, exception: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event, exc_info=exception, extra={"fields": fields}, stacklevel=3)


def get_logger(name: str) -> EventLogger:
    """The logger of a module (`__name__`)."""
    return EventLogger(logging.getLogger(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSetup:
    """What `configure_logging` put in place; `close` takes it away again."""

    handler: logging.Handler
    redactor: Redactor

    def close(self) -> None:
        """Write no more."""
        logging.getLogger().removeHandler(self.handler)
        self.handler.close()


def configure_logging(
    *,
    level: str = "INFO",
    format: Format = "text",
    redactor: Redactor | None = None,
    stream: TextIO | None = None,
) -> LogSetup:
    """Write the events of this program and its libraries to stderr, from `level` on.

    There is one such log in a process: this one takes the place of an earlier one.
    """
    redactor = redactor or Redactor()
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(_Formatter(redactor, format))
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each.formatter, _Formatter)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return LogSetup(handler=handler, redactor=redactor)


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor, format: Format) -> None:
        super().__init__()
        self._redactor = redactor
        self._format = format

    def format(self, record: logging.LogRecord) -> str:
        # Each part is redacted before it is quoted: quoting may change a secret's text.
        redact = self._redactor.redact
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
        }
        identifier = current_request_id()
        if identifier is not None:
            line["request_id"] = identifier
        traced = _trace()
        if traced is not None:
            line["trace_id"], line["span_id"] = traced
        fields: dict[str, object] = getattr(record, "fields", {})
        for name, value in fields.items():
            line.setdefault(name, _field(value, redact))
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return _json(line) if self._format == "json" else _text(line)


def _trace() -> tuple[str, str] | None:
    """The trace that the line belongs to; asked only where the tracing library is loaded anyway."""
    if "opentelemetry.trace" not in sys.modules:
        return None
    from mcp_arangodb_async.observability.tracing import current_ids

    return current_ids()


def _field(value: Any, redact: Callable[[str], str], depth: int = 0) -> object:
    """The value as JSON can hold it, bounded in size and depth, its texts redacted."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _MAXIMUM_DEPTH:
        if isinstance(value, list | tuple | set | frozenset):
            items = cast("Iterable[object]", value)
            return [_field(item, redact, depth + 1) for item in islice(items, _MAXIMUM_ITEMS)]
        if isinstance(value, Mapping):
            pairs = islice(cast("Mapping[object, object]", value).items(), _MAXIMUM_ITEMS)
            return {redact(str(name)): _field(item, redact, depth + 1) for name, item in pairs}
    text = redact(str(value))
    return text if len(text) <= _MAXIMUM_FIELD else f"{text[:_MAXIMUM_FIELD]}..."


def _json(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, default=str)


def _text(line: dict[str, Any]) -> str:
    shown = dict(line)
    head = f"{shown.pop('time')} {shown.pop('level').upper():7} {_printable(shown.pop('event'))}"
    trace = shown.pop("traceback", None)
    shown.pop("logger")
    body = "".join(f" {name}={_text_value(value)}" for name, value in shown.items())
    return f"{head}{body}" + (f"\n{trace}" if trace else "")


def _text_value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if text and _PLAIN_VALUE.issuperset(text) else json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    """One line: what a library logs with line breaks cannot look like lines of ours."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
