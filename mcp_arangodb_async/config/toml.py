"""The TOML file of earlier multi-environment servers, read as the same values that the YAML file holds.

    default_environment = "dev"
    [environments.dev.database]
    host = "localhost"
    username = "app"
    password = "..."
    database = "shop"
    [environments.dev.connection_pool]
    max_connections = 10

A single `[database]` makes one environment, `default`. The kind is `mysql` unless `kind` or `url` says
another one. Everything the YAML file may hold may stand here too. A password in this file is used, with a
warning.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from mcp_arangodb_async.config.place import MAXIMUM_BYTES, Place, Problem, Tree

LEGACY_NAME = "default"
LEGACY_KIND = "mysql"
# In tables of the older shape: its word -> ours, below the environment.
_DATABASE: Mapping[str, Place] = {
    "host": ("host",),
    "port": ("port",),
    "username": ("user",),
    "user": ("user",),
    "password_env": ("password_env",),
    "database": ("database",),
    "connection_timeout": ("connect_timeout",),
    "max_connections": ("pool", "max_connections"),
}
_POOL: Mapping[str, Place] = {
    "max_connections": ("pool", "max_connections"),
    "min_connections": ("pool", "min_connections"),
    "connection_timeout": ("connect_timeout",),
    "idle_timeout": ("pool", "idle_timeout"),
}
# Tables that told the earlier servers how to listen.
WITHOUT_EFFECT = ("server", "mcp", "logging")
_TABLE = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]")
_KEY = re.compile(r"\s*(?P<name>[A-Za-z0-9_\-.\"']+)\s*=")


def read_toml(content: bytes) -> Tree:
    """The values of a TOML file in the shape of the YAML file; never raises for what the bytes hold."""
    tree = Tree()
    if len(content) > MAXIMUM_BYTES:
        tree.problems.append(
            Problem(line=0, what=f"is too large: a configuration file holds at most {MAXIMUM_BYTES} bytes")
        )
        return tree
    try:
        text = content.decode("utf-8-sig")
        written = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        tree.problems.append(Problem(line=line, what="is not UTF-8 text"))
        return tree
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        last = content.count(b"\n") + 1
        what = str(error).partition(" (at ")[0] or "is nested too deeply"
        tree.problems.append(Problem(line=int(found[1]) if found else last, what=what[:1].lower() + what[1:]))
        return tree
    _Reading(tree, _lines(text)).read(written)
    return tree


def _lines(text: str) -> dict[Place, int]:
    """The line of each table and key, as far as one line at a time shows it."""
    found: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _parts(header["name"])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key["name"])), number)
    return found


def _parts(dotted: str) -> Place:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


class _Reading:
    """Values of the older shape become ours, each with its line."""

    def __init__(self, tree: Tree, lines: Mapping[Place, int]) -> None:
        self.tree = tree
        self.lines = lines

    def read(self, written: Mapping[str, Any]) -> None:
        value = self.tree.value
        for name, inner in written.items():
            self.line((name,), (name,))
            match name:
                case "environments" if isinstance(inner, dict):
                    entries = value.setdefault("environments", {})
                    for key, entry in cast("dict[str, Any]", inner).items():
                        entries[key] = self.environment(key, entry)
                case "database" if isinstance(inner, dict):
                    value.setdefault("environments", {})[LEGACY_NAME] = self.legacy(
                        cast("dict[str, Any]", inner)
                    )
                case "connection_pool" if isinstance(inner, dict) and "database" in written:
                    continue
                case _ if name in WITHOUT_EFFECT and isinstance(inner, dict):
                    self.tree.warnings.append(f"[{name}] has no effect: it told an earlier server how to run")
                case _:
                    value[name] = inner
        if "database" in written and "environments" not in written:
            value.setdefault("default_environment", LEGACY_NAME)
            pool = cast("dict[str, Any]", written.get("connection_pool") or {})
            self.move(pool, _POOL, LEGACY_NAME, value["environments"][LEGACY_NAME], ("connection_pool",))

    def legacy(self, written: Mapping[str, Any]) -> dict[str, Any]:
        """The entry of a single `[database]`."""
        self.line(("environments", LEGACY_NAME), ("database",))
        made: dict[str, Any] = {"kind": LEGACY_KIND}
        self.move(written, _DATABASE, LEGACY_NAME, made, ("database",))
        return made

    def environment(self, key: str, written: Any) -> Any:
        """The entry of one `[environments.X]` with its tables."""
        place: Place = ("environments", key)
        self.line(place, place)
        if not isinstance(written, dict):
            return written
        made: dict[str, Any] = {}
        for name, inner in cast("dict[str, Any]", written).items():
            if name == "name":
                if inner != key:
                    self.problem((*place, name), f"is {inner!r} in the table of {key!r}")
            elif name == "database" and isinstance(inner, dict):
                self.move(cast("dict[str, Any]", inner), _DATABASE, key, made, (*place, name))
            elif name == "connection_pool" and isinstance(inner, dict):
                self.move(cast("dict[str, Any]", inner), _POOL, key, made, (*place, name))
            else:
                self.put(made, (name,), inner, key, (*place, name))
        if "kind" not in made and "url" not in made:
            made["kind"] = LEGACY_KIND
        return made

    def move(
        self, table: Mapping[str, Any], names: Mapping[str, Place], key: str, made: dict[str, Any], at: Place
    ) -> None:
        """The values of one table of the older shape, under our names."""
        for name, inner in table.items():
            if name == "password" and "host" in names:
                self.password(key, inner, (*at, name))
            elif name in names:
                self.put(made, names[name], inner, key, (*at, name))
            else:
                possible = ", ".join((*names, *(("password",) if "host" in names else ())))
                self.problem((*at, name), f"unknown key; possible are {possible}")

    def put(self, made: dict[str, Any], place: Place, value: Any, key: str, written_at: Place) -> None:
        self.line(("environments", key, *place), written_at)
        target = made
        for step in place[:-1]:
            target = target.setdefault(str(step), {})
        target[str(place[-1])] = value

    def password(self, key: str, value: Any, at: Place) -> None:
        if not isinstance(value, str) or not value:
            self.problem(at, "must be text, and not empty; leave it out to log in without one")
            return
        self.tree.passwords[key] = value
        self.tree.warnings.append(
            f"environment {key!r}: its password stands in the file; put it in an environment variable and "
            "write password_env"
        )

    def line(self, place: Place, written_at: Place) -> None:
        number = self.lines.get(written_at)
        if number is not None:
            self.tree.lines.setdefault(place, number)

    def problem(self, at: Place, what: str) -> None:
        self.tree.problems.append(Problem(line=self.lines.get(at, 0), what=what, place=at))
