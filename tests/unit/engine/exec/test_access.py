"""The caller's rights hold inside a query too, also for collections that only the run finds."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ERROR_FORBIDDEN, ArangoError


def deny_secrets(name: str, writes: bool) -> None:
    if name == "secrets" or (writes and name == "fixed"):
        raise ArangoError(ERROR_FORBIDDEN, f"no access to '{name}'")


@pytest.fixture
def guarded(database: Database) -> Database:
    """Open, fixed (read only) and secret collections, with an edge that leads to a secret."""
    for name, kind in (("open", 2), ("fixed", 2), ("secrets", 2), ("links", 3)):
        database.catalog.create_collection({"name": name, "type": kind})
    for text in (
        "INSERT {_key: 'a'} INTO open",
        "INSERT {_key: 's'} INTO secrets",
        "INSERT {_from: 'open/a', _to: 'secrets/s'} INTO links",
    ):
        database.query(text)
    return database


@pytest.mark.parametrize(
    "text",
    [
        "FOR s IN secrets RETURN s",
        "RETURN LENGTH(secrets)",
        "RETURN DOCUMENT('secrets/s')",
        "RETURN DOCUMENT('secrets', 's')",
        "RETURN DOCUMENT(['open/a', 'secrets/s'])",
        "RETURN COLLECTION_COUNT('secrets')",
        "RETURN CALL('DOCUMENT', 'secrets/s')",
        "RETURN SCHEMA_GET('secrets')",
        "FOR v IN OUTBOUND 'open/a' links RETURN v",
        "FOR v IN 0..1 INBOUND 'secrets/s' links RETURN v",
        "FOR v, e, p IN OUTBOUND 'open/a' links RETURN p",
        "FOR v IN OUTBOUND 'open/a' links PRUNE v.x RETURN 1",
        "FOR v IN OUTBOUND SHORTEST_PATH 'open/a' TO 'secrets/s' links RETURN v",
        "FOR p IN OUTBOUND K_PATHS 'open/a' TO 'secrets/s' links RETURN p",
        "INSERT {} INTO fixed",
        "FOR f IN fixed REMOVE f IN fixed",
        "UPSERT {a: 1} INSERT {} UPDATE {} IN fixed",
    ],
)
def test_what_may_not_be_used_is_refused(guarded: Database, text: str) -> None:
    with pytest.raises(ArangoError) as caught:
        list(guarded.query(text, access=deny_secrets).rows)
    assert caught.value.num == ERROR_FORBIDDEN
    unoptimised = {"optimizer": {"rules": ["-all"]}}
    with pytest.raises(ArangoError):
        list(guarded.query(text, {}, unoptimised, access=deny_secrets).rows)


def test_what_may_be_used_is_not(guarded: Database) -> None:
    asked: list[tuple[str, bool]] = []

    def note(name: str, writes: bool) -> None:
        asked.append((name, writes))

    text = "FOR o IN open LET d = DOCUMENT('secrets/s') INSERT {of: d._key} INTO fixed RETURN NEW.of"
    assert list(guarded.query(text, access=note).rows) == ["s"]
    assert asked == [("open", False), ("fixed", True), ("secrets", False)]


def test_collections_lists_what_may_be_read(guarded: Database) -> None:
    names: list[dict[str, Any]] = next(guarded.query("RETURN COLLECTIONS()", access=deny_secrets).rows)
    assert "secrets" not in {each["name"] for each in names}
    assert "open" in {each["name"] for each in names}


def test_explain_asks_too(guarded: Database) -> None:
    with pytest.raises(ArangoError) as caught:
        guarded.explain("FOR s IN secrets RETURN s", access=deny_secrets)
    assert caught.value.num == ERROR_FORBIDDEN
