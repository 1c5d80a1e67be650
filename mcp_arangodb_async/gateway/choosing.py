"""Which of a server's tools a call means, and why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Protocol

from mcp_arangodb_async.errors import DeniedError, MaaError, NotFoundError, ReadOnlyError
from mcp_arangodb_async.gateway.inventory import Reached
from mcp_arangodb_async.gateway.view import SEPARATOR, View, ViewedTool


class Choose(Protocol):
    """Picks a tool of a server among those that are shown."""

    def __call__(self, reached: Reached, tools: Mapping[str, ViewedTool]) -> ViewedTool | None:
        """The tool; None when there is none."""
        ...

    def missing(self, reached: Reached, view: View) -> MaaError:
        """Why there is none, and what there is."""
        ...


class Named:
    """The tool of a namespaced name."""

    __slots__ = ("_name", "_read_only")

    def __init__(self, name: str, read_only: bool = False) -> None:
        self._name = name
        self._read_only = read_only

    def __call__(self, reached: Reached, tools: Mapping[str, ViewedTool]) -> ViewedTool | None:
        """The tool of that name; ReadOnlyError if it may change something where nothing may be changed."""
        del reached
        tool = tools.get(self._name)
        if tool is not None and self._read_only and not only_reads(tool.wire):
            raise ReadOnlyError(f"{self._name} is refused: the server runs with --read-only")
        return tool

    def missing(self, reached: Reached, view: View) -> MaaError:
        """Whether it is kept back, else the closest names."""
        if view.kept_back.get(self._name.partition(SEPARATOR)[2]) in {"changed", "unknown"}:
            return kept_back(self._name, reached.layer)
        return NotFoundError(
            f"{reached.upstream.shown} has no tool {self._name[:80]!r}",
            field="name",
            did_you_mean=get_close_matches(self._name, view.tools, n=3),
            hint="tools/list names the tools",
        )


def only_reads(wire: Mapping[str, Any]) -> bool:
    """Whether a tool says of itself that it changes nothing."""
    return bool(wire["annotations"]["readOnlyHint"])


def kept_back(name: str, layer: str) -> MaaError:
    """The error for a tool in quarantine."""
    hint = "a tenant admin can look at it with rag_validate_tenant_mcp_config, and approve it there"
    if layer == "global":
        hint = "the operator can approve it in tenants.upstreams, by pins; the log names the hash"
    return DeniedError(f"{name} is kept back: its definition is not the approved one", hint=hint)
