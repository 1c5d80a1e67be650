"""Statements that write and statements that read, built of parts: hundreds of each, no two alike.

The database they are meant for has `things` (a document `1`), `other` (empty) and `edges` (`1` -> `1`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Each changes something whenever it runs: name -> statement without a place around it.
OPERATIONS: Mapping[str, str] = {
    "insert": "INSERT {x: 1} INTO things",
    "overwrite": "INSERT {_key: '1', x: RAND()} INTO things OPTIONS {overwriteMode: 'replace'}",
    "update": "UPDATE '1' WITH {x: RAND()} IN things",
    "replace": "REPLACE {_key: '1', x: RAND()} IN things",
    "remove": "REMOVE '1' IN things",
    "upsert_update": "UPSERT {_key: '1'} INSERT {} UPDATE {x: RAND()} IN things",
    "upsert_insert": "UPSERT {x: 'none such'} INSERT {x: 7} REPLACE {} IN things",
    "insert_other": "INSERT {x: 1} INTO other",
    "edge": "INSERT {_from: 'things/1', _to: 'things/1'} INTO edges",
}
# Where an operation can stand; `{op}` is the operation, `{sub}` the same with a RETURN, as a subquery.
PLACES: Mapping[str, str] = {
    "top": "{op}",
    "returned": "{op} RETURN NEW",
    "for_body": "FOR i IN 1..1 {op}",
    "for_filtered": "FOR i IN 1..3 FILTER i == 2 {op}",
    "for_documents": "FOR o IN things LIMIT 1 LET y = o.x {op}",
    "nested_for": "FOR i IN 1..1 FOR j IN 1..1 {op}",
    "traversal": "FOR v, e IN 1..1 OUTBOUND 'things/1' edges {op}",
    "sorted": "FOR i IN [2, 1] SORT i LIMIT 1 {op}",
    "collected": "FOR i IN [1, 1] COLLECT k = i {op}",
    "windowed": "FOR i IN 1..1 WINDOW {{preceding: 1}} AGGREGATE s = SUM(i) {op}",
    "with": "WITH things, other {op}",
    "let": "LET a = 1 LET b = [a] {op}",
    "subquery": "LET changed = {sub} RETURN changed",
    "sub_subquery": "LET a = (LET b = {sub} RETURN b) RETURN a",
    "returned_subquery": "RETURN {sub}",
    "argument": "RETURN LENGTH({sub})",
    "array": "RETURN [1, {sub}, 2]",
    "object": "RETURN {{a: {{b: [{sub}]}}}}",
    "ternary": "RETURN true ? {sub} : 0",
    "source": "FOR r IN {sub} RETURN r",
    "condition": "FOR i IN 1..1 FILTER LENGTH({sub}) >= 0 RETURN i",
    "logical": "RETURN LENGTH({sub}) == 1 && true",
    "behind_read": "LET seen = (FOR t IN things RETURN t) RETURN [LENGTH(seen), {sub}]",
}
KEYWORD = re.compile(r"\b(?!(?:RAND|LENGTH|SUM|NEW|OLD)\b)[A-Z]{2,}\b")
COLLECTION = re.compile(r"\b(?P<into>INTO|IN) (?P<name>things|other|edges)\b")


def outside_strings(statement: str, change: Callable[[str], str]) -> str:
    """The statement with everything changed that is no string."""
    parts = re.split(r"('[^']*')", statement)
    return "".join(part if part.startswith("'") else change(part) for part in parts)


# How else the same statement can be written.


def mixed_case(statement: str) -> str:
    """Keywords in alternating case."""

    def mixed(match: re.Match[str]) -> str:
        return "".join(letter.lower() if at % 2 else letter for at, letter in enumerate(match[0]))

    return outside_strings(statement, lambda part: KEYWORD.sub(mixed, part))


def commented(statement: str) -> str:
    """A comment wherever there is a space."""
    return outside_strings(statement, lambda part: part.replace(" ", " /* RETURN 1 */ "))


def line_commented(statement: str) -> str:
    """Comments to the end of the line, before the statement and in it."""
    return "// FOR t IN things RETURN t\n" + statement.replace(" ", " // RETURN 1\n", 1)


def ticked(statement: str) -> str:
    """Names of collections in backticks."""
    return COLLECTION.sub(r"\g<into> `\g<name>`", statement)


def forward_ticked(statement: str) -> str:
    """Names of collections in forward ticks."""
    return COLLECTION.sub("\\g<into> \u00b4\\g<name>\u00b4", statement)


def bound(statement: str) -> str:
    """Names of collections as bind parameters."""
    return COLLECTION.sub(r"\g<into> @@\g<name>", statement)


def spread(statement: str) -> str:
    """Other white space than a space."""
    return outside_strings(statement, lambda part: part.replace(" ", "\n\t\r\n"))


SPELLINGS = (mixed_case, commented, line_commented, ticked, forward_ticked, bound, spread)


def writes() -> Iterator[str]:
    """Every operation in every place, each also in another spelling; the plain ones in every spelling."""
    turn = itertools.cycle(SPELLINGS)
    for operation, (place, around) in itertools.product(OPERATIONS.values(), PLACES.items()):
        returned = "OLD" if operation.startswith("REMOVE") else "NEW"
        statement = around.format(op=operation, sub=f"({operation} RETURN {returned})")
        if place == "returned":
            statement = f"{operation} RETURN {returned}"
        yield statement
        yield next(turn)(statement)
    for operation in OPERATIONS.values():
        for spelling in SPELLINGS:
            yield spelling(operation)
    yield from LOOPED


# Modifications whose loop gives them their documents.
LOOPED = (
    "FOR t IN things REMOVE t IN things",
    "FOR t IN things UPDATE t WITH {x: RAND()} IN things",
    "FOR t IN things UPDATE t WITH {x: RAND()} IN things OPTIONS {ignoreErrors: true}",
    "FOR t IN things REPLACE t WITH {x: RAND()} IN things",
    "FOR t IN things INSERT UNSET(t, '_key', '_id', '_rev') INTO other",
    "FOR t IN things INSERT MERGE(t, {_key: CONCAT(t._key, 'x')}) INTO things",
    "FOR e IN edges REMOVE e IN edges RETURN OLD",
    "FOR t IN things UPSERT {_key: t._key} INSERT {} UPDATE {n: RAND()} IN things RETURN [OLD, NEW]",
    "FOR v, e IN 1..1 ANY 'things/1' edges OPTIONS {order: 'bfs'} UPDATE e WITH {seen: RAND()} IN edges",
    "FOR i IN 1..3 INSERT {_key: TO_STRING(i + 100)} INTO things",
    "FOR t IN things FILTER t.`insert` == null REMOVE t IN things",
    "FOR t IN things LET old = FIRST(FOR o IN other RETURN o) UPDATE t WITH {old, x: RAND()} IN things",
)


def bind_vars(statement: str) -> dict[str, Any]:
    """The values of the bind parameters that a statement of the corpus uses."""
    names = re.findall(r"@(@?\w+)", statement)
    values = {"@things": "things", "@other": "other", "@edges": "edges", "n": 1, "key": "1", "list": [1, 2]}
    return {name: values[name] for name in names if name in values}


# Sources of rows `r`, filters, sorts, groups and results, which can all stand together.
SOURCES = (
    "FOR r IN 1..3",
    "FOR r IN [1, 'a', null, true, {x: 1}, [2]]",
    "FOR r IN @list",
    "FOR r IN things",
    "FOR r IN @@things",
    "FOR r IN `things` OPTIONS {indexHint: 'none', maxProjections: 1}",
    "FOR r IN (FOR o IN things RETURN o)",
    "FOR r, e IN 1..1 OUTBOUND 'things/1' edges",
    "FOR r, e, p IN 0..2 ANY 'things/1' edges OPTIONS {order: 'bfs', uniqueVertices: 'global'}",
    "FOR r IN OUTBOUND SHORTEST_PATH 'things/1' TO 'things/1' edges",
    "FOR r IN ANY K_SHORTEST_PATHS 'things/1' TO 'things/1' edges LIMIT 1",
    "FOR r IN UNION([1], [2])",
    "LET updated = 1 FOR r IN [updated]",
    "WITH things FOR r IN things",
)
FILTERS = (
    "",
    "FILTER r != null",
    "FILTER r.`insert` == null OR r['remove'] != 1",
    "FILTER r IN [1, 2, 'UPDATE things'] OR NOT (r < 0)",
    "FILTER LENGTH(FOR o IN other RETURN o) == 0 AND true",
    "FILTER CONTAINS(TO_STRING(r), 'INSERT INTO') == false",
    "/* REMOVE r IN things */ FILTER true // UPDATE r IN things\n",
)
ENDS = (
    "RETURN r",
    "RETURN DISTINCT TYPENAME(r)",
    "SORT r DESC LIMIT 2 RETURN [r, r]",
    "LET `replace` = {`insert`: r, 'upsert': 1, \"remove\": [r]} RETURN `replace`.`upsert`",
    "COLLECT k = TYPENAME(r) WITH COUNT INTO n RETURN {k, n}",
    "COLLECT k = TYPENAME(r) INTO g KEEP r RETURN [k, LENGTH(g)]",
    "COLLECT AGGREGATE n = COUNT(r), u = COUNT_UNIQUE(r) RETURN {n, u}",
    "WINDOW {preceding: 1} AGGREGATE c = COUNT(r) RETURN c",
    "LET s = (FOR t IN things FILTER t._key == @key RETURN t['update']) RETURN APPEND(s, r)",
    "RETURN IS_OBJECT(r) ? KEEP(r, 'x') : MERGE({a: r}, {b: @n})",
    "RETURN CONCAT('REMOVE ', r, \" IN things\")",
)
# Expressions with each kind of operator and functions of every chapter that only compute.
EXPRESSIONS = (
    "1 + 2 * 3 - 4 / 5 % 6", "-(-1)", "1 < 2 && 2 <= 3 || !false", "1 IN [1] AND 2 NOT IN [1]",
    "'a' LIKE 'A%'", "'ab' =~ '^a'", "[1, 2, 3][* FILTER CURRENT > 1 RETURN CURRENT * 2]",
    "[[1], [2]][**]", "{a: {b: 1}}.a.b", "1..5", "true ? 'INSERT' : 'UPDATE'", "null ?: 'REPLACE'",
    "[1, 2, 3] ANY > 2", "[1] ALL == 1", "[1, 2] AT LEAST (1) == 1",
    "LENGTH('x')", "REVERSE([1, 2])", "UNIQUE([1, 1])", "FLATTEN([[1]])", "SLICE([1, 2], 1)",
    "FIRST([1])", "POSITION([1], 1)", "PUSH([1], 2)", "REMOVE_VALUE([1, 2], 1)", "REMOVE_NTH([1, 2], 0)",
    "REPLACE_NTH([1], 0, 2)", "SORTED([2, 1])", "INTERSECTION([1], [1, 2])", "MINUS([1, 2], [2])",
    "DATE_ADD('2024-01-01', 1, 'day')", "DATE_DIFF('2024-01-01', '2024-01-03', 'd')",
    "DATE_YEAR('2024-01-01')", "DATE_FORMAT('2024-01-01', '%yyyy')",
    "KEEP({a: 1}, 'a')", "UNSET({a: 1}, 'a')", "MERGE({a: 1}, {b: 2})",
    "MERGE_RECURSIVE({a: {b: 1}}, {a: {c: 2}})", "ATTRIBUTES({a: 1})", "VALUES({a: 1})", "ZIP(['a'], [1])",
    "HAS({a: 1}, 'a')", "TRANSLATE('a', {a: 1})", "ABS(-1)", "FLOOR(1.5)", "POW(2, 3)", "SQRT(4)",
    "PERCENTILE([1, 2], 50)", "STDDEV([1, 2])", "RANGE(1, 3)", "LOG(1)", "MD5('x')", "SHA256('x')",
    "UPPER('x')", "SUBSTITUTE('ab', 'a', 'b')", "REGEX_REPLACE('ab', 'a', 'b')", "SPLIT('a,b', ',')",
    "TRIM(' a ')", "LEVENSHTEIN_DISTANCE('a', 'b')", "JSON_STRINGIFY({a: 1})", "JSON_PARSE('[1]')",
    "TO_NUMBER('1')", "TO_BOOL(1)", "TO_ARRAY(1)", "IS_STRING('x')", "TYPENAME(1)", "NOT_NULL(null, 1)",
    "FIRST_LIST(1, [2])", "PARSE_IDENTIFIER('things/1')", "PARSE_KEY('things/1')", "DOCUMENT('things/1')",
    "DOCUMENT(@@things, '1')", "COLLECTION_COUNT('things')", "COLLECTIONS()[*].name", "GEO_POINT(1, 2)",
    "DISTANCE(0, 0, 1, 1)", "TOKENS('a b', 'text_en')", "CALL('SUBSTRING', 'abc', 1)", "CALL('upper', 'a')",
    "APPLY('CONCAT', ['INSERT', 'x'])", "CURRENT_DATABASE()", "VERSION()", "ASSERT(true, 'x')",
    "NGRAM_SIMILARITY('a', 'b', 1)", "BIT_AND(1, 3)", "RANDOM_TOKEN(8) != ''", "UUID() != ''",
    "DATE_NOW() > 0", "COUNT_DISTINCT([1, 1])", "MATCHES({a: 1}, {a: 1})", "LIKE('a', '%')",
    "OUTERSECTION([1], [2])",
)  # fmt: skip
# Where an expression can stand.
AROUND = (
    "RETURN {e}",
    "LET v = {e} RETURN [v, v]",
    "FOR i IN 1..2 LET v = {e} SORT v LIMIT 1 RETURN v",
    "FOR t IN things FILTER ({e}) != 'REMOVE' RETURN {{t, v: {e}}}",
    "RETURN (FOR i IN 1..1 RETURN {e})",
)


def reads() -> Iterator[str]:
    """Queries that change nothing, whatever words are in them."""
    for source, condition, end in itertools.product(SOURCES, FILTERS, ENDS):
        if "LIMIT 1" in source and condition.startswith("FILTER"):
            continue
        yield f"{source} {condition} {end}"
    for expression, around in itertools.product(EXPRESSIONS, AROUND):
        yield around.format(e=expression)
