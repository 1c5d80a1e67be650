"""Where an SQL database is: a URL becomes a record, or a sentence saying what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from mcp_arangodb_async.config.address import shown

SqlKind = Literal["postgresql", "mysql", "mariadb", "sqlite"]
# Kinds with a server; SQLite has a file.
SQL_KINDS = ("postgresql", "mysql", "mariadb")
SCHEMES: dict[str, SqlKind] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
}
POSSIBLE = "possible are postgresql://user@host:port/database, mysql://..., mariadb://..., sqlite:///path"
# PostgreSQL's words for TLS, and those of MySQL's clients.
TLS_WORDS: dict[str, Literal["off", "prefer", "require", "verify"]] = {
    "disable": "off",
    "disabled": "off",
    "allow": "prefer",
    "prefer": "prefer",
    "preferred": "prefer",
    "require": "require",
    "required": "require",
    "verify-ca": "verify",
    "verify-full": "verify",
    "verify_ca": "verify",
    "verify_identity": "verify",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlAddress:
    """What a URL says; None where it says nothing."""

    kind: SqlKind | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    database: str | None = None
    path: str | None = None
    tls_mode: Literal["off", "prefer", "require", "verify"] | None = None


def parse_sql_url(url: str) -> SqlAddress:
    """The address that a URL names; raises ValueError with a sentence fit for the operator."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"{shown(url)!r} is not an address; {POSSIBLE}") from None
    # SQLAlchemy's spelling names the driver too: postgresql+asyncpg.
    kind = SCHEMES.get(parts.scheme.partition("+")[0])
    if kind is None or any(ord(letter) < 33 for letter in url):
        raise ValueError(f"{shown(url)!r} is not an address; {POSSIBLE}")
    if parts.password is not None:
        raise ValueError(f"must not hold a password; write password_env (address without it: {shown(url)})")
    if parts.fragment:
        raise ValueError(f"{shown(url)!r} must not hold a #")
    if kind == "sqlite":
        return SqlAddress(kind=kind, path=_file(parts.netloc, parts.path, url))
    return SqlAddress(
        kind=kind,
        host=parts.hostname,
        port=port,
        user=unquote(parts.username) if parts.username else None,
        database=unquote(parts.path[1:]) or None,
        tls_mode=_tls_mode(parts.query),
    )


def _file(authority: str, path: str, url: str) -> str:
    """Three slashes before a relative path, four before an absolute one, as SQLAlchemy writes them."""
    name = unquote(path[1:])
    if authority or not name or name == ":memory:":
        raise ValueError(f"{url!r} names no file; write sqlite:///relative/path or sqlite:////absolute/path")
    return name


def _tls_mode(query: str) -> Literal["off", "prefer", "require", "verify"] | None:
    mode: Literal["off", "prefer", "require", "verify"] | None = None
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() not in {"sslmode", "ssl-mode", "ssl_mode"}:
            raise ValueError(f"must not hold {name[:40]!r}; of the parameters only sslmode is read")
        mode = TLS_WORDS.get(value.lower())
        if mode is None:
            raise ValueError(f"has no sslmode {value[:40]!r}; possible: {', '.join(TLS_WORDS)}")
    return mode
