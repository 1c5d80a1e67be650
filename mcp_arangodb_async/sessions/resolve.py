"""Which database a call works on: the six levels, and which one decided; decided without I/O."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import UnknownDatabaseError

LevelNumber = Literal[1, 2, 3, 4, 5, 6]
LevelName = Literal["argument", "focus", "default_database", "environment", "first_configured", "built_in"]
BUILT_IN = "_system"
_SHOWN_KEYS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The database of a call, and the level that decided it."""

    key: str
    level: LevelNumber
    source: LevelName


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One of the six levels as it stands now: `key` is None where nothing was said.

    `status` is `decides`, `unknown` (it names a key that is not configured, which ends the search), `unused`
    (an earlier level ended it) or `empty`.
    """

    level: LevelNumber
    source: LevelName
    key: str | None
    status: Literal["decides", "unknown", "unused", "empty"]


def resolve_database(argument: str | None, focus: str | None, settings: Settings) -> Resolution:
    """The key a call works on: the first level that names one.

    `argument` is the call's `database`; it never changes the session. `focus` is the session's focus, or
    the one its endpoint fixes. A level that names an unknown key raises UnknownDatabaseError; later
    levels are not tried, so that a typing mistake never ends up in another database. Level 6 is reached
    only with nothing configured at all.
    """
    for level, source, read in _LEVELS:
        key = read(argument, focus, settings)
        if key:
            if level < 5 and key not in settings.databases:
                raise unknown_database(key, settings, source=source)
            return Resolution(key=key, level=level, source=source)
    raise AssertionError("level 6 always names a key")


def explain_resolution(argument: str | None, focus: str | None, settings: Settings) -> tuple[Level, ...]:
    """Every level with its key and part in the decision; never raises."""
    return tuple(_explained(argument, focus, settings))


def _explained(argument: str | None, focus: str | None, settings: Settings) -> Iterator[Level]:
    ended = False
    for level, source, read in _LEVELS:
        key = read(argument, focus, settings) or None
        if key is None:
            status = "empty"
        elif ended:
            status = "unused"
        else:
            ended = True
            status = "decides" if level >= 5 or key in settings.databases else "unknown"
        yield Level(level=level, source=source, key=key, status=status)


def unknown_database(
    key: str, settings: Settings, *, source: LevelName | None = None
) -> UnknownDatabaseError:
    """The error for a key that is not configured: it lists the configured ones, closest first in the hint."""
    keys = list(settings.databases)
    listed = ", ".join(keys[:_SHOWN_KEYS]) + (
        f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    )
    said = {
        None: "",
        "argument": "",
        "focus": " (the session's focus)",
        "default_database": " (default_database of the configuration)",
        "environment": " (MCP_DEFAULT_DATABASE)",
    }.get(source, "")
    return UnknownDatabaseError(
        f"no database {key[:80]!r}{said}; configured: {listed or 'none'}",
        field="database" if source in {None, "argument"} else None,
        hint=None if keys else "add one with `maa db add`, or set ARANGO_URL",
        did_you_mean=difflib.get_close_matches(key[:80], keys, n=3),
    )


def _first(_argument: str | None, _focus: str | None, settings: Settings) -> str | None:
    return next(iter(settings.databases), None)


_LEVELS: tuple[
    tuple[LevelNumber, LevelName, Callable[[str | None, str | None, Settings], str | None]], ...
] = (
    (1, "argument", lambda argument, _focus, _settings: argument),
    (2, "focus", lambda _argument, focus, _settings: focus),
    (3, "default_database", lambda _argument, _focus, settings: settings.default_database),
    (4, "environment", lambda _argument, _focus, settings: settings.env_default),
    (5, "first_configured", _first),
    (6, "built_in", lambda _argument, _focus, _settings: BUILT_IN),
)
