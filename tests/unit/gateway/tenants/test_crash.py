"""A process that is killed in the middle of changes leaves the old or the new configuration, never a mix."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcp_arangodb_async.gateway.tenants.model import shown_section
from mcp_arangodb_async.gateway.tenants.open import open_registry
from tests.unit.gateway.tenants.backends import Backend, admin

pytestmark = pytest.mark.anyio
ROUNDS = 4
# Both servers carry the same number in section and secret: a mix would have two.
WRITER = """
import asyncio, sys
from pathlib import Path
from mcp_arangodb_async.config.environment import UserDirectories, read_environment
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.tenants.model import shown_section
from mcp_arangodb_async.gateway.tenants.open import open_registry

directory = Path(sys.argv[1])
settings = load_settings(
    environ=read_environment(directory), cwd=directory, config_file=str(directory / "databases.yaml"),
    directories=UserDirectories(config=directory, data=directory / "data"),
)
me = Identity(principal="writer", role="tenant_admin", tenant="acme")

async def main():
    async with open_registry(settings) as registry:
        number = (await registry.read(me)).version
        while True:
            number += 1
            text = f"{number:09}" * 200
            tenant = await registry.update(
                me, "postgres", {"database": str(number), "password": text, "headers": {"X-Number": text}},
            )
            print(tenant.version, flush=True)

asyncio.run(main())
"""


def write_and_kill(directory: Path, environment: dict[str, str], seconds: float) -> int:
    """Let a process change the tenant for so long, and kill it; the last version it said it had stored."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True, env=environment
    ) as writer:
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=30)
    return max([acknowledged, *(int(line) for line in rest.splitlines() if line.isdigit())])


async def test_a_process_killed_mid_update_leaves_old_or_new(backend: Backend, tmp_path: Path) -> None:
    async with open_registry(backend.settings) as registry:
        await registry.register(
            admin("acme"),
            {"postgres": {"url": "https://a/mcp", "database": "1", "password": "000000001" * 200}},
        )
    seen = 1
    environment = {**os.environ, **backend.settings.variables}
    for round_number in range(ROUNDS):
        acknowledged = write_and_kill(tmp_path, environment, random.Random(round_number).uniform(0.0, 0.05))
        async with open_registry(backend.settings) as registry:
            tenant = await registry.read(admin("acme"))
            assert tenant.version >= acknowledged >= seen
            values = await registry.secrets(tenant, "postgres")
            number = f"{tenant.version:09}" * 200
            assert values == {"password": number, "headers.x-number": number}
            assert shown_section(tenant.servers["postgres"].section)["database"] == str(tenant.version)
            newest = (await registry.history(admin("acme")))[0]
            assert newest.version == tenant.version
            assert await registry.store.problems() == []
        seen = acknowledged
