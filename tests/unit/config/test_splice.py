"""Edits change what they mean and no other byte."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.files import add_database, remove_database, set_default, update_database
from mcp_arangodb_async.config.splice import remove_value, set_value
from mcp_arangodb_async.config.tree import read_tree
from mcp_arangodb_async.errors import ConfigError, ConflictError, NotFoundError

TEXT = """\
# head
default_database: a   # keep

databases:
  # about a
  a:
    url: http://x   # why
    pool: {max_connections: 3}
    description: |
      many
      lines
  # about b
  b:   # bee
    url:
      - http://one   # first
      - http://two
    x-owner: [kept, "as is"]

# other
http:
    port: 81
"""


def removed_and_added(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_an_added_entry_stands_after_its_siblings_and_before_their_comments() -> None:
    after = add_database(
        TEXT, "c", {"url": "embedded::memory:", "timeout": 60.0, "pool": {"max_connections": 5}}
    )
    assert after == TEXT.replace(
        '    x-owner: [kept, "as is"]\n',
        '    x-owner: [kept, "as is"]\n  c:\n    url: "embedded::memory:"\n    timeout: 60\n    pool:\n'
        "      max_connections: 5\n",
    )


def test_a_removed_entry_takes_only_its_own_lines_along() -> None:
    after = remove_database(TEXT, "a")
    gone, new = removed_and_added(TEXT, after)
    assert new == []
    assert gone == [
        "default_database: a   # keep",
        "  a:",
        "    url: http://x   # why",
        "    pool: {max_connections: 3}",
        "    description: |",
        "      many",
        "      lines",
    ]


def test_an_updated_value_keeps_its_place_and_its_comment() -> None:
    after = update_database(TEXT, "a", {"url": "https://y"})
    assert after == TEXT.replace("http://x", "https://y")


def test_a_renamed_entry_keeps_its_position_and_the_default_follows() -> None:
    after = update_database(TEXT, "a", {}, new_key="z")
    assert after == TEXT.replace("  a:\n", "  z:\n").replace("default_database: a ", "default_database: z ")


def test_options_are_added_and_taken_out_where_they_belong() -> None:
    after = update_database(TEXT, "a", {"description": None, "pool.idle_timeout": 9.0, "access": "read"})
    gone, new = removed_and_added(TEXT, after)
    assert gone == ["    pool: {max_connections: 3}", "    description: |", "      many", "      lines"]
    assert new == ["    pool: {max_connections: 3, idle_timeout: 9}", "    access: read"]


def test_the_last_entry_leaves_an_empty_section() -> None:
    after = remove_database(remove_database(TEXT, "b"), "a")
    assert read_tree(after.encode()).value == {"databases": {}, "http": {"port": 81}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "databases:\n  k:\n    url: http://z\n"),
        ("# note", "# note\ndatabases:\n  k:\n    url: http://z\n"),
        ("databases:\n", "databases:\n  k:\n    url: http://z\n"),
        ("databases: {}  # none\n", "databases:  # none\n  k:\n    url: http://z\n"),
        ("databases: ~\nhttp: {}\n", "databases:\n  k:\n    url: http://z\nhttp: {}\n"),
        ("databases: {a: {url: u}}", "databases: {a: {url: u}, k: {url: http://z}}"),
        ("{http: {port: 1}}", "{http: {port: 1}, databases: {k: {url: http://z}}}"),
        ("http: {port: 1}", "http: {port: 1}\ndatabases:\n  k:\n    url: http://z\n"),
        ("databases:\r\n    a:\r\n        url: u\r\n",
         "databases:\r\n    a:\r\n        url: u\r\n    k:\r\n      url: http://z\r\n"),
    ],
)  # fmt: skip
def test_an_entry_fits_every_kind_of_file(before: str, after: str) -> None:
    assert add_database(before, "k", {"url": "http://z"}) == after


def test_a_default_is_written_above_the_databases_below_the_head() -> None:
    assert set_default("# head\ndatabases: {}\n", "a") == "# head\ndefault_database: a\ndatabases: {}\n"
    assert set_default("# head\ndefault_database: a\ndatabases: {}\n", None) == "# head\ndatabases: {}\n"


def test_entries_in_braces_are_cut_with_their_comma() -> None:
    text = "databases: {a: {url: u}, b: {url: v}, c: {url: w}}\n"
    assert remove_database(text, "a") == "databases: {b: {url: v}, c: {url: w}}\n"
    assert remove_database(text, "c") == "databases: {a: {url: u}, b: {url: v}}\n"
    assert remove_database("databases: {a: {url: u}}\n", "a") == "databases: {}\n"


def test_what_others_share_by_an_alias_is_not_changed() -> None:
    text = "databases:\n  a: &x {url: u}\n  b: *x\n"
    with pytest.raises(ConfigError, match="by hand"):
        remove_database(text, "a")
    with pytest.raises(ConfigError, match="by hand"):
        update_database(text, "a", {"timeout": 3})
    assert update_database(text, "b", {"url": "v"}) == "databases:\n  a: &x {url: u}\n  b: {url: v}\n"


def test_a_taken_or_missing_key_is_named_with_those_there_are() -> None:
    with pytest.raises(ConflictError, match="'a' is configured already"):
        add_database(TEXT, "a", {"url": "u"})
    with pytest.raises(ConflictError):
        update_database(TEXT, "a", {}, new_key="b")
    with pytest.raises(NotFoundError, match="no database 'bb'; configured: a, b") as caught:
        remove_database(TEXT, "bb")
    assert caught.value.did_you_mean == ("b",)


words = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable() and text.strip() == text)
scalars = st.one_of(words, st.integers(-(10**9), 10**9), st.booleans(), st.floats(0.001, 1e6).map(float))


@given(
    key=words,
    values=st.dictionaries(words, st.one_of(scalars, st.lists(words, max_size=3)), min_size=1, max_size=4),
    text=st.sampled_from(
        ["", "databases: {}\n", "databases: {q: {url: u}}\n", TEXT, TEXT.replace("\n", "\r\n")]
    ),
)
@settings(max_examples=80, deadline=None)
def test_whatever_is_set_is_read_back_and_removing_it_restores_the_file(
    key: str, values: dict[str, object], text: str
) -> None:
    assume("<<" not in {key, *values} and key not in {"a", "b", "q"})
    before = read_tree(text.encode()).value
    after = set_value(text, ("databases", key), values)
    tree = read_tree(after.encode())
    assert tree.problems == []
    databases = tree.value.pop("databases")
    assert databases.pop(key) == values
    assert {**tree.value, "databases": databases} == {**before, "databases": before.get("databases", {})}
    if before.get("databases"):
        assert remove_value(after, ("databases", key)) == text
