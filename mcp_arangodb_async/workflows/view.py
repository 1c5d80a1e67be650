"""Which tools a client is shown, from what its session chose (pure)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.workflows.definitions import STAGES, WORKFLOWS


def shown_tools(
    names: Sequence[str],
    *,
    always: Collection[str],
    toolset: str = "full",
    workflow: str | None = None,
    stage: str | None = None,
    unloaded: Collection[str] = (),
) -> list[str]:
    """The names that stay in the list, in its order.

    `toolset` is the operator's or the endpoint's choice, the others are the session's; both narrow. A stage
    takes the place of the workflow. The tools in `always` stay whatever was chosen, so that nobody locks
    himself out.
    """
    kept = set(names)
    chosen = STAGES[stage].tools if stage else WORKFLOWS[workflow].tools if workflow else None
    for tools in (WORKFLOWS[toolset].tools, chosen):
        if tools is not None:
            kept &= set(tools)
    kept -= set(unloaded)
    return [name for name in names if name in kept or name in always]


def check_toolset(name: str) -> str:
    """The name itself; InputError listing the workflows if there is no such toolset."""
    if name not in WORKFLOWS:
        raise InputError(f"no toolset {name[:64]!r}; possible: {', '.join(WORKFLOWS)}", field="toolset")
    return name
