"""Queries that people really write to analyse data, made by combining parts; for three dialects.

Every one is valid on the schema of `corpora/`: tests also run them on the servers, so a refusal is always a
false one. The parts are expressions and clauses over `c` (customers), `o` (orders) and `p` (products).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.unit.sql.corpora import sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Draws parts by the name of their section."""

    parts: Mapping[str, Sequence[str]]
    chance: random.Random

    def __call__(self, *names: str) -> str:
        """A part of any of the sections."""
        return self.chance.choice([text for name in names for text in self.parts[name]])

    def of(self, *texts: str) -> str:
        """One of the texts."""
        return self.chance.choice(texts)


def parts_of(dialect: str) -> dict[str, tuple[str, ...]]:
    """What all dialects share, and the dialect's own."""
    shared, own = sections("reads"), sections(f"{dialect}_reads")
    return {name: (*shared.get(name, ()), *texts) for name, texts in own.items()}


def listing(draw: Draw) -> str:
    outputs = f"{draw('texts')} as a, {draw('numbers')} as b, {draw('month', 'json')} as d"
    return (
        f"select {outputs} from {draw('sources')} where {draw('conditions')} and {draw('conditions')}"
        f" order by o.id limit {draw.chance.randint(1, 50)}"
    )


def grouped(draw: Draw) -> str:
    return (
        f"SELECT {draw('aggregates')} AS a, {draw('aggregates')} AS b\n"
        "FROM orders o JOIN customers c ON c.id = o.customer_id\n"
        f"WHERE {draw('conditions')}\n{draw('groupings')}"
    )


def windowed(draw: Draw) -> str:
    inner = f"select o.id, {draw('windows')} as w from {draw('sources')} where {draw('conditions')}"
    return f"select t.id, t.w from ({inner}) t where t.id > 0 limit 9"


def with_clauses(draw: Draw) -> str:
    totals = f"select o.customer_id as k, {draw('aggregates')} as v from orders o group by o.customer_id"
    ranked = f"select o.id, o.customer_id, {draw('windows')} as w from orders o"
    condition = draw.of("t.k > 0", "r.id is not null", "c.name <> :name", "t.k in (select id from customers)")
    return (
        f"with totals as ({totals}), ranked as ({ranked}) select t.k, t.v, r.w, c.name from totals t"
        f" left join ranked r on r.customer_id = t.k join customers c on c.id = t.k where {condition}"
    )


def set_operation(draw: Draw) -> str:
    halves = [
        f"select o.id, {draw.of('o.status', 'c.name', 'c.city')} from {draw('sources')}"
        f" where {draw('conditions')}"
        for _ in range(2)
    ]
    return f"{halves[0]} {draw.of('union', 'union all', 'except', 'intersect')} {halves[1]} order by 1"


def scalar_subqueries(draw: Draw) -> str:
    return (
        f"select c.name, (select {draw('aggregates')} from orders o where o.customer_id = c.id) as s,"
        f" {draw('json')} as j from customers c"
        f" where (select count(*) from orders o where o.customer_id = c.id) >= {draw.chance.randint(0, 3)}"
    )


MAKERS: tuple[Callable[[Draw], str], ...] = (
    listing, listing, grouped, windowed, with_clauses, set_operation, scalar_subqueries,
)  # fmt: skip


def reads(dialect: str, count: int, seed: int = 5) -> list[str]:
    """So many different queries; the fixed ones first."""
    draw = Draw(parts=parts_of(dialect), chance=random.Random(seed))
    found = dict.fromkeys(draw.parts["others"])
    for maker in itertools.cycle(MAKERS):
        if len(found) >= count:
            break
        found[maker(draw)] = None
    return list(found)
