"""SQL environments as an operator writes them, under `environments:`.

default_environment: staging
environments:
  staging: {kind: postgresql, host: db.staging, database: shop, user: app, password_env: STAGING_PASSWORD}
  prod: {url: "postgresql://app@db.prod/shop", password_env: PROD_PASSWORD, template: production}
  local: {kind: sqlite, path: data/shop.sqlite}
  graph: {kind: arangodb, database_key: production}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails

from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.place import Place
from mcp_arangodb_async.config.sections import NOT_BOOL, STRICT, Access, Seconds, words
from mcp_arangodb_async.config.sql_address import SQL_KINDS, parse_sql_url
from mcp_arangodb_async.config.variable import VariableName

EnvironmentKind = Literal["postgresql", "mysql", "mariadb", "sqlite", "arangodb"]
StatementKind = Literal["read", "dml", "ddl", "admin", "unknown"]
Ruling = Literal["allow", "deny", "confirm"]
TlsMode = Literal["off", "prefer", "require", "verify"]
Template = Literal["production", "staging", "development"]

NAME_RULE = "1 to 64 letters, digits and . _ -, starting with a letter or digit"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}\Z")
# Options that have a meaning for some kinds only, and for which.
ONLY_FOR: Mapping[str, tuple[str, ...]] = {
    "host": SQL_KINDS,
    "port": SQL_KINDS,
    "user": SQL_KINDS,
    "password_env": SQL_KINDS,
    "database": SQL_KINDS,
    "tls": SQL_KINDS,
    "connect_timeout": SQL_KINDS,
    "path": ("sqlite",),
    "database_key": ("arangodb",),
}
# What each kind cannot do without; each entry lists alternatives.
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(SQL_KINDS, (("host", "url"), ("database", "url"), ("user", "url"))),
    "sqlite": (("path", "url"),),
    "arangodb": (("database_key",),),
}


def check_environment_name(name: str) -> str:
    """The name itself; raises ValueError with the rule if no environment can be called so."""
    if not _NAME.match(name):
        raise ValueError(f"is not an environment's name; a name is {NAME_RULE}")
    return name


def _url(text: str | None) -> str | None:
    if text is not None:
        parse_sql_url(text)
    return text


def _file(name: str | None, info: ValidationInfo) -> str | None:
    """The absolute path; relative to the configuration file, which the caller gives as context."""
    if name is None:
        return None
    context: dict[str, Path] = info.context or {}
    return str((context.get("directory", Path()) / Path(name).expanduser()).absolute())


def _existing_file(name: str | None, info: ValidationInfo) -> str | None:
    path = _file(name, info)
    if path is not None and not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPool:
    """Connections to one environment."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    max_connections: Annotated[
        int,
        Field(ge=1, le=200),
        NOT_BOOL,
        Option(help="connections at most", flags=("--max-connections",), metavar="N"),
    ] = 5
    min_connections: Annotated[
        int,
        Field(ge=0, le=200),
        NOT_BOOL,
        Option(help="connections kept open when idle", flags=("--min-connections",), metavar="N"),
    ] = 0
    acquire_timeout: Annotated[
        Seconds,
        Option(
            help="seconds a statement waits for a free connection",
            flags=("--acquire-timeout",),
            metavar="SECONDS",
        ),
    ] = 5.0
    idle_timeout: Annotated[
        Seconds,
        Option(
            help="seconds after which an unused connection is closed",
            flags=("--idle-timeout",),
            metavar="SECONDS",
        ),
    ] = 300.0
    validate_after: Annotated[
        Seconds, Option(help="seconds unused after which a connection is tried before it is used")
    ] = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentTls:
    """How a server is trusted.

    `prefer` encrypts if the server can, `require` insists, `verify` also checks the certificate and the host.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    mode: Annotated[
        TlsMode, Option(help="encryption: off, prefer, require, verify", flags=("--tls-mode",))
    ] = "prefer"
    ca_file: Annotated[
        str | None,
        AfterValidator(_existing_file),
        Option(
            help="PEM file of the certificate authorities to trust, relative to the configuration file",
            flags=("--ca-file",),
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """What statements may do, beyond the access; a class left out is as the access says."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    read: Annotated[Ruling | None, Option(help="statements that read")] = None
    dml: Annotated[Ruling | None, Option(help="INSERT, UPDATE, DELETE, MERGE and the like")] = None
    ddl: Annotated[Ruling | None, Option(help="CREATE, ALTER, DROP and the like")] = None
    admin: Annotated[Ruling | None, Option(help="GRANT, SET, VACUUM, users, server")] = None
    functions: Annotated[
        tuple[str, ...],
        Option(
            help="functions of your own that only read, `*` at the end allowed; unknown ones count as dml"
        ),
    ] = ()
    denied_functions: Annotated[
        tuple[str, ...], Option(help="functions nobody may call, besides the dialect's own list")
    ] = ()
    max_cost: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        NOT_BOOL,
        Option(help="refuse statements that the planner estimates above this cost"),
    ] = None
    masked_columns: Annotated[
        tuple[str, ...], Option(help="columns whose values are never shown: column or table.column")
    ] = ()
    schemas: Annotated[tuple[str, ...], Option(help="only these schemas may be named")] = ()
    tables: Annotated[tuple[str, ...], Option(help="only these tables: table or schema.table")] = ()


# The records inside an entry, by the name of their table.
ENVIRONMENT_SECTIONS: Mapping[str, type[Any]] = {
    "pool": EnvironmentPool,
    "tls": EnvironmentTls,
    "policy": PolicyConfig,
}


class EnvironmentConfig(BaseModel):
    """One entry under `environments:` as the operator writes it."""

    model_config = STRICT

    kind: Annotated[
        EnvironmentKind | None,
        Option(help="what the server is; may be left out where the URL says it", flags=("--kind",)),
    ] = None
    url: Annotated[
        str | None,
        AfterValidator(_url),
        Option(
            help="postgresql://user@host:port/database, mysql://..., mariadb://..., sqlite:///path",
            flags=("--url", "-u"),
            metavar="URL",
        ),
    ] = None
    host: Annotated[
        str | None,
        Field(min_length=1, max_length=255),
        Option(help="name or address of the server", flags=("--host",), metavar="HOST"),
    ] = None
    port: Annotated[
        int | None,
        Field(ge=1, le=65_535),
        NOT_BOOL,
        Option(help="port (default: the kind's)", flags=("--port",), metavar="PORT"),
    ] = None
    user: Annotated[
        str | None,
        Field(min_length=1, max_length=128),
        Option(help="user to log in as", flags=("--user",), metavar="NAME"),
    ] = None
    password_env: Annotated[
        VariableName | None,
        Option(
            help="NAME of the environment variable that holds the password",
            flags=("--password-env", "-P"),
            metavar="VARIABLE",
        ),
    ] = None
    database: Annotated[
        str | None,
        Field(min_length=1, max_length=128),
        Option(help="the database's name on its server", flags=("--database", "-d"), metavar="NAME"),
    ] = None
    path: Annotated[
        str | None,
        AfterValidator(_file),
        Option(
            help="SQLite's file, relative to the configuration file; never created",
            flags=("--path",),
            metavar="FILE",
        ),
    ] = None
    database_key: Annotated[
        str | None,
        Option(help="the key under databases: of kind arangodb", flags=("--database-key",), metavar="KEY"),
    ] = None
    tls: EnvironmentTls = EnvironmentTls()
    pool: EnvironmentPool = EnvironmentPool()
    connect_timeout: Annotated[
        Seconds,
        Option(help="seconds a connection may take to open", flags=("--connect-timeout",), metavar="SECONDS"),
    ] = 3.0
    query_timeout: Annotated[
        Seconds, Option(help="seconds a statement may take", flags=("--query-timeout",), metavar="SECONDS")
    ] = 30.0
    template: Annotated[
        Template | None,
        Option(
            help="production (only reads), staging (changes data, asks before ddl), development (all): "
            "access and policy unless they are given",
            flags=("--template",),
        ),
    ] = None
    access: Annotated[
        Access | None,
        Option(
            help="what statements may do at most: read, write, admin (default: the template's, else read)",
            flags=("--access",),
        ),
    ] = None
    policy: PolicyConfig = PolicyConfig()
    labels: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
        Field(max_length=32),
        Option(help="words to choose environments by", flags=("--labels",), metavar="WORD,...", parse=words),
    ] = ()
    description: Annotated[
        str | None,
        Field(max_length=1000),
        Option(help="what is in it, for people and models", flags=("--description",), metavar="TEXT"),
    ] = None
    max_rows: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        NOT_BOOL,
        Option(help="rows one statement returns at most", flags=("--max-rows",), metavar="N"),
    ] = 1000
    max_bytes: Annotated[
        int,
        Field(ge=1024, le=64 * 1024 * 1024),
        NOT_BOOL,
        Option(help="bytes one statement returns at most", flags=("--max-bytes",), metavar="N"),
    ] = 256 * 1024
    eager: Annotated[
        bool,
        Option(help="open a connection when the server starts, without waiting for it", flags=("--eager",)),
    ] = True
    enabled: Annotated[
        bool, Option(help="offer it to callers; one that is off stays in the file", flags=("--enabled",))
    ] = True

    @model_validator(mode="wrap")
    @classmethod
    def _complete(cls, value: Any, handler: ModelWrapValidatorHandler[EnvironmentConfig]) -> Any:
        """Everything that is wrong at once: what single options show, and what they show together."""
        found = _together(cast("dict[str, Any]", value)) if isinstance(value, dict) else []
        details = [
            InitErrorDetails(type="value_error", loc=place, input=None, ctx={"error": ValueError(what)})
            for place, what in found
        ]
        try:
            made = handler(value)
        except ValidationError as error:
            alone = (
                InitErrorDetails(
                    type=line["type"], loc=line["loc"], input=line["input"], ctx=line.get("ctx", {})
                )
                for line in error.errors(include_url=False)
            )
            raise ValidationError.from_exception_data(cls.__name__, [*details, *alone]) from None
        if details:
            raise ValidationError.from_exception_data(cls.__name__, details)
        return made


def _together(entry: Mapping[str, Any]) -> list[tuple[Place, str]]:
    """What the options of one entry lack or contradict."""
    given = {name for name, value in entry.items() if value is not None}
    address = None
    url = entry.get("url")
    if isinstance(url, str):
        try:
            address = parse_sql_url(url)
        except ValueError:
            return []
    kind = entry.get("kind") or (address.kind if address else None)
    if kind is None:
        return [
            (("kind",), f"is missing: one of {', '.join((*SQL_KINDS, 'sqlite', 'arangodb'))}, or give a url")
        ]
    if not isinstance(kind, str) or kind not in NEEDED:
        return []
    found: list[tuple[Place, str]] = []
    if address is not None:
        if kind != address.kind and {kind, address.kind} != {"mysql", "mariadb"}:
            found.append((("kind",), f"is {kind}, and the url is one of {address.kind}"))
        found += [
            ((name,), "is given twice: here and in the url")
            for name in ("host", "port", "user", "database", "path")
            if name in given and getattr(address, name) is not None
        ]
    for alternatives in NEEDED[kind]:
        told = any(name in given for name in alternatives[:1]) or (
            address is not None and getattr(address, alternatives[0], None) is not None
        )
        if not told:
            also = " (in the url, if you give one)" if "url" in alternatives else ""
            found.append(((alternatives[0],), f"is missing: {kind} needs it{also}"))
    found += [
        ((name,), f"is no option of kind {kind}; it is one of {', '.join(kinds)}")
        for name, kinds in ONLY_FOR.items()
        if name in given and kind not in kinds
    ]
    pool = entry.get("pool")
    if isinstance(pool, dict):
        limits = cast("dict[str, Any]", pool)
        least, most = (
            limits.get("min_connections", 0),
            limits.get("max_connections", EnvironmentPool.max_connections),
        )
        if type(least) is int and type(most) is int and least > most:
            found.append(
                (("pool", "min_connections"), f"must be at most max_connections ({most}), not {least}")
            )
    return found
