"""Moving data with commands: our engine on a real socket, files in a directory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from tests.unit.cli.test_live import PASSWORD, Site, start_engine, stop

CONFIGURATION = """\
default_database: one
databases:
  one: {{url: "{url}", database: _system, password_env: RIGHT}}
  reading: {{url: "{url}", database: _system, password_env: RIGHT, access: read}}
  other: {{url: "embedded://{directory}/engine", database: other}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    process, url = start_engine(directory, "--data", ":memory:", ARANGO_ROOT_PASSWORD=PASSWORD)
    (directory / "config").mkdir()
    text = CONFIGURATION.format(url=url, directory=directory)
    (directory / "config" / "databases.yaml").write_text(text, encoding="utf-8")
    yield Site(directory=directory, url=url)
    stop(process)


def test_data_is_imported_backed_up_restored_compared_and_exported(site: Site) -> None:
    csv_text = 'id,name,age,note\nada,"Lovelace, Ada",36,\nbob,Bob,007,true\n'
    (site.directory / "users.csv").write_text(csv_text, encoding="utf-8")
    words = ("import", "--file", "users.csv", "--collection", "users", "--translate", "id=_key")
    assert site.json(*words, "--dry-run", "--json")[1]["documents"] == 2
    code, done = site.json(*words, "--create-collection", "--json")
    assert (code, done["created"], done["errors"]) == (0, 2, 0)

    lines = gzip.compress(b'{"_key": "ada", "age": 37}\n{"_key": "eve"}\nnonsense\n')
    (site.directory / "more.jsonl.gz").write_bytes(lines)
    more = site.maa("import", "--file", "more.jsonl.gz", "--collection", "users")
    assert more.returncode == 1
    assert more.stdout.split() == ["created:", "1", "updated:", "0", "ignored:", "0", "errors:", "2"]
    assert "at position 1" in more.stderr
    assert "at position 3: is not JSON" in more.stderr

    made = site.maa("backup", "first")
    assert made.returncode == 0, made.stderr
    assert (site.directory / "backups" / "first" / "manifest.json").exists()
    assert "3 documents" in made.stderr
    code, restored = site.json("restore", "first", "--database", "other", "--yes", "--json")
    assert (code, restored["total_documents_restored"]) == (0, 3)
    same = site.maa("compare", "one", "other", "--documents")
    assert (same.returncode, same.stderr) == (0, "identical\n")

    assert site.maa(*words, "--database", "other", "--on-duplicate", "update").returncode == 0
    (site.directory / "eve.json").write_text('[{"_key": "eve", "age": 1}]')
    changed = ("import", "--file", "eve.json", "--collection", "users", "--database", "other")
    assert site.maa(*changed, "--on-duplicate", "replace").returncode == 0
    code, found = site.json("compare", "one", "other", "--documents", "--detailed", "--json")
    assert (code, found["differences"]) == (10, 1)
    assert found["documents"][0]["changed_keys"][0]["_key"] == "eve"

    exported = site.maa("export", "--type", "csv", "--fields", "_key,name,age", "--output-directory", "out")
    assert exported.returncode == 0, exported.stderr
    assert sorted((site.directory / "out" / "users.csv").read_text().splitlines()) == [
        "_key,name,age", 'ada,"Lovelace, Ada",36', "bob,Bob,007", "eve,,",
    ]  # fmt: skip
    query = ("export", "--custom-query", "FOR u IN users SORT u._key RETURN u._key", "--type", "json")
    assert site.maa(*query, "--output-directory", "out").returncode == 0
    assert json.loads((site.directory / "out" / "query.json").read_bytes()) == ["ada", "bob", "eve"]
    assert site.maa(*query, "--output-directory", "out").returncode == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("restore", "first", "--database", "reading", "--yes"), 5, "may only be read"),
        (("restore", "nowhere", "--yes"), 1, "no directory 'nowhere'"),
        (("export", "--custom-query", "FOR u IN users REMOVE u IN users"), 5, "contains REMOVE"),
        (("compare", "one", "nobody"), 1, "nobody"),
        (("import", "--file", "x.bin", "--collection", "c"), 2, "--type is missing"),
    ],
)
def test_what_cannot_be_done_is_said(site: Site, words: tuple[str, ...], code: int, said: str) -> None:
    done = site.maa(*words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
