"""Tools that narrow the list of tools to what a piece of work needs, and tell what was used."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypedDict

from pydantic import Field

from mcp_arangodb_async.sessions import SessionState
from mcp_arangodb_async.tools.aliases import ALIASES
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.discovery import shown
from mcp_arangodb_async.tools.spec import Args, Effect, Names, hidden, tool
from mcp_arangodb_async.workflows.definitions import STAGES, WORKFLOWS
from mcp_arangodb_async.workflows.view import shown_tools

WorkflowName = Literal[
    "baseline", "data_analysis", "graph_modeling", "bulk_operations", "schema_validation", "full"
]
StageName = Literal["setup", "data_loading", "analysis", "cleanup"]
NONE_CHOSEN = "full"


class NoArgs(Args):
    """No arguments."""


def active_tools(call: Call, session: SessionState | None) -> list[str]:
    """The tools of the session's workflow or stage, without those it unloaded."""
    return shown_tools(
        list(call.around.tools),
        always=(),
        toolset=call.around.toolset,
        workflow=session.workflow if session else None,
        stage=session.stage if session else None,
        unloaded=session.unloaded if session else (),
    )


class SwitchArgs(Args):
    """Arguments of arango_switch_workflow.

    Clients of the handshake versions then see only the workflow's tools, besides those of this page and the
    multi-tenancy ones; every client gets the definitions of its tools with the answer. A tool outside the
    workflow can still be called.
    """

    context: WorkflowName = Field(description="Workflow")
    """The workflow."""

    also: ClassVar = {"workflow": "context", "workflow_name": "context", "name": "context"}


class Switched(TypedDict):
    """What the list of tools is now, with the definitions of its tools."""

    from_context: str
    to_context: str
    description: str
    tools_added: list[str]
    tools_removed: list[str]
    total_tools: int
    active_tools: list[str]
    definitions: list[dict[str, Any]]
    session: str | None


@tool(title="Switch", category="patterns", effect=Effect.SESSION, uses_session=True)
async def arango_switch_workflow(call: Call, args: SwitchArgs) -> Switched:
    """List a workflow's tools."""
    before = active_tools(call, call.session)
    left = call.session.workflow if call.session else None

    def switch(session: SessionState) -> None:
        session.workflow = args.context
        session.stage = None
        session.unloaded = frozenset()

    handle = await call.change_session(switch)
    await call.list_changed()
    now = shown_tools(list(call.around.tools), always=(), toolset=call.around.toolset, workflow=args.context)
    # All tools are listed in full already; repeating them would cost more than it tells.
    told = now if WORKFLOWS[args.context].tools is not None else []
    return Switched(
        from_context=left or NONE_CHOSEN,
        to_context=args.context,
        description=WORKFLOWS[args.context].description,
        tools_added=[name for name in now if name not in before],
        tools_removed=[name for name in before if name not in now],
        total_tools=len(now),
        active_tools=now,
        definitions=[shown(call.around.tools[name], "full") for name in told],
        session=handle,
    )


class ActiveWorkflow(TypedDict):
    """The session's workflow."""

    active_context: str
    description: str
    tools: list[str]
    tool_count: int


@tool(title="Workflow", category="patterns", effect=Effect.READ, uses_session=True)
async def arango_get_active_workflow(call: Call, args: NoArgs) -> ActiveWorkflow:  # noqa: ARG001
    """The active workflow."""
    name = (call.session.workflow if call.session else None) or NONE_CHOSEN
    tools = active_tools(call, call.session)
    return ActiveWorkflow(
        active_context=name, description=WORKFLOWS[name].description, tools=tools, tool_count=len(tools)
    )


class ListWorkflowsArgs(Args):
    """Arguments of arango_list_workflows."""

    include_tools: bool = hidden(default=False)
    """Name the tools of each."""

    also: ClassVar = {"includeTools": "include_tools"}


class Workflows(TypedDict):
    """Every workflow."""

    contexts: dict[str, Any]
    total_contexts: int
    active_context: str


@tool(title="Workflows", category="patterns", effect=Effect.READ, uses_session=False)
async def arango_list_workflows(call: Call, args: ListWorkflowsArgs) -> Workflows:
    """List workflows."""
    every = list(call.around.tools)
    contexts: dict[str, Any] = {}
    for workflow in WORKFLOWS.values():
        tools = [name for name in every if workflow.tools is None or name in workflow.tools]
        contexts[workflow.name] = {"description": workflow.description, "tool_count": len(tools)}
        if args.include_tools:
            contexts[workflow.name]["tools"] = tools
    active = (call.session.workflow if call.session else None) or NONE_CHOSEN
    return Workflows(contexts=contexts, total_contexts=len(contexts), active_context=active)


class AdvanceArgs(Args):
    """Arguments of arango_advance_workflow_stage.

    As `arango_switch_workflow`, for one stage of a piece of work.
    """

    stage: StageName = Field(description="Stage")
    """The stage."""

    also: ClassVar = {"stage_name": "stage"}


class Advanced(TypedDict):
    """What the list of tools is in the new stage."""

    from_stage: str | None
    to_stage: str
    description: str
    tools_unloaded: list[str]
    tools_loaded: list[str]
    active_tools: list[str]
    total_active_tools: int
    definitions: list[dict[str, Any]]
    session: str | None


@tool(title="Stage", category="patterns", effect=Effect.SESSION, uses_session=True)
async def arango_advance_workflow_stage(call: Call, args: AdvanceArgs) -> Advanced:
    """List a stage's tools."""
    before = active_tools(call, call.session)
    left = call.session.stage if call.session else None

    def advance(session: SessionState) -> None:
        session.stage = args.stage
        session.unloaded = frozenset()

    handle = await call.change_session(advance)
    await call.list_changed()
    now = shown_tools(list(call.around.tools), always=(), toolset=call.around.toolset, stage=args.stage)
    return Advanced(
        from_stage=left,
        to_stage=args.stage,
        description=STAGES[args.stage].description,
        tools_unloaded=[name for name in before if name not in now],
        tools_loaded=[name for name in now if name not in before],
        active_tools=now,
        total_active_tools=len(now),
        definitions=[shown(call.around.tools[name], "full") for name in now],
        session=handle,
    )


class Usage(TypedDict):
    """Which tools this session used."""

    current_stage: str | None
    tool_usage: dict[str, Any]
    total_tools_used: int
    active_stage_tools: list[str]


@tool(title="Usage", category="patterns", effect=Effect.READ, uses_session=True)
async def arango_get_tool_usage_stats(call: Call, args: NoArgs) -> Usage:  # noqa: ARG001
    """Tools used so far."""
    used = call.session.usage if call.session else {}
    stage = call.session.stage if call.session else None
    return Usage(
        current_stage=stage,
        tool_usage={
            name: {
                "first_used": timestamp(usage.first),
                "last_used": timestamp(usage.last),
                "use_count": usage.calls,
                "error_count": usage.errors,
            }
            for name, usage in used.items()
        },
        total_tools_used=len(used),
        active_stage_tools=active_tools(call, call.session),
    )


def timestamp(seconds: float) -> str:
    """The time in ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


class UnloadArgs(Args):
    """Arguments of arango_unload_tools.

    Takes them off the list of clients of the handshake versions. They stay callable.
    """

    tool_names: Names = Field(max_length=100, description="Names")
    """Names of the tools; they stay callable."""

    also: ClassVar = {"tools": "tool_names", "toolNames": "tool_names"}


class Unloaded(TypedDict):
    """What left the list of tools."""

    unloaded: list[str]
    not_found: list[str]
    total_unloaded: int
    session: str | None


@tool(title="Unload", category="patterns", effect=Effect.SESSION, uses_session=True)
async def arango_unload_tools(call: Call, args: UnloadArgs) -> Unloaded:
    """Hide tools."""
    names = [ALIASES.get(name, name) for name in args.tool_names]
    known = [name for name in names if name in call.around.tools]
    unknown = [name for name in names if name not in call.around.tools]

    def unload(session: SessionState) -> None:
        session.unloaded = session.unloaded | frozenset(known)

    handle = await call.change_session(unload) if known else None
    if known:
        await call.list_changed()
    return Unloaded(unloaded=known, not_found=unknown, total_unloaded=len(known), session=handle)
