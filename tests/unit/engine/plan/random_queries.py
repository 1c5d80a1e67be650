"""Random AQL over a small set of collections, and the data in them.

Hypothesis chooses seeds only: drawing every choice through it would take most of the test's time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

SCALARS = (None, False, True, -2, -1, 0, 1, 2, 3, 4, 0.5, 1.0, 2.5, "", "a", "B", "b", "ä", "a1", "Z")
LITERALS = [
    "null", "true", "false", "0", "1", "2", "3", "-1", "0.5", "2.5", "''", "'a'", "'b'", "'B'", "'ä'",
    "[]", "[1]", "[1, null]", "{}", "{a: 1}", "[1, 2, 'a', null]",
]  # fmt: skip
ATTRIBUTES = ["a", "b", "c", "s", "x.y", "tags", "_key", "u"]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
COLLECTIONS = ["one", "two"]


def any_value(random: Random) -> Any:
    """A value as documents hold them."""
    match random.randrange(8):
        case 0:
            return [random.choice(SCALARS) for _ in range(random.randrange(4))]
        case 1:
            return {name: random.choice(SCALARS) for name in random.sample(["a", "x"], random.randrange(3))}
        case _:
            return random.choice(SCALARS)


def documents(random: Random, size: int) -> list[dict[str, Any]]:
    """Documents with attributes that are often missing, and a unique one."""
    made: list[dict[str, Any]] = []
    for number in range(size):
        document: dict[str, Any] = {"_key": f"k{number}", "u": number}
        for name in ("a", "b", "c", "s"):
            if random.randrange(4):
                document[name] = any_value(random)
        if random.randrange(2):
            document["x"] = {"y": random.choice(SCALARS)}
        if random.randrange(2):
            document["tags"] = [random.choice(SCALARS) for _ in range(random.randrange(4))]
        made.append(document)
    return made


@dataclass(slots=True)
class Shape:
    """What is in scope while a query is drawn; `keys` order all rows completely."""

    random: Random
    depth: int = 0
    count: int = 0
    rows: list[str] = field(default_factory=list[str])
    values: list[str] = field(default_factory=list[str])
    keys: list[str] = field(default_factory=list[str])
    is_total: bool = True

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.depth}_{self.count}"

    def pick(self, options: list[str]) -> str:
        return self.random.choice(options)

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0


def value(shape: Shape, depth: int = 2) -> str:
    """An expression that has no effect and needs no order."""
    choices = ["literal"]
    if shape.rows:
        choices += ["attribute"] * 4
    if shape.values:
        choices += ["variable"] * 2
    if depth:
        choices += ["arithmetic", "call", "object", "ternary", "comparison", "expansion"]
    match shape.pick(choices):
        case "attribute":
            return f"{shape.pick(shape.rows)}.{shape.pick(ATTRIBUTES)}"
        case "variable":
            return shape.pick(shape.values)
        case "arithmetic":
            return f"({value(shape, depth - 1)} {shape.pick(['+', '-', '*'])} {value(shape, depth - 1)})"
        case "call":
            inner = value(shape, depth - 1)
            calls = ["TO_STRING({})", "TYPENAME({})", "IS_NULL({})", "TO_NUMBER({})", "NOT_NULL({}, 7)"]
            return shape.pick(calls).format(inner)
        case "object":
            return f"{{p: {value(shape, depth - 1)}, q: [{value(shape, depth - 1)}]}}"
        case "ternary":
            return f"({condition(shape, 1)} ? {value(shape, depth - 1)} : {value(shape, depth - 1)})"
        case "comparison":
            return f"({condition(shape, 1)})"
        case "expansion":
            return f"({value(shape, depth - 1)})[* FILTER CURRENT != 1 RETURN CURRENT]"
        case _:
            return shape.pick(LITERALS)


def condition(shape: Shape, depth: int = 2) -> str:
    """A condition, often one that an index can use."""
    choices = ["compare", "in", "range"]
    if shape.rows:
        choices += ["index"] * 6 + ["tags", "member"]
    if depth:
        choices += ["and", "or", "or", "not"]
    match shape.pick(choices):
        case "index":
            left = f"{shape.pick(shape.rows)}.{shape.pick(ATTRIBUTES)}"
            right = shape.pick(LITERALS) if shape.chance(2) else value(shape, 0)
            sides = [left, right] if shape.chance(2) else [right, left]
            return f"{sides[0]} {shape.pick(COMPARISONS)} {sides[1]}"
        case "member":
            items = ", ".join(value(shape, 0) for _ in range(shape.random.randint(1, 3)))
            return f"{shape.pick(shape.rows)}.{shape.pick(ATTRIBUTES)} IN [{items}]"
        case "tags":
            row = shape.pick(shape.rows)
            return shape.pick(
                [f"{shape.pick(LITERALS)} IN {row}.tags", f"{row}.tags ANY == {value(shape, 0)}"]
            )
        case "in":
            items = ", ".join(value(shape, 0) for _ in range(shape.random.randint(0, 3)))
            return f"{value(shape, 1)} {shape.pick(['IN', 'NOT IN'])} [{items}]"
        case "range":
            return f"{value(shape, 1)} IN 0..2"
        case "and":
            return f"({condition(shape, depth - 1)} && {condition(shape, depth - 1)})"
        case "or":
            return f"({condition(shape, depth - 1)} || {condition(shape, depth - 1)})"
        case "not":
            return f"!({condition(shape, depth - 1)})"
        case _:
            return f"{value(shape, 1)} {shape.pick(COMPARISONS)} {value(shape, 1)}"


def operations(shape: Shape) -> list[str]:
    """FOR, FILTER, LET, SORT, LIMIT and COLLECT in some order."""
    lines = _operation(shape, "for")
    for _ in range(shape.random.randint(0, 5)):
        kinds = ["filter"] * 4 + ["let", "sort"]
        if len(shape.keys) < 2:
            kinds += ["for"] * 3 + ["list", "subquery"]
        if shape.keys:
            kinds += ["collect", "limit"]
        lines += _operation(shape, shape.pick(kinds))
    return lines


def _operation(shape: Shape, kind: str) -> list[str]:
    match kind:
        case "for":
            name = shape.fresh()
            shape.rows.append(name)
            shape.keys.append(f"{name}.u")
            return [f"FOR {name} IN {shape.pick(COLLECTIONS)}"]
        case "list":
            name = shape.fresh()
            shape.values.append(name)
            shape.keys.append(name)
            return [f"FOR {name} IN {shape.pick(['1..3', '[3, 1, 2]', '[]'])}"]
        case "subquery" if shape.depth < 1:
            name = shape.fresh()
            inner = query(_inside(shape))
            if shape.chance(2):
                shape.values.append(name)
                wrap = (
                    shape.pick(["LENGTH({})", "FIRST({})", "({})"]) if "SORT" not in inner else "LENGTH({})"
                )
                return [f"LET {name} = {'LENGTH({})' if wrap != 'LENGTH({})' else wrap}".format(inner)]
            shape.values.append(name)
            shape.is_total = False
            shape.keys.append(name)
            return [f"FOR {name} IN ({inner})"]
        case "filter":
            return [f"FILTER {condition(shape)}"]
        case "let":
            name = shape.fresh()
            line = f"LET {name} = {value(shape)}"
            shape.values.append(name)
            return [line]
        case "limit" if shape.is_total and shape.keys:
            order = ", ".join(f"{key} {shape.pick(['ASC', 'DESC'])}" for key in shape.keys)
            return [
                f"SORT {order}",
                f"LIMIT {shape.random.randint(0, 2)}, {shape.random.randint(0, 4)}",
            ]
        case "sort":
            return [f"SORT {value(shape, 1)} {shape.pick(['ASC', 'DESC'])}"]
        case "collect":
            return _collect(shape)
        case _:
            return []


def _collect(shape: Shape) -> list[str]:
    group, result = shape.fresh(), shape.fresh()
    source = value(shape, 1)
    argument = value(shape, 1)
    forms = [
        f"COLLECT {group} = {source}",
        f"COLLECT {group} = {source} WITH COUNT INTO {result}",
        f"COLLECT {group} = {source} AGGREGATE {result} = {shape.pick(['MIN', 'MAX', 'LENGTH'])}({argument})",
        f"COLLECT {group} = {source} INTO {result} = {argument}",
    ]
    form = shape.pick(forms)
    shape.rows.clear()
    shape.values[:] = [group]
    shape.keys[:] = [group]
    if result in form:
        if "INTO" in form and "COUNT" not in form:
            shape.values.append(f"LENGTH({result})")
        else:
            shape.values.append(result)
    return [form]


def _inside(shape: Shape) -> Shape:
    return Shape(
        random=shape.random,
        depth=shape.depth + 1,
        rows=list(shape.rows),
        values=list(shape.values),
        keys=list[str](),
    )


def query(shape: Shape) -> str:
    """A whole query."""
    lines = operations(shape)
    distinct = "DISTINCT " if shape.chance(6) else ""
    return " ".join([*lines, f"RETURN {distinct}{value(shape)}"])


def random_query(random: Random) -> str:
    """A query that gives the same rows, in some order, however it is planned."""
    return query(Shape(random=random))
