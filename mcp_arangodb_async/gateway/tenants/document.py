"""A caller's document of one server becomes a section and its secrets; what is wrong is said all at once.

    submission = read_document("postgres", {"url": "https://...", "password": "..."}, before=None)

A document changes what it names: a field that is null goes back to its default, a header or secret that is
null is removed, everything unmentioned stays. Secrets leave the document here and are in no record after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from pydantic import TypeAdapter, ValidationError

from mcp_arangodb_async.config.check import close_to, problems_of
from mcp_arangodb_async.config.place import shown_place
from mcp_arangodb_async.config.tenancy import Launcher, check_header, check_server_name
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.gateway.tenants.model import (
    MAXIMUM_SECRET,
    GenericSection,
    Section,
    Server,
    section_type,
    shown_section,
)

MAXIMUM_DOCUMENT = 64 * 1024
MAXIMUM_SECRETS = 64
HEADERS, SECRETS = "headers", "secrets"
_MERGED = frozenset({"tools", "parameters"})
_SECRET_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_SECRET_WORDS = re.compile(r"(?i)(pass|secret|token|api_?key|access_?key|auth|sig|credential)|\Akey\Z")
# A text that is no word of ours may be a secret in the wrong field: it is not repeated.
_LONG_TEXT = re.compile(r""", not ('(?![a-z_]{1,12}')[^']*'|"[^"]*")""")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{1,8192}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A server as it would be stored: the section, the secrets to set, those to remove."""

    section: Section
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    removed: frozenset[str] = frozenset()


def read_document(
    server: str,
    document: Mapping[str, Any],
    *,
    before: Server | None = None,
    launchers: Mapping[str, Launcher] | None = None,
) -> Submission:
    """The section and secrets that the document asks for; InputError names every mistake, and no secret."""
    problems: list[str] = []
    try:
        check_server_name(server)
    except ValueError as error:
        raise InputError(f"{server[:40]!r} {error}", field="server") from None
    record = section_type(server)
    rest = _bounded(document)
    secrets, removed = _take_secrets(record, rest, problems)
    plain = _merged(before.section if before else None, rest)
    section: Section | None = None
    try:
        section = _adapter(record).validate_python(plain)
    except ValidationError as error:
        problems += [_problem(record, place, what) for place, what in problems_of(error)]
    if section is not None:
        problems += _together(section, launchers or {})
        kept = set(before.secrets if before else ()) - removed | set(secrets)
        if len(kept) > MAXIMUM_SECRETS:
            problems.append(f"{len(kept)} secrets are more than {MAXIMUM_SECRETS}")
    if problems or section is None:
        raise InputError(f"{server}: " + "; ".join(problems), field=server)
    return Submission(section=section, secrets=secrets, removed=frozenset(removed))


def known_fields(server: str) -> tuple[str, ...]:
    """The fields that a document of this server may hold, secret ones among them."""
    record = section_type(server)
    own = tuple(option.name for option in fields(record))
    return (*own, HEADERS, *record.SECRETS, *((SECRETS,) if record is GenericSection else ()))


@cache
def _adapter(record: type[Section]) -> TypeAdapter[Any]:
    return TypeAdapter(record)


def _bounded(document: object) -> dict[str, Any]:
    """A copy that may be taken apart; InputError for anything that is no document, or too large."""
    if not isinstance(document, Mapping):
        raise InputError("a server's configuration must be keys and values")
    copied = {str(name): value for name, value in cast("Mapping[object, Any]", document).items()}
    try:
        size = len(json.dumps(copied, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        raise InputError("a server's configuration must be plain JSON") from None
    if size > MAXIMUM_DOCUMENT:
        raise InputError(f"a server's configuration is {size} characters, at most {MAXIMUM_DOCUMENT}")
    return copied


def _take_secrets(
    record: type[Section], rest: dict[str, Any], problems: list[str]
) -> tuple[dict[str, str], set[str]]:
    """Take every secret out of the document: those to set, and the fields to remove."""
    given: dict[str, object] = {name: rest.pop(name) for name in record.SECRETS if name in rest}
    groups = (HEADERS, SECRETS) if record is GenericSection else (HEADERS,)
    for group in groups:
        if group not in rest:
            continue
        values = rest.pop(group)
        if not isinstance(values, Mapping):
            problems.append(f"{group}: must be names and values")
            continue
        for name, value in cast("Mapping[object, object]", values).items():
            problem = _name_problem(group, str(name))
            if problem:
                problems.append(f"{group}: {problem}")
            else:
                given[f"{group}.{str(name).lower()}"] = value
    secrets: dict[str, str] = {}
    removed: set[str] = set()
    for place, value in given.items():
        if value is None:
            removed.add(place)
            continue
        problem = _value_problem(place, value)
        if problem:
            problems.append(f"{place}: {problem}")
        else:
            secrets[place] = cast("str", value)
    return secrets, removed


def _name_problem(group: str, name: str) -> str | None:
    if group == SECRETS:
        return None if _SECRET_NAME.match(name) else "a secret's name is 1 to 64 of a-z, 0-9 and _"
    try:
        check_header(name)
    except ValueError as error:
        return str(error)
    return None


def _value_problem(place: str, value: object) -> str | None:
    """What is wrong with a secret, without a part of it."""
    if not isinstance(value, str):
        return "must be text, or null to remove it"
    if not value:
        return "is empty; null removes it"
    if place.startswith(f"{HEADERS}."):
        fits = _HEADER_VALUE.match(value) and value == value.strip()
        return None if fits else "must be 1 to 8192 printable ASCII characters without outer blanks"
    if len(value) > MAXIMUM_SECRET or "\x00" in value:
        return f"must be at most {MAXIMUM_SECRET} characters without NUL"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must be text that can be written as UTF-8"
    return None


def _merged(before: Section | None, rest: Mapping[str, Any]) -> dict[str, Any]:
    """The section before, changed as the rest of the document says."""
    plain = shown_section(before) if before is not None else {}
    for name, value in rest.items():
        if value is None:
            plain.pop(name, None)
        elif name in _MERGED and isinstance(value, Mapping):
            inner = dict(cast("Mapping[str, Any]", plain.get(name, {})))
            for key, item in cast("Mapping[str, Any]", value).items():
                if item is None:
                    inner.pop(key, None)
                else:
                    inner[key] = item
            plain[name] = inner
        else:
            plain[name] = value
    return plain


def _problem(record: type[Section], place: Sequence[str | int], what: str) -> str:
    name = str(place[0]) if place else ""
    possible = known_fields(record.TYPE)
    if len(place) == 1 and name not in possible:
        hint = close_to(name, possible) or f"; possible are {', '.join(possible)}"
        return f"unknown field {name[:40]!r}{hint}"
    return f"{shown_place(tuple(place))}: {_LONG_TEXT.sub(', not what was given', what)}"


def _together(section: Section, launchers: Mapping[str, Launcher]) -> list[str]:
    """What is wrong with fields that are right one by one."""
    if section.mode != "tenant":
        return []
    problems: list[str] = []
    if section.transport == "stdio":
        if section.url is not None:
            problems.append("url: belongs to transport http or sse, not stdio")
        problems += _launcher_problems(section, launchers)
    else:
        if section.url is None:
            problems.append(f"url: is missing: the address of a server reached by {section.transport}")
        if section.launcher is not None:
            problems.append("launcher: belongs to transport stdio")
    for name in ("url", "endpoint", "api_base_url"):
        address: str | None = getattr(section, name, None)
        if address is not None and _holds_secret(address):
            problems.append(f"{name}: must not hold a secret after the ?; send it as a header")
    return problems


def _holds_secret(address: str) -> bool:
    return any(_SECRET_WORDS.search(key) for key, _ in parse_qsl(urlsplit(address).query))


def _launcher_problems(section: Section, launchers: Mapping[str, Launcher]) -> list[str]:
    fitting = [name for name, launcher in launchers.items() if launcher.type == section.TYPE]
    possible = (
        f"possible are {', '.join(fitting)}" if fitting else "the operator configured none for this type"
    )
    if section.launcher is None:
        return [
            f"launcher: is missing: the operator's command that starts a server reached by stdio; {possible}"
        ]
    if section.launcher not in fitting:
        return [f"launcher: there is no {section.launcher!r} for {section.TYPE}; {possible}"]
    return []
