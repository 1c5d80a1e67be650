"""Directories that are entered one name at a time, so that nothing below them can lead outside.

Every step opens one entry of a directory that is already open, and refuses symbolic links: a link that
somebody puts in place between a check and its use changes nothing. Only the operator's own directory, where
the way starts, may be a link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader, BufferedWriter
from pathlib import Path, PurePosixPath
from typing import Self

from mcp_arangodb_async.errors import ConflictError, InputError, NotFoundError, UnsupportedError

DEEPEST = 8
LONGEST_NAME = 255
PART = ".part"


class Folder:
    """One directory, held open; close it, or use it in a `with`. Its files are readable by their owner only.

    `name` is how the directory is called in results and errors: relative to where the way started.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the directory up; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @classmethod
    def start(cls, directory: Path, *, create: bool = False) -> Folder:
        """The operator's directory; NotFoundError if there is none."""
        if os.open not in os.supports_dir_fd:
            raise UnsupportedError("backups need a system that opens files relative to a directory")
        if create:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError("there is no backup directory yet") from None
        return cls(descriptor, "")

    def enter(self, name: str, *, create: bool = False, new: bool = False) -> Folder:
        """A directory in this one; `new` raises FileExistsError when something has that name."""
        if create or new:
            try:
                os.mkdir(checked_name(name), 0o700, dir_fd=self._descriptor)
            except FileExistsError:
                if new:
                    raise
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        called = self.path_of(name)
        try:
            return Folder(os.open(checked_name(name), flags, dir_fd=self._descriptor), called)
        except FileNotFoundError:
            raise NotFoundError(f"there is no directory {called!r} among the backups") from None
        except OSError as error:
            raise InputError(f"{called!r} is not a directory of its own: links are not followed") from error

    def path_of(self, name: str) -> str:
        """How an entry of this directory is called in results and errors."""
        return f"{self.name}/{name}" if self.name else name

    def names(self) -> list[str]:
        """The names of its entries, sorted."""
        return sorted(os.listdir(self._descriptor))  # noqa: PTH208 - pathlib cannot list an open directory

    def read(self, name: str) -> BufferedReader:
        """A regular file in this directory, open for reading."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        called = self.path_of(name)
        try:
            descriptor = os.open(checked_name(name), flags, dir_fd=self._descriptor)
        except FileNotFoundError:
            raise NotFoundError(f"there is no file {called!r} among the backups") from None
        except OSError as error:
            raise InputError(f"{called!r} cannot be read: links are not followed") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InputError(f"{called!r} is not a regular file")
        return os.fdopen(descriptor, "rb")

    def is_directory(self, name: str) -> bool:
        """Whether an entry is a directory itself, not a link to one."""
        return stat.S_ISDIR(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mode)

    def create(self, name: str) -> BufferedWriter:
        """A new file in this directory, open for writing; FileExistsError if something has that name."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(checked_name(name), flags, 0o600, dir_fd=self._descriptor), "wb")

    @contextmanager
    def replacing(self, name: str) -> Generator[BufferedWriter]:
        """A file that takes its name when the block ends well: written whole or not at all."""
        self.remove(name + PART)
        file = self.create(name + PART)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            self.remove(name + PART)
            raise
        os.rename(name + PART, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        os.fsync(self._descriptor)

    def write(self, name: str, content: bytes) -> None:
        """A whole file with this content, in place of one of that name."""
        with self.replacing(name) as file:
            file.write(content)

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        try:
            os.unlink(checked_name(name), dir_fd=self._descriptor)
        except FileNotFoundError:
            return


def checked_name(name: str) -> str:
    """The name of one entry; InputError for anything that is more than a name."""
    bad = (
        name in {"", ".", ".."}
        or "/" in name
        or "\\" in name
        or any(ord(c) < 32 or ord(c) == 127 for c in name)
    )
    try:
        bad = bad or len(name.encode()) > LONGEST_NAME
    except UnicodeEncodeError:
        bad = True
    if bad:
        raise InputError(f"{name[:80]!r} is not the name of a file or directory")
    return name


def parts_below(root: Path, given: str, *, field: str) -> tuple[str, ...]:
    """The names that lead from the backup directory to `given`: relative to it, or absolute and below it."""
    path = PurePosixPath(given)
    if path.is_absolute():
        try:
            path = path.relative_to(PurePosixPath(root.as_posix()))
        except ValueError:
            raise InputError(
                f"{field}: is outside the backup directory; give a name in it",
                field=field,
                hint="the operator sets the directory with MCP_BACKUP_DIRECTORY or backup.directory",
            ) from None
    if not path.parts or len(path.parts) > DEEPEST or ".." in given.split("/"):
        raise InputError(
            f"{field}: {given[:80]!r} is not a name in the backup directory; "
            f"at most {DEEPEST} directories deep and without '..'",
            field=field,
        )
    return tuple(checked_name(part) for part in path.parts)


def open_folder(root: Path, given: str, *, field: str = "input_dir") -> Folder:
    """An existing directory below the backup directory."""
    folder = Folder.start(root)
    for part in parts_below(root, given, field=field):
        with folder:
            inner = folder.enter(part)
        folder = inner
    return folder


def make_folder(root: Path, given: str, *, field: str = "output_dir", resume: bool = False) -> Folder:
    """A directory below the backup directory for a new backup: made now, or empty; not so with `resume`."""
    folder = Folder.start(root, create=True)
    for part in parts_below(root, given, field=field):
        with folder:
            inner = folder.enter(part, create=not resume)
        folder = inner
    if not resume and folder.names():
        with folder:
            raise ConflictError(
                f"{field}: {folder.name!r} is not empty; nothing in it is overwritten",
                field=field,
                hint="choose another name, or resume a backup that was interrupted",
            )
    return folder
