"""`make bench`: named measurements, each compared with something measured in the same run.

    python -m bench [--calls N] [--starts N] [--json FILE] [--compare FILE] [--strict]

Every figure is printed with its limit, and marked when it misses it. Exit status: 0 measured; with `--strict`
1 when a limit was missed. CPU times say what a machine does; ratios say what we do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from bench import engine, gateway, http, sql
from bench.kernel import measure
from bench.start import compare

MOST_OVERHEAD = 0.05
MOST_START = 1.25


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say whether the budgets hold."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls per round (default 300)")
    parser.add_argument("--starts", type=int, default=8, help="starts of each server (default 8)")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--compare", type=Path, help="show the numbers of an earlier run beside")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a limit was missed")
    given = parser.parse_args(arguments)
    before: dict[str, float] = json.loads(given.compare.read_text("utf-8")) if given.compare else {}
    found, overhead = asyncio.run(measure(calls=given.calls))
    numbers = {one.name: round(one.microseconds, 1) for one in found}
    print("CPU per call, without a transport (microseconds)")
    for name, microseconds in numbers.items():
        earlier = f"   was {before[name]}" if name in before else ""
        print(f"  {name:44} {microseconds:10.1f}{earlier}")
    alone = numbers["dispatch alone"] / numbers["arango_query, one fixed database"]
    limit = f"at most {100 * MOST_OVERHEAD:g} %  {verdict(alone <= MOST_OVERHEAD)}"
    print(f"  dispatch alone, of a call with one fixed database: {100 * alone:.1f} %, {limit}")
    print(f"  added to such a call, measured side by side:       {100 * overhead:.1f} %")
    bare, ours = compare(rounds=given.starts)
    ratio = ours.cpu / bare.cpu
    print("Start to the first answered tools/list (CPU seconds, fastest of each)")
    print(f"  {'bare SDK server with one tool':44} {bare.cpu:10.2f}")
    limit = f"at most {MOST_START}  {verdict(ratio <= MOST_START)}"
    print(f"  {'this server':44} {ours.cpu:10.2f}   ratio {ratio:.2f}, {limit}")
    numbers |= {"overhead": overhead, "start ratio": ratio}
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    kept = {"dispatch": alone <= MOST_OVERHEAD, "start": ratio <= MOST_START}
    for part in (engine, http, sql, gateway):
        name = part.__name__.rpartition(".")[2]
        print(f"\n{name}")
        kept[name] = part.main([]) == 0
    missed = [name for name, is_kept in kept.items() if not is_kept]
    print(f"\nlimits MISSED in: {', '.join(missed)}" if missed else "\nall limits are met")
    return 1 if missed and given.strict else 0


def verdict(is_met: bool) -> str:
    """The word behind a limit."""
    return "met" if is_met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
