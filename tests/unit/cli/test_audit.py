"""`audit verify|show` as a process: its output and exit codes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.observability.audit_record import AuditRecord, Decision
from tests.unit.cli.test_commands import SECONDS, variables

KEY = "a key of some length"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A sealed log of three calls, in the directory that the configuration names."""

    async def run() -> Path:
        audit = await AuditLog.open(tmp_path / "audit", key=KEY.encode())
        calls: tuple[tuple[str, Decision, str], ...] = (
            ("a", "allowed", "acme"),
            ("b", "denied", "zeta"),
            ("c", "allowed", "acme"),
        )
        for tool, decision, tenant in calls:
            await audit.record(
                AuditRecord(kind="call", decision=decision, outcome="ok", tool=tool, tenant=tenant, who="ada")
            )
        await audit.close()
        return audit.path

    (tmp_path / "config").mkdir()
    text = "audit: {directory: audit, key_env: AUDIT_KEY}\n"
    (tmp_path / "config" / "databases.yaml").write_text(text, encoding="utf-8")
    return asyncio.run(run())


def maa(directory: Path, *words: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_arangodb_async", "audit", *words],
        cwd=directory,
        env=variables(directory, AUDIT_KEY=key),
        capture_output=True,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
    )


def test_verify_says_that_a_log_is_intact_or_names_the_record(log: Path, tmp_path: Path) -> None:
    done = maa(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (0, "intact: 5 records in 1 chain\n"), done.stderr
    assert maa(tmp_path, "verify", key="another key, 16+").returncode == 1
    log.write_bytes(log.read_bytes().replace(b'"tool":"b"', b'"tool":"x"'))
    done = maa(tmp_path, "verify", f"audit/{log.name}", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["intact"] is False
    assert document["problems"] == [
        {"file": log.name, "line": 3, "record": 3, "problem": "record 3 was changed"}
    ]


def test_show_filters_and_hands_out_what_can_be_verified(log: Path, tmp_path: Path) -> None:
    done = maa(tmp_path, "show", "--decision", "denied", "--json")
    assert [one["tool"] for one in json.loads(done.stdout)] == ["b"]
    assert "ada" in maa(tmp_path, "show", "--tool", "c").stdout
    (tmp_path / "acme.jsonl").write_text(maa(tmp_path, "show", "--tenant", "acme", "--raw").stdout, "utf-8")
    done = maa(tmp_path, "verify", "--tenant", "acme", "acme.jsonl", "--key-env", "AUDIT_KEY")
    assert (done.returncode, done.stdout) == (0, "intact: 2 records in 1 chain\n")


def test_a_missing_log_or_key_is_said(tmp_path: Path) -> None:
    done = maa(tmp_path, "verify")
    assert done.returncode == 2
    assert "audit.directory" in done.stderr
    done = maa(tmp_path, "verify", "x.jsonl", "--key-env", "NO_SUCH_VARIABLE")
    assert done.returncode == 1
    assert "NO_SUCH_VARIABLE is not set" in done.stderr
