"""Files, variables and flags become `Settings`: default < file < environment < command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcp_arangodb_async.config.model import ConfigFile, Settings


class ConfigFileLoader:
    """Finds, reads and checks the configuration file."""

    def __init__(self, *, environ: Mapping[str, str], cwd: Path) -> None:
        self.environ = environ
        self.cwd = cwd

    def find(self, named: str | None = None) -> Path | None:
        """The file in use: `named`, else the variable's, the working directory's, the user's, else None."""
        raise NotImplementedError

    def read(self, path: Path) -> ConfigFile:
        """The checked content; raises ConfigError with every problem, one line each."""
        raise NotImplementedError


def load_settings(
    overrides: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    config_file: str | None = None,
) -> Settings:
    """What this process runs with.

    `overrides` are command line values by their dotted path, such as `http.port`; `environ` and `cwd` come
    from `environment.py` or from a test. Raises ConfigError that lists every problem.
    """
    raise NotImplementedError
