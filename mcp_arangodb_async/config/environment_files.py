"""Editing the SQL environments of the configuration file; see `files.py` for how a file is changed."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping

from mcp_arangodb_async.config.splice import remove_value, rename_key, set_value
from mcp_arangodb_async.config.tree import read_tree
from mcp_arangodb_async.errors import ConflictError, NotFoundError

SECTION, DEFAULT = "environments", "default_environment"


def add_environment(text: str, name: str, values: Mapping[str, object], *, default: bool = False) -> str:
    """The text with one more entry at the end of `environments`; ConflictError if the name is taken."""
    if name in environments_in(text):
        raise ConflictError(f"environment {name!r} is configured already", hint=f"use `db update {name}`")
    changed = set_value(text, (SECTION, name), dict(values))
    return set_default_environment(changed, name) if default else changed


def remove_environment(text: str, name: str) -> str:
    """The text without the entry, nor a default_environment that names it."""
    names = environments_in(text)
    if name not in names:
        raise unknown_environment(name, names)
    changed = remove_value(text, (SECTION, name))
    return set_default_environment(changed, None) if default_environment_in(text) == name else changed


def update_environment(
    text: str, name: str, changes: Mapping[str, object], *, new_name: str | None = None, default: bool = False
) -> str:
    """The text with these values changed where they stand; None takes an option out."""
    names = environments_in(text)
    if name not in names:
        raise unknown_environment(name, names)
    for option, value in changes.items():
        place = (SECTION, name, *option.split("."))
        if value is not None:
            text = set_value(text, place, value)
        else:
            with contextlib.suppress(NotFoundError):
                text = remove_value(text, place)
    if new_name is not None and new_name != name:
        if new_name in names:
            raise ConflictError(f"environment {new_name!r} is configured already")
        followed = default_environment_in(text) == name
        text = rename_key(text, (SECTION, name), new_name)
        text = set_default_environment(text, new_name) if followed else text
    return set_default_environment(text, new_name or name) if default else text


def set_default_environment(text: str, name: str | None) -> str:
    """The text with this default_environment, or without one."""
    if name is not None:
        return set_value(text, (DEFAULT,), name, first=True)
    return remove_value(text, (DEFAULT,)) if default_environment_in(text) is not None else text


def environments_in(text: str) -> list[str]:
    """The configured names in their order."""
    environments = read_tree(text.encode()).value.get(SECTION)
    return list(environments) if isinstance(environments, dict) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def default_environment_in(text: str) -> object:
    """The default_environment that is written there, whatever it is."""
    return read_tree(text.encode()).value.get(DEFAULT)


def unknown_environment(name: str, names: list[str]) -> NotFoundError:
    """The error for a name that is not configured, with those that are."""
    near = difflib.get_close_matches(name, names, n=3)
    return NotFoundError(
        f"no environment {name!r}; configured: {', '.join(names) or 'none'}", did_you_mean=near
    )
