"""Fifty secrets go in by every door, right and wrong; afterwards none of them is in anything written."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.gateway.api_keys import ApiKeys
from mcp_arangodb_async.gateway.rotation import rotate_data_key
from mcp_arangodb_async.gateway.tenants.doctor import examine
from mcp_arangodb_async.gateway.tenants.model import shown_tenant
from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.transfer import export_tenant
from mcp_arangodb_async.observability.logs import configure_logging
from tests.unit.gateway.tenants.backends import UBER, Backend, Written, admin

pytestmark = pytest.mark.anyio
ACME = admin("acme")
CANARIES = [f"Canary{number:02d}-Zq8vX" for number in range(56)]


def documents(canaries: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Where people put secrets: the right fields, and every wrong one they can think of."""
    c = iter(canaries)
    https = "https://a.example/mcp"
    return [
        ("postgres", {"url": https, "password": next(c), "headers": {"Authorization": f"Bearer {next(c)}"}}),
        ("minio", {"url": https, "access_key": next(c), "secret_key": next(c)}),
        ("ai_mcp_server", {"url": https, "api_key": next(c), "openai_api_key": next(c)}),
        ("wiki", {"url": https, "secrets": {"token": next(c), "pin": next(c)}, "headers": {"X-A": next(c)}}),
        ("a", {"url": f"https://user:{next(c)}@a.example/mcp"}),
        ("b", {"url": f"https://a.example/mcp?token={next(c)}"}),
        ("c", {"url": f"postgresql://u:{next(c)}@a/b"}),
        ("d", {"url": https, "passwd": next(c)}),
        ("e", {"url": https, "mode": next(c)}),
        ("f", {"url": https, "transport": next(c), "timeout": next(c)}),
        ("g", {"url": https, "concurrency": next(c), "fallback": next(c)}),
        ("h", {"url": https, "headers": next(c)}),
        ("i", {"url": https, "headers": {"X-A": {"nested": next(c)}, "Host": next(c), "X-B": [next(c)]}}),
        ("j", {"url": https, "headers": {"X-A": f"{next(c)}\r\nX-B: {next(c)}"}}),
        ("k", {"url": https, "tools": {"query": f"{next(c)} {next(c)}"}}),
        ("l", {"url": https, "allow_tools": next(c)}),
        ("m", {"transport": "stdio", "launcher": next(c).lower()[:8], "url": f"https://{next(c)}:x/"}),
        ("n", {"url": https, "secrets": {f"bad name {next(c)[:2]}": next(c)}}),
        ("o", {"url": https, "port": next(c)}),
        ("postgres", {"url": https, "port": next(c), "host": f"a\x00{next(c)}"}),
        ("minio", {"endpoint": f"https://{next(c)}:{next(c)}@s3.example", "url": https}),
        ("ai_mcp_server", {"api_base_url": f"https://a.example/?api_key={next(c)}", "url": https}),
        ("p", {"url": https, "parameters": next(c)}),
        ("q", {"url": https, "parameters": {"x": f"{next(c)}\n"}}),
        ("r", {"url": [next(c)], "command": next(c), "env": {"X": next(c)}, "cwd": next(c)}),
        ("s", {"url": https, "allow_tools": [next(c), f"{next(c)}!"]}),
        ("t", {"url": https, "tenant_argument": [next(c)], "downstream_tenant_id": {"x": next(c)}}),
        ("u", {"url": https, "connect_timeout": next(c), "timeout": [next(c)]}),
        ("v", {"url": https, "password": next(c), "api_key": next(c), "headers": {"X-Y": f" {next(c)}"}}),
    ]  # fmt: skip


async def test_no_secret_is_in_anything_written(backend: Backend, written: Written, tmp_path: Path) -> None:
    output = io.StringIO()
    log = configure_logging(level="DEBUG", stream=output)
    told: list[str] = []
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            async with open_registry(backend.settings, record=written) as registry:
                given = documents(list(CANARIES))
                assert sum(canary in repr(given) for canary in CANARIES) >= 50
                stored = 0
                for server, document in given:
                    for work in (
                        registry.prepare(ACME, server, document),
                        registry.register(ACME, {server: document}),
                        registry.update(ACME, server, document),
                    ):
                        try:
                            answer = await work
                            told.append(repr(answer))
                            stored += 1
                        except MaaError as error:
                            told += [repr(error), str(error), str(error.hint), str(error.field)]
                            told += traceback.format_exception(error, chain=False)
                assert stored >= 12
                tenant = await registry.read(ACME)
                told += [repr(tenant), repr(shown_tenant(tenant)), repr(await registry.history(ACME))]
                told.append(repr(await export_tenant(registry, ACME)))
                await rotate_data_key(registry, ACME)
                told.append(repr(await examine(registry, UBER)))
                told.append(repr([vars(thing) for thing in (registry, registry.cache, ApiKeys(registry))]))
                dump = backend.dump()
        told.append(repr([record.facts() for record in written.records]))
    finally:
        log.close()
        logging.getLogger().setLevel(logging.WARNING)
    told.append(output.getvalue())
    text = "\n".join(told)
    for canary in CANARIES:
        # Half of a canary is a leak as well; a name that was made of one in lower case is not.
        assert canary not in text, canary
        assert canary.encode() not in dump, canary
        assert canary[:-2] not in text, canary
