"""Programs of others that upstream tests talk to: npm servers, and S3 with IAM that is enforced.

Each is started for a session on a free port of this machine and ends with it for certain; tests that need one
carry `@pytest.mark.server` and are skipped with its name where it is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.sql_servers import free_port

HERE = Path(__file__).parent
NPM = Path(sys.prefix) / "npm" / "node_modules" / "@modelcontextprotocol"
START_SECONDS = 60.0
# Requests that set the users up before every other one must be signed and allowed.
SET_UP_REQUESTS = 10


def node() -> str:
    """Node's path; skips the test where it is missing."""
    return shutil.which("node") or skipped("Node.js")


def skipped(name: str) -> str:
    """Skip the test for want of a program."""
    pytest.skip(f"no {name}")


def npm_server(name: str) -> str:
    """The script of an npm server; skips the test where it is not installed."""
    script = NPM / name / "dist" / "index.js"
    return str(script) if script.exists() else skipped(f"npm package {name}")


@contextlib.contextmanager
def running(command: list[str], port: int, environment: Mapping[str, str], log: Path) -> Generator[None]:
    """A program that listens on a port, until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*ends_with_us(), *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(log.parent), **environment},
            start_new_session=True,
        )  # fmt: skip
    try:
        ends = time.monotonic() + START_SECONDS
        while not listens(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def ends_with_us() -> list[str]:
    """What stands before a command that ends when the tester's process does."""
    return ["setpriv", "--pdeathsig=KILL"] if shutil.which("setpriv") else []


def listens(port: int) -> bool:
    """Whether somebody listens on the port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of npm's server-everything: 2025-11-25 over Streamable HTTP."""
    port = free_port()
    script = npm_server("server-everything")
    command = [node(), "--require", str(HERE / "loopback.cjs"), script, "streamableHttp"]
    with running(command, port, {"PORT": str(port)}, tmp_path_factory.mktemp("everything") / "log"):
        yield f"http://127.0.0.1:{port}/mcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Tenant:
    """A user of the object storage, and the one bucket that it may use."""

    bucket: str
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStorage:
    """S3 that knows its users."""

    url: str
    acme: S3Tenant
    blue: S3Tenant


@pytest.fixture(scope="session")
def object_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    """S3 with two users, each allowed its own bucket and nothing else; moto enforces it."""
    moto = shutil.which("moto_server", path=str(Path(sys.executable).parent)) or skipped("moto_server")
    port = free_port()
    environment = {"INITIAL_NO_AUTH_ACTION_COUNT": str(SET_UP_REQUESTS)}
    log = tmp_path_factory.mktemp("moto") / "log"
    with running([moto, "-H", "127.0.0.1", "-p", str(port)], port, environment, log):
        url = f"http://127.0.0.1:{port}"
        yield ObjectStorage(url=url, acme=made(url, "acme"), blue=made(url, "blue"))


def made(url: str, tenant: str) -> S3Tenant:
    """A bucket, a user who may use it and nothing else, and the user's key: five requests."""
    # Here and not above: every test process loads this file, and few need the library. It is untyped.
    boto3: Any = import_module("boto3")
    config: Any = import_module("botocore.config")
    root: dict[str, Any] = {
        "endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "root",
        "aws_secret_access_key": "root", "config": config.Config(retries={"max_attempts": 0}),
    }  # fmt: skip
    bucket = f"bucket-of-{tenant}"
    s3, iam = boto3.client("s3", **root), boto3.client("iam", **root)
    s3.create_bucket(Bucket=bucket)
    iam.create_user(UserName=tenant)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            },
            {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        ],
    }
    iam.put_user_policy(UserName=tenant, PolicyName="own", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=tenant)["AccessKey"]
    s3.put_object(Bucket=bucket, Key="canary", Body=f"canary of {tenant}".encode())
    return S3Tenant(bucket=bucket, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
