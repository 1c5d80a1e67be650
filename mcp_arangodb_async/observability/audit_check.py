"""Checks audit logs that others may have had their hands on: which record is not as it was written.

Files are read a line at a time. For each chain (one process's run) the segments are put in order by what
stands in them, so it does not matter how the files are named or given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcp_arangodb_async.observability.audit import HEAD, MARK_BYTES
from mcp_arangodb_async.observability.audit_record import START, DamagedError, ReadRecord, read_line

MAXIMUM_LINE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Where a chain is broken first: the file, its line, the record's number, and what is wrong there."""

    file: str
    line: int
    seq: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass(slots=True, kw_only=True)
class Report:
    """The outcome of a check: nothing is broken if there are no problems; notes limit what was checked."""

    chains: int = 0
    records: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    notes: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Chain:
    """How far the check of one chain came."""

    expected: int | None = None
    previous: str | None = None
    last: ReadRecord | None = None
    file: str = ""
    line: int = 0


class _BrokenError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def check(
    paths: Sequence[Path], key: bytes | None, *, partial: bool = False, tenant: str | None = None
) -> Report:
    """Check these files; OSError for one that cannot be read.

    `partial` allows segments to be missing before and after. `tenant` checks one tenant's records by their
    own links, in whole logs or in what was handed out of them.
    """
    report = Report()
    if tenant is not None:
        _check_tenant(paths, key, tenant, report)
        return report
    chains: dict[str, list[tuple[int, Path]]] = {}
    for path in paths:
        try:
            first = _first(path, key)
        except _BrokenError as broken:
            report.problems.append(broken.problem)
            continue
        chains.setdefault(str(first.facts["chain"]), []).append((first.seq, path))
    for name, segments in chains.items():
        report.chains += 1
        chain = _Chain()
        try:
            for _, path in sorted(segments):
                _check_segment(path, key, name, chain, report, partial=partial)
            _check_end(chain, report, partial=partial)
        except _BrokenError as broken:
            report.problems.append(broken.problem)
    return report


def lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Each line of a file: its number, its bytes, and whether its end was written."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAXIMUM_LINE + 1):
            number += 1
            yield number, line.removesuffix(b"\n"), line.endswith(b"\n")


def _broken(path: Path, line: int, seq: int | None, what: str) -> _BrokenError:
    return _BrokenError(Problem(file=path.name, line=line, seq=seq, what=what))


def _first(path: Path, key: bytes | None) -> ReadRecord:
    for number, line, _ in lines(path):
        try:
            return read_line(line, key)
        except DamagedError as error:
            raise _broken(path, number, None, f"the first record {error}") from None
    raise _broken(path, 1, None, "the file is empty: its records are missing")


def _check_segment(
    path: Path, key: bytes | None, name: str, chain: _Chain, report: Report, *, partial: bool
) -> None:
    # Read before the records: what is written meanwhile can only be more.
    mark = _mark(path, key)
    chain.file = path.name
    ended = chain.last is not None and chain.last.facts.get("kind") == "end"
    for number, line, whole in lines(path):
        chain.line = number
        expected = chain.expected
        try:
            record = read_line(line, key)
        except DamagedError as error:
            if not whole and (mark is None or expected is None or expected > mark.seq):
                report.notes.append(f"{path.name}:{number}: the last record was not written to its end")
                return
            raise _broken(path, number, expected, f"record {expected} {error}") from None
        if record.facts["chain"] != name:
            raise _broken(path, number, record.seq, f"record {record.seq} belongs to another chain")
        if ended:
            raise _broken(path, number, record.seq, f"record {record.seq} was added after the end")
        if expected is None:
            _begin(path, record, report, partial=partial)
        else:
            _follows(path, number, record, chain)
        ended = record.facts.get("kind") == "end"
        chain.expected, chain.previous, chain.last = record.seq + 1, record.digest, record
        report.records += 1
    _check_mark(path, mark, chain)


def _begin(path: Path, record: ReadRecord, report: Report, *, partial: bool) -> None:
    if record.seq == 1 and record.facts.get("prev") == START:
        return
    if record.seq == 1:
        raise _broken(path, 1, 1, "record 1 was changed")
    if not partial:
        raise _broken(path, 1, 1, f"records 1 to {record.seq - 1} are missing")
    report.notes.append(f"{path.name}: begins at record {record.seq}")


def _follows(path: Path, number: int, record: ReadRecord, chain: _Chain) -> None:
    expected = chain.expected
    assert expected is not None
    if record.seq > expected:
        if any(f'"seq":{expected},'.encode() in line[:24] for at, line, _ in lines(path) if at > number):
            what = f"record {record.seq} stands before record {expected}: the order was changed"
        elif record.seq == expected + 1:
            what = f"record {expected} is missing"
        else:
            what = f"records {expected} to {record.seq - 1} are missing"
        raise _broken(path, number, expected, what)
    if record.seq < expected:
        what = f"record {record.seq} stands here a second time: it was inserted, or the one before it"
        raise _broken(path, number, record.seq, what)
    if record.facts.get("prev") != chain.previous:
        what = f"record {expected - 1} was changed: record {expected} holds another hash of it"
        raise _broken(path, max(1, number - 1), expected - 1, what)


def _mark(path: Path, key: bytes | None) -> ReadRecord | None:
    """What the file's own mark says of its end; None where there is no readable one."""
    try:
        with path.with_name(path.name + HEAD).open("rb") as file:
            return read_line(file.read(MARK_BYTES + 1).rstrip(b"\n").rstrip(b" "), key)
    except (OSError, DamagedError):
        return None


def _check_mark(path: Path, mark: ReadRecord | None, chain: _Chain) -> None:
    last = chain.last
    assert last is not None
    if last.facts.get("kind") in {"end", "continued"}:
        return
    if mark is None:
        raise _broken(
            path, chain.line, last.seq, f"whether records after {last.seq} are missing cannot be told: "
            f"{path.name}{HEAD} is missing or damaged",
        )  # fmt: skip
    if mark.facts["chain"] != last.facts["chain"]:
        raise _broken(path, chain.line, last.seq, f"{path.name}{HEAD} belongs to another chain")
    if mark.seq > last.seq:
        gone = (
            f"record {mark.seq} is"
            if mark.seq == last.seq + 1
            else f"records {last.seq + 1} to {mark.seq} are"
        )
        raise _broken(path, chain.line, last.seq + 1, f"{gone} missing at the end")
    if mark.seq == last.seq and mark.facts.get("last") != last.digest:
        raise _broken(path, chain.line, last.seq, f"record {last.seq} was changed")


def _check_end(chain: _Chain, report: Report, *, partial: bool) -> None:
    last = chain.last
    if last is None or last.facts.get("kind") != "continued":
        return
    what = f"segment {last.facts.get('segment')} is missing: the chain goes on after record {last.seq}"
    if not partial:
        raise _BrokenError(Problem(file=chain.file, line=chain.line, seq=last.seq + 1, what=what))
    report.notes.append(f"{chain.file}: {what}")


def _check_tenant(paths: Sequence[Path], key: bytes | None, tenant: str, report: Report) -> None:
    found: dict[str, list[tuple[int, ReadRecord, Path, int]]] = {}
    for path in paths:
        for number, line, whole in lines(path):
            try:
                record = read_line(line, key)
            except DamagedError as error:
                if whole:
                    what = f"the record of line {number} {error}"
                    report.problems.append(Problem(file=path.name, line=number, seq=None, what=what))
                    return
                continue
            if record.facts.get("tenant") == tenant:
                chain = found.setdefault(str(record.facts["chain"]), [])
                chain.append((int(record.facts.get("tenant_seq", 0)), record, path, number))
    for records in found.values():
        report.chains += 1
        expected, previous = 1, START
        for seq, record, path, number in sorted(records, key=lambda one: one[0]):
            if seq != expected:
                gone = f"record {expected} of tenant {tenant} is missing" if seq > expected else (
                    f"record {seq} of tenant {tenant} stands here a second time"
                )  # fmt: skip
                report.problems.append(Problem(file=path.name, line=number, seq=expected, what=gone))
                break
            if record.facts.get("tenant_prev") != previous:
                what = f"record {seq - 1} of tenant {tenant} was changed"
                report.problems.append(Problem(file=path.name, line=number, seq=seq - 1, what=what))
                break
            expected, previous = seq + 1, record.digest
            report.records += 1
