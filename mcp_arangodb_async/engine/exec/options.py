"""Options of one query execution, as the cursor API names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_arangodb_async.engine.values import Value, truthy

from .context import Limits

DEFAULT_WARNINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
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
    def of(cls, options: Mapping[str, Any] | None) -> QueryOptions:
        """Read ArangoDB's names; unknown ones and those without meaning here are ignored, as it does."""
        if not options:
            return DEFAULTS
        optimizer = options.get("optimizer")
        rules = optimizer.get("rules") if isinstance(optimizer, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        profile = options.get("profile", 0)
        return cls(
            limits=Limits(
                maximum_runtime=_number(options.get("maxRuntime")),
                memory=int(_number(options.get("memoryLimit"))),
                warnings=int(_number(options.get("maxWarningCount"), DEFAULT_WARNINGS)),
                fail_on_warning=truthy(options.get("failOnWarning")),
            ),
            full_count=truthy(options.get("fullCount")),
            stream=truthy(options.get("stream")),
            profile=int(profile) if isinstance(profile, bool | int | float) else 0,
            rules=tuple(str(rule) for rule in rules) if isinstance(rules, list | tuple) else (),  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            all_plans=truthy(options.get("allPlans")),
        )


DEFAULTS = QueryOptions()


def _number(value: Value, default: float = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return max(0.0, value)
