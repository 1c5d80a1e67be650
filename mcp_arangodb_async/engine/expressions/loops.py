"""The operators that run over the elements of an array, as functions nested in the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import operators
from .comparisons import comparison
from .program import Code, Lines, local_name
from .tree import Expansion, Quantified, Question

if TYPE_CHECKING:
    from .generate import Generator


def expansion(generator: Generator, node: Expansion, parts: list[Code]) -> Code:
    """`base[* FILTER .. LIMIT .. RETURN ..]`."""
    program = generator.program
    rest = iter(parts)
    base = next(rest)
    condition = next(rest) if node.condition is not None else None
    offset = next(rest) if node.offset is not None else None
    count = next(rest) if node.count is not None else None
    projection = next(rest) if node.projection is not None else None
    items = _items(generator, base, node.levels)
    current = local_name(node.current)
    value = projection.text if projection is not None else current
    inner = (part for part in (condition, projection) if part is not None)
    names = frozenset[str]().union(*(part.names for part in inner)) - {current}
    more = [("items", items)]
    body = Lines()
    if offset is not None or count is not None:
        whole = program.runtime(operators.whole_number)
        for name, part in (("skip", offset), ("most", count)):
            if part is not None:
                more.append((name, part))
                body.add(f"{name} = {whole}({name})")
    paced = program.runtime(operators.paced)
    if condition is None:
        if offset is not None or count is not None:
            start = "skip" if offset is not None else "0"
            end = f"{start} + most" if count is not None else ""
            body.add(f"items = items[{start}:{end}]")
        source = f"{paced}(ctx, items)"
        body.add("return list(items)" if value == current else f"return [{value} for {current} in {source}]")
        return generator.call(names, body, kind="array", more=more)
    body.add("out = []")
    body.open(f"for {current} in {paced}(ctx, items):")
    body.open(f"if {generator.truth(condition)}:")
    if offset is not None:
        body.open("if skip > 0:")
        body.add("skip -= 1")
        body.add("continue")
        body.close()
    if count is not None:
        body.open("if len(out) >= most:")
        body.add("break")
        body.close()
    body.add(f"out.append({value})")
    body.close(2)
    body.add("return out")
    return generator.call(names, body, kind="array", more=more)


def question(generator: Generator, node: Question, parts: list[Code]) -> Code:
    """`base[? quantifier FILTER ..]`."""
    program = generator.program
    rest = iter(parts)
    items = _items(generator, next(rest), node.levels)
    low = next(rest) if node.low is not None else Code(text="0")
    high = next(rest) if node.high is not None else low
    condition = next(rest) if node.condition is not None else None
    current = local_name(node.current)
    body = Lines()
    if condition is None:
        body.add("found = len(items)")
    else:
        body.add("found = 0")
        body.open(f"for {current} in {program.runtime(operators.paced)}(ctx, items):")
        body.open(f"if {generator.truth(condition)}:")
        body.add("found += 1")
        body.close(2)
    whole = program.runtime(operators.whole_number)
    verdict = program.runtime(operators.is_counted)
    quantifier = program.constant(node.quantifier)
    body.add(f"return {verdict}(found, len(items), {quantifier}, {whole}(low), {whole}(high))")
    names = (condition.names if condition is not None else frozenset[str]()) - {current}
    return generator.call(names, body, kind="bool", more=[("items", items), ("low", low), ("high", high)])


def quantified(generator: Generator, node: Quantified, parts: list[Code]) -> Code:
    """`left ALL|ANY|NONE|AT LEAST (n) operator right`; false unless `left` (for IN both) is an array."""
    program = generator.program
    left, right, *least = parts
    body = Lines()
    is_in = node.operator in {"IN", "NOT IN"}
    not_arrays = "type(items) is not list or type(right) is not list" if is_in else "type(items) is not list"
    body.open(f"if {not_arrays}:")
    body.add("return False")
    body.close()
    item = Code(text="item", is_atom=True)
    if is_in:
        body.add(f"contains = {program.runtime(operators.membership)}(right, ctx)")
        test = "contains(item)" if node.operator == "IN" else "not contains(item)"
    else:
        other = right if right.is_constant else Code(text="right", kind=right.kind, is_atom=True)
        test = comparison(program, node.operator, item, other).text
    loop = f"for item in {program.runtime(operators.paced)}(ctx, items)"
    match node.quantifier:
        case "ALL":
            body.add(f"return all({test} {loop})")
        case "ANY":
            body.add(f"return any({test} {loop})")
        case "NONE":
            body.add(f"return not any({test} {loop})")
        case "AT LEAST":
            whole = program.runtime(operators.whole_number)
            body.add(f"return sum(bool({test}) {loop}) >= {whole}(least)")
    more = [("items", left), ("right", right), *(("least", part) for part in least)]
    return generator.call(frozenset(), body, kind="bool", more=more)


def _items(generator: Generator, base: Code, levels: int) -> Code:
    elements = generator.program.runtime(operators.elements)
    text = f"{elements}(ctx, {base.text}, {levels})"
    return Code(text=text, kind="array", names=base.names, depth=base.depth + 1)
