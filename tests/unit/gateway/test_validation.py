"""A trial of a server: each step, how it fails, and that nothing after it is tried."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.door import Gateway, open_gateway
from mcp_arangodb_async.gateway.tenants.document import read_document
from mcp_arangodb_async.gateway.validation import STEPS, Report, Trial, unreadable, words_of
from tests.upstreams.gateways import Gateways
from tests.upstreams.plain import Context, Offered, Plain, echo, schema
from tests.upstreams.serving import serving

pytestmark = pytest.mark.anyio
Results = dict[str, str]
SECRET = "key-of-acme-upstream"


async def refusing(_context: Context, _arguments: dict[str, Any]) -> types.CallToolResult:
    """A database that knows nobody, and repeats what it was given."""
    said = types.TextContent(text=f"password {SECRET} is wrong")
    return types.CallToolResult(content=[said], is_error=True)


def query(body: Any = echo, **takes: str) -> Offered:
    return Offered(
        body=body, description="Run a statement.", input_schema=schema(**(takes or {"sql": "string"}))
    )


@asynccontextmanager
async def trying(directory: Path) -> AsyncGenerator[tuple[Plain, str, Gateway]]:
    """A server, its address, and a gateway that may reach it."""
    plain = Plain({"query": query()})
    plain.key = SECRET
    settings = Gateways(directory).settings()
    async with serving(plain.app()) as url, open_gateway(settings, registry=None) as gateway:
        yield plain, url, gateway


async def tried(
    gateway: Gateway, document: Mapping[str, Any], *, server: str = "postgres", **more: Any
) -> tuple[Report, Results]:
    """The report of a document's trial, and how each of its steps ended."""
    found = read_document(server, document, launchers=gateway.settings.launchers)
    trial = Trial(gateway, server=server, section=found.section, secrets=found.secrets, tenant="acme", **more)
    report = await trial.run()
    steps = {step["step"]: step["result"] for step in report.document()["steps"]}
    assert tuple(steps) == STEPS
    return report, steps


def good(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "headers": {"Authorization": f"Bearer {SECRET}"}, **more}


def message(report: Report) -> str:
    """What the last step said that was reached."""
    return report.steps[-1].message


async def test_a_good_server_passes_every_step_and_says_what_it_can_do(tmp_path: Path) -> None:
    async with trying(tmp_path) as (plain, url, gateway):
        report, steps = await tried(gateway, good(url))
        assert report.valid
        assert set(steps.values()) == {"ok"}
        assert report.tools == ["postgres__query"]
        assert report.capabilities["postgres_query"] == "query"
        assert report.capabilities["postgres_list_tables"] is None
        assert plain.seen[-1].arguments == {"sql": "SELECT 1"}
        assert SECRET not in repr(report.document())
        of_its_own, steps = await tried(gateway, good(url), server="notes")
        assert of_its_own.valid
        assert "let us list its tools" in message(of_its_own)


async def test_each_step_that_fails_ends_the_trial_and_says_why(tmp_path: Path) -> None:
    async with trying(tmp_path) as (plain, url, gateway):
        cases: list[tuple[dict[str, Any], str, str]] = [
            (good("http://10.1.2.3/mcp"), "address", "a private address"),
            (good("http://127.0.0.1:9/mcp"), "handshake", "127.0.0.1:9"),
            ({"url": url}, "handshake", "HTTP 401"),
            (good(url, allow_tools=["query", "gone"]), "tools", "no tool gone; there are: query"),
            (good(url, tools={"postgres_query": "run"}), "tools", "no tool run; there are: query"),
        ]
        for document, failing, said in cases:
            report, steps = await tried(gateway, document)
            assert not report.valid
            at = STEPS.index(failing)
            assert list(steps.values()) == ["ok"] * at + ["failed"] + ["skipped"] * (4 - at), document
            assert said in message(report)
        plain.tools.clear()
        report, _ = await tried(gateway, good(url, allow_tools=["query"]))
        assert message(report) == "no tool query; there are: none"


async def test_credentials_are_tried_with_a_call_and_never_repeated(tmp_path: Path) -> None:
    async with trying(tmp_path) as (plain, url, gateway):
        plain.tools["query"] = query(refusing)
        report, steps = await tried(gateway, good(url))
        assert steps["credentials"] == "failed"
        assert "query answered: password" in message(report)
        assert SECRET not in repr(report.document())
        plain.tools["query"] = query(text="string")
        report, steps = await tried(gateway, good(url))
        assert (report.valid, steps["credentials"]) == (True, "skipped")
        assert "takes no argument for 'sql'" in message(report)
        plain.tools["say"] = plain.tools.pop("query")
        report, steps = await tried(gateway, good(url))
        assert (report.valid, steps["credentials"]) == (True, "skipped")
        assert message(report) == "no tool for postgres_query to try them with"


async def test_what_was_approved_before_decides_what_is_shown(tmp_path: Path) -> None:
    async with trying(tmp_path) as (_, url, gateway):
        report, _ = await tried(gateway, good(url), pins={"query": "0" * 64})
        assert report.tools == []
        assert report.document()["kept_back"] == {"query": "changed"}
        assert set(report.hashes) == {"query"}


async def test_a_section_that_uses_no_server_of_its_own_has_nothing_to_try(tmp_path: Path) -> None:
    async with trying(tmp_path) as (plain, _, gateway):
        for mode in ("inherit", "disabled"):
            report, steps = await tried(gateway, {"mode": mode})
            assert report.valid
            assert steps == {"schema": "ok", **dict.fromkeys(STEPS[1:], "skipped")}
        assert plain.requests == []


def test_a_document_that_cannot_be_read_is_a_report_as_well() -> None:
    report = unreadable("postgres", InputError("postgres: url: is missing"))
    assert not report.valid
    assert [step["result"] for step in report.document()["steps"]] == ["failed"] + ["skipped"] * 4
    assert "protocol_version" not in report.document()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"type": "text", "text": "no\u202e such user"}], "no such user"),
        ([{"type": "image", "data": ""}], "nothing"),
        ("text", "nothing"),
        ([{"type": "text", "text": "x" * 1000}], "x" * 300),
    ],
)
def test_what_a_failed_tool_said_is_cleaned_and_cut(content: Any, said: str) -> None:
    assert words_of({"content": content}) == said
