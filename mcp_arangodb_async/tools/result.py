"""What tools return: rows, or a record with named facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Format = Literal["json", "columns", "markdown", "csv", "yaml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one call may answer with and how long it may take."""

    rows: int = 1000
    bytes: int = 256 * 1024
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A result that another MCP server gave, as it is sent on."""

    wire: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Something that was made and can be read by its URI."""

    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """Chunks of rows with what is known of their streams, or links to files; as text alone, like rows.

    It is cut to the limits already. `row_count` counts the rows of all chunks or files.
    """

    document: Mapping[str, Any]
    row_count: int
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows for the model, already cut to the limits.

    `encoded` is the rows' JSON when it is known from measuring them, so that it is not made twice.
    `facts` are further top-level members of the answer. `truncated` without `next` means the rest cannot
    be continued.
    """

    rows: Sequence[Any]
    format: Format = "json"
    encoded: bytes | None = None
    truncated: bool = False
    next: str | None = None
    warnings: Sequence[Mapping[str, Any]] = ()
    stats: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
