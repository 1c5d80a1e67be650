"""Log lines: one event each, on the stream that was given, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.observability import (
    Counters,
    Redactor,
    configure_logging,
    current_request_id,
    get_logger,
    request_id,
)

log = get_logger("mcp_arangodb_async.test")


@contextmanager
def logging_to(
    stream: io.StringIO, *, format: Literal["text", "json"] = "json", redactor: Redactor | None = None
) -> Generator[None]:
    before = logging.getLogger().level
    setup = configure_logging(level="DEBUG", format=format, redactor=redactor, stream=stream)
    try:
        yield
    finally:
        setup.close()
        logging.getLogger().setLevel(before)


def lines(**options: Any) -> list[dict[str, Any]]:
    stream = io.StringIO()
    with logging_to(stream, **options):
        yield_events()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def yield_events() -> None:
    log.info("pool.closed", server="http://host:8529", idle=60.5, databases=("a", "b"), none=None)
    with request_id("abc123"):
        log.warning("query.slow", seconds=3)


def test_an_event_is_a_line_of_json_with_its_fields() -> None:
    first, second = lines()
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "logger": "mcp_arangodb_async.test",
        "event": "pool.closed",
        "server": "http://host:8529",
        "idle": 60.5,
        "databases": ["a", "b"],
        "none": None,
    }
    assert (second["event"], second["request_id"], second["level"]) == ("query.slow", "abc123", "warning")
    assert current_request_id() is None


def test_text_is_one_line_that_people_can_read() -> None:
    stream = io.StringIO()
    with logging_to(stream, format="text"):
        log.error("tool.failed", tool="arango_query", message="two words\nand a line", rows=[1])
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(' ERROR   tool.failed tool=arango_query message="two words\\nand a line" rows="[1]"')


def test_nothing_is_written_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with logging_to(stream):
        log.info("server.started")
    assert capsys.readouterr() == ("", "")


def test_a_bug_is_logged_with_its_traceback() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            log.exception("tool.bug")
    assert "ZeroDivisionError" in json.loads(stream.getvalue())["traceback"]


def test_secrets_are_hidden_wherever_they_stand() -> None:
    redactor = Redactor()
    redactor.register('p4ss"word\\')
    current = ["t0ken-one"]
    redactor.register(lambda: current[0])
    stream = io.StringIO()
    with logging_to(stream, redactor=redactor):
        log.info("a", plain='p4ss"word\\', nested={"x": ['p4ss"word\\'], 'p4ss"word\\': 1}, thing=Redactor)
        current[0] = "t0ken-two"
        log.info("b t0ken-two", header="Bearer abcdef0123456789", basic="basic cm9vdDpwdw==")
        logging.getLogger("some.library").warning(
            "connecting to http://root:hunter22@host:8529/x with t0ken-two"
        )
        try:
            raise ValueError('p4ss"word\\ is wrong')
        except ValueError:
            log.exception("c")
    written = stream.getvalue()
    for secret in ("p4ss", "t0ken-two", "hunter22", "abcdef0123456789", "cm9vdDpwdw"):
        assert secret not in written
    assert "http://[hidden]@host:8529/x" in written
    assert len(written.splitlines()) == 4


@given(
    secret=st.text(min_size=4, max_size=30).filter(lambda text: text.strip() != ""),
    around=st.text(max_size=20),
)
def test_a_registered_secret_never_passes(secret: str, around: str) -> None:
    redactor = Redactor()
    redactor.register(secret)
    redacted = redactor.redact(f"{around} {secret} {around}")
    # What stands around it may make up the text again; the secret itself is gone from its place.
    assert "[hidden]" in redacted
    assert redactor.redact(secret).replace("[hidden]", "") != secret


def test_a_short_or_empty_password_does_not_hide_the_log() -> None:
    redactor = Redactor()
    redactor.register("")
    redactor.register("a")
    assert redactor.redact("a database") == "a database"


def test_libraries_cannot_forge_lines_and_the_driver_does_not_chat() -> None:
    stream = io.StringIO()
    with logging_to(stream, format="text"):
        logging.getLogger("some.library").warning("first\n2026-01-01T00:00:00.000Z INFO forged")
        logging.getLogger("arangoasync").debug("Failed to serialize auth data")
    assert len(stream.getvalue().splitlines()) == 1


def test_a_field_is_bounded() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        log.info("big", text="x" * 100_000, many=list(range(10_000)), deep=[[[[[["x"]]]]]])
    assert len(stream.getvalue()) < 4000


def test_an_event_cannot_overwrite_what_every_line_has() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        log.info("real", level="forged", time="forged")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"]) == ("real", "info")


def test_counters_add_up_by_labels_and_stay_bounded() -> None:
    counters = Counters()
    counters.add("calls", tool="a", outcome="ok")
    counters.add("calls", 2, outcome="ok", tool="a")
    counters.add("calls", tool="b", outcome="ok")
    assert counters.value("calls", tool="a", outcome="ok") == 3
    assert counters.value("calls", tool="c") == 0
    for number in range(20_000):
        counters.add("many", label=str(number))
    assert len(counters.snapshot()) == 10_000
    assert counters.dropped == 10_002
