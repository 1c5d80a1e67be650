"""The tools that fit some words best come first."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.tools.catalog import ALL_TOOLS
from mcp_arangodb_async.tools.ranking import ranked


@pytest.mark.parametrize(
    ("keywords", "best"),
    [
        (["bulk", "insert"], "arango_bulk_insert"),
        (["run", "AQL"], "arango_query"),
        (["walk graph"], "arango_traverse"),
        (["remove", "document"], "arango_remove"),
        (["list_collections"], "arango_list_collections"),
        (["connect"], "arango_test_database_connection"),
        (["set", "focus"], "arango_set_focused_database"),
    ],
)
def test_the_best_match_comes_first(keywords: list[str], best: str) -> None:
    assert ranked(ALL_TOOLS, keywords)[0].name == best


def test_without_words_nothing_matches() -> None:
    assert ranked(ALL_TOOLS, []) == []
    assert ranked(ALL_TOOLS, ["", "???", "arango"]) == []
    assert ranked([], ["query"]) == []


def test_words_that_stand_nowhere_match_nothing() -> None:
    assert ranked(ALL_TOOLS, ["zebra"]) == []
