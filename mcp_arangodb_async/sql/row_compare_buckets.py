"""What differs between the rows of the baseline and those of the others, a bucket at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.sql.row_compare_spill import DIGEST_BYTES, Spill
from mcp_arangodb_async.sql.row_compare_values import decoded, encoded, near

DifferenceKind = Literal["changed", "removed", "added"]
KINDS: tuple[DifferenceKind, ...] = ("changed", "removed", "added")
# Digests of so many rows of a side are in memory at a time; a larger bucket is read several times.
MOST_IN_MEMORY = 100_000
# More rows with one key than this, and the columns are no key at all.
MOST_ALIKE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that only one side has, or whose cells differ.

    `key` has its cells, empty where rows are compared without a key. `row` is the row that was added or
    removed, `count` times; `cells` have the baseline's and the other's cell of each column that differs.
    """

    kind: DifferenceKind
    key: Mapping[str, Any]
    row: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cells: Mapping[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])
    count: int = 1


@dataclass(slots=True, kw_only=True)
class Tally:
    """How the rows of one environment differ from the baseline's: exact counts, and some of the rows.

    `repeated` counts keys that stand for several rows on either side: those rows are compared without regard
    to their key, so that they are the same, added or removed, never changed.
    """

    same: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    repeated: int = 0
    columns: Counter[str] = field(default_factory=Counter[str])
    samples: dict[DifferenceKind, list[Difference]] = field(
        default_factory=lambda: {kind: list[Difference]() for kind in KINDS}
    )

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a row's cells lie in its payload: in the order of `names`, or each under its own name if None.

    `key` names the columns that say which rows belong together; none, and rows are compared as they are.
    """

    key: tuple[str, ...]
    names: tuple[str, ...] | None

    def row(self, payload: bytes) -> dict[str, Any]:
        """The cells of a row by their names."""
        cells = decoded(payload)
        return cells if self.names is None else dict(zip(self.names, cells, strict=True))


# The rows with one key: a digest of each, and where its cells are.
Entry = tuple[tuple[bytes, int], ...]


class Buckets:
    """Compares what was spilled; `compare` once for each number of a bucket, then `tallies` are complete."""

    def __init__(
        self,
        spills: Mapping[str, Spill],
        layout: Layout,
        *,
        tolerance: Fraction | None = None,
        most: int = 100,
        in_memory: int = MOST_IN_MEMORY,
    ) -> None:
        self._baseline, *self._others = spills
        self._spills = spills
        self._layout = layout
        self._tolerance = tolerance
        self._most = most
        self._in_memory = in_memory
        self.tallies = {name: Tally() for name in self._others}
        self._prints = {name: hashlib.blake2b(digest_size=DIGEST_BYTES) for name in spills}

    def compare(self, bucket: int) -> None:
        """Compare the rows of one bucket."""
        largest = max(spill.size(bucket) for spill in self._spills.values())
        if not largest:
            return
        parts = 1 + largest // self._in_memory
        side = self._keyed if self._layout.key else self._unkeyed
        for part in range(parts):
            side(bucket, part, parts)

    def groups(self) -> list[list[str]]:
        """The environments by equal answers, the baseline's group first."""
        groups: dict[bytes | None, list[str]] = {None: [self._baseline]}
        for name in self._others:
            mark = None if self.tallies[name].is_identical else self._prints[name].digest()
            groups.setdefault(mark, []).append(name)
        return list(groups.values())

    def _records(self, name: str, bucket: int, part: int, parts: int) -> Iterator[tuple[bytes, bytes, int]]:
        records = self._spills[name].records(bucket)
        if parts == 1:
            return records
        return (one for one in records if int.from_bytes(one[0][1:5], "big") % parts == part)

    def _keyed(self, bucket: int, part: int, parts: int) -> None:
        mine = self._entries(self._baseline, bucket, part, parts)
        for name in self._others:
            theirs = self._entries(name, bucket, part, parts)
            tally = self.tallies[name]
            for key, entry in theirs.items():
                other = mine.get(key)
                if other is None:
                    self._only(tally, "added", name, entry)
                elif len(entry) != 1 or len(other) != 1:
                    self._repeated(tally, name, other, entry)
                elif entry[0][0] == other[0][0]:
                    tally.same += 1
                else:
                    self._changed(tally, name, other[0][1], entry[0][1])
            for key in sorted(mine.keys() - theirs.keys()):
                self._only(tally, "removed", self._baseline, mine[key])

    def _entries(self, name: str, bucket: int, part: int, parts: int) -> dict[bytes, Entry]:
        """The rows of a side by their keys."""
        entries: dict[bytes, Entry] = {}
        for key, row, at in self._records(name, bucket, part, parts):
            known = entries.get(key)
            if known is None:
                entries[key] = ((row, at),)
            elif len(known) < MOST_ALIKE:
                entries[key] = (*known, (row, at))
            else:
                self._refuse(name, at)
        if len(self._spills) > 2:
            lines = sorted(key + row for key, entry in entries.items() for row, _ in entry)
            self._prints[name].update(b"".join(lines))
        return entries

    def _refuse(self, name: str, at: int) -> None:
        row = self._layout.row(self._spills[name].cells(at))
        value = ", ".join(f"{column}={str(row.get(column))[:40]}" for column in self._layout.key)
        raise InputError(
            f"key: {', '.join(self._layout.key)} is none in environment {name!r}: "
            f"more than {MOST_ALIKE} rows have {value}",
            field="key",
            hint="name more columns, or leave the key out to compare whole rows",
        )

    def _repeated(self, tally: Tally, name: str, mine: Entry, theirs: Entry) -> None:
        """Rows of a key that stands for several of them."""
        tally.repeated += 1
        before, after = (Counter(row for row, _ in entry) for entry in (mine, theirs))
        tally.same += (before & after).total()
        self._only(tally, "removed", self._baseline, rest_of(mine, before - after))
        self._only(tally, "added", name, rest_of(theirs, after - before))

    def _only(self, tally: Tally, kind: DifferenceKind, owner: str, found: Entry) -> None:
        """Rows that one side alone has."""
        if kind == "added":
            tally.added += len(found)
        else:
            tally.removed += len(found)
        samples = tally.samples[kind]
        for _, at in found[: self._most - len(samples)]:
            row = self._layout.row(self._spills[owner].cells(at))
            samples.append(Difference(kind=kind, key=self._key_of(row), row=row))

    def _key_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: row.get(name) for name in self._layout.key}

    def _changed(self, tally: Tally, name: str, mine: int, theirs: int) -> None:
        """Two rows with the same key and different digests."""
        before = self._layout.row(self._spills[self._baseline].cells(mine))
        after = self._layout.row(self._spills[name].cells(theirs))
        cells = {
            column: (before.get(column), after.get(column))
            for column in {**before, **after}
            if self._differ(before.get(column), after.get(column))
        }
        if not cells:
            tally.same += 1
            return
        tally.changed += 1
        tally.columns.update(list(cells))
        if len(tally.samples["changed"]) < self._most:
            tally.samples["changed"].append(Difference(kind="changed", key=self._key_of(before), cells=cells))

    def _differ(self, one: Any, other: Any) -> bool:
        if self._tolerance is not None:
            return not near(one, other, self._tolerance)
        # By their bytes, as digests are: 1 and TRUE are different cells, and equal for Python.
        return encoded(one) != encoded(other)

    def _unkeyed(self, bucket: int, part: int, parts: int) -> None:
        mine = self._counted(self._baseline, bucket, part, parts)
        for name in self._others:
            theirs = self._counted(name, bucket, part, parts)
            tally = self.tallies[name]
            for row in sorted(mine.keys() | theirs.keys()):
                here, there = mine.get(row, (0, 0)), theirs.get(row, (0, 0))
                tally.same += min(here[0], there[0])
                if here[0] == there[0]:
                    continue
                more = there[0] - here[0]
                kind: DifferenceKind = "added" if more > 0 else "removed"
                if more > 0:
                    tally.added += more
                else:
                    tally.removed -= more
                if len(tally.samples[kind]) < self._most:
                    owner, at = (name, there[1]) if more > 0 else (self._baseline, here[1])
                    cells = self._layout.row(self._spills[owner].cells(at))
                    tally.samples[kind].append(Difference(kind=kind, key={}, row=cells, count=abs(more)))

    def _counted(self, name: str, bucket: int, part: int, parts: int) -> dict[bytes, tuple[int, int]]:
        """How often each row is there, and where its cells are."""
        found: dict[bytes, tuple[int, int]] = {}
        for _, row, at in self._records(name, bucket, part, parts):
            known = found.get(row)
            found[row] = (1, at) if known is None else (known[0] + 1, known[1])
        if len(self._spills) > 2:
            lines = sorted(row + str(count).encode() for row, (count, _) in found.items())
            self._prints[name].update(b"".join(lines))
        return found


def rest_of(entry: Entry, left: Counter[bytes]) -> Entry:
    """As many of the rows with each digest as are left of it."""
    found: list[tuple[bytes, int]] = []
    for row, at in entry:
        if left[row]:
            left[row] -= 1
            found.append((row, at))
    return tuple(found)
