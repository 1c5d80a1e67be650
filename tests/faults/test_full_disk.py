"""A disk without space stops writes with a clear error, and they go on when there is space again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.verify import problems
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore

ROOT = Path(__file__).parent.parent.parent
FULL_OR_IO = {1104, 1305}


def no_computed_values(expression: str, fail_on_warning: bool) -> Callable[[dict[str, Any]], Any]:
    raise NotImplementedError(expression, fail_on_warning)


def opened(directory: Path) -> Catalog:
    return Catalog(
        "full",
        SqliteStore(directory / "full.sqlite"),
        DocumentCache(1_000_000),
        cache_number=1,
        compiler=no_computed_values,
    )


def insert(catalog: Catalog, number: int) -> int:
    """Store a large document; the number of the error, 0 when there is none."""
    try:
        with catalog.begin(write=True) as tx:
            tx.collection("c").insert(tx, {"_key": str(number), "n": number, "text": "x" * 20_000})
    except ArangoError as error:
        return error.num
    return 0


def limited(directory: Path) -> dict[str, Any]:
    """Fill the files up to a limit that the system sets, lift it, and go on with the same open catalogue."""
    import resource  # there is none on Windows

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    catalog = opened(directory)
    catalog.create_collection({"name": "c"})
    catalog.create_index("c", {"type": "persistent", "fields": ["n"], "unique": True})
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    outcomes = [insert(catalog, number) for number in range(150)]
    with catalog.begin() as tx:
        while_full = tx.collection("c").count(tx)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    after = [insert(catalog, number) for number in range(150, 160)]
    with catalog.begin() as tx:
        stored = [document["n"] for document in tx.collection("c").scan(tx)]
        wrong = list(problems(tx))
    catalog.close()
    return {"outcomes": outcomes, "while_full": while_full, "after": after, "stored": stored, "wrong": wrong}


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of file sizes")
def test_writes_stop_with_an_error_and_go_on_when_there_is_space(tmp_path: Path) -> None:
    """The limit is one of a whole process, so the work is done in another: this file, run as a program."""
    run = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    kept = [number for number, outcome in enumerate(found["outcomes"]) if outcome == 0]
    assert 10 < len(kept) < 150
    assert set(found["outcomes"]) - {0} <= FULL_OR_IO
    assert found["while_full"] == len(kept)
    assert found["after"] == [0] * 10
    assert found["stored"] == [*kept, *range(150, 160)]
    assert found["wrong"] == []
    catalog = opened(tmp_path)
    with catalog.begin() as tx:
        assert [document["n"] for document in tx.collection("c").scan(tx)] == found["stored"]
    catalog.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(limited(Path(sys.argv[1]))))
