"""COLLECT as Python source: groups in a dict, the usual aggregates as plain arithmetic in lists.

A group is a list: its keys, then the state of each aggregate, then the rows gathered by INTO.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.expressions import operators
from mcp_arangodb_async.engine.expressions.program import Code
from mcp_arangodb_async.engine.expressions.tree import Variable
from mcp_arangodb_async.engine.plan.nodes import Aggregate, CollectNode
from mcp_arangodb_async.engine.values import hash_key

from .aggregates import AGGREGATORS, addend, average_result, sum_result
from .context import QueryContext
from .sizes import ROW

if TYPE_CHECKING:
    from .emit import Pipeline

#: Rows gathered by INTO between two additions to the query's memory.
INTO_STEP = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """An aggregate's state in a group: its initial values, what emits the update, the text of the result."""

    initial: tuple[str, ...]
    update: Callable[[], None]
    result: str


#: What a value costs that RETURN DISTINCT remembers: its place in a set, and a small key.
SEEN_BYTES = 100


class Seen(set[Hashable]):
    """The values that RETURN DISTINCT has passed; their memory counts as held as long as they live."""

    __slots__ = ("_ctx",)

    def __init__(self, ctx: QueryContext) -> None:
        super().__init__()
        self._ctx = ctx

    def __del__(self) -> None:
        # Rows may be left before their end, by a LIMIT or an error: this is where all ways meet.
        self._ctx.release(SEEN_BYTES * len(self))


def emit_distinct(pipeline: Pipeline, node: CollectNode) -> None:
    """RETURN DISTINCT: rows pass as they come, the first of each value."""
    lines = pipeline.lines
    program = pipeline.program
    seen = program.fresh("seen")
    pipeline.before_loops(f"{seen} = {program.runtime(Seen)}(ctx)")
    group = node.groups[0]
    value = pipeline.assign(group.variable, pipeline.code(group.source))
    key = program.fresh("t")
    lines.add(f"{key} = {key_text(pipeline, value)}")
    lines.open(f"if {key} in {seen}:")
    lines.add("continue")
    lines.close()
    lines.add(f"{seen}.add({key})")
    lines.add(f"ctx.held += {SEEN_BYTES}")


def emit_collect(pipeline: Pipeline, node: CollectNode) -> None:
    """COLLECT with or without groups: gather all rows, then one row per group."""
    lines = pipeline.lines
    program = pipeline.program
    groups, group = program.fresh("groups"), program.fresh("g")
    keys = [_atom(pipeline, each.source) for each in node.groups]
    initial = [key.text for key in keys]
    states: list[Slots] = []
    for aggregate in node.aggregates:
        state = _aggregate(pipeline, aggregate, group, len(initial))
        initial += state.initial
        states.append(state)
    into_place = len(initial)
    if node.into is not None:
        initial.append("[]")
    if node.groups:
        width = ROW * (2 + len(initial))
        pipeline.before_loops(f"{groups} = {{}}")
        pipeline.before_loops(f"{program.runtime(watch_groups)}(ctx, {groups}, {width})")
        key = program.fresh("t")
        parts = [key_text(pipeline, code) for code in keys]
        lines.add(f"{key} = {parts[0] if len(parts) == 1 else '(' + ', '.join(parts) + ',)'}")
        lines.add(f"{group} = {groups}.get({key})")
        lines.open(f"if {group} is None:")
        lines.add(f"{group} = {groups}[{key}] = [{', '.join(initial)}]")
        lines.close()
    else:
        pipeline.before_loops(f"{group} = [{', '.join(initial)}]")
    for state in states:
        state.update()
    if node.into is not None:
        _gather(pipeline, node, f"{group}[{into_place}]")
    if node.groups:
        pipeline.end_loops("ctx.unwatch()", "ctx.pace()")
        pipeline.open(f"for {group} in {groups}.values():")
    else:
        pipeline.end_loops()
        pipeline.open(f"for {group} in ({group},):")
    for place, (each, key_code) in enumerate(zip(node.groups, keys, strict=True)):
        pipeline.assign(each.variable, Code(text=f"{group}[{place}]", kind=key_code.kind))
    for aggregate, state in zip(node.aggregates, states, strict=True):
        pipeline.assign(aggregate.variable, Code(text=state.result))
    if node.into is not None:
        pipeline.assign(node.into, Code(text=f"{group}[{into_place}]", kind="array"))


def watch_groups(ctx: QueryContext, groups: Mapping[Hashable, object], width: int) -> None:
    """Have the groups measured while they grow."""
    ctx.watch(lambda: width * len(groups))


def _atom(pipeline: Pipeline, variable: Variable) -> Code:
    code = pipeline.code(variable)
    if code.is_atom:
        return code
    name = pipeline.program.fresh("t")
    pipeline.lines.add(f"{name} = {code.text}")
    return Code(text=name, kind=code.kind, is_atom=True)


def key_text(pipeline: Pipeline, code: Code) -> str:
    """A hashable key of a value, inline for strings."""
    if code.kind in {"string", "null"}:
        return code.text
    hashed = pipeline.program.runtime(hash_key)
    if code.is_atom:
        plain = f"type({code.text}) is str or type({code.text}) is int"
        return f"({code.text} if {plain} else {hashed}({code.text}))"
    return f"{hashed}({code.text})"


def _gather(pipeline: Pipeline, node: CollectNode, target: str) -> None:
    lines = pipeline.lines
    program = pipeline.program
    if node.projection is not None:
        value = pipeline.code(node.projection).text
    else:
        parts = [f"{program.constant(each.name)}: {pipeline.code(each).text}" for each in node.keep]
        value = "{" + ", ".join(parts) + "}"
    members = program.fresh("t")
    lines.add(f"{members} = {target}")
    lines.add(f"{members}.append({value})")
    lines.open(f"if len({members}) % {INTO_STEP} == 0:")
    width = 100 * max(1, len(node.keep))
    lines.add(f"ctx.hold({INTO_STEP * (ROW + width)})")
    lines.close()


def _aggregate(pipeline: Pipeline, aggregate: Aggregate, group: str, place: int) -> Slots:
    program = pipeline.program
    lines = pipeline.lines
    slot, second = f"{group}[{place}]", f"{group}[{place + 1}]"
    source = aggregate.source

    def value() -> str:
        assert source is not None
        return _atom(pipeline, source).text

    def count() -> None:
        lines.add(f"{slot} += 1")

    def add_number(name: str) -> None:
        is_number = f"type({name}) is int or type({name}) is float"
        lines.add(f"{slot} += {name} if {is_number} else {program.runtime(addend)}({name})")

    def average() -> None:
        name = value()
        add_number(name)
        lines.open(f"if {name} is not None:")
        lines.add(f"{second} += 1")
        lines.close()

    def extreme() -> None:
        name, best, kind = value(), program.fresh("t"), program.fresh("t")
        left, right = (name, best) if aggregate.function == "MIN" else (best, name)
        same = f"({kind} := type({name})) is type({best}) and ({kind} is float or {kind} is int)"
        less = program.runtime(operators.less)
        lines.add(f"{best} = {slot}")
        quick = f"({left} < {right} if {same} else {less}({left}, {right}))"
        lines.open(f"if {name} is not None and ({best} is None or {quick}):")
        lines.add(f"{slot} = {name}")
        lines.close()

    def add() -> None:
        lines.add(f"{slot}.add({value()})")

    match aggregate.function:
        case "LENGTH":
            return Slots(initial=("0",), update=count, result=slot)
        case "SUM":
            result = f"{program.runtime(sum_result)}({slot})"
            return Slots(initial=("0",), update=lambda: add_number(value()), result=result)
        case "AVERAGE":
            result = f"{program.runtime(average_result)}({slot}, {second})"
            return Slots(initial=("0", "0"), update=average, result=result)
        case "MIN" | "MAX":
            return Slots(initial=("None",), update=extreme, result=slot)
        case name:
            factory = program.constant(AGGREGATORS[name])
            return Slots(initial=(f"{factory}(ctx.hold)",), update=add, result=f"{slot}.result()")
