"""Feed the AQL parser mutated queries: it must answer each with a tree or an ArangoError, and soon.

    python -m bench.fuzz_parser --count 1000000

A query that is accepted must survive printing and parsing again. The same seed gives the same queries; what
is found is printed in full, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from dataclasses import replace

from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.aql.printer import print_query
from mcp_arangodb_async.engine.errors import ArangoError

EXPECTED_ERRORS = frozenset((1501, 1502, 1524, 1574, 1575))
SLOWEST_ALLOWED = 2.0
"""Seconds of processor time one query may take; a usual one takes about a ten-thousandth of that."""

SEEDS = (
    "FOR u IN users FILTER u.age >= 18 && u.name != null SORT u.name DESC, u.age LIMIT 5, 10 RETURN u",
    "RETURN 1 + 2 * -3 % 4 / 5 - +6 .. 7 == 8 ? 'a' : \"b\"",
    "RETURN a ?: b || !c AND NOT d OR e NOT IN [1, 2.5e3, 0xff, 0b11] && f LIKE 'x' && g NOT LIKE @h",
    "FOR d IN @@coll RETURN d.@attr[0][-1].`x y`.´z´[@i]",
    "RETURN doc.list[* FILTER CURRENT.x > 3 LIMIT 1, 2 RETURN {a: CURRENT.y}].a[**].b[*].c",
    "RETURN v[? ANY FILTER CURRENT == 1] || v[?? 2..3 FILTER CURRENT] || v[? AT LEAST (2) FILTER d] || v[?]",
    "FILTER [1, 2] ALL IN x AND y ANY == 2 AND z NONE NOT IN w AND q AT LEAST (1 + 1) >= 3 RETURN 1",
    "RETURN {a, 'b': 1, [c]: 2, @d: 3, e: {f: [g, ], }, }",
    "LET a = (FOR x IN 1..3 RETURN x), b = LENGTH(FOR y IN a RETURN y) RETURN my::f(a, b, ns::x::F())",
    "FOR v, e, p IN 1..5 OUTBOUND 'v/1' GRAPH 'g' PRUNE c = v.x == 1 OPTIONS {order: 'bfs'} RETURN [p, c]",
    "FOR v IN 2 ANY @start INBOUND edges1, OUTBOUND @@edges2, ANY edges3 RETURN DISTINCT v",
    "WITH a, b @@c FOR v, e IN OUTBOUND SHORTEST_PATH 'a/1' TO @t edges OPTIONS {weight: 'w'} RETURN v",
    "FOR p IN 1..3 INBOUND K_PATHS a TO b GRAPH @g FOR q IN ANY K_SHORTEST_PATHS a TO b GRAPH g RETURN p",
    "FOR p IN OUTBOUND ALL_SHORTEST_PATHS 'a' TO 'b' GRAPH `g` RETURN p",
    "FOR d IN view SEARCH ANALYZER(d.t == 'x', 'text_en') OPTIONS {collections: ['a']} RETURN BM25(d)",
    "FOR u IN c COLLECT a = u.a, b = u.b AGGREGATE m = MAX(u.v), s = SUM(u.w) INTO g = u.z RETURN [a, s]",
    "FOR u IN c LET n = u.n COLLECT a = u.a INTO g KEEP n, u OPTIONS {method: 'hash'} RETURN g",
    "FOR u IN c COLLECT WITH COUNT INTO n RETURN n",
    "FOR t IN o SORT t.x WINDOW {preceding: 1, following: 'unbounded'} AGGREGATE r = AVG(t.v) RETURN r",
    "FOR t IN o WINDOW DATE_TIMESTAMP(t.d) WITH {preceding: 'PT30M'} AGGREGATE s = SUM(t.v) RETURN s",
    "INSERT {_key: @k} INTO users OPTIONS {overwriteMode: 'update', keepNull: false} RETURN NEW",
    "FOR u IN users UPDATE u WITH {n: u.n + 1} IN users OPTIONS {waitForSync: true} RETURN [OLD, NEW]",
    "FOR u IN users REPLACE u IN @@users LET o = OLD RETURN o",
    "FOR k IN ['a', 'b'] REMOVE {_key: k} IN 'users'",
    "UPSERT {a: 1} INSERT {a: 1, n: 0} UPDATE {n: OLD.n + 1} IN c RETURN NEW",
    "UPSERT FILTER CURRENT.a == 1 && CURRENT.b INSERT {} REPLACE {} IN c OPTIONS {readOwnWrites: false}",
    "LET [a, [, b], {c, d: e}] = x, {f: {g}} = y FOR [k, w] IN ENTRIES(z) RETURN {a, b, c, e, g, k, w}",
    "/* c */ RETURN // d\n 'it\\'s' =~ \"^\\\\d+\\u00e4\\ud83d\\ude00$\" && x !~ 'y' // end",
    "FOR x IN c SORT x.a @dir, x.b 'DESC', x.c ASC, RAND() LIMIT @n RETURN IS_NULL(x) ? null : true",
    "RETURN a > b == c < d IN e .. f + g * -h.i[j].k",
    "FOR i IN 1..10 REMOVE i IN c LET a = 1 INSERT {i} INTO d RETURN i",
    "RETURN 99999999999999999999 + 1e999 + 1.5 + .5",
)
_VOCABULARY = """
FOR LET FILTER RETURN COLLECT SORT LIMIT WINDOW REMOVE INSERT UPDATE REPLACE UPSERT IN INTO WITH
AGGREGATE GRAPH SHORTEST_PATH K_PATHS OUTBOUND ANY ALL NONE AT LEAST LIKE NOT AND OR DISTINCT ASC NULL
TRUE OPTIONS KEEP COUNT TO PRUNE SEARCH CURRENT NEW OLD a b @p @@c 1 0 -1 2.5 1e400 0x 0b1 'x' "y" `z`
´w´ ( ) [ ] { } , . .. : :: ? = == != < <= > >= =~ !~ ! && || + - * / % ; // /* */ \\ ' " ` ´ @ _ $ # é
😀 \x00 \ud800
"""
_WORDS = _VOCABULARY.split()
_SIGNS = (
    "==",
    "!=",
    "<",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "..",
    "&&",
    "||",
    "IN",
    "LIKE",
    "=~",
    "?:",
    "ANY ==",
)
_PIECE = re.compile(r"\s+|\w+|.", re.DOTALL)


class FindingError(Exception):
    """What must not happen: an answer that is neither a good tree nor one of the parser's errors."""


class Mutator:
    """Makes queries out of others; every choice comes from the seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def query(self) -> str:
        """Return one query, mostly broken in one to four places."""
        choice = self._random
        pieces = _PIECE.findall(choice.choice(SEEDS))
        change = self._with_operators if choice.random() < 0.25 else self._mutated
        for _ in range(choice.choice((1, 1, 1, 2, 3, 4))):
            pieces = change(pieces)
        return "".join(pieces)

    def _mutated(self, pieces: list[str]) -> list[str]:
        choice = self._random
        at = choice.randrange(len(pieces) + 1)
        to = min(len(pieces), at + choice.randrange(1, 9))
        part = pieces[at:to]
        kind = choice.randrange(9)
        if kind == 0:
            return pieces[:at] + pieces[to:]
        if kind == 1:
            return [*pieces[:at], " ", choice.choice(_WORDS), " ", *pieces[at:]]
        if kind == 2:
            return [*pieces[:at], choice.choice(_WORDS), *pieces[at + 1 :]]
        if kind == 3:
            return pieces[:at] + part * choice.choice((2, 3, 50)) + pieces[at:]
        if kind == 4:
            return pieces[:to] + _PIECE.findall(choice.choice(SEEDS))[at:]
        if kind == 5:
            return pieces[:at]
        if kind == 6:
            return pieces[:at] + part[::-1] + pieces[to:]
        if kind == 7:
            start, end = choice.choice(
                ("()", "[]", "{}", "''", "``", ("(RETURN ", ")"), ("F(", ")"), ("x[", "]"))
            )
            times = choice.choice((1, 1, 2, 20, 300))
            return [*pieces[:at], start * times, *part, end * times, *pieces[to:]]
        return [*pieces[:at], "(", *_PIECE.findall(choice.choice(SEEDS)), ")", *pieces[to:]]

    def _with_operators(self, pieces: list[str]) -> list[str]:
        """Put an operator and an operand at some space: the outcome is often a query still."""
        choice = self._random
        spaces = [at for at, piece in enumerate(pieces) if piece.isspace()]
        if not spaces:
            return pieces
        at = choice.choice(spaces)
        return [
            *pieces[:at],
            " ",
            choice.choice(_SIGNS),
            choice.choice((" a ", " 1 ", " (b) ")),
            *pieces[at:],
        ]


def check(text: str) -> str:
    """Parse one query and return what came of it: `accepted` or an error's number.

    Raises FindingError for an answer that is neither, or a tree that does not survive printing.
    """
    try:
        query = parse(text)
    except ArangoError as error:
        if error.num not in EXPECTED_ERRORS:
            raise FindingError(f"error {error.num} is none of the parser's") from error
        if error.num == 1501 and (error.line is None or error.column is None):
            raise FindingError("a mistake without a place") from error
        return str(error.num)
    printed = print_query(query)
    if replace(parse(printed), warnings=()) != replace(query, warnings=()):
        raise FindingError(f"prints as something else: {printed!r}")
    return "accepted"


def main(arguments: list[str] | None = None) -> int:
    """Run the number of queries asked for; 0 if all went well."""
    options = argparse.ArgumentParser(description="Feed the AQL parser mutated queries.")
    options.add_argument("--count", type=int, default=1_000_000, help="how many queries (default 1,000,000)")
    options.add_argument("--seed", type=int, default=1, help="where the sequence starts (default 1)")
    chosen = options.parse_args(arguments)
    mutator = Mutator(chosen.seed)
    outcomes: Counter[str] = Counter()
    slowest = (0.0, "")
    failures = 0
    for _ in range(chosen.count):
        text = mutator.query()
        started = time.process_time()
        try:
            outcomes[check(text)] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            failures += 1
            print(f"{type(error).__name__}: {error}\n  {text!r}", file=sys.stderr)
        slowest = max(slowest, (time.process_time() - started, text))
    print(f"{chosen.count} queries: {dict(outcomes.most_common())}, {failures} failures")
    print(f"slowest: {slowest[0] * 1000:.1f} ms, {len(slowest[1])} characters")
    if slowest[0] > SLOWEST_ALLOWED:
        print(f"too slow: {slowest[1]!r}", file=sys.stderr)
        failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
