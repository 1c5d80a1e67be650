"""What pydantic found wrong, said in the operator's words with the place and what is possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mcp_arangodb_async.config.address import shown
from mcp_arangodb_async.config.environment_entry import ENVIRONMENT_SECTIONS, EnvironmentConfig
from mcp_arangodb_async.config.model import (
    SECTIONS,
    ConfigFile,
    DatabaseConfig,
    PoolSettings,
    TlsSettings,
    TokenHash,
)
from mcp_arangodb_async.config.place import Place, short
from mcp_arangodb_async.config.tenancy import GlobalUpstream, Launcher

PASSWORD_KEYS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "jwt", "api_key", "apikey"}
)
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_KINDS = {
    "string_type": "text (quote it)",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "dataclass_type": "keys and values",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_too_long": "shorter text",
    "string_too_short": "text",
}


def problems_of(error: ValidationError) -> list[tuple[Place, str]]:
    """Each mistake with the place it was made at, in the order pydantic found them."""
    found: list[tuple[Place, str]] = []
    for detail in error.errors(include_url=False):
        place = tuple(step for step in detail["loc"] if step != "[key]")
        found.append((place, _what(detail, place)))
    return found


def known_keys(place: Place) -> Sequence[str]:
    """The keys that may stand at a place of the file."""
    match place:
        case ():
            return tuple(ConfigFile.model_fields)
        case ("databases", str()):
            return tuple(DatabaseConfig.model_fields)
        case ("databases", str(), "pool"):
            return _names(PoolSettings)
        case ("databases", str(), "tls"):
            return _names(TlsSettings)
        case (str(section),) if section in SECTIONS:
            return _names(SECTIONS[section])
        case ("http", "tokens", int()):
            return _names(TokenHash)
        case ("environments", str()):
            return tuple(EnvironmentConfig.model_fields)
        case ("environments", str(), str(section)) if section in ENVIRONMENT_SECTIONS:
            return _names(ENVIRONMENT_SECTIONS[section])
        case ("tenants", "upstreams", str()):
            return _names(GlobalUpstream)
        case ("tenants", "launchers", str()):
            return _names(Launcher)
        case _:
            return ()


def _names(record: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))


def close_to(word: str, possible: Sequence[str]) -> str:
    """`; did you mean 'x'?` when one of the possible words is near."""
    near = get_close_matches(word.lower(), possible, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _what(detail: ErrorDetails, place: Place) -> str:
    kind = detail["type"]
    given = detail["input"]
    context = cast("Mapping[str, Any]", detail.get("ctx", {}))
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return _unknown_key(place)
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        choices = str(context.get("expected", ""))
        words = [word for word in choices.replace(" or ", ", ").replace("'", "").split(", ") if word]
        hint = close_to(given, words) if isinstance(given, str) else ""
        return f"must be {choices.replace(chr(39), '')}, not {_shown(given, place)}{hint}"
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"must be {words} {_number(context.get(name))}, not {_shown(given, place)}"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {_shown(given, place)}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _unknown_key(place: Place) -> str:
    key = str(place[-1]) if place else ""
    if key.lower() in PASSWORD_KEYS:
        return (
            "passwords and tokens are not kept in this file: put it in an environment variable and write the "
            "name of that variable as password_env"
        )
    possible = known_keys(place[:-1])
    return f"unknown key{close_to(key, possible) or '; possible are ' + ', '.join(possible)}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(given: Any, place: Place) -> str:
    """The value as a message may show it: nothing that might be a password, nothing long."""
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, dict):
        return "keys and values"
    if isinstance(given, list | tuple):
        return "a list"
    if isinstance(given, int | float):
        return str(given)
    if place and place[-1] in {"password_env", "sha256", "tokens"}:
        return "what is written there"
    return repr(short(shown(str(given)) if "@" in str(given) else str(given)))
