"""A database in memory with what searches need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.instance import Engine


@dataclass(frozen=True, slots=True)
class Searched:
    """A database that is filled and asked."""

    database: Database

    def fill(self, name: str, documents: Sequence[dict[str, Any]]) -> None:
        """Make a collection of documents."""
        self.database.catalog.create_collection({"name": name})
        self.write(name, documents)

    def write(self, name: str, documents: Sequence[dict[str, Any]]) -> None:
        """Add documents."""
        with self.database.catalog.begin(write=True) as tx:
            tx.collection(name).insert_many(tx, documents)

    def view(self, name: str, **links: Any) -> None:
        """Make a view."""
        self.database.catalog.create_view({"name": name, "type": "arangosearch", "links": links})

    def analyzer(self, name: str, kind: str, features: Sequence[str] = (), **properties: Any) -> None:
        """Make an analyzer."""
        body = {"name": name, "type": kind, "features": list(features), "properties": properties}
        self.database.create_analyzer(body)

    def rows(self, text: str, **binds: Any) -> list[Any]:
        """The rows of a query."""
        return list(self.database.query(text, binds).rows)

    def keys(self, condition: str, *, view: str = "v", **binds: Any) -> list[str]:
        """The keys of the documents `d` of a view that fulfil a condition."""
        return sorted(self.rows(f"FOR d IN {view} SEARCH {condition} RETURN d._key", **binds))

    def number(self, text: str, **binds: Any) -> int:
        """The number of the error a query ends with."""
        with pytest.raises(ArangoError) as caught:
            self.rows(text, **binds)
        return caught.value.num


@pytest.fixture
def searched() -> Iterator[Searched]:
    """An empty database."""
    with Engine.open(None) as engine:
        yield Searched(engine.database("_system"))
