"""The demo's two databases: real flights, and a small shop whose orders follow from a fixed seed."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import BackendError

Document = dict[str, Any]
SEED = 2008
BATCH = 1000
ORDERS = 400
_FIRST = (
    "Ada",
    "Björn",
    "Chiara",
    "Dinesh",
    "Elif",
    "Farah",
    "Goran",
    "Hana",
    "Ines",
    "Jamal",
    "Kim",
    "Leila",
)
_LAST = ("Abe", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jensen")
_PRODUCTS = (
    ("lounge pass", 39.0),
    ("extra bag", 45.0),
    ("seat with legroom", 28.5),
    ("meal", 12.9),
    ("insurance", 19.0),
)
_STATUSES = ("paid", "paid", "paid", "shipped", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoData:
    """The documents of both databases, so that the answers can be checked without AQL."""

    airports: Sequence[Document]
    flights: Sequence[Document]
    customers: Sequence[Document]
    orders: Sequence[Document]

    def departures(self) -> Mapping[str, int]:
        """Flights that left each airport."""
        found: dict[str, int] = {}
        for flight in self.flights:
            key = str(flight["_from"]).removeprefix("airports/")
            found[key] = found.get(key, 0) + int(flight["count"])
        return found

    def reached_from(self, key: str) -> set[str]:
        """The airports one flight away."""
        routes = [flight for flight in self.flights if flight["_from"] == f"airports/{key}"]
        return {str(flight["_to"]).removeprefix("airports/") for flight in routes}

    def order_counts(self) -> Mapping[str, int]:
        """Orders in each status."""
        found: dict[str, int] = {}
        for order in self.orders:
            found[order["status"]] = found.get(order["status"], 0) + 1
        return found


def read_data() -> DemoData:
    """Read the flights that come with the package, and make the shop."""
    shop = random.Random(SEED)
    airports = [
        {
            "_key": row["iata"],
            **{name: row[name] for name in ("name", "city", "state", "country")},
            "latitude": float(row["latitude"]),
            "longitude": float(row["longitude"]),
        }
        for row in _rows("airports.csv")
    ]
    flights = [
        {
            "_from": f"airports/{row['origin']}",
            "_to": f"airports/{row['destination']}",
            "count": int(row["count"]),
        }
        for row in _rows("flights-airport.csv")
    ]
    customers = [_customer(shop, number) for number in range(60)]
    orders = [_order(shop, number, customers) for number in range(ORDERS)]
    return DemoData(airports=airports, flights=flights, customers=customers, orders=orders)


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("mcp_arangodb_async") / "data" / "flights" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _customer(shop: random.Random, number: int) -> Document:
    name = f"{shop.choice(_FIRST)} {shop.choice(_LAST)}"
    return {
        "_key": f"c{number:03}",
        "name": name,
        "home": shop.choice(("ATL", "ORD", "DEN", "SEA", "BOS", "MIA")),
    }


def _order(shop: random.Random, number: int, customers: Sequence[Document]) -> Document:
    chosen = shop.sample(_PRODUCTS, shop.randint(1, 3))
    items: list[Document] = []
    total = 0.0
    for product, price in chosen:
        quantity = shop.randint(1, 2)
        items.append({"product": product, "price": price, "quantity": quantity})
        total += price * quantity
    return {
        "_key": f"o{number:05}",
        "customer": shop.choice(customers)["_key"],
        "day": f"2008-{shop.randint(1, 12):02}-{shop.randint(1, 28):02}",
        "status": shop.choice(_STATUSES),
        "items": items,
        "total": round(total, 2),
    }


async def build(data: DemoData, directory: Path) -> None:
    """Write both databases into an embedded engine's directory, through the same driver the server uses."""
    server = EmbeddedServer(directory=directory)
    databases = {
        key: DatabaseSettings(key=key, server=server, database=key, access="admin")
        for key in ("airports", "orders")
    }
    async with MultiDatabaseConnectionManager(databases) as manager:
        airports = await manager.get_database("airports")
        definition = {
            "collection": "flights",
            "from": ["airports"],
            "to": ["airports"],
        }
        await airports.create_graph("routes", edge_definitions=[definition])
        await _insert(airports.collection("airports"), data.airports)
        await _insert(airports.collection("flights"), data.flights)
        orders = await manager.get_database("orders")
        for name, documents in (("customers", data.customers), ("orders", data.orders)):
            await orders.create_collection(name)
            await _insert(orders.collection(name), documents)


async def _insert(collection: Any, documents: Sequence[Document]) -> None:
    """All documents, in batches; raises BackendError if one of them was not taken."""
    for start in range(0, len(documents), BATCH):
        batch = [dict(document) for document in documents[start : start + BATCH]]
        refused = await collection.insert_many(batch, silent=True)
        if refused:
            raise BackendError(f"{collection.name}: {len(refused)} documents were refused: {refused[0]}")
