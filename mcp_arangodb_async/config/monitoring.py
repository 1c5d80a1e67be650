"""The section `monitoring:`: how often SQL environments are asked whether they are well.

    monitoring:
      interval: 30
      when_idle: false

An environment is asked once in an interval at most; one that comes back, every second until it is well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.sections import NOT_BOOL, STRICT, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSettings:
    """How SQL environments are watched in the background."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    interval: Annotated[
        float,
        Field(ge=0, le=86_400, allow_inf_nan=False),
        NOT_BOOL,
        Option(help="seconds between two trials of an SQL environment, jittered; 0 tries none"),
    ] = 30.0
    when_idle: Annotated[
        bool,
        Option(help="also try environments that nobody used since; that keeps a connection open"),
    ] = True
    timeout: Annotated[Seconds, Option(help="seconds after which a trial has failed")] = 5.0
    slow: Annotated[Seconds, Option(help="seconds above which the answer to a trial is slow")] = 1.0
