"""The audit log: what is written, and that no change to it goes unnoticed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.errors import ConfigError, UnavailableError
from mcp_arangodb_async.observability.audit import HEAD, AuditLog
from mcp_arangodb_async.observability.audit_check import Report, check
from mcp_arangodb_async.observability.audit_record import AuditRecord, digest_of, line_of, read_line

KEY = b"0123456789abcdef0123456789abcdef"


def record(number: int, **facts: Any) -> AuditRecord:
    options: dict[str, Any] = {
        "kind": "call",
        "decision": "allowed",
        "outcome": "ok",
        "who": f"user{number % 3}",
        "tool": "arango_query",
        "database": "red",
        "rows": number,
        "tenant": ("acme", "zeta", None)[number % 3],
        **facts,
    }
    return AuditRecord(**options)


def written(directory: Path, count: int = 20, **options: Any) -> list[Path]:
    """The files of a log with so many records."""

    async def run() -> None:
        log = await AuditLog.open(directory, **options)
        for number in range(count):
            await log.record(record(number))
        await log.close()

    asyncio.run(run())
    return sorted(directory.glob("*.jsonl"))


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("key", [None, KEY], ids=["without a key", "with a key"])
def test_a_log_as_it_was_written_is_intact(tmp_path: Path, key: bytes | None) -> None:
    (path,) = written(tmp_path, key=key)
    report = check([path], key)
    assert (report.problems, report.notes) == ([], [])
    assert (report.chains, report.records) == (1, 22)
    facts = [json.loads(line) for line in lines_of(path)]
    assert [one["seq"] for one in facts] == list(range(1, 23))
    assert facts[0]["kind"] == "start"
    assert facts[-1]["kind"] == "end"
    assert ("mac" in facts[5]) is (key is not None)
    assert facts[5]["time"].endswith("Z")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (path,) = written(tmp_path / "log")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name(path.name + HEAD).stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


Change = Callable[[list[bytes]], Sequence[bytes]]
CHANGES: dict[str, tuple[Change, str]] = {
    "edited": (lambda x: [*x[:7], x[7].replace(b'"rows":6', b'"rows":9'), *x[8:]], "record 8 was changed"),
    "one bit": (lambda x: [*x[:7], x[7][:20] + bytes([x[7][20] ^ 1]) + x[7][21:], *x[8:]], "record 8 "),
    "hash edited": (lambda x: [*x[:7], swapped(x[7]), *x[8:]], "record 8 was changed"),
    "edited and hashed again": (lambda x: [*x[:7], again(x[7], rows=999), *x[8:]], "record 8 was changed"),
    "deleted": (lambda x: [*x[:7], *x[8:]], "record 8 is missing"),
    "several deleted": (lambda x: [*x[:7], *x[10:]], "records 8 to 10 are missing"),
    "first deleted": (lambda x: x[1:], "records 1 to 1 are missing"),
    "moved": (lambda x: [*x[:7], x[8], x[7], *x[9:]], "record 9 stands before record 8"),
    "repeated": (lambda x: [*x[:8], x[7], *x[8:]], "record 8 stands here a second time"),
    "inserted": (lambda x: [*x[:8], inserted(x[7]), *x[8:]], "record 9 stands here a second time"),
    "cut off": (lambda x: x[:12], "missing at the end"),
    "the last line cut off": (lambda x: x[:-1], "record 22 is missing at the end"),
    "cut inside a line": (lambda x: [*x[:12], x[12][:30]], "record 13 is no record"),
    "added after the end": (lambda x: [*x, inserted(x[-1])], "record 23 was added after the end"),
    "emptied": (lambda x: [], "the file is empty"),
    "garbage": (lambda x: [*x[:7], b"garbage\n", *x[8:]], "record 8 is no record"),
    "a blank line": (lambda x: [*x[:7], b"\n", *x[7:]], "record 8 is no record"),
    "blanks in a line": (lambda x: [*x[:7], x[7].replace(b",", b", ", 1), *x[8:]], "record 8 was changed"),
    "a member twice": (
        lambda x: [*x[:7], x[7].replace(b'"seq":8', b'"seq":8,"rows":0'), *x[8:]],
        "record 8 was changed",
    ),
}


def swapped(line: bytes) -> bytes:
    facts = json.loads(line)
    return line.replace(facts["hash"].encode(), facts["hash"][::-1].encode())


def again(line: bytes, **changes: Any) -> bytes:
    """The line with other facts and a hash that is right for them, as somebody without the key makes it."""
    facts = {name: value for name, value in json.loads(line).items() if name not in {"hash", "mac"}}
    return line_of({**facts, **changes}, None)[0] + b"\n"


def inserted(line: bytes) -> bytes:
    """A record that follows this one rightly."""
    before = read_line(line.rstrip(b"\n"), None)
    facts = {name: value for name, value in before.facts.items() if not name.startswith("tenant")}
    return line_of({**facts, "seq": before.seq + 1, "prev": before.digest, "kind": "call"}, None)[0] + b"\n"


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_broken_record_is_named(tmp_path: Path, change: str) -> None:
    (path,) = written(tmp_path)
    make, expected = CHANGES[change]
    path.write_bytes(b"".join(make(lines_of(path))))
    (problem,) = check([path], None).problems
    assert expected in problem.what


def test_without_the_key_nobody_makes_a_record(tmp_path: Path) -> None:
    (path,) = written(tmp_path, key=KEY)
    lines = lines_of(path)
    facts = [json.loads(line) for line in lines]
    forged: list[bytes] = []
    previous = facts[0]["prev"]
    for whole in facts:
        one = {name: value for name, value in whole.items() if name not in {"hash", "mac"}}
        if one["seq"] == 8:
            one["who"] = "mallory"
        line, previous = line_of({**one, "prev": previous}, None)
        forged.append(line + b"\n")
    path.write_bytes(b"".join(forged))
    path.with_name(path.name + HEAD).unlink()
    assert not check([path], None).problems, "a chain that was written anew is one; hence the key"
    (problem,) = check([path], KEY).problems
    assert "not sealed" in problem.what
    (problem,) = check(written(tmp_path / "other", key=b"another key of 16"), KEY).problems
    assert "not sealed" in problem.what


def test_random_changes_are_all_found(tmp_path: Path) -> None:
    """Edits, deletions, swaps, cuts and copies of a log whose end the head file knows."""
    (path,) = written(tmp_path, count=40)
    lines = lines_of(path)
    chance = random.Random(7)
    missed: list[str] = []
    for number in range(1_000):
        changed = list(lines)
        match chance.randrange(5):
            case 0:
                at, place = chance.randrange(len(lines)), 0
                place = chance.randrange(len(lines[at]))
                new = bytes([chance.randrange(256)])
                changed[at] = lines[at][:place] + new + lines[at][place + 1 :]
            case 1:
                del changed[chance.randrange(len(lines))]
            case 2:
                one, other = chance.sample(range(len(lines)), 2)
                changed[one], changed[other] = changed[other], changed[one]
            case 3:
                content = b"".join(lines)
                changed = [content[: chance.randrange(len(content))]]
            case _:
                changed.insert(chance.randrange(len(lines)), chance.choice(lines))
        if changed == lines or b"".join(changed) == b"".join(lines):
            continue
        path.write_bytes(b"".join(changed))
        report = check([path], None)
        last_line_end = b"".join(changed) == b"".join(lines)[:-1]
        if not report.problems and not last_line_end:
            missed.append(f"change {number}")
    assert not missed


def test_a_log_that_is_still_written_can_be_checked(tmp_path: Path) -> None:
    async def run() -> Report:
        log = await AuditLog.open(tmp_path, fsync="always")
        for number in range(5):
            await log.record(record(number))
        report = check([log.path], None)
        await log.close()
        return report

    report = asyncio.run(run())
    assert (report.problems, report.records) == ([], 6)


def test_a_record_torn_by_a_crash_is_no_tampering(tmp_path: Path) -> None:
    async def run() -> Path:
        log = await AuditLog.open(tmp_path, fsync="always")
        await log.record(record(1))
        with log.path.open("ab") as file:
            file.write(b'{"seq":3,"prev":"')
        return log.path

    report = check([asyncio.run(run())], None)
    assert not report.problems
    assert "not written to its end" in report.notes[0]


def test_segments_make_one_chain_however_they_are_given(tmp_path: Path) -> None:
    paths = written(tmp_path, count=100, segment_bytes=4096, fsync="always")
    assert len(paths) > 3
    shuffled = random.Random(1).sample(paths, len(paths))
    report = check(shuffled, None)
    assert (report.problems, report.chains) == ([], 1)
    (gap,) = check([paths[0], *paths[2:]], None).problems
    assert "missing" in gap.what
    (end,) = check(paths[:-1], None).problems
    assert "segment" in end.what
    assert "missing" in end.what
    (start,) = check(paths[1:], None).problems
    assert "records 1 to" in start.what
    middle = check(paths[1:-1], None, partial=True)
    assert not middle.problems
    assert len(middle.notes) == 2


def test_each_process_has_a_chain_of_its_own(tmp_path: Path) -> None:
    async def run() -> None:
        logs = [await AuditLog.open(tmp_path) for _ in range(3)]
        await asyncio.gather(*(log.record(record(n)) for n in range(50) for log in logs))
        for log in logs:
            await log.close()

    asyncio.run(run())
    paths = sorted(tmp_path.glob("*.jsonl"))
    report = check(paths, None)
    assert (len(paths), report.chains, report.problems) == (3, 3, [])
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_bytes(b"".join(line for pair in zip(*map(lines_of, paths[:2]), strict=True) for line in pair))
    (problem,) = check([mixed], None).problems
    assert "another chain" in problem.what


def test_a_tenants_records_can_be_handed_out_and_checked_alone(tmp_path: Path) -> None:
    (path,) = written(tmp_path, count=30, key=KEY)
    own = [line for line in lines_of(path) if json.loads(line).get("tenant") == "acme"]
    assert len(own) == 10
    handed = tmp_path / "acme.jsonl"
    handed.write_bytes(b"".join(own))
    assert check([handed], KEY, tenant="acme").records == 10
    assert check([path], KEY, tenant="acme").records == 10
    for changed, expected in (
        ([*own[:3], *own[4:]], "record 4 of tenant acme is missing"),
        ([*own[:3], own[3].replace(b"user0", b"user1"), *own[4:]], "was changed"),
        ([*own, own[-1]], "stands here a second time"),
    ):
        handed.write_bytes(b"".join(changed))
        (problem,) = check([handed], None, tenant="acme").problems
        assert expected in problem.what


def test_arguments_are_told_apart_and_not_told(tmp_path: Path) -> None:
    one, other = {"query": "RETURN 1", "n": [1, 2]}, {"n": [1, 2], "query": "RETURN 1"}
    assert digest_of(one, KEY) == digest_of(other, KEY)
    assert digest_of(one, KEY) != digest_of({**one, "n": [2, 1]}, KEY)
    assert digest_of(one, KEY) != digest_of(one, KEY[::-1])


def test_long_and_hostile_texts_stay_one_bounded_line(tmp_path: Path) -> None:
    async def run() -> Path:
        log = await AuditLog.open(tmp_path)
        await log.record(record(1, who='x"\n{"seq":1}\u2028' + "y" * 10_000, details={"a": "z" * 10_000}))
        await log.close()
        return log.path

    path = asyncio.run(run())
    assert len(path.read_bytes().splitlines()) == 3
    assert path.stat().st_size < 4096
    assert not check([path], None).problems


def full_disk(limit: int) -> None:
    """Let files grow to so many bytes; a write beyond fails as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize("fail_closed", [False, True], ids=["fails open", "fails closed"])
def test_a_log_that_cannot_be_written_counts_or_refuses(tmp_path: Path, fail_closed: bool) -> None:
    async def run() -> tuple[int, AuditLog]:
        log = await AuditLog.open(tmp_path, fsync="always", fail_closed=fail_closed)
        refused = 0
        for number in range(20):
            if number == 5:
                full_disk(log.path.stat().st_size + 600)
            if number == 15:
                full_disk(resource.RLIM_INFINITY)
            try:
                await log.record(record(number))
            except UnavailableError:
                refused += 1
        await log.close()
        return refused, log

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        refused, log = asyncio.run(run())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    figures = log.figures
    assert figures.lost == (refused if fail_closed else 20 - figures.written)
    assert 5 <= figures.lost <= 10
    assert not figures.failing
    # What was written is whole, and the end says how much was not.
    assert not check([log.path], None).problems
    assert json.loads(lines_of(log.path)[-1])["lost"] == figures.lost


def test_a_directory_that_cannot_be_written_is_a_mistake_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        asyncio.run(open_in(tmp_path / "file"))
    with pytest.raises(ConfigError, match="needs 16"):
        asyncio.run(open_in(tmp_path, key=b"short"))


async def open_in(directory: Path, **options: Any) -> None:
    await AuditLog.open(directory, **options)
