"""Stores of tenants for tests: each test with `backend` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from tests.unit.gateway.tenants.backends import KINDS, Backend, Written, make_backend, tenants_template

__all__ = ["tenants_template"]


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """An empty store."""
    return make_backend(request.param, tmp_path, request)


@pytest.fixture
def written() -> Written:
    """What the registry's audit log was told."""
    return Written()


@pytest.fixture
async def registry(backend: Backend, written: Written) -> AsyncIterator[TenantRegistry]:
    """The registry over an empty store."""
    async with open_registry(backend.settings, record=written) as opened:
        yield opened
