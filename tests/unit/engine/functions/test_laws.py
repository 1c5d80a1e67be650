"""Laws that functions keep for all values, not only for those of the manual."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.instance import Engine

Evaluate: TypeAlias = Callable[..., Any]

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15, allow_nan=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
LISTS = st.lists(SCALARS, max_size=8)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=5)
TEXTS = st.text(max_size=20)
WORDS = st.integers(0, 2**32 - 1)
MOMENTS = st.integers(0, 4_000_000_000_000)
BOTH, COMMON = "UNION_DISTINCT(@b, @c)", "INTERSECTION(@a, @b)"
ALL = "LENGTH(UNION_DISTINCT(@a, @b))"
FEW = settings(max_examples=25, deadline=None, database=None)


@pytest.fixture(scope="module")
def evaluate() -> Iterator[Evaluate]:
    """The value of an expression of bind parameters."""
    with Engine.open(None) as engine:
        database: Database = engine.database("_system")

        def value(expression: str, **binds: Any) -> Any:
            (row,) = database.query(f"RETURN {expression}", binds).rows
            return row

        yield value


def same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@FEW
@given(a=st.lists(VALUES, max_size=6))
def test_sorting_twice_is_sorting_once_and_loses_nothing(evaluate: Evaluate, a: list[Any]) -> None:
    once, twice, back, length = evaluate(
        "[SORTED(@a), SORTED(SORTED(@a)), SORTED(REVERSE(@a)), LENGTH(SORTED(@a))]", a=a
    )
    assert same(once, twice)
    assert length == len(a)
    assert evaluate("@once == @back", once=once, back=back)
    assert evaluate("LENGTH(@once[* FILTER CURRENT NOT IN @a]) == 0", once=once, a=a)
    plain = [each for each in a if not isinstance(each, list | dict)]  # `[]` and `[null]` sort alike
    assert evaluate("SORTED_UNIQUE(@a) == SORTED(UNIQUE(@a))", a=plain)


@FEW
@given(a=LISTS, b=LISTS, c=LISTS)
def test_sets_keep_the_laws_of_sets(evaluate: Evaluate, a: list[Any], b: list[Any], c: list[Any]) -> None:
    laws = (
        "SORTED(UNION_DISTINCT(@a, @b)) == SORTED(UNION_DISTINCT(@b, @a))",
        "SORTED(INTERSECTION(@a, @b)) == SORTED(INTERSECTION(@b, @a))",
        f"SORTED(INTERSECTION(@a, {BOTH})) == SORTED(UNION_DISTINCT({COMMON}, INTERSECTION(@a, @c)))",
        "SORTED(UNION_DISTINCT(MINUS(@a, @b), INTERSECTION(@a, @b))) == SORTED_UNIQUE(@a)",
        "LENGTH(INTERSECTION(MINUS(@a, @b), @b)) == 0",
        "LENGTH(UNION(@a, @b, @c)) == LENGTH(@a) + LENGTH(@b) + LENGTH(@c)",
        "SORTED(OUTERSECTION(UNIQUE(@a), UNIQUE(@b))) == SORTED(UNION(MINUS(@a, @b), MINUS(@b, @a)))",
        "COUNT_DISTINCT(@a) == LENGTH(UNIQUE(@a))",
        f"{ALL} == 0 || JACCARD(@a, @b) == LENGTH({COMMON}) / {ALL}",
    )
    assert evaluate(f"[{', '.join(laws)}]", a=a, b=b, c=c) == [True] * len(laws)


@FEW
@given(a=LISTS, start=st.integers(-9, 9), length=st.integers(0, 9), depth=st.integers(1, 3))
def test_parts_of_arrays_fit_together(
    evaluate: Evaluate, a: list[Any], start: int, length: int, depth: int
) -> None:
    assert evaluate("REVERSE(REVERSE(@a))", a=a) == a
    assert (
        evaluate("SLICE(@a, @start, @length)", a=a, start=start, length=length)
        == (a[max(start + len(a), 0) if start < 0 else start :][:length])
    )
    assert evaluate("APPEND(SLICE(@a, 0, @n), SLICE(@a, @n))", a=a, n=length) == a
    assert evaluate("FLATTEN(@nested, @depth)", nested=[a, [a]], depth=depth) == (
        [*a, a] if depth == 1 else [*a, *a]
    )
    assert evaluate("POP(PUSH(@a, 1))", a=a) == a
    assert evaluate("SHIFT(UNSHIFT(@a, 1))", a=a) == a
    assert evaluate("[FIRST(@a), LAST(@a)]", a=a) == ([a[0], a[-1]] if a else [None, None])


@FEW
@given(low=st.integers(-50, 50), high=st.integers(-50, 50), step=st.integers(1, 7))
def test_ranges_have_their_length(evaluate: Evaluate, low: int, high: int, step: int) -> None:
    assert evaluate("LENGTH(@low..@high)", low=low, high=high) == abs(high - low) + 1
    towards = step if high >= low else -step
    found = evaluate("RANGE(@low, @high, @step)", low=low, high=high, step=towards)
    assert found == list(range(low, high + (1 if towards > 0 else -1), towards))
    assert evaluate("(@low..@high) == RANGE(@low, @high)", low=low, high=high)


@FEW
@given(text=TEXTS, separator=st.text(min_size=1, max_size=2), start=st.integers(-25, 25))
def test_texts_come_back_from_their_parts(evaluate: Evaluate, text: str, separator: str, start: int) -> None:
    assert evaluate("CONCAT_SEPARATOR(@s, SPLIT(@t, @s))", t=text, s=separator) == text
    assert evaluate("SUBSTITUTE(@t, @s, @s)", t=text, s=separator) == text
    assert evaluate("CONCAT(LEFT(@t, 3), SUBSTRING(@t, 3))", t=text) == text
    assert evaluate("RIGHT(@t, CHAR_LENGTH(@t))", t=text) == text
    assert evaluate("SUBSTRING(@t, @n)", t=text, n=start) == (
        text[start:] if start >= 0 or -start <= len(text) else text
    )
    assert evaluate("REVERSE(REVERSE(@t))", t=text) == text
    assert evaluate("LENGTH(REPEAT(@t, 3, @s))", t=text, s=separator) == 3 * len(text) + 2 * len(separator)
    first, count = evaluate("[FIND_FIRST(@t, @s), LENGTH(SPLIT(@t, @s)) - 1]", t=text, s=separator)
    assert (first, count) == (text.find(separator), text.count(separator))


@FEW
@given(value=VALUES, text=TEXTS)
def test_encodings_come_back(evaluate: Evaluate, value: Any, text: str) -> None:
    assert evaluate("JSON_PARSE(JSON_STRINGIFY(@v)) == @v", v=value)
    assert bytes.fromhex(evaluate("TO_HEX(@t)", t=text)) == text.encode()
    assert evaluate("HASH(@v) == HASH(JSON_PARSE(JSON_STRINGIFY(@v)))", v=value)


@FEW
@given(a=OBJECTS, b=OBJECTS, c=OBJECTS)
def test_merging_may_be_grouped_in_any_way(
    evaluate: Evaluate, a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    laws = (
        "MERGE(MERGE(@a, @b), @c) == MERGE(@a, MERGE(@b, @c))",
        "MERGE([@a, @b, @c]) == MERGE(@a, @b, @c)",
        "MERGE_RECURSIVE(MERGE_RECURSIVE(@a, @b), @c) == MERGE_RECURSIVE(@a, @b, @c)",
        "MERGE(@a, {}) == @a",
        "MERGE(KEEP(@a, ATTRIBUTES(@b)), UNSET(@a, ATTRIBUTES(@b))) == @a",
        "ZIP(ATTRIBUTES(@a), VALUES(@a)) == @a",
        "ZIP(ENTRIES(@a)[*][0], ENTRIES(@a)[*][1]) == @a",
        "MATCHES(@a, @a)",
        "KEEP(@c, ATTRIBUTES(@c)) == @c",
    )
    assert evaluate(f"[{', '.join(laws)}]", a=a, b=b, c=c) == [True] * len(laws)


@FEW
@given(a=WORDS, b=WORDS, shift=st.integers(0, 32))
def test_bits_are_those_of_whole_numbers(evaluate: Evaluate, a: int, b: int, shift: int) -> None:
    assert evaluate("[BIT_AND(@a, @b), BIT_OR(@a, @b), BIT_XOR(@a, @b)]", a=a, b=b) == [a & b, a | b, a ^ b]
    assert evaluate("BIT_CONSTRUCT(BIT_DECONSTRUCT(@a))", a=a) == a
    assert evaluate("BIT_FROM_STRING(BIT_TO_STRING(@a, 32))", a=a) == a
    assert evaluate("BIT_POPCOUNT(@a)", a=a) == a.bit_count()
    assert evaluate("BIT_NEGATE(BIT_NEGATE(@a, 32), 32)", a=a) == a
    assert evaluate("BIT_SHIFT_LEFT(@a, @n, 32)", a=a, n=shift) == (a << shift) & (2**32 - 1)
    assert evaluate("BIT_SHIFT_RIGHT(@a, @n, 32)", a=a, n=shift) == a >> shift
    assert evaluate("IPV4_TO_NUMBER(IPV4_FROM_NUMBER(@a))", a=a) == a


@FEW
@given(
    moment=MOMENTS,
    amount=st.integers(-5000, 5000),
    unit=st.sampled_from(["ms", "s", "i", "h", "d", "w"]),
)
def test_dates_come_back(evaluate: Evaluate, moment: int, amount: int, unit: str) -> None:
    unit = "f" if unit == "ms" else unit
    assert evaluate("DATE_TIMESTAMP(DATE_ISO8601(@m))", m=moment) == moment
    moved, back = evaluate(
        "[DATE_TIMESTAMP(DATE_ADD(@m, @n, @u)),"
        " DATE_TIMESTAMP(DATE_SUBTRACT(DATE_ADD(@m, @n, @u), @n, @u))]",
        m=moment, n=amount, u=unit,
    )  # fmt: skip
    if moved is not None:
        assert back == moment
        assert evaluate("DATE_DIFF(@m, @moved, @u)", m=moment, moved=moved, u=unit) == amount
    parts = "[DATE_YEAR(@m), DATE_MONTH(@m), DATE_DAY(@m), DATE_HOUR(@m), DATE_MINUTE(@m), DATE_SECOND(@m)]"
    assert evaluate(f"APPLY('DATE_TIMESTAMP', APPEND({parts}, [DATE_MILLISECOND(@m)]))", m=moment) == moment
    assert evaluate("DATE_TIMESTAMP(DATE_TRUNC(@m, @u)) <= @m", m=moment, u=unit if unit != "w" else "d")
    assert evaluate("DATE_COMPARE(@m, @m, 'years', 'milliseconds')", m=moment)
    assert evaluate(
        "DATE_TIMESTAMP(DATE_LOCALTOUTC(DATE_UTCTOLOCAL(@m, 'Asia/Tokyo'), 'Asia/Tokyo'))", m=moment
    ) == moment  # fmt: skip


@FEW
@given(numbers=st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=12))
def test_statistics_agree_with_each_other(evaluate: Evaluate, numbers: list[int]) -> None:
    low, middle, high, mean, total = evaluate(
        "[MIN(@n), MEDIAN(@n), MAX(@n), AVERAGE(@n), SUM(@n)]", n=numbers
    )
    assert low == min(numbers)
    assert high == max(numbers)
    assert low <= middle <= high
    assert total == sum(numbers)
    assert math.isclose(mean, sum(numbers) / len(numbers), rel_tol=1e-12)
    assert evaluate("PERCENTILE(@n, 100)", n=numbers) == high
    assert evaluate("STDDEV(@n) * STDDEV(@n)", n=numbers) == pytest.approx(
        evaluate("VARIANCE(@n)", n=numbers)
    )
    assert evaluate("SUM(@n) == SUM(APPEND(@n, [null]))", n=numbers)


@FEW
@given(left=VALUES, right=VALUES, third=VALUES)
def test_every_two_values_have_an_order(evaluate: Evaluate, left: Any, right: Any, third: Any) -> None:
    less, equal, more = evaluate("[@a < @b, @a == @b, @a > @b]", a=left, b=right)
    assert less + equal + more in {1, 2}  # texts that differ only in their code points sort alike
    assert evaluate("[@a <= @a, @a == @a, @a IN [@a], @a < @a]", a=left) == [True, True, True, False]
    if evaluate("@a <= @b && @b <= @c", a=left, b=right, c=third):
        assert evaluate("@a <= @c", a=left, c=third)
    assert evaluate("TYPENAME(@a) == TYPENAME(@b) || (@a < @b) != (@a > @b)", a=left, b=right)
