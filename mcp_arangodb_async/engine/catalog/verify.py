"""Is what is stored whole? Documents, keys, edges, index entries and counts have to agree."""

from collections.abc import Iterator

from mcp_arangodb_async.engine.storage.store import Space

from .collection import Collection
from .documents import edge_keys
from .entries import packed
from .transaction import Transaction


def problems(tx: Transaction) -> Iterator[str]:
    """What does not agree in the transaction's database, a sentence each; nothing when all is well."""
    for collection in tx.collections():
        yield from _in_collection(tx, collection)


def _in_collection(tx: Transaction, collection: Collection) -> Iterator[str]:
    keys: dict[bytes, bytes] = {}
    edges: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
    entries: list[dict[bytes, bytes]] = [{} for _ in collection.writers]
    count = 0
    for number, document in collection.numbered(tx):
        count += 1
        key = document["_key"].encode()
        if key in keys:
            yield f"{collection.name}: two documents have the key {document['_key']}"
        keys[key] = packed(number)
        if collection.is_edge:
            for place, edge_key in zip(edges, edge_keys(document, number), strict=True):
                place[edge_key] = b""
        for place, writer in zip(entries, collection.writers, strict=True):
            for entry, value in writer.entries(document, number):
                if entry in place and writer.is_unique and place[entry] != value:
                    yield f"{collection.name}: two documents have the same in {writer.index.name}"
                place[entry] = value
    if count != collection.count(tx):
        yield f"{collection.name}: {count} documents, counted as {collection.count(tx)}"
    yield from _differences(tx, f"{collection.name}: keys", collection.keys, keys)
    if collection.is_edge:
        yield from _differences(tx, f"{collection.name}: _from", collection.from_edges, edges[0])
        yield from _differences(tx, f"{collection.name}: _to", collection.to_edges, edges[1])
    for place, writer in zip(entries, collection.writers, strict=True):
        yield from _differences(tx, f"{collection.name}: {writer.index.name}", writer.space, place)


def _differences(
    tx: Transaction, what: str, space: Space[bytes], expected: dict[bytes, bytes]
) -> Iterator[str]:
    stored = dict(tx.store.scan(space))
    missing = len(expected.keys() - stored.keys())
    left = len(stored.keys() - expected.keys())
    wrong = sum(stored[key] != value for key, value in expected.items() if key in stored)
    if missing or left or wrong:
        yield f"{what}: {missing} entries are missing, {left} belong to no document, {wrong} are wrong"
