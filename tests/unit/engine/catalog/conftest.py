"""A catalogue over each kind of store."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.memory import MemoryStore
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore
from mcp_arangodb_async.engine.storage.store import Store


def compile_attribute(expression: str, fail_on_warning: bool) -> Callable[[dict[str, Any]], Any]:
    """A small language for computed values: `RETURN @doc.name`, in upper case."""
    prefix = "RETURN UPPER(@doc."
    if not expression.startswith(prefix):
        raise ArangoError(1501, f"syntax error in {expression}")
    name = expression.removeprefix(prefix).removesuffix(")")

    def compute(document: dict[str, Any]) -> Any:
        value = document.get(name)
        if value is None and fail_on_warning:
            raise ArangoError(1542)
        return value.upper() if isinstance(value, str) else None

    return compute


Opener = Callable[[Store], Catalog]


@pytest.fixture(scope="session")
def opened() -> Opener:
    """Opens a catalogue over a store, with a cache of its own."""
    return lambda store: Catalog(
        "test",
        store,
        DocumentCache(64 * 1024 * 1024),
        cache_number=7,
        compiler=compile_attribute,
        lock_timeout=5.0,
    )


@pytest.fixture(params=["sqlite", "memory"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path, opened: Opener) -> Iterator[Catalog]:
    store: Store = SqliteStore(tmp_path / "a.sqlite") if request.param == "sqlite" else MemoryStore()
    made = opened(store)
    yield made
    made.close()
