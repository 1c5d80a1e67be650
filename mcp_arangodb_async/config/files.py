"""Editing the configuration file: one writer at a time, whole or not at all, comments and order kept."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_arangodb_async.config.load import ConfigFileLoader, read_content
from mcp_arangodb_async.config.place import Place, Problem
from mcp_arangodb_async.config.splice import remove_value, rename_key, set_value
from mcp_arangodb_async.config.tree import read_tree
from mcp_arangodb_async.errors import ConfigError, ConflictError, NotFoundError, UnavailableError

LOCK_SECONDS = 10.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What an edit does to a file; `problems` were there before and concern other entries."""

    path: Path
    before: str
    after: str
    problems: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """The change as unified diff lines, without the names of files."""
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=2)
        return "\n".join(list(lines)[2:])


def add_database(text: str, key: str, values: Mapping[str, object], *, default: bool = False) -> str:
    """The text with one more entry at the end of `databases`; raises ConflictError if the key is taken."""
    if key in keys_in(text):
        raise ConflictError(f"database {key!r} is configured already", hint=f"use `db update {key}`")
    changed = set_value(text, ("databases", key), dict(values))
    return set_default(changed, key) if default else changed


def remove_database(text: str, key: str) -> str:
    """The text without the entry, nor a default_database that names it."""
    keys = keys_in(text)
    if key not in keys:
        raise unknown_key(key, keys)
    changed = remove_value(text, ("databases", key))
    return set_default(changed, None) if default_in(text) == key else changed


def update_database(
    text: str, key: str, changes: Mapping[str, object], *, new_key: str | None = None, default: bool = False
) -> str:
    """The text with these values changed where they stand; None takes an option out.

    `changes` may name inner options, such as `pool.idle_timeout`. A renamed entry keeps its position, and a
    default_database that named it follows.
    """
    keys = keys_in(text)
    if key not in keys:
        raise unknown_key(key, keys)
    for option, value in changes.items():
        place = ("databases", key, *option.split("."))
        if value is not None:
            text = set_value(text, place, value)
        else:
            with contextlib.suppress(NotFoundError):
                text = remove_value(text, place)
    if new_key is not None and new_key != key:
        if new_key in keys:
            raise ConflictError(f"database {new_key!r} is configured already")
        followed = default_in(text) == key
        text = rename_key(text, ("databases", key), new_key)
        text = set_default(text, new_key) if followed else text
    return set_default(text, new_key or key) if default else text


def set_default(text: str, key: str | None) -> str:
    """The text with this default_database, or without one."""
    if key is not None:
        return set_value(text, ("default_database",), key, first=True)
    return remove_value(text, ("default_database",)) if default_in(text) is not None else text


def keys_in(text: str) -> list[str]:
    """The configured keys in their order."""
    databases = read_tree(text.encode()).value.get("databases")
    return list(databases) if isinstance(databases, dict) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def default_in(text: str) -> object:
    """The default_database that is written there, whatever it is."""
    return read_tree(text.encode()).value.get("default_database")


def unknown_key(key: str, keys: list[str]) -> NotFoundError:
    """The error for a key that is not configured, with those that are."""
    near = difflib.get_close_matches(key, keys, n=3)
    configured = ", ".join(keys) or "nothing"
    return NotFoundError(f"no database {key!r}; configured: {configured}", did_you_mean=near)


def edit_file(
    loader: ConfigFileLoader,
    path: Path,
    change: Callable[[str], str],
    *,
    touches: Place,
    dry_run: bool = False,
) -> Edit:
    """Change the file under its lock, checked before it replaces the old one.

    `touches` is the place that is changed: a problem there refuses the edit, one elsewhere that was there
    before is reported only, so that a file made by a newer version can still be edited.
    """
    real = path.resolve()
    if dry_run:
        return _edit(loader, real, change, touches)
    _make_directory(real.parent)
    with _locked(real):
        edit = _edit(loader, real, change, touches)
        if edit.after != edit.before:
            _replace(real, edit.after.encode())
        return edit


def _edit(loader: ConfigFileLoader, path: Path, change: Callable[[str], str], touches: Place) -> Edit:
    if path.suffix.lower() == ".toml":
        raise ConfigError(
            f"{path} is read and not edited: TOML is the shape of an earlier server",
            hint="write a YAML file; `maa config show` prints what it would hold",
        )
    content = read_content(path) if path.exists() else b""
    tree = read_tree(content)
    if tree.problems:
        lines = [problem.text(str(path)) for problem in tree.problems]
        raise ConfigError("the file cannot be edited:\n" + "\n".join(lines), problems=lines)
    before = content.decode("utf-8-sig")
    after = change(before)
    _, problems = loader.inspect(path, after.encode())
    ours = [problem for problem in problems if _concerns(problem, touches)]
    if ours:
        lines = [problem.text("new entry") for problem in (_without_line(problem) for problem in ours)]
        raise ConfigError("the change is not valid:\n" + "\n".join(lines), problems=lines)
    others = tuple(problem.text(str(path)) for problem in problems)
    return Edit(path=path, before=before, after=after, problems=others)


def _concerns(problem: Problem, touches: Place) -> bool:
    return problem.place[: len(touches)] == touches or not problem.place


def _without_line(problem: Problem) -> Problem:
    return Problem(line=0, what=problem.what, place=problem.place)


def _make_directory(directory: Path) -> None:
    """The directory with those above it; new ones can be entered by their owner only."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)


def _replace(path: Path, content: bytes) -> None:
    """The new content under the old name in one step; after a crash it is one or the other."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """The only writer of this file; the system frees the lock when its process dies, however it dies."""
    lock = path.with_name(f".{path.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise UnavailableError(f"another process has been editing {path} for {LOCK_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
