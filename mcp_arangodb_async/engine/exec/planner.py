"""Text to compiled plan, and the plans kept for texts seen before.

A plan holds for one version of the catalogue, one set of optimiser switches, bind values of the same
kinds, and the same values of those parameters that shape it (collections, attribute names, LIMIT).
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.analysis import is_modification
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.expressions.generate import kind_of
from mcp_arangodb_async.engine.expressions.tree import Variables
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.build.query import QueryPlan, build_plan
from mcp_arangodb_async.engine.plan.rules import enabled_rules, optimise
from mcp_arangodb_async.engine.plan.rules.support import Planning
from mcp_arangodb_async.engine.plan.usage import every_node, is_cacheable
from mcp_arangodb_async.engine.values import hash_key

from .options import QueryOptions
from .phases import Phases
from .run import CompiledQuery, compile_plan

KEPT_TEXTS = 1000
#: Plans per text: one for each shape of bind values.
KEPT_SHAPES = 20
LONGEST_KEPT_TEXT = 100_000
LEADING = re.compile(r"(?:\s+|/\*.*?\*/|//[^\n]*)*+", re.DOTALL)
#: A text without these words writes nothing.
WRITING = re.compile("insert|update|replace|remove|upsert", re.IGNORECASE)
COMMENT_STARTS = frozenset("/ \n\t\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """A tree, and whether the query writes."""

    tree: ast.Query
    is_modification: bool


@dataclass(slots=True, kw_only=True)
class OptimisedQuery:
    """A plan, with the rules that changed it."""

    query: QueryPlan
    rules: tuple[str, ...]
    variables: Variables


@dataclass(slots=True, kw_only=True)
class PlannedQuery:
    """A plan ready to run."""

    text: str
    query: QueryPlan
    rules: tuple[str, ...]
    is_cacheable: bool
    compiled: CompiledQuery
    numbers: Mapping[int, int]
    created: float = field(default_factory=time.time)
    hits: int = 0

    def describe(self) -> dict[str, Any]:
        """The plan as `/_api/query-plan-cache` lists it."""
        return {
            "hash": f"{hash(self.text) & 0xFFFFFFFFFFFFFFFF:x}",
            "query": self.text,
            "queryHash": hash(self.text) & 0xFFFFFFFFFFFFFFFF,
            "bindVars": {},
            "fullCount": False,
            "dataSources": sorted(self.query.accesses),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.created)),
            "hits": self.hits,
            "memoryUsage": len(self.text) + len(self.compiled.source),
        }


def without_comment(text: str) -> str:
    """A query's text without the comments before it, with which some clients number their queries."""
    return text[LEADING.match(text).end() :] if text[:1] in COMMENT_STARTS else text  # pyright: ignore[reportOptionalMemberAccess]


class Planner:
    """Parses, plans and compiles, and remembers. Thread-safe."""

    def __init__(self, functions: Mapping[str, Function], compat: str) -> None:
        self.functions = functions
        self.compat = compat
        self._lock = Lock()
        self._parsed: OrderedDict[str, ParsedQuery] = OrderedDict()
        #: Per text: the names of the parameters that shape its plans, and the plans by what they hold for.
        self._plans: OrderedDict[str, dict[frozenset[str], OrderedDict[Hashable, PlannedQuery]]]
        self._plans = OrderedDict()

    def parsed(self, text: str) -> ParsedQuery:
        """The tree of a text; 1501 and others when it is not AQL."""
        key = without_comment(text)
        with self._lock:
            found = self._parsed.get(key)
            if found is not None:
                self._parsed.move_to_end(key)
                return found
        tree = parse(text, self.compat)
        made = ParsedQuery(
            tree=tree, is_modification=WRITING.search(text) is not None and is_modification(tree)
        )
        if len(key) <= LONGEST_KEPT_TEXT:
            with self._lock:
                self._parsed[key] = made
                if len(self._parsed) > KEPT_TEXTS:
                    self._parsed.popitem(last=False)
        return made

    def planned(
        self, text: str, tx: Transaction, binds: Mapping[str, Any], options: QueryOptions, phases: Phases
    ) -> PlannedQuery:
        """The plan of a query, remembered or made."""
        key = without_comment(text)
        fixed = (tx.catalog.version, options.full_count, options.rules, options.profile > 1)
        with self._lock:
            for structural, plans in self._plans.get(key, {}).items():
                found = plans.get(_shape(binds, structural, fixed))
                if found is not None:
                    found.hits += 1
                    return found
        made = self.plan(text, tx, binds, options, phases)
        if len(key) <= LONGEST_KEPT_TEXT:
            self._remember(key, made, _shape(binds, made.query.structural, fixed))
        return made

    def plan(
        self, text: str, tx: Transaction, binds: Mapping[str, Any], options: QueryOptions, phases: Phases
    ) -> PlannedQuery:
        """Make a plan, whatever is remembered."""
        optimised = self.optimised(self.parsed(text).tree, tx, binds, options)
        query = optimised.query
        phases.end("optimizing plan")
        numbers = {id(node): number for number, node in enumerate(every_node(query.plan), 1)}
        compiled = compile_plan(query.plan, measured=numbers if options.profile > 1 else None)
        phases.end("instantiating executors")
        return PlannedQuery(
            text=text,
            query=query,
            rules=optimised.rules,
            is_cacheable=not query.is_modification and is_cacheable(query.plan),
            compiled=compiled,
            numbers=numbers,
        )

    def optimised(
        self, tree: ast.Query, tx: Transaction, binds: Mapping[str, Any], options: QueryOptions
    ) -> OptimisedQuery:
        """The optimised plan of a tree."""
        query = build_plan(
            tree,
            tx=tx,
            functions=self.functions,
            binds=binds,
            compat=self.compat,
            full_count=options.full_count,
        )
        structural = set(query.structural)
        variables = Variables(count=query.variable_count)
        planning = Planning(
            tx=tx, binds=binds, variables=variables, structural=structural, compat=self.compat
        )
        plan, rules = optimise(query.plan, planning, enabled_rules(options.rules))
        query = QueryPlan(
            plan=plan,
            accesses=query.accesses,
            views=query.views,
            parameters=query.parameters,
            structural=frozenset(structural),
            warnings=query.warnings,
            variable_count=variables.count,
        )
        return OptimisedQuery(query=query, rules=rules, variables=variables)

    def _remember(self, key: str, made: PlannedQuery, shape: Hashable) -> None:
        with self._lock:
            plans = self._plans.setdefault(key, {}).setdefault(made.query.structural, OrderedDict())
            plans[shape] = made
            if len(plans) > KEPT_SHAPES:
                plans.popitem(last=False)
            self._plans.move_to_end(key)
            if len(self._plans) > KEPT_TEXTS:
                self._plans.popitem(last=False)

    def remembered(self) -> list[PlannedQuery]:
        """The plans kept."""
        with self._lock:
            return [
                plan
                for shapes in self._plans.values()
                for plans in shapes.values()
                for plan in plans.values()
            ]

    def forget(self) -> None:
        """Forget all plans."""
        with self._lock:
            self._plans.clear()


def _shape(binds: Mapping[str, Any], structural: frozenset[str], fixed: tuple[object, ...]) -> Hashable:
    """What a plan holds for; the key of a plan that shares `structural`."""
    if not binds:
        return fixed
    return fixed, *(
        (name, hash_key(value) if name in structural else kind_of(value)) for name, value in binds.items()
    )
