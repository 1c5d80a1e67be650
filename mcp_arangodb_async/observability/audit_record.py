"""The line of an audit log: what stands in it, how it is chained to the line before, how it is read back.

    {"seq":7,"prev":"<hash of 6>",...,"hash":"<SHA-256 of all before>","mac":"<HMAC of the hash>"}

`hash` covers every byte in front of it, and those hold the hash of the record before: nobody changes,
removes, inserts or reorders a record without breaking the chain there, and whoever has the file can check
that. `mac` is there when the log has a key: without the key nobody can make a whole new chain either.

Records of a tenant are linked a second time among themselves (`tenant_seq`, `tenant_prev`), so that a
tenant's records can be handed out and checked without anybody else's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

VERSION = 1
START = "0" * 64
MAXIMUM_TEXT = 512
MAXIMUM_DETAILS = 16
_HASH = b',"hash":"'
_TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"(?:,"mac":"([0-9a-f]{64})")?\}\Z')
Decision = Literal["allowed", "denied", "started"]
Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One decision. `arguments` is a keyed digest, never what was passed; `details` are further plain facts.

    `outcome` is `ok` or the code of an error. A record with decision `started` stands before the call's own
    where the log fails closed.
    """

    kind: str
    decision: Decision
    outcome: str
    who: str | None = None
    issuer: str | None = None
    client: str | None = None
    tenant: str | None = None
    session: str | None = None
    transport: str | None = None
    tool: str | None = None
    database: str | None = None
    rows: int | None = None
    ms: float | None = None
    arguments: str | None = None
    request: str | None = None
    details: Mapping[str, Plain] = field(default_factory=dict[str, Plain])

    def facts(self) -> dict[str, Any]:
        """What is known, in a fixed order, each text cut."""
        found: dict[str, Any] = {}
        for name in (
            "kind", "decision", "outcome", "who", "issuer", "client", "tenant", "session", "transport",
            "tool", "database", "rows", "ms", "arguments", "request",
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None:
                found[name] = value[:MAXIMUM_TEXT] if isinstance(value, str) else value
        for name in list(self.details)[:MAXIMUM_DETAILS]:
            value = self.details[name]
            found.setdefault(name[:64], value[:MAXIMUM_TEXT] if isinstance(value, str) else value)
        return found


def line_of(facts: Mapping[str, Any], key: bytes | None) -> tuple[bytes, str]:
    """The line of these facts, without its end, and its hash."""
    body = json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode()[:-1]
    digest = hashlib.sha256(body).hexdigest()
    line = body + _HASH + digest.encode() + b'"'
    if key is not None:
        line += b',"mac":"' + mac_of(digest, key).encode() + b'"'
    return line + b"}", digest


def mac_of(digest: str, key: bytes) -> str:
    """The seal of a hash."""
    return hmac.new(key, b"audit-record\0" + digest.encode(), hashlib.sha256).hexdigest()


def digest_of(arguments: Mapping[str, Any], key: bytes) -> str:
    """A keyed digest of a call's arguments: equal for equal arguments, and nothing can be guessed."""
    text = json.dumps(arguments, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)
    return hmac.new(key, b"audit-arguments\0" + text.encode(), hashlib.sha256).hexdigest()[:32]


class DamagedError(Exception):
    """A line is no whole record; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecord:
    """A record as it was read: its facts, whose hash was right."""

    facts: Mapping[str, Any]
    digest: str

    @property
    def seq(self) -> int:
        """Its number in its chain."""
        return int(self.facts["seq"])


def read_line(line: bytes, key: bytes | None) -> ReadRecord:
    """The record of a line, without its end; DamagedError for anything that was not written exactly so."""
    found = _TAIL.search(line)
    if found is None:
        raise DamagedError("is no record")
    body = line[: found.start()]
    digest = hashlib.sha256(body).hexdigest()
    if found[1].decode() != digest:
        raise DamagedError("was changed")
    if key is not None and not hmac.compare_digest((found[2] or b"").decode(), mac_of(digest, key)):
        raise DamagedError("was not sealed with this key")
    try:
        facts = cast("dict[str, Any]", json.loads(body + b"}"))
    except (ValueError, RecursionError):
        raise DamagedError("is no record") from None
    if not isinstance(facts.get("seq"), int) or not isinstance(facts.get("chain"), str):
        raise DamagedError("is no record")
    return ReadRecord(facts=facts, digest=digest)
