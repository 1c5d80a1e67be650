"""Options of one query execution, as the cursor API names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from mcp_arangodb_async.engine.records import record
from mcp_arangodb_async.engine.values import Value, truthy

from .context import Limits

DEFAULT_WARNINGS = 10
#: Seconds for which a caller who has others to serve may be kept.
MOMENT = 0.002
WITHOUT_MEANING = frozenset({"allowRetry", "usePlanCache", "cache", "fillBlockCache", "maxTransactionSize"})


@record(kw_only=True)
class QueryOptions:
    """What the caller asks of one execution."""

    limits: Limits = field(default_factory=Limits)
    full_count: bool = False
    stream: bool = False
    profile: int = 0
    rules: tuple[str, ...] = ()
    use_plan_cache: bool = True
    all_plans: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any] | None, *, at_once: bool = False) -> QueryOptions:
        """Read ArangoDB's names; unknown ones and those without meaning here are ignored, as it does.

        `at_once` gives the query a moment only.
        """
        if not options or not any(value for name, value in options.items() if name not in WITHOUT_MEANING):
            if not options or "maxWarningCount" not in options:  # where 0 says something
                return DEFAULTS_AT_ONCE if at_once else DEFAULTS
        optimizer = options.get("optimizer")
        rules = optimizer.get("rules") if isinstance(optimizer, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        profile = options.get("profile", 0)
        return cls(
            limits=Limits(
                maximum_runtime=_number(options.get("maxRuntime")),
                memory=int(_number(options.get("memoryLimit"))),
                warnings=int(_number(options.get("maxWarningCount"), DEFAULT_WARNINGS)),
                fail_on_warning=truthy(options.get("failOnWarning")),
                moment=MOMENT if at_once else 0.0,
            ),
            full_count=truthy(options.get("fullCount")),
            stream=truthy(options.get("stream")),
            profile=int(profile) if isinstance(profile, bool | int | float) else 0,
            rules=tuple(str(rule) for rule in rules) if isinstance(rules, list | tuple) else (),  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            all_plans=truthy(options.get("allPlans")),
        )


DEFAULTS = QueryOptions()
DEFAULTS_AT_ONCE = QueryOptions(limits=Limits(moment=MOMENT))


def _number(value: Value, default: float = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return max(0.0, value)
