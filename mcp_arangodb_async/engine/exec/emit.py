"""Plans to Python source: one generator function per run of operators that can share a loop.

A (sub)query becomes a function. Calculations before its first loop are done in the function's head, once
per call. From there on rows live in local variables of nested loops. Operators that need all rows (SORT,
COLLECT) end the loops and start new ones in the same function; those that must be able to stop or batch
the rows before them (LIMIT, data modification, WINDOW) start another function, which takes the rows as
tuples of what is still needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mcp_arangodb_async.engine.expressions import operators
from mcp_arangodb_async.engine.expressions.generate import Generator
from mcp_arangodb_async.engine.expressions.program import Code, Lines, Program, local_name
from mcp_arangodb_async.engine.expressions.tree import Expression, Range, Reference, Subquery, Variable
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    FilterNode,
    IndexNode,
    InsertNode,
    LimitNode,
    Node,
    NoResultsNode,
    Plan,
    RemoveNode,
    ReplaceNode,
    ReturnNode,
    ShortestPathNode,
    SingletonNode,
    SortNode,
    SubqueryNode,
    TraversalNode,
    UpdateNode,
    UpsertNode,
    WindowNode,
)
from mcp_arangodb_async.engine.plan.usage import every_node, needs, read_after, reads

from . import rows, sources
from .emit_collect import emit_collect, emit_distinct
from .emit_graphs import emit_path_search, emit_traversal
from .emit_scans import emit_index, emit_scan
from .emit_search import emit_view
from .emit_writes import emit_modification, emit_upsert
from .window import WindowSpecification, window_rows

#: CPython nests at most 20 loops in one function.
MOST_LOOPS = 12
#: A sort with a limit forgets rows that cannot be among the first as soon as it holds so many.
TRIM_AT = 10_000
INLINING = (
    FilterNode,
    ReturnNode,
    EnumerateListNode,
    CollectNode,
    InsertNode,
    UpdateNode,
    ReplaceNode,
    RemoveNode,
    UpsertNode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What concerns a whole query: which collections are both read and written, and what is measured."""

    #: Reads of these collections must not see what the query writes.
    contended: frozenset[str]
    #: Whether any collection may be read without the plan saying so (DOCUMENT, vertices).
    reads_anything: bool
    #: The number of each node, when rows are counted and timed per node.
    measured: Mapping[int, int] | None = None

    def is_contended(self, collection: str) -> bool:
        """Whether a write to the collection must wait until all rows before it have been read."""
        return self.reads_anything or collection in self.contended


class Emitter:
    """Emits the functions of one query's plan and of its subqueries into one program."""

    def __init__(self, plan: Plan, emission: Emission) -> None:
        self.program = Program()
        self.emission = emission
        self.generator = Generator(self.program, self._inner)
        self.uses = Counter(
            variable
            for node in every_node(plan)
            for variable in reads(node)
            if not isinstance(node, SubqueryNode)
        )
        self.list_uses = Counter(
            node.source for node in every_node(plan) if isinstance(node, EnumerateListNode)
        )
        self._inner_names: dict[int, str] = {}

    def function(self, plan: Plan, parameters: Iterable[Variable]) -> str:
        """Emit a (sub)query; the name of a function of its outer variables that returns its rows, lazily."""
        name = self.program.fresh("q")
        pipeline = Pipeline(self, plan)
        body = pipeline.emit()
        self.program.nested(name, [local_name(each) for each in parameters], body)
        return name

    def gathered(self, plan: Plan) -> str:
        """The text of a call that gives the rows of a subquery as a list."""
        parameters = sorted(needs(plan), key=lambda variable: variable.id)
        name = self.function(plan, parameters)
        call = f"{name}({', '.join(local_name(each) for each in parameters)})"
        return f"{self.program.runtime(rows.gathered)}(ctx, {call})"

    def _inner(self, subquery: Subquery) -> str:
        """The name of a function that gives the rows of a subquery inside an expression as a list."""
        assert isinstance(subquery.plan, Plan)
        name = self._inner_names.get(id(subquery.plan))
        if name is None:
            inner = self.function(subquery.plan, subquery.variables)
            parameters = [local_name(each) for each in subquery.variables]
            body = Lines()
            gather = self.program.runtime(rows.gathered)
            body.add(f"return {gather}(ctx, {inner}({', '.join(parameters)}))")
            name = self._inner_names[id(subquery.plan)] = self.program.fresh("q")
            self.program.nested(name, parameters, body)
        return name


class Pipeline:
    """One (sub)query while it is emitted, node by node."""

    def __init__(self, emitter: Emitter, plan: Plan) -> None:
        self.emitter = emitter
        self.program = emitter.program
        self.generator = emitter.generator
        self.nodes = plan.nodes
        self.later = read_after(plan.nodes)
        self.place = 0
        self.body = Lines()
        self.lines = Lines(1)
        self.loops = 0
        self.row: set[Variable] = set()
        self.has_written = False
        self.inline: dict[Variable, Expression] = {}
        self.ranges: set[Variable] = set()
        self._phase = 0
        self._counter: str | None = None
        self._returned = False

    def emit(self) -> Lines:
        """The body of the function."""
        for place, node in enumerate(self.nodes):
            self.place = place
            self._node(node)
            if self.emitter.emission.measured is not None and self.loops and not self._returned:
                self._measure(node)
        if self.loops:
            self.lines.add("pass")
        self.lines.close(self.loops)
        self.loops = 0
        self.lines.add("yield from ()")
        self.body.add(f"return {self._end_segment()}()")
        return self.body

    # What operators use

    def code(self, variable: Variable) -> Code:
        """Code for a variable, or for the calculation that stands in its place."""
        expression = self.inline.get(variable)
        return self.generator.value(Reference(variable=variable) if expression is None else expression)

    def named(self, variable: Variable) -> str:
        """A name that holds a variable's value."""
        code = self.code(variable)
        if code.is_atom:
            return code.text
        name = self.program.fresh("t")
        self.lines.add(f"{name} = {code.text}")
        return name

    def assign(self, variable: Variable, code: Code) -> Code:
        """Set a variable of the row."""
        name = local_name(variable)
        self.lines.add(f"{name} = {code.text}")
        self.row.add(variable)
        self.generator.kinds[variable] = code.kind
        return Code(text=name, kind=code.kind, is_atom=True, names=frozenset({name}))

    def loop(self, targets: Iterable[Variable | None], source: str) -> None:
        """Open a loop that sets variables of the row; None for a place that nobody reads."""
        if self.loops >= MOST_LOOPS:
            self.cut(self.live_before())
        names = ["_" if each is None else local_name(each) for each in targets]
        self.open(f"for {', '.join(names) or '_'} in {source}:")
        self.row.update(each for each in targets if each is not None)

    def open(self, text: str) -> None:
        """Open a loop."""
        self.lines.open(text)
        self.loops += 1

    def inside(self) -> None:
        """Be inside a loop, so that a row can be skipped."""
        if not self.loops:
            self.loop((None,), self.program.constant(sources.ONCE))

    def before_loops(self, text: str) -> None:
        """A line before the current loops start."""
        self.lines.lines.insert(self._phase, "    " + text)
        self._phase += 1

    def end_loops(self, *after: str) -> None:
        """End the current loops, add the given lines after them; the row is gone."""
        self.lines.close(self.loops)
        self.loops = 0
        for line in after:
            self.lines.add(line)
        self._phase = len(self.lines.lines)
        self.row.clear()

    def live(self, *more: Variable) -> list[Variable]:
        """The variables of the row that later nodes read, and more."""
        return sorted((self.row & self.later[self.place]) | set(more), key=lambda variable: variable.id)

    def live_before(self) -> list[Variable]:
        """The variables of the row that this and later nodes read."""
        needed = self.later[self.place] | reads(self.nodes[self.place])
        for variable in list(needed):
            if variable in self.inline:
                needed |= self._inputs(self.inline[variable])
        return sorted(self.row & needed, key=lambda variable: variable.id)

    def frame(self, variables: list[Variable], *, is_tuple: bool = False) -> str:
        """The text of a row as it is handed on: one value bare, several as a tuple."""
        texts = [self.code(each).text for each in variables]
        if len(texts) == 1 and not is_tuple:
            return texts[0]
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"

    def hand_over(self, variables: list[Variable], *, is_tuple: bool = False) -> str:
        """End this function by yielding rows; the text of a call that gives them."""
        self.inside()
        self.lines.add(f"yield {self.frame(variables, is_tuple=is_tuple)}")
        self.lines.close(self.loops)
        self.loops = 0
        self.row.clear()
        return f"{self._end_segment()}()"

    def cut(self, variables: list[Variable], wrap: Callable[[str], str] = str) -> None:
        """Hand rows over to another function and go on there."""
        source = self.hand_over(variables)
        self.loop(variables or (None,), wrap(source))

    def buffer(self, held: str, variables: list[Variable], *, is_tuple: bool = False) -> None:
        """Gather all rows in a list of that name."""
        self.inside()
        append = self.program.fresh("append")
        self.before_loops(f"{held} = []")
        self.before_loops(f"{append} = {self.program.runtime(rows.watched)}(ctx, {held})")
        self.lines.add(f"{append}({self.frame(variables, is_tuple=is_tuple)})")

    # Nodes

    def _node(self, node: Node) -> None:
        match node:
            case SingletonNode():
                pass
            case EnumerateCollectionNode():
                emit_scan(self, node)
            case IndexNode():
                emit_index(self, node)
            case EnumerateViewNode():
                emit_view(self, node)
            case EnumerateListNode():
                self._list(node)
            case CalculationNode():
                self._calculation(node)
            case SubqueryNode():
                self._subquery(node)
            case FilterNode():
                self._filter(node)
            case SortNode():
                self._sort(node)
            case LimitNode():
                self._limit(node)
            case CollectNode(method="distinct"):
                self.inside()
                emit_distinct(self, node)
            case CollectNode():
                self.inside()
                emit_collect(self, node)
            case WindowNode():
                self._window(node)
            case TraversalNode():
                emit_traversal(self, node)
            case ShortestPathNode() | EnumeratePathsNode():
                emit_path_search(self, node)
            case InsertNode() | UpdateNode() | ReplaceNode() | RemoveNode():
                emit_modification(self, node)
            case UpsertNode():
                emit_upsert(self, node)
            case ReturnNode(source=source):
                self.inside()
                self.lines.add(f"yield {self.code(source).text}")
                self._returned = True
            case NoResultsNode():
                self.inside()
                self.lines.add("continue")

    def _list(self, node: EnumerateListNode) -> None:
        expression = self.inline.get(node.source)
        if node.source in self.ranges:
            source = f"{self.program.runtime(sources.steps)}(ctx, {local_name(node.source)})"
        elif isinstance(expression, Range):
            low, high = self.generator.value(expression.low), self.generator.value(expression.high)
            limits = f"{self.program.runtime(operators.bounds)}({low.text}, {high.text})"
            source = f"{self.program.runtime(sources.steps)}(ctx, {limits})"
        else:
            source = f"{self.program.runtime(sources.each)}(ctx, {self.code(node.source).text})"
        self.loop((node.variable,), source)

    def _calculation(self, node: CalculationNode) -> None:
        if self._is_inlined(node):
            self.inline[node.variable] = node.expression
            return
        expression = node.expression
        if isinstance(expression, Range) and self._only_listed(node.variable):
            low, high = self.generator.value(expression.low), self.generator.value(expression.high)
            self._set(node.variable, f"{self.program.runtime(operators.bounds)}({low.text}, {high.text})")
            self.ranges.add(node.variable)
            return
        code = self.generator.value(expression)
        self.generator.kinds[node.variable] = code.kind
        self._set(node.variable, code.text)

    def _subquery(self, node: SubqueryNode) -> None:
        if node.is_lookup and self.loops and self._is_eager(node):
            live = self.live_before()
            held = self.program.fresh("rows")
            self.buffer(held, live)
            self.end_loops("ctx.unwatch()")
            self.loop(live or (None,), held)
        self._set(node.variable, self.emitter.gathered(node.plan))

    def _is_eager(self, node: SubqueryNode) -> bool:
        return any(
            isinstance(each, EnumerateCollectionNode | IndexNode)
            and self.emitter.emission.is_contended(each.collection)
            for each in node.plan.nodes
        )

    def _set(self, variable: Variable, text: str) -> None:
        """Set a variable: in the function's head before the first loop, else in the row."""
        if self.loops or self._phase:
            self.inside()
            self.lines.add(f"{local_name(variable)} = {text}")
            self.row.add(variable)
        else:
            self.body.add(f"{local_name(variable)} = {text}")

    def _is_inlined(self, node: CalculationNode) -> bool:
        if self.emitter.uses[node.variable] != 1 or self.emitter.emission.measured is not None:
            return False
        for later in self.nodes[self.place + 1 :]:
            if node.variable in reads(later):
                return isinstance(later, INLINING) and not isinstance(later, SubqueryNode)
            if not isinstance(later, CalculationNode) and not (
                isinstance(later, SubqueryNode) and later.is_lookup
            ):
                return False
        return False

    def _only_listed(self, variable: Variable) -> bool:
        return 0 < self.emitter.uses[variable] == self.emitter.list_uses[variable]

    def _inputs(self, expression: Expression) -> set[Variable]:
        found: set[Variable] = set()
        node = CalculationNode(variable=Variable(id=-1, name=""), expression=expression)
        for variable in reads(node):
            inner = self.inline.get(variable)
            found |= {variable} if inner is None else self._inputs(inner)
        return found

    def _filter(self, node: FilterNode) -> None:
        self.inside()
        if self._counter is None:
            self._counter = self.program.fresh("n")
        self.lines.open(f"if not {self.generator.truth(self.code(node.condition))}:")
        self.lines.add(f"{self._counter} += 1")
        self.lines.add("continue")
        self.lines.close()

    def _sort(self, node: SortNode) -> None:
        keys = [(each.variable, each.is_ascending) for each in node.elements if each.variable in self.row]
        variables = self.live(*(variable for variable, _ in keys))
        criteria = tuple((variables.index(variable), ascending) for variable, ascending in keys)
        has_one = len(variables) == 1
        arguments = f"{self.program.constant(criteria)}, {self.program.constant(node.limit)}, {has_one}"
        order, held = self.program.runtime(rows.sorted_rows), self.program.fresh("rows")
        call = f"{order}(ctx, {held}, {arguments})"
        self.buffer(held, variables)
        if node.limit is not None:
            self.lines.open(f"if len({held}) >= {max(TRIM_AT, 4 * node.limit)}:")
            self.lines.add(f"{held}[:] = {call}")
            self.lines.close()
        self.end_loops("ctx.unwatch()")
        self.loop(variables or (None,), call)

    def _limit(self, node: LimitNode) -> None:
        offset, count = self.program.constant(node.offset), self.program.constant(node.count)
        limits = f"{offset}, {count}"
        if node.full_count:
            counted = self.program.runtime(rows.counted)
            self.cut(self.live(), lambda source: f"{counted}(ctx, {source}, {limits})")
        else:
            limit = self.program.runtime(rows.drained if self.writes_before() else rows.limited)
            self.cut(self.live(), lambda source: f"{limit}({source}, {limits})")

    def writes_before(self) -> bool:
        """Whether a data modification came before this node, in the same (sub)query or in one inside it."""
        for node in self.nodes[: self.place]:
            inner = every_node(Plan(nodes=(node,)))
            if any(
                isinstance(each, InsertNode | UpdateNode | ReplaceNode | RemoveNode | UpsertNode)
                for each in inner
            ):
                return True
        return False

    def _window(self, node: WindowNode) -> None:
        variables = self.live(*reads(node))
        held = self.program.fresh("rows")
        self.buffer(held, variables, is_tuple=True)
        self.end_loops("ctx.unwatch()")
        positions = {variable: place for place, variable in enumerate(variables)}
        specification = WindowSpecification.of(node, positions)
        made = [each.variable for each in node.aggregates]
        window = self.program.runtime(window_rows)
        self.loop(variables + made, f"{window}(ctx, {held}, {self.program.constant(specification)})")

    def _measure(self, node: Node) -> None:
        measured = self.emitter.emission.measured
        assert measured is not None
        number = self.program.constant(measured.get(id(node), 0))
        timed = self.program.runtime(rows.timed)
        self.cut(self.live(), lambda source: f"{timed}(ctx, {number}, {source})")

    def _end_segment(self) -> str:
        """Define the current function; its name. A new one starts."""
        name = self.program.fresh("s")
        self.body.add(f"def {name}():")
        lines = self.lines.lines
        if self._counter is not None:
            self.body.add(f"    {self._counter} = 0")
            self.body.add("    try:")
            lines = ["    " + line for line in lines]
        self.body.lines.extend(lines)
        if self._counter is not None:
            self.body.add("    finally:")
            self.body.add(f"        ctx.stats.filtered += {self._counter}")
        self._counter = None
        self.lines = Lines(1)
        self._phase = 0
        return name
