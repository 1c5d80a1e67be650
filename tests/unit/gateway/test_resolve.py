"""Whose server a call reaches: a table of every case, and what is explained of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_arangodb_async.config.tenancy import GlobalUpstream, TenancySettings
from mcp_arangodb_async.errors import DeniedError, NotFoundError
from mcp_arangodb_async.gateway.resolve import explained, refused, resolve, server_names
from mcp_arangodb_async.gateway.tenants.model import PostgresSection, SealedSecret, Server, Tenant

SHARED = GlobalUpstream(url="https://global.internal.example/mcp", headers_env={"authorization": "TOKEN"})


def settings(*, enabled: bool = True, shared: bool = True) -> TenancySettings:
    return TenancySettings(enabled=enabled, upstreams={"postgres": SHARED} if shared else {})


def tenant(mode: str | None, *, enabled: bool = True, fallback: str = "none") -> Tenant:
    servers: dict[str, Server] = {}
    if mode is not None:
        section: Any = PostgresSection(
            mode=mode,  # pyright: ignore[reportArgumentType] - a word of the table below
            fallback=fallback,  # pyright: ignore[reportArgumentType]
            url="https://own.example/mcp",
        )
        secret = SealedSecret(
            version=1,
            key_version=1,
            nonce=b"n",
            ciphertext=b"cipher",
            fingerprint="ab12",
            set_at="2026-01-01",
        )
        servers["postgres"] = Server(
            name="postgres", section=section, secrets={"headers.authorization": secret}, version=1,
            credential_version=1,
        )  # fmt: skip
    return Tenant(id="acme", incarnation="1", version=1, enabled=enabled, servers=servers)


CASES: list[tuple[str, TenancySettings, Tenant | None, str | None, str, bool]] = [
    ("off", settings(enabled=False), tenant("tenant"), "global", "tenancy_off", False),
    ("off, nothing global", settings(enabled=False, shared=False), tenant("tenant"), None,
     "not_configured", False),
    ("unknown tenant", settings(), None, "global", "not_registered", False),
    ("unknown tenant, nothing global", settings(shared=False), None, None, "not_configured", False),
    ("tenant off", settings(), tenant("tenant", enabled=False), "global", "tenant_off", False),
    ("server not registered", settings(), tenant(None), "global", "server_not_registered", False),
    ("own", settings(), tenant("tenant"), "tenant", "mode_tenant", False),
    ("own, fallback", settings(), tenant("tenant", fallback="global"), "tenant", "mode_tenant", True),
    ("own, fallback to nothing", settings(shared=False), tenant("tenant", fallback="global"), "tenant",
     "mode_tenant", False),
    ("inherit", settings(), tenant("inherit"), "global", "mode_inherit", False),
    ("inherit nothing", settings(shared=False), tenant("inherit"), None, "not_configured", False),
    ("disabled", settings(), tenant("disabled"), None, "mode_disabled", False),
    ("disabled, fallback", settings(), tenant("disabled", fallback="global"), None, "mode_disabled", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options", "who", "layer", "why", "fallback"),
    CASES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_reaches_the_layer_of_the_table(
    name: str, options: TenancySettings, who: Tenant | None, layer: str | None, why: str, fallback: bool
) -> None:
    resolution = resolve("postgres", who, options)
    assert (resolution.layer, resolution.why, resolution.fallback) == (layer, why, fallback)
    assert server_names(who, options) == ([] if layer is None else ["postgres"])
    document = explained(resolution, options)
    assert document["decided_by"] == (layer or "nobody")


def test_a_refusal_says_why() -> None:
    disabled = resolve("postgres", tenant("disabled"), settings())
    assert isinstance(refused(disabled, []), DeniedError)
    unknown = resolve("oracle", tenant("tenant"), settings())
    error = refused(unknown, ["postgres"])
    assert isinstance(error, NotFoundError)
    assert "postgres" in error.message


def test_what_is_explained_names_the_layer_of_each_value_and_no_secret() -> None:
    document = explained(resolve("postgres", tenant("tenant"), settings()), settings())
    assert document["values"]["url"] == {"value": "https://own.example/mcp", "from": "tenant"}
    assert document["values"]["timeout"]["from"] == "default"
    assert document["secrets"]["headers.authorization"].startswith("set since")
    assert "cipher" not in json.dumps(document)
    assert document["while_down"] == "error"


def test_how_the_operator_reaches_a_global_server_is_not_told_to_tenants() -> None:
    text = json.dumps(explained(resolve("postgres", tenant("inherit"), settings()), settings()))
    assert "global.internal.example" not in text
    assert "TOKEN" not in text
