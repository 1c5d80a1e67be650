"""The cache of `/_api/query-cache`: results of read-only queries, as long as their data is unchanged."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.values import encode_json

Json = dict[str, Any]

_MODES = ("off", "on", "demand")
_MAXIMA = {"maxResults": 128, "maxResultsSize": 256 * 1024 * 1024, "maxEntrySize": 16 * 1024 * 1024}


@dataclass(slots=True, kw_only=True)
class Entry:
    """One result, and the revisions its collections had."""

    database: str
    query: str
    bind_vars: Json
    rows: list[Any]
    extra: Json
    size: int
    revisions: Mapping[str, str]
    run_time: float
    started: float = field(default_factory=time.time)
    hits: int = 0

    def shown(self, key: str) -> Json:
        return {
            "hash": key[:16],
            "query": self.query,
            "bindVars": self.bind_vars,
            "size": self.size,
            "results": len(self.rows),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "hits": self.hits,
            "runTime": self.run_time,
            "dataSources": sorted(self.revisions),
        }


class QueryCache:
    """Bounded, least recently used first out. Off unless switched on, as in ArangoDB. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._properties: Json = {"mode": "off", **_MAXIMA, "includeSystem": False}

    def properties(self) -> Json:
        with self._lock:
            return dict(self._properties)

    def configure(self, changes: Json) -> Json:
        """Change what is given; a wrong value changes nothing."""
        mode = changes.get("mode", self._properties["mode"])
        if mode not in _MODES:
            raise ArangoError(ERROR_BAD_PARAMETER, f"mode must be one of {', '.join(_MODES)}, not {mode!r}")
        for name in _MAXIMA:
            value = changes.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ArangoError(
                    ERROR_BAD_PARAMETER, f"{name} must be a whole number of at least 0, not {value!r}"
                )
        system = changes.get("includeSystem", False)
        if not isinstance(system, bool):
            raise ArangoError(ERROR_BAD_PARAMETER, "includeSystem must be a boolean")
        with self._lock:
            self._properties.update({name: changes[name] for name in self._properties if name in changes})
            if mode == "off":
                self._entries.clear()
            self._shrink()
            return dict(self._properties)

    def wants(self, requested: object) -> bool:
        """Should a query with this `cache` option be looked up and stored?"""
        mode = self._properties["mode"]
        return (mode == "on" and requested is not False) or (mode == "demand" and requested is True)

    @staticmethod
    def key(database: str, query: str, bind_vars: Json, options: Json) -> str:
        text = encode_json([database, query, bind_vars, options.get("fullCount"), options.get("count")])
        return hashlib.sha256(text).hexdigest()

    def get(self, key: str) -> Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def hit(self, key: str) -> None:
        with self._lock:
            if key in self._entries:
                self._entries[key].hits += 1

    def put(self, key: str, entry: Entry) -> None:
        with self._lock:
            if entry.size <= self._properties["maxEntrySize"]:
                self._entries[key] = entry
                self._shrink()

    def forget(self, key: str) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def entries(self, database: str) -> list[Json]:
        with self._lock:
            return [entry.shown(key) for key, entry in self._entries.items() if entry.database == database]

    def clear(self, database: str) -> None:
        with self._lock:
            for key in [key for key, entry in self._entries.items() if entry.database == database]:
                del self._entries[key]

    def _shrink(self) -> None:
        total = sum(entry.size for entry in self._entries.values())
        while self._entries and (
            len(self._entries) > self._properties["maxResults"] or total > self._properties["maxResultsSize"]
        ):
            _, entry = self._entries.popitem(last=False)
            total -= entry.size
