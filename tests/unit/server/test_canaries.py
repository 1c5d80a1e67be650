"""Secrets that would be recognised anywhere: every error path is walked, and none of them turns up."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.observability import Redactor, configure_logging
from mcp_arangodb_async.server.app import redactor_of
from tests.unit.server.test_doors import Place

SECONDS = 60
WAYS = ("echo500", "echo401", "echo404", "text", "redirect", "garbage", "half", "login", "jwt")
DEAD = "http://127.0.0.1:9"


@contextmanager
def gossip() -> Generator[int]:
    """A database server that repeats in every error whatever it was told."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length).decode("utf-8", "replace")
            credentials = self.headers.get("authorization") or ""
            said = credentials
            scheme, _, blob = credentials.partition(" ")
            if scheme.lower() == "basic":
                said += " = " + base64.b64decode(blob).decode("utf-8", "replace")
            said += f" and {body} and http://root:{said}@host/ and {quote(said)} and {json.dumps(said)}"
            way = next((way for way in WAYS if f"{way}:" in said or f"user-{way}" in said), "echo500")
            status, kind, content = self.reply(way, said)
            self.send_response(status)
            self.send_header("content-type", kind)
            if way == "redirect":
                self.send_header("location", f"http://root:{quote(said)}@127.0.0.1:9/")
            self.send_header("content-length", str(len(content) + (10 if way == "half" else 0)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

        def reply(self, way: str, said: str) -> tuple[int, str, bytes]:
            error = {"error": True, "errorNum": 4, "code": 500, "errorMessage": f"no: {said}"}
            match way:
                case "echo401":
                    return (
                        401,
                        "application/json",
                        json.dumps({**error, "errorNum": 11, "code": 401}).encode(),
                    )
                case "echo404":
                    return (
                        404,
                        "application/json",
                        json.dumps({**error, "errorNum": 1203, "code": 404}).encode(),
                    )
                case "text":
                    return 500, "text/plain", said.encode()
                case "redirect":
                    return 307, "text/plain", said.encode()
                case "garbage":
                    return 200, "application/json", f'{{"result": [{said}'.encode()
                case "login" if "/_open/auth" in self.path:
                    return 200, "application/json", json.dumps({"jwt": renewed()}).encode()
                case _:
                    return 500, "application/json", json.dumps(error).encode()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def renewed() -> str:
    """A token that a login gives out: nobody configured it, and it is a secret all the same."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(b'{"preferred_username":"canary-renewed"}').rstrip(b"=").decode()
    return f"{head}.{body}.canaryRenewedSignature"


# What passwords are made of: quotes, blanks, per cent signs, other scripts, base64's own characters.
SPICES = ("", "'\"", "a b", "%41%", "ü€", "\\n\\", "+/=", "&x=", "<>", "${x}", ":@", "#?")


def canary(number: int) -> str:
    return f"Canary{number:03d}{SPICES[number % len(SPICES)]}Secret"


def configured(directory: Path, port: int) -> tuple[Settings, dict[str, str]]:
    """Many databases, each with a secret of its own; and the variables that hold them."""
    lines = ["databases:"]
    environ: dict[str, str] = {}
    for number in range(48):
        way = WAYS[number % len(WAYS)]
        url = DEAD if number % 12 == 11 else f"http://127.0.0.1:{port}"
        environ[f"SECRET_{number}"] = canary(number)
        auth = {"jwt": "auth: jwt, password_env", "login": "auth: jwt, password_env"}.get(way, "password_env")
        if number % 5 == 4:
            auth = "auth: token, token_env"
        lines.append(
            f"  db{number}: {{url: '{url}', username: 'user-{way}:', {auth}: SECRET_{number}, timeout: 2}}"
        )
    lines += [
        "audit: {directory: log, key_env: AUDIT_SECRET, fsync: always}",
        "log: {level: DEBUG, format: json}",
    ]
    environ["AUDIT_SECRET"] = canary(60) + "0123456789"
    environ["MCP_HTTP_TOKENS"] = f"alice={token(61)},bob={token(62)}"
    path = directory / "databases.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_settings(environ=environ, cwd=directory, config_file=str(path)), environ


def token(number: int) -> str:
    return f"Canary{number:03d}TokenSecret"


def shapes(secret: str) -> set[str]:
    """How a secret could stand in what was written."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        quote(secret),
        quote(secret, safe=""),
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("=")[:-2],
    }


def leaked(text: str, environ: Mapping[str, str]) -> list[str]:
    secrets = [*(value for name, value in environ.items() if name != "MCP_HTTP_TOKENS"), token(61), token(62)]
    secrets += ["canaryRenewedSignature", "canary-renewed"]
    found = [secret for secret in secrets if any(shape in text for shape in shapes(secret))]
    # However it was mangled: the number stands between two words.
    return found + (["Canary0"] if "Canary0" in text else [])


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    """One gossiping server for all."""
    with gossip() as running:
        yield running


def test_no_secret_is_in_anything_the_server_writes(tmp_path: Path, port: int) -> None:
    settings, environ = configured(tmp_path, port)
    written = io.StringIO()
    logs = configure_logging(level="DEBUG", format="json", redactor=redactor_of(settings), stream=written)

    async def run() -> str:
        said: list[str] = []
        async with Place(settings) as place:

            async def one(key: str) -> None:
                calls: tuple[tuple[str, dict[str, Any]], ...] = (
                    ("arango_list_collections", {}),
                    ("arango_query", {"query": "RETURN 1"}),
                    ("arango_test_database_connection", {}),
                    ("arango_insert", {"collection": "c", "document": {"a": 1}}),
                )
                for tool, arguments in calls:
                    answer = await place.call(tool, token(61), database=key, **arguments)
                    said.append(answer.body.decode())
                answer = await place.request("resources/read", token(61), uri=f"arangodb://{key}/schema")
                said.append(answer.body.decode())

            for start in range(0, 48, 8):
                await asyncio.gather(*(one(f"db{number}") for number in range(start, start + 8)))
            for presented in ("Bearer " + token(61) + "x", "Basic " + token(62), token(62)):
                headers = [("host", "localhost"), ("authorization", presented)]
                refused = await place.ask("/mcp", headers=headers)
                said.append(refused.body.decode())
            paths = ("/metrics", "/health", f"/{token(61)}")
            said += [(await place.ask(path)).body.decode() for path in paths]
            said.append(f"{place.app!r} {settings!r} {place.app.manager.statistics()}")
        return "\n".join(said)

    try:
        text = asyncio.run(run())
    finally:
        logs.close()
    audit = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "log").iterdir())
    assert text.count('"isError": true') + text.count('"isError":true') >= 100
    assert len(environ) + 3 >= 50
    for name, written_there in (("answers", text), ("log", written.getvalue()), ("audit", audit)):
        assert leaked(written_there, environ) == [], name
    # What is hidden was there: the errors do repeat what the server said.
    assert "[hidden]" in text


def test_every_line_of_a_call_has_its_request_id(tmp_path: Path, port: int) -> None:
    settings, _ = configured(tmp_path, port)
    written = io.StringIO()
    logs = configure_logging(level="DEBUG", format="json", redactor=Redactor(), stream=written)

    async def run() -> str:
        async with Place(settings) as place:
            answer = await place.call("arango_list_collections", token(61), database="db0")
            return answer.body.decode()

    try:
        text = asyncio.run(run())
    finally:
        logs.close()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (end,) = [line for line in lines if line["event"] == "call"]
    assert end["request_id"] in text
    ours = [line for line in lines if line["logger"].startswith("mcp_arangodb_async")]
    during = ours[: ours.index(end) + 1]
    assert all(
        line.get("request_id") == end["request_id"] for line in during if line["event"] != "audit.closed"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("db", "status"), ("db", "status", "--json"), ("config", "show", "--json"), ("health", "-d", "db0"),
        ("db", "test", "db3"), ("db", "databases", "db4"), ("user", "list", "db6"), ("audit", "verify"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_secret_is_in_anything_a_command_prints(tmp_path: Path, port: int, words: tuple[str, ...]) -> None:
    _, environ = configured(tmp_path, port)
    home = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-m", "mcp_arangodb_async", *words],
        cwd=tmp_path,
        env={
            **environ,
            "PATH": os.defpath,
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "ARANGO_DATABASES_CONFIG_FILE": str(tmp_path / "databases.yaml"),
        },
        capture_output=True,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
    )
    printed = done.stdout + done.stderr
    assert printed
    assert leaked(printed, environ) == []


def test_secrets_are_hidden_in_all_their_forms() -> None:
    redactor = Redactor()
    secret = "pä ss\"w'ord/\\%"
    redactor.register(secret)
    for shape in shapes(secret) - {base64.b64encode(secret.encode()).decode().rstrip("=")[:-2]}:
        assert redactor.redact(f"it says {shape} there") == "it says [hidden] there"
    pair = base64.b64encode(f"root:{secret}".encode()).decode()
    for text in (pair, f"header={pair}", json.dumps({"a": pair}), pair.rstrip("=")):
        assert pair.rstrip("=") not in redactor.redact(text)
    assert redactor.redact("a perfectly_harmless/path+with=things") == "a perfectly_harmless/path+with=things"


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter22", "PASSWORD=hunter22", '{"password": "hunter22"}', "api_key=hunter22&x=1",
        "client_secret=hunter22", "access-token=hunter22", f"token {renewed()}",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden_unasked(text: str) -> None:
    assert not leaked(Redactor().redact(text).replace("hunter22", "Canary0"), {})


def test_clients_are_told_words_that_are_also_weak_passwords() -> None:
    redactor = Redactor()
    redactor.register("root")
    redactor.register("long-enough")
    assert redactor.told("no user 'root' with long-enough") == "no user 'root' with [hidden]"
    assert redactor.redact("no user 'root'") == "no user '[hidden]'"
