"""The `tenant` commands, run as a person runs them, on a store in SQLite."""

from __future__ import annotations

import io
import json
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_arangodb_async.cli.command import Invocation
from mcp_arangodb_async.cli.main import COMMANDS, exit_code, find, load, parser_of
from mcp_arangodb_async.cli.output import Output
from mcp_arangodb_async.errors import MaaError

TOKEN = "Bearer canary-7f31"
PASSWORD = "canary-9c02"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who runs commands in a directory; what is typed comes from a pipe."""

    directory: Path
    environment: dict[str, str]
    patch: pytest.MonkeyPatch

    def maa(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8"))
        name, rest = find(["tenant", *words])
        assert name is not None
        command = load(COMMANDS[name])
        arguments = vars(parser_of(name, command).parse_args(rest))
        out = Output(as_json=bool(arguments.get("json")), out=io.StringIO(), err=io.StringIO())
        invocation = Invocation(
            arguments=arguments, environment=self.environment, cwd=self.directory, out=out
        )
        try:
            code = command.run(invocation)
        except MaaError as error:
            code = exit_code(error)
            out.note(f"{error.message} {error.hint}")
        except EOFError:
            code = 2
        except OSError:
            code = 1
        return code, cast("io.StringIO", out.out).getvalue(), cast("io.StringIO", out.err).getvalue()

    def done(self, *words: str, typed: str = "") -> str:
        code, out, err = self.maa(*words, typed=typed)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.done(*words, "--json"))


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "databases.yaml").write_text("log: {level: INFO}\n")
    environment = {
        "MCP_TENANTS_STORE": str(tmp_path / "data" / "tenants.db"),
        "MCP_TENANTS_MASTER_KEY": secrets.token_hex(32),
        "MCP_AUDIT_DIRECTORY": "audit",
        "TOKEN": TOKEN,
        "PASSWORD": PASSWORD,
    }
    return Person(tmp_path, environment, monkeypatch)


ADD = ("add", "acme", "postgres", "--set", "url=https://pg.example/mcp", "--header", "Authorization=TOKEN",
    "--no-test", "--yes")  # fmt: skip


def test_a_tenant_is_added_changed_shown_and_erased(person: Person) -> None:
    assert "[ADD] server 'postgres' of tenant 'acme': mode tenant, url https://pg.example/mcp" in person.done(
        *ADD
    )
    changed = ("set", "acme", "postgres", "--secret", "password=PASSWORD", "--set", "timeout=5", "--no-test")
    assert person.done(*changed, "--yes", "--expected-version", "1").endswith("is at version 2\n")
    shown = person.json("show", "acme", "--history")
    assert shown["version"] == 2
    assert shown["servers"]["postgres"]["timeout"] == 5.0
    assert sorted(shown["servers"]["postgres"]["secrets"]) == ["headers.authorization", "password"]
    assert [line["action"] for line in shown["history"]] == ["update", "register"]
    table = person.done("show", "acme")
    assert "acme: version 2, enabled, changed by operator:" in table
    assert "password set since" in table
    assert person.done("list") == "acme\n"
    assert person.json("list") == {"tenants": ["acme"], "store": "sqlite"}
    assert person.done("rollback", "acme", "1", "--yes").endswith("is at version 3\n")
    assert person.done("set", "acme", "--no-enabled", "--yes").startswith("[DISABLE]")
    assert person.json("show", "acme")["enabled"] is False
    assert person.done("remove", "acme", "postgres", "--yes").endswith("is at version 5\n")
    assert person.done("remove", "acme", "--yes").endswith("tenant 'acme' was erased\n")
    assert person.json("list")["tenants"] == []


def test_nothing_changes_without_a_yes(person: Person) -> None:
    ask = ADD[:-1]
    assert person.maa(*ask, typed="n\n")[0] == 130
    assert person.maa(*ask, typed="")[0] == 2
    assert person.done(*ask, "--dry-run").endswith("dry run: nothing was changed\n")
    assert person.json("list")["tenants"] == []
    assert person.maa(*ask, typed="y\n")[0] == 0
    for words in (("remove", "acme"), ("remove", "acme", "postgres"), ("rollback", "acme", "1"),
        ("set", "acme", "--no-enabled"), ("rotate-keys", "acme"), ("migrate", "down")):  # fmt: skip
        assert person.maa(*words, typed="no\n")[0] == 130
        assert "dry run" in person.done(*words, "--dry-run")
    assert person.json("show", "acme")["version"] == 1


def test_secrets_come_from_variables_a_pipe_or_a_document_and_never_from_arguments(person: Person) -> None:
    document = {"url": "https://pg.example/mcp", "password": PASSWORD, "headers": {"X-Key": TOKEN}}
    assert (
        person.maa(
            "add", "a", "postgres", "--document", "-", "--no-test", "--yes", typed=json.dumps(document)
        )[0]
        == 0
    )
    person.done("set", "a", "postgres", "--secret", "password=-", "--no-test", "--yes", typed="another\n")
    (person.directory / "d.json").write_text(json.dumps(document))
    for words, message in (
        (("--set", f"password={PASSWORD}"), "password is a secret, and others can read a command line"),
        (("--set", f"headers.X={PASSWORD}"), "is a secret"),
        (("--set", "nothing"), "--set needs NAME=..."),
        (("--secret", "password=NOT_SET"), "the variable for password is not set"),
        (("--secret", "password=-"), "no password was given"),
        (("--document", "d.json"), "d.json holds secrets: headers, password"),
        (("--document", "nowhere.json"), "nowhere.json cannot be read"),
    ):
        code, out, err = person.maa("set", "a", "postgres", *words, "--no-test", "--yes")
        assert (code, message in err) == (2, True), err
        assert PASSWORD not in out + err
    (person.directory / "list.json").write_text("[1]")
    (person.directory / "text.json").write_text("{")
    assert "must hold keys and values" in person.maa("set", "a", "postgres", "--document", "list.json")[2]
    assert "text.json is not JSON" in person.maa("set", "a", "postgres", "--document", "text.json")[2]
    person.done(
        "set", "a", "postgres", "--unset", "headers.X-Key", "--unset", "password", "--no-test", "--yes"
    )
    assert person.json("show", "a", "postgres")["servers"]["postgres"]["secrets"] == {}


def test_refusals_have_their_exit_codes_and_say_what_is_possible(person: Person) -> None:
    assert person.done(*ADD)
    for words, code, message in (
        (ADD, 1, "registered already: postgres"),
        (("show", "nobody"), 1, "tenant 'nobody' has no configuration"),
        (("show", "acme", "minio"), 1, "it has postgres"),
        (("test", "acme", "minio"), 1, "it has postgres"),
        (("show", "a/b"), 2, "is not a tenant's id"),
        (("set", "acme"), 2, "nothing to change"),
        (("set", "acme", "postgres", "--enabled"), 2, "leave SERVER out"),
        (("set", "acme", "postgres", "--set", "timeout=9", "--expected-version", "7", "--yes"), 1,
            "is at version 1, and version 7 was expected"),
        (("add", "acme", "minio", "--set", "regoin=eu", "--yes"), 2, "did you mean 'region'?"),
        (("rotate-keys",), 2, "name one: TENANT, --all or --master"),
        (("rotate-keys", "acme", "--all"), 2, "name one"),
        (("migrate", "0009"), 2, "possible are 0001, 0002, head, base"),
        (("import", "nowhere.json"), 2, "cannot be read"),
        (("key", "revoke", "acme", "nothing"), 1, "there is no API key 'nothing'"),
    ):  # fmt: skip
        got, _, err = person.maa(*words, *(() if words[0] != "migrate" else ("--yes",)))
        assert (got, message in err) == (code, True), (words, err)


def test_a_server_that_fails_its_trial_is_not_stored(person: Person) -> None:
    words = ("add", "acme", "postgres", "--set", "url=https://127.0.0.1:1/mcp", "--yes")
    code, out, err = person.maa(*words)
    assert (code, "failed  address" in out, "nothing was stored" in err) == (1, True, True)
    assert person.json("list")["tenants"] == []
    code, out, _ = person.maa(*words, "--json")
    assert (code, json.loads(out)["stored"]) == (1, False)
    assert person.done(*words, "--no-test")
    assert person.maa("test", "acme")[0] == 1
    code, out, _ = person.maa("test", "acme", "--json")
    assert (code, json.loads(out)["valid"]) == (1, False)


def test_a_tenant_moves_to_another_store_sealed(person: Person) -> None:
    person.done(*ADD)
    person.done("set", "acme", "postgres", "--secret", "password=PASSWORD", "--no-test", "--yes")
    assert "sealed" in person.done("export", "acme", "--output", "acme.json")
    file = person.directory / "acme.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    assert person.maa("export", "acme", "--output", "acme.json")[0] == 1  # nothing is overwritten
    printed = person.done("export", "acme")
    assert json.loads(printed) == json.loads(file.read_text())
    person.environment["MCP_TENANTS_STORE"] = str(person.directory / "other" / "tenants.db")
    assert person.done("import", "acme.json", "--dry-run")
    assert person.json("list")["tenants"] == []
    assert person.done("import", "-", "--yes", typed=printed)
    assert person.json("show", "acme")["version"] == 2
    assert person.json("doctor")["secrets"] == 4
    assert person.maa("import", "acme.json", "--yes")[0] == 1
    person.environment["MCP_TENANTS_MASTER_KEY"] = secrets.token_hex(32)
    person.environment["MCP_TENANTS_STORE"] = str(person.directory / "third" / "tenants.db")
    code, _, err = person.maa("import", "acme.json", "--yes")
    assert (code, "it was wrapped by master key" in err) == (5, True)


def test_keys_are_rotated_and_the_doctor_says_what_is_left_to_do(person: Person) -> None:
    person.done(*ADD)
    assert person.json("rotate-keys", "acme", "--yes")["rotated"][0]["key_version"] == 2
    assert person.done("rotate-keys", "--all", "--yes").endswith("acme: data key 3, 1 versions sealed\n")
    both = f"{secrets.token_hex(32)},{person.environment['MCP_TENANTS_MASTER_KEY']}"
    person.environment["MCP_TENANTS_MASTER_KEY"] = both
    assert "wrapped by an older master key" in person.done("doctor")
    assert "1 data keys of 1 tenants wrapped by" in person.done("rotate-keys", "--master", "--yes")
    person.environment["MCP_TENANTS_MASTER_KEY"] = both.split(",", maxsplit=1)[0]
    assert person.json("doctor") == {"healthy": True, "tenants": 1, "secrets": 2, "errors": 0, "findings": []}
    person.environment["MCP_TENANTS_MASTER_KEY"] = both.split(",")[1]
    code, out, _ = person.maa("doctor")
    assert (code, "it was wrapped by master key" in out) == (1, True)
    del person.environment["MCP_TENANTS_MASTER_KEY"]
    assert person.maa("doctor")[0] == 1


def test_api_keys_are_made_listed_and_revoked(person: Person) -> None:
    person.done(*ADD)
    made = person.json("key", "add", "acme", "--principal", "ci", "--role", "end_user", "--days", "9")
    assert made["key"].startswith(made["prefix"])
    listed = person.json("key", "list", "acme")["keys"]
    assert [(key["id"], key["principal"], key["revoked_at"]) for key in listed] == [(made["id"], "ci", None)]
    assert made["key"] not in person.done("key", "list", "acme")
    assert "was revoked at" in person.done("key", "revoke", "acme", made["id"])
    assert person.done("key", "add", "-", "--principal", "ops", "--role", "uber_admin").startswith("maak_-.")


def test_tables_go_down_and_up(person: Person) -> None:
    person.done(*ADD)
    assert person.json("migrate", "0001", "--yes") == {"before": "0002", "after": "0001"}
    code, _, err = person.maa("list")
    assert (code, "is of version 0001, this program needs 0002" in err) == (1, True)
    assert person.json("migrate", "up") == {"before": "0001", "after": "0002"}
    assert person.json("show", "acme")["version"] == 1
    assert person.json("migrate", "down", "--yes") == {"before": "0002", "after": None}


def test_what_is_done_is_in_the_audit_log_and_no_secret_is_anywhere(person: Person) -> None:
    person.done(*ADD)
    person.done("set", "acme", "postgres", "--secret", "password=PASSWORD", "--no-test", "--yes")
    person.maa("show", "acme", "--history")
    written = b"".join(path.read_bytes() for path in person.directory.rglob("*") if path.is_file())
    assert b'"action":"config.write"' in written
    assert b'"acting_for":"acme"' in written
    assert b"operator:" in written
    assert TOKEN.encode() not in written
    assert PASSWORD.encode() not in written
