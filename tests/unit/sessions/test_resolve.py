"""The six levels, one by one, and what an unknown key does at each of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.config.address import EmbeddedServer
from mcp_arangodb_async.config.model import DatabaseSettings, Settings
from mcp_arangodb_async.errors import UnknownDatabaseError
from mcp_arangodb_async.sessions import Level, Resolution, explain_resolution, resolve_database

KEYS = ("first", "production", "staging", "dev")


def settings(*keys: str, default: str | None = None, environment: str | None = None) -> Settings:
    server = EmbeddedServer(directory=None)
    return Settings(
        databases={key: DatabaseSettings(key=key, server=server) for key in keys},
        default_database=default,
        env_default=environment,
    )


ALL = settings(*KEYS, default="staging", environment="dev")


@pytest.mark.parametrize(
    ("argument", "focus", "configured", "key", "level", "source"),
    [
        ("dev", "production", ALL, "dev", 1, "argument"),
        (None, "production", ALL, "production", 2, "focus"),
        ("", "production", ALL, "production", 2, "focus"),
        (None, None, ALL, "staging", 3, "default_database"),
        (None, None, settings(*KEYS, environment="dev"), "dev", 4, "environment"),
        (None, None, settings(*KEYS), "first", 5, "first_configured"),
        (None, None, settings(), "_system", 6, "built_in"),
    ],
)
def test_the_first_level_that_names_one(
    argument: str | None, focus: str | None, configured: Settings, key: str, level: int, source: str
) -> None:
    assert resolve_database(argument, focus, configured) == Resolution(key=key, level=level, source=source)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("argument", "focus", "configured", "said"),
    [
        ("prodction", "dev", ALL, ""),
        (None, "prodction", ALL, " (the session's focus)"),
        (
            None,
            None,
            settings(*KEYS, default="prodction", environment="dev"),
            " (default_database of the configuration)",
        ),
        (None, None, settings(*KEYS, environment="prodction"), " (MCP_DEFAULT_DATABASE)"),
    ],
)
def test_an_unknown_key_ends_the_search_and_lists_what_is_possible(
    argument: str | None, focus: str | None, configured: Settings, said: str
) -> None:
    with pytest.raises(UnknownDatabaseError) as caught:
        resolve_database(argument, focus, configured)
    error = caught.value
    assert error.message == f"no database 'prodction'{said}; configured: first, production, staging, dev"
    assert error.did_you_mean == ("production",)
    assert error.field == ("database" if argument else None)


def test_with_nothing_configured_an_argument_is_unknown_and_the_hint_says_what_to_do() -> None:
    with pytest.raises(UnknownDatabaseError, match="configured: none") as caught:
        resolve_database("prod", None, settings())
    assert caught.value.hint is not None


def test_a_long_list_of_keys_is_cut() -> None:
    with pytest.raises(UnknownDatabaseError, match=r"d19 and 180 more$"):
        resolve_database("x", None, settings(*(f"d{number}" for number in range(200))))


def test_the_explanation_shows_every_level_and_which_one_decided() -> None:
    assert explain_resolution(None, "production", settings("first", "production", default="typo")) == (
        Level(level=1, source="argument", key=None, status="empty"),
        Level(level=2, source="focus", key="production", status="decides"),
        Level(level=3, source="default_database", key="typo", status="unused"),
        Level(level=4, source="environment", key=None, status="empty"),
        Level(level=5, source="first_configured", key="first", status="unused"),
        Level(level=6, source="built_in", key="_system", status="unused"),
    )


def test_the_explanation_works_with_everything_wrong() -> None:
    levels = explain_resolution(None, "gone", settings(default="typo", environment="typo"))
    assert [level.status for level in levels] == ["empty", "unknown", "unused", "unused", "empty", "unused"]


KEY = st.none() | st.sampled_from(("", *KEYS, "unknown"))


@given(
    argument=KEY,
    focus=KEY,
    default=KEY,
    environment=KEY,
    configured=st.lists(st.sampled_from(KEYS), unique=True),
)
def test_the_explanation_and_the_decision_agree(
    argument: str | None,
    focus: str | None,
    default: str | None,
    environment: str | None,
    configured: list[str],
) -> None:
    given_ = settings(*configured, default=default, environment=environment)
    levels = explain_resolution(argument, focus, given_)
    (decided,) = (level for level in levels if level.status in {"decides", "unknown"})
    try:
        resolution = resolve_database(argument, focus, given_)
    except UnknownDatabaseError:
        assert decided.status == "unknown"
    else:
        assert (decided.status, decided.level, decided.key) == ("decides", resolution.level, resolution.key)
        assert resolution.key in given_.databases or resolution.level == 6
