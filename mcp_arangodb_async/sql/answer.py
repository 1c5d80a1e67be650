"""What an environment answers, and what an answer may take."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_arangodb_async.config.environments import Access
from mcp_arangodb_async.connections.sql.connection import Column, Row
from mcp_arangodb_async.connections.sql.records import record


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What one statement may take; the environment's own caps hold as well."""

    rows: int
    bytes: int
    seconds: float


@record()
class Answer:
    """What an environment answered; `rows` hold Python values, `sql.values.shown_rows` makes them JSON.

    `engine` is `postgresql`, `mariadb`, `mysql`, `sqlite` or `arangodb`; `version` the server's own. `rest`
    is set when more rows were asked to be held: `Environment.more` takes it.
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
    rest: str | None = None
