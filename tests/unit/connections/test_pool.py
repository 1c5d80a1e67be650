"""Which clients are closed: a table of cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.connections.pool import PoolEntry, next_check, to_close


def entry(key: str, last_used: float, *, in_flight: int = 0, pinned: bool = False) -> PoolEntry[str]:
    return PoolEntry(key=key, last_used=last_used, in_flight=in_flight, idle_timeout=60.0, pinned=pinned)


A, B, C = entry("a", 0.0), entry("b", 50.0), entry("c", 90.0)


@pytest.mark.parametrize(
    ("entries", "now", "maximum", "closed"),
    [
        ([], 100.0, 10, ()),
        ([A, B, C], 59.0, 10, ()),
        ([A, B, C], 60.0, 10, ("a",)),
        ([C, B, A], 110.0, 10, ("a", "b")),
        ([A, B, C], 0.0, 2, ("a",)),
        ([A, B, C], 0.0, 1, ("a", "b")),
        ([entry("a", 0.0, in_flight=1), B, C], 100.0, 1, ("b", "c")),
        ([entry("a", 0.0, pinned=True), B], 1000.0, 10, ("b",)),
        ([entry("a", 0.0, in_flight=1), entry("b", 0.0, pinned=True)], 1000.0, 1, ()),
    ],
)
def test_who_is_closed(
    entries: list[PoolEntry[str]], now: float, maximum: int, closed: tuple[str, ...]
) -> None:
    assert to_close(entries, now=now, maximum=maximum) == closed


ENTRIES = st.lists(
    st.builds(
        entry, st.text(min_size=1), st.floats(0, 1000), in_flight=st.integers(0, 2), pinned=st.booleans()
    ),
    unique_by=lambda item: item.key,
    max_size=20,
)


@given(entries=ENTRIES, now=st.floats(0, 2000), maximum=st.integers(1, 20))
def test_one_in_use_is_never_closed_and_no_more_than_the_maximum_stay_without_need(
    entries: list[PoolEntry[str]], now: float, maximum: int
) -> None:
    closed = to_close(entries, now=now, maximum=maximum)
    by_key = {item.key: item for item in entries}
    assert len(set(closed)) == len(closed)
    assert not any(by_key[key].in_flight or by_key[key].pinned for key in closed)
    stay = [item for item in entries if item.key not in closed]
    assert len(stay) <= maximum or all(item.in_flight or item.pinned for item in stay)


@given(entries=ENTRIES, now=st.floats(0, 2000))
def test_the_next_check_is_neither_never_nor_at_once(entries: list[PoolEntry[str]], now: float) -> None:
    assert 0.05 <= next_check(entries, now=now, longest=60.0) <= 60.0
