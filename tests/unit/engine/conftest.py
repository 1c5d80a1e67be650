"""An engine in memory, for tests of queries."""

from collections.abc import Iterator

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.instance import Engine


@pytest.fixture
def database() -> Iterator[Database]:
    """An empty database."""
    with Engine.open(None) as engine:
        yield engine.database("_system")
