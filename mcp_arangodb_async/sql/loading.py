"""What an environment needs to run statements: loaded late, because the parser takes a tenth of a second."""

from __future__ import annotations

import asyncio
import gc
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.connections.sql.opening import open_pool
from mcp_arangodb_async.connections.sql.pool import Hear, SqlPool

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.dialects.dialect import Dialect
    from mcp_arangodb_async.sql.masking import Masking
    from mcp_arangodb_async.sql.parameters import Template
    from mcp_arangodb_async.sql.policy import Guard, Judged

HERE = "mcp_arangodb_async.sql"
REMEMBERED = 512


@dataclass(slots=True)
class Known:
    """What is remembered of a text: how its values are bound, and whether its answers were small."""

    template: Template
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A short text that only reads and may run whatever its values: nothing of it is left to be judged."""

    known: Known
    masking: Masking | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What reads statements, and the connections that run them."""

    guard: Guard
    dialect: Dialect
    pool: SqlPool
    known: OrderedDict[str, Known] = field(default_factory=OrderedDict[str, Known])
    plain: OrderedDict[str, Plain] = field(default_factory=OrderedDict[str, Plain])

    def remember(self, text: str, plain: Plain) -> None:
        """Keep a text that needs no judgement any more; the oldest of too many is forgotten."""
        self.plain[text] = plain
        if len(self.plain) > REMEMBERED:
            self.plain.popitem(last=False)

    def read(self, text: str) -> Judged:
        """What a text is and whether it may run; a long one is read on a thread.

        Where its values belong is found out here as well, because that takes as long.
        """
        judged = self.guard.judge(text)
        if judged.decision.ruling != "deny":
            self.know(judged.statement.text)
        return judged

    def know(self, text: str) -> Known:
        """What is remembered of a text; the oldest of too many is forgotten."""
        known = self.known.get(text)
        if known is None:
            from mcp_arangodb_async.sql.parameters import template_of

            known = self.known[text] = Known(template_of(text, self.dialect))
            if len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        return known


async def load(settings: EnvironmentSettings, hear: Hear) -> Tools:
    """The tools of an environment; `hear` is told what happens to its connections."""
    policy, _, dialects = await asyncio.to_thread(_modules)
    if not gc.get_freeze_count():
        # Modules and the parser's tables are a hundred thousand objects that stay: looking through them for
        # garbage, again and again, would stop the event loop for 50 ms each time.
        gc.freeze()
    dialect: Dialect = dialects.DIALECTS[settings.kind]
    reads = settings.access == "read"
    authorizer = None
    if settings.kind == "sqlite" and reads:
        authorizer = import_module("mcp_arangodb_async.sql.dialects.sqlite").authorize
    session = (*dialect.session, *(dialect.read_only if reads else ()))
    pool = open_pool(settings, session=session, authorizer=authorizer, hear=hear)
    return Tools(guard=policy.Guard(settings), dialect=dialect, pool=pool)


def _modules() -> Sequence[Any]:
    return [import_module(f"{HERE}.{name}") for name in ("policy", "parameters", "dialects")]
