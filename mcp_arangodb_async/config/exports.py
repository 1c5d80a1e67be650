"""The section `exports:`: files that results of SQL environments are written to.

exports:
  directory: /var/lib/maa/exports
  keep: 3600
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.sections import NOT_BOOL, STRICT, Seconds

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Where exported results are written, how large they may be, how long they stay."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    directory: Annotated[
        str,
        Option(
            help="directory of exported results, relative to the data directory",
            variables=("MCP_EXPORT_DIRECTORY",),
            metavar="DIR",
        ),
    ] = "exports"
    max_bytes: Annotated[
        int, Field(ge=1024), NOT_BOOL, Option(help="bytes of one exported file at most", metavar="N")
    ] = 2 * GIB
    total_bytes: Annotated[
        int, Field(ge=1024), NOT_BOOL, Option(help="bytes of all exported files at most", metavar="N")
    ] = 8 * GIB
    keep: Annotated[
        Seconds, Option(help="seconds after which an exported file is removed", metavar="SECONDS")
    ] = 3600.0
