"""The databases and users of a server: our engine on a real socket, with logins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.test_live import PASSWORD, Site, closed_port, start_engine, stop, variables

CONFIGURATION = """\
databases:
  shop: {{url: "{url}", database: shop, username: clerk, password_env: CLERK}}
  reading: {{url: "{url}", database: _system, password_env: RIGHT, access: read}}
"""
AS_ROOT = ("--key", "reading", "--root-pw-env", "RIGHT")


class Server(Site):
    """A site whose commands know the passwords in their variables."""

    def variables(self) -> dict[str, str]:
        secrets = {"RIGHT": PASSWORD, "WRONG": "guessed", "CLERK": "first", "NEXT": "second"}
        return variables(self.directory, **secrets)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    tmp_path = tmp_path_factory.mktemp("site")
    process, url = start_engine(tmp_path, "--data", ":memory:", ARANGO_ROOT_PASSWORD=PASSWORD)
    (tmp_path / "config").mkdir()
    text = CONFIGURATION.format(url=url)
    (tmp_path / "config" / "databases.yaml").write_text(text, encoding="utf-8")
    yield Server(directory=tmp_path, url=url)
    stop(process)


def test_a_database_and_its_user_are_made_used_and_removed(site: Server) -> None:
    words = ("db", "create", "shop", "--with-user", "clerk", "--perm", "ro", "--pw-env", "CLERK", *AS_ROOT)
    planned = site.maa(*words, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines()[:3] == [
        f"[ADD] database 'shop' at {site.url}",
        "[ADD] user 'clerk'",
        "[GRANT] ro in 'shop' to user 'clerk'",
    ]
    assert "[ADDED - DRY-RUN] user 'clerk'" in planned.stdout
    assert site.json("db", "databases", "--json", *AS_ROOT)[1]["databases"] == ["_system"]

    code, done = site.json(*words, "--yes", "--json")
    assert code == 0
    assert [change["action"] for change in done["changes"]] == ["added", "added", "granted"]
    assert site.maa(*words, "--yes").returncode == 1
    users = site.json("user", "list", "--json", *AS_ROOT)[1]["users"]
    assert users == [{"user": "clerk", "active": True}, {"user": "root", "active": True}]

    # The clerk's own commands log in as the configured user.
    assert site.json("user", "databases", "--json")[1]["databases"] == {"shop": "ro"}
    assert site.maa("user", "password", "--new-pw-env", "NEXT", "--yes").returncode == 0
    assert site.maa("user", "databases").returncode == 3
    assert site.maa("user", "databases", "--pw-env", "NEXT").returncode == 0

    assert site.maa("user", "grant", "clerk", "shop", "-p", "rw", "--yes", *AS_ROOT).returncode == 0
    assert site.json("user", "databases", "--json", "-P", "NEXT")[1]["databases"] == {"shop": "rw"}
    dropped = site.maa("db", "drop", "shop", "--yes", *AS_ROOT)
    assert "[REVOKED] rw in 'shop' from user 'clerk'" in dropped.stdout
    assert site.maa("user", "remove", "clerk", "--yes", *AS_ROOT).returncode == 0
    assert len(site.json("user", "list", "--json", *AS_ROOT)[1]["users"]) == 1


def test_a_user_can_be_made_inactive_granted_and_revoked(site: Server) -> None:
    added = site.maa("user", "add", "guest", "--inactive", "--pw-env", "CLERK", "--yes", *AS_ROOT)
    assert added.returncode == 0, added.stderr
    assert site.json("user", "list", "--json", *AS_ROOT)[1]["users"][0] == {"user": "guest", "active": False}
    assert site.maa("user", "grant", "guest", "_system", "--yes", *AS_ROOT).returncode == 0
    revoked = site.maa("user", "revoke", "guest", "_system", "--yes", *AS_ROOT)
    assert (revoked.returncode, "[REVOKED]" in revoked.stdout) == (0, True)
    assert site.maa("user", "remove", "guest", "--yes", *AS_ROOT).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("db", "drop", "_system", "--yes"), 5, "not dropped"),
        (("db", "drop", "nowhere", "--yes"), 1, "it has: _system"),
        (("user", "remove", "root", "--yes"), 5, "not removed"),
        (("user", "grant", "root", "nowhere", "--yes"), 1, "no database 'nowhere'"),
        (("user", "add", "x", "--pw-env", "UNSET", "--yes"), 2, "UNSET is not set"),
        (("db", "create", "a/b", "--yes"), 2, "a/b"),
    ],
)
def test_what_cannot_be_done_is_said(site: Server, words: tuple[str, ...], code: int, said: str) -> None:
    done = site.maa(*words, *AS_ROOT)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_wrong_password_and_a_closed_port_have_their_exit_codes(site: Server) -> None:
    assert site.maa("db", "databases", "--key", "reading", "-R", "WRONG").returncode == 3
    assert site.maa("db", "databases", "--url", f"http://127.0.0.1:{closed_port()}").returncode == 4


def test_the_engine_in_the_process_has_databases_too(tmp_path: Path) -> None:
    site = Server(directory=tmp_path, url="")
    folder = tmp_path / "engine"
    assert site.maa("db", "create", "made", "--url", f"embedded://{folder}", "--yes").returncode == 0
    assert site.maa("db", "databases", "--url", f"embedded://{folder}").stdout.split() == ["_system", "made"]
