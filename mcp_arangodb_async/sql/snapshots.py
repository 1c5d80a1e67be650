"""Stored schemas: what a database looked like, to ask later what has changed since.

    store = Snapshots(directory)
    store.save("prod", schema)
    taken, schema = store.load("prod", "2026-03-01")     # as it was on that day

One JSON file each, in a folder per environment, readable by their owner alone. The format has a number; a
file of another one is refused, never guessed at. Blocking: callers run it off the loop.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from mcp_arangodb_async.errors import InputError, LimitError, NotFoundError, UnsupportedError
from mcp_arangodb_async.sql.schema import DatabaseSchema, schema_hash

FORMAT = 1
# The oldest go when there are more.
MOST_SNAPSHOTS = 200
MOST_BYTES = 128 * 1024 * 1024
NAME = re.compile(r"^(?P<at>\d{8}T\d{6}Z)-(?P<hash>[0-9a-f]{16})$")
STAMP = "%Y%m%dT%H%M%SZ"
LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A stored schema's name, when it was taken (UTC), and its hash."""

    name: str
    taken_at: datetime
    hash: str


class Snapshots:
    """The stored schemas below one directory, which is made when the first one is stored."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def folder(self, environment: str) -> Path:
        """The folder of an environment; no name leads out of the directory."""
        return self._directory / quote(environment, safe="").replace(".", "%2E")

    def save(self, environment: str, schema: DatabaseSchema, *, at: datetime | None = None) -> Snapshot:
        """Store it; LimitError for one that is too large."""
        at = (at or datetime.now(UTC)).replace(microsecond=0)
        found = Snapshot(
            name=f"{at.strftime(STAMP)}-{schema_hash(schema)}", taken_at=at, hash=schema_hash(schema)
        )
        document = {
            "format": FORMAT,
            "environment": environment,
            "taken_at": at.isoformat(),
            "hash": found.hash,
            "schema": asdict(schema),
        }
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > MOST_BYTES:
            raise LimitError(f"the schema takes {len(text)} bytes, at most {MOST_BYTES} are stored")
        folder = self.folder(environment)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(folder / f"{found.name}.json", text)
        for old in self.listed(environment)[MOST_SNAPSHOTS:]:
            with contextlib.suppress(FileNotFoundError):
                (folder / f"{old.name}.json").unlink()
        return found

    def listed(self, environment: str) -> list[Snapshot]:
        """The environment's snapshots, the newest first."""
        try:
            names = [path.name for path in self.folder(environment).iterdir()]
        except FileNotFoundError:
            return []
        found = [snapshot for name in names if (snapshot := named(name)) is not None]
        return sorted(found, key=lambda one: one.name, reverse=True)

    def load(self, environment: str, which: str) -> tuple[Snapshot, DatabaseSchema]:
        """The snapshot meant by its name, by the beginning of its hash, by `latest`, or by a time.

        A time means the database as it was then: the newest snapshot that is not younger.
        """
        found = chosen(self.listed(environment), which, environment)
        document = read(self.folder(environment) / f"{found.name}.json")
        if document.get("format") != FORMAT:
            raise UnsupportedError(
                f"snapshot {found.name} has format {document.get('format')!r}, this release reads {FORMAT}",
                hint="use the release that stored it, or a later one",
            )
        try:
            return found, TypeAdapter(DatabaseSchema).validate_python(document.get("schema"))
        except ValidationError as error:
            raise UnsupportedError(
                f"snapshot {found.name} is damaged: {error.error_count()} parts are not as they were stored"
            ) from None


def named(file: str) -> Snapshot | None:
    """The snapshot in a file of that name; None for other files."""
    matched = NAME.match(file.removesuffix(".json")) if file.endswith(".json") else None
    if matched is None:
        return None
    try:
        at = datetime.strptime(matched["at"], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Snapshot(name=matched[0], taken_at=at, hash=matched["hash"])


def chosen(found: Sequence[Snapshot], which: str, environment: str) -> Snapshot:
    """The one of them that is meant."""
    if not found:
        raise NotFoundError(
            f"environment {environment!r} has no stored schema",
            hint="store one first: save, or env schema snapshot",
        )
    if which == LATEST:
        return found[0]
    exact = [one for one in found if one.name == which or (len(which) >= 4 and one.hash.startswith(which))]
    if exact:
        return exact[0]
    at = moment(which)
    if at is None:
        raise InputError(
            f"{which[:80]!r} is no stored schema of {environment!r}, and no time",
            hint=f"write latest, a time such as 2026-03-01 or 2h, or one of: {shown(found)}",
        )
    before = next((one for one in found if one.taken_at <= at), None)
    if before is None:
        raise NotFoundError(
            f"environment {environment!r} has no schema stored by {at.isoformat()}",
            hint=f"the oldest is {found[-1].name}",
        )
    return before


def shown(found: Sequence[Snapshot]) -> str:
    return ", ".join(one.name for one in found[:5]) + (", ..." if len(found) > 5 else "")


AGO = re.compile(r"^(\d{1,4})\s*([mhdw])$")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str) -> datetime | None:
    """A time: ISO 8601 (UTC without a zone), a day (its end), or how long ago (`2h`); None if it is none."""
    text = text.strip()
    if ago := AGO.match(text):
        return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == len("2026-03-01"):
        at += timedelta(days=1, seconds=-1)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def write(path: Path, text: bytes) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, Any]:
    """A stored document; a link is not followed, so nothing outside the folder is read."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(handle, "rb") as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise LimitError(f"snapshot {path.stem} is larger than {MOST_BYTES} bytes")
    try:
        document: Any = json.loads(text)
    except ValueError:
        raise UnsupportedError(f"snapshot {path.stem} is damaged: it is no JSON") from None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}
