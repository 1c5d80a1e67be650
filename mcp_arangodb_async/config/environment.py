"""Variables and directories that belong to the user, read in one place."""

from __future__ import annotations

import io
import os
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from mcp_arangodb_async.errors import ConfigError

APPLICATION = "mcp-arangodb-async"
MAXIMUM_ENV_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDirectories:
    """Where this user's configuration and data are kept on this platform."""

    config: Path
    data: Path

    @property
    def engine(self) -> Path:
        """What the address `embedded:` stands for."""
        return self.data / "engine"

    @classmethod
    def of_platform(cls) -> UserDirectories:
        """The platform's own places, such as ~/.config and ~/.local/share on Linux."""
        return cls(
            config=platformdirs.user_config_path(APPLICATION, appauthor=False),
            data=platformdirs.user_data_path(APPLICATION, appauthor=False),
        )


def read_environment(cwd: Path) -> Mapping[str, str]:
    """The process's variables, and behind them those of `.env` in the working directory.

    The process's own variables stay live and are not changed: a password that is rotated in `.env` needs a
    restart, one that this process is given later does not.
    """
    return ChainMap[str, str](os.environ, _dotenv(cwd / ".env"))


def read_env_file(path: Path) -> Mapping[str, str]:
    """The variables of a file the user named, in front of the process's; raises ConfigError without it."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    return ChainMap[str, str](_dotenv(path), os.environ)


def _dotenv(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_ENV_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAXIMUM_ENV_BYTES:
        raise ConfigError(f"{path}: holds more than {MAXIMUM_ENV_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text") from error
    from dotenv import dotenv_values  # here: most processes have no such file, and start sooner

    return {key: value for key, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}
