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
from mcp_arangodb_async.engine.errors import TakesLongerError
from mcp_arangodb_async.engine.expressions.generate import kind_of
from mcp_arangodb_async.engine.expressions.tree import Variables
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.build.query import QueryPlan, build_plan
from mcp_arangodb_async.engine.plan.rules import enabled_rules, optimise
from mcp_arangodb_async.engine.plan.rules.support import Planning
from mcp_arangodb_async.engine.plan.usage import every_node, is_cacheable
from mcp_arangodb_async.engine.values import hash_key

from .options import MOMENT, QueryOptions
from .phases import Phases
from .run import CompiledQuery, compile_plan

KEPT_TEXTS = 1000
#: Plans per text: one for each shape of bind values.
KEPT_SHAPES = 20
LONGEST_KEPT_TEXT = 100_000
#: How often in a row a plan may take longer than a moment before it is no longer tried.
MOST_ATTEMPTS = 3
LEADING = re.compile(r"(?:\s+|/\*.*?\*/|//[^\n]*)*+", re.DOTALL)
#: A text without these words writes nothing.
WRITING = re.compile("insert|update|replace|remove|upsert", re.IGNORECASE)
COMMENT_STARTS = frozenset("/ \n\t\r")


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
    #: How often in a row a moment was not enough.
    given_up: int = 0

    @property
    def may_be_short(self) -> bool:
        """Whether it is worth trying to run it in a moment."""
        return self.given_up < MOST_ATTEMPTS and not self.query.is_modification and not self.query.views

    def note_time(self, seconds: float, *, had_moment: bool) -> None:
        """Learn from a run how long runs take; on a busy machine one may take long that is short."""
        if seconds < MOMENT:
            self.given_up = 0
        elif had_moment:
            self.given_up += 1

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


@dataclass(slots=True, kw_only=True, eq=False)
class ParsedQuery:
    """A text as a tree, whether it writes, and the plans made of it so far."""

    text: str
    tree: ast.Query
    is_modification: bool
    is_kept: bool
    #: By the names of the parameters that shape plans, and by what the plans hold for.
    plans: dict[frozenset[str], OrderedDict[Hashable, PlannedQuery]] = field(
        default_factory=dict[frozenset[str], "OrderedDict[Hashable, PlannedQuery]"]
    )


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

    def parsed(self, text: str, *, at_once: bool = False) -> ParsedQuery:
        """The tree of a text; 1501 and others when it is not AQL. `at_once`: only if it is remembered."""
        key = without_comment(text)
        with self._lock:
            found = self._parsed.get(key)
            if found is not None:
                self._parsed.move_to_end(key)
                return found
        if at_once:
            raise TakesLongerError
        tree = parse(text, self.compat)
        made = ParsedQuery(
            text=text,
            tree=tree,
            is_modification=WRITING.search(text) is not None and is_modification(tree),
            is_kept=len(key) <= LONGEST_KEPT_TEXT,
        )
        if made.is_kept:
            with self._lock:
                self._parsed[key] = made
                if len(self._parsed) > KEPT_TEXTS:
                    self._parsed.popitem(last=False)
        return made

    def planned(
        self,
        parsed: ParsedQuery,
        tx: Transaction,
        binds: Mapping[str, Any],
        options: QueryOptions,
        phases: Phases,
    ) -> PlannedQuery:
        """The plan of a query, remembered or made; only a remembered one for a query that has a moment."""
        fixed = (tx.catalog.version, options.full_count, options.rules, options.profile > 1)
        with self._lock:
            for structural, plans in parsed.plans.items():
                found = plans.get(_shape(binds, structural, fixed))
                if found is not None:
                    if options.limits.moment and not found.may_be_short:
                        raise TakesLongerError
                    found.hits += 1
                    return found
        if options.limits.moment:
            raise TakesLongerError
        made = self.plan(parsed, tx, binds, options, phases)
        if parsed.is_kept:
            with self._lock:
                plans = parsed.plans.setdefault(made.query.structural, OrderedDict())
                plans[_shape(binds, made.query.structural, fixed)] = made
                if len(plans) > KEPT_SHAPES:
                    plans.popitem(last=False)
        return made

    def plan(
        self,
        parsed: ParsedQuery,
        tx: Transaction,
        binds: Mapping[str, Any],
        options: QueryOptions,
        phases: Phases,
    ) -> PlannedQuery:
        """Make a plan, whatever is remembered."""
        optimised = self.optimised(parsed.tree, tx, binds, options)
        query = optimised.query
        phases.end("optimizing plan")
        numbers = {id(node): number for number, node in enumerate(every_node(query.plan), 1)}
        compiled = compile_plan(query.plan, measured=numbers if options.profile > 1 else None)
        phases.end("instantiating executors")
        return PlannedQuery(
            text=parsed.text,
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

    def remembered(self) -> list[PlannedQuery]:
        """The plans kept."""
        with self._lock:
            return [
                plan
                for parsed in self._parsed.values()
                for plans in parsed.plans.values()
                for plan in plans.values()
            ]

    def forget(self) -> None:
        """Forget all plans."""
        with self._lock:
            for parsed in self._parsed.values():
                parsed.plans.clear()


def _shape(binds: Mapping[str, Any], structural: frozenset[str], fixed: tuple[object, ...]) -> Hashable:
    """What a plan holds for; the key of a plan that shares `structural`."""
    if not binds:
        return fixed
    shape: list[Hashable] = [fixed]
    for name, value in binds.items():
        shape += (name, hash_key(value) if name in structural else kind_of(value))
    return tuple(shape)
