"""One environment: its statements go through its policy, its limits and its read-only session."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from mcp_arangodb_async.config.environments import Access, EnvironmentSettings
from mcp_arangodb_async.connections.sql.connection import Chunks, Column, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an environment answered; `rows` hold Python values, `sql.values.shown_rows` makes them JSON.

    `engine` is `postgresql`, `mariadb`, `mysql`, `sqlite` or `arangodb`; `version` the server's own.
    """

    environment: str
    engine: str
    version: str
    access: Access
    columns: tuple[Column, ...]
    rows: list[Row]
    truncated: bool
    affected: int | None
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What one statement may take; the environment's own caps hold as well."""

    rows: int
    bytes: int
    seconds: float


class Environment:
    """A named environment; nothing is connected before a statement needs it."""

    def __init__(self, settings: EnvironmentSettings) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.settings.name

    async def query(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: QueryLimits | None = None,
        confirm: bool = False,
    ) -> Answer:
        """Run one statement of a caller: refused or run as policy and access say."""
        raise NotImplementedError

    async def inspect(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, max_rows: int = 100_000
    ) -> Answer:
        """Run a statement of our own that reads catalogues: policy is not asked, the session is read-only."""
        raise NotImplementedError

    def stream(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, chunk_rows: int = 1000
    ) -> AbstractAsyncContextManager[Chunks]:
        """The rows of a statement that reads, in chunks from a server-side cursor; policy is asked first."""
        raise NotImplementedError
