"""Types of columns as engines write them, read into one model.

column_type("character varying(80)", "postgresql")    # varchar, length 80
column_type("tinyint(1)", "mariadb")                  # boolean
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mcp_arangodb_async.sql.dialects.dialect import DialectName
from mcp_arangodb_async.sql.schema import ColumnType, Family

MEMBER = re.compile(r"'((?:[^'\\]|''|\\.)*)'")

COMMON: Mapping[str, Family] = {
    "boolean": "boolean", "bool": "boolean", "tinyint": "tinyint", "smallint": "smallint", "int2": "smallint",
    "integer": "integer", "int": "integer", "int4": "integer", "mediumint": "integer", "bigint": "bigint",
    "int8": "bigint", "decimal": "decimal", "numeric": "decimal", "dec": "decimal", "fixed": "decimal",
    "real": "real", "float4": "real", "double": "double", "double precision": "double", "float8": "double",
    "character": "char", "char": "char", "bpchar": "char", "nchar": "char", "native character": "char",
    "character varying": "varchar", "varchar": "varchar", "nvarchar": "varchar", "varying character":
    "varchar", "text": "text", "clob": "text", "tinytext": "text", "mediumtext": "text", "longtext": "text",
    "bytea": "blob", "blob": "blob", "tinyblob": "blob", "mediumblob": "blob", "longblob": "blob", "binary":
    "binary", "varbinary": "varbinary", "date": "date", "time": "time", "time without time zone": "time",
    "time with time zone": "timetz", "timetz": "timetz", "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz", "timestamptz": "timestamptz", "datetime": "timestamp",
    "interval": "interval", "json": "json", "jsonb": "json", "uuid": "uuid", "bit": "bit", "bit varying":
    "varbit", "varbit": "varbit", "enum": "enum", "set": "set", "xml": "xml", "year": "smallint",
}  # fmt: skip
# Where a word means something else.
OWN: Mapping[DialectName, Mapping[str, Family]] = {
    "postgresql": {"timestamp": "timestamp", "float": "double"},
    # A TIMESTAMP of MySQL is a moment in UTC, a DATETIME is not.
    "mysql": {"timestamp": "timestamptz", "float": "real"},
    "mariadb": {"timestamp": "timestamptz", "float": "real"},
    # SQLite's REAL and its likes hold eight bytes.
    "sqlite": {"timestamp": "timestamp", "float": "double", "real": "double"},
}
LENGTHS = frozenset({"char", "varchar", "binary", "varbinary", "bit", "varbit"})
SECONDS = frozenset({"time", "timetz", "timestamp", "timestamptz", "interval"})


def column_type(native: str, engine: DialectName, *, members: tuple[str, ...] = ()) -> ColumnType:
    """The type in the model; one that is not known keeps its own words, family `other`.

    `members` are those of an enumeration that is a type of its own, as PostgreSQL has them.
    """
    if members:
        return ColumnType(family="enum", native=native, members=members)
    opening, closing = native.find("("), native.rfind(")")
    measures = native[opening + 1 : closing] if 0 < opening < closing else ""
    outside = native[:opening] + " " + native[closing + 1 :] if measures else native
    words = " ".join(outside.lower().split())
    if words.endswith("]"):
        return ColumnType(family="array", native=native)
    unsigned = bool(re.search(r"\bunsigned\b", words))
    name = re.sub(r"\b(?:unsigned|zerofill|signed)\b", "", words).strip()
    family = OWN[engine].get(name) or COMMON.get(name)
    if family is None:
        return ColumnType(family="other", native=native)
    if family in {"enum", "set"}:
        listed = tuple(member.replace("''", "'") for member in MEMBER.findall(measures))
        return ColumnType(family=family, native=native, members=listed)
    numbers = [int(part) for part in re.findall(r"-?\d+", measures)]
    return measured(family, numbers, native, unsigned, engine)


def measured(
    family: Family, numbers: list[int], native: str, unsigned: bool, engine: DialectName
) -> ColumnType:
    """The type with the measures that its family has; a missing one is what the engine takes instead."""
    mysql = engine in {"mysql", "mariadb"}
    if mysql and family == "tinyint" and numbers == [1] and not unsigned:
        return ColumnType(family="boolean", native=native)
    if family == "decimal":
        if not numbers and mysql:
            numbers = [10, 0]
        precision = numbers[0] if numbers else None
        scale = numbers[1] if len(numbers) > 1 else (0 if numbers else None)
        return ColumnType(family=family, native=native, precision=precision, scale=scale, unsigned=unsigned)
    if family in LENGTHS:
        alone = 1 if family in {"char", "binary", "bit"} else None
        return ColumnType(family=family, native=native, length=numbers[0] if numbers else alone)
    if family in SECONDS:
        # PostgreSQL keeps microseconds unless told otherwise, MySQL whole seconds; SQLite has no times.
        usual = {"postgresql": 6, "mysql": 0, "mariadb": 0}.get(engine)
        return ColumnType(family=family, native=native, precision=numbers[0] if numbers else usual)
    return ColumnType(family=family, native=native, unsigned=unsigned)


def written_type(kind: ColumnType, engine: DialectName) -> str | None:
    """The type as the engine would write it; None if it has none like it."""
    names: Mapping[str, str] = {**PORTABLE, **NAMES[engine]}
    name = names.get(kind.family)
    if name is None:
        return None
    mysql = engine in {"mysql", "mariadb"}
    if kind.family == "enum":
        return f"enum({', '.join(quoted(member) for member in kind.members)})" if mysql else "text"
    if kind.family == "set":
        return f"set({', '.join(quoted(member) for member in kind.members)})" if mysql else "text"
    measures = ""
    if kind.family == "decimal" and kind.precision is not None:
        measures = f"({kind.precision}, {kind.scale or 0})"
    elif kind.family in LENGTHS and kind.length is not None and "(" not in name and engine != "sqlite":
        measures = "" if name == "bytea" else f"({kind.length})"
    elif kind.family in LENGTHS and kind.length is not None and engine == "sqlite":
        measures = f"({kind.length})" if name in {"char", "varchar"} else ""
    elif kind.family in SECONDS and kind.precision not in {None, 6 if engine == "postgresql" else 0}:
        measures = f"({kind.precision})" if engine != "sqlite" and kind.family != "interval" else ""
    if mysql and name == "varchar" and not measures:
        return "text"
    text = name.replace("()", measures) if "()" in name else name + measures
    return text + (" unsigned" if kind.unsigned and mysql else "")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Names that every engine has.
PORTABLE: Mapping[str, str] = {
    "smallint": "smallint", "integer": "integer", "bigint": "bigint", "decimal": "decimal", "char": "char",
    "varchar": "varchar", "text": "text", "date": "date", "time": "time", "uuid": "uuid", "json": "json",
    "boolean": "boolean", "tinyint": "tinyint", "real": "real", "double": "double",
}  # fmt: skip
MYSQL_NAMES: Mapping[str, str] = {
    "real": "float", "binary": "binary", "varbinary": "varbinary", "blob": "longblob", "text": "longtext",
    "timetz": "time", "timestamp": "datetime", "timestamptz": "timestamp", "interval": "varchar(64)",
    "bit": "bit", "varbit": "varchar", "enum": "enum", "set": "set", "xml": "longtext",
}  # fmt: skip
NAMES: Mapping[DialectName, Mapping[str, str]] = {
    "postgresql": {
        "tinyint": "smallint", "decimal": "numeric", "double": "double precision", "binary": "bytea",
        "varbinary": "bytea", "blob": "bytea", "timetz": "time() with time zone", "timestamp": "timestamp",
        "timestamptz": "timestamp() with time zone", "interval": "interval", "json": "jsonb", "bit": "bit",
        "varbit": "bit varying", "enum": "text", "set": "text", "xml": "xml",
    },
    "mariadb": MYSQL_NAMES,
    "mysql": {**MYSQL_NAMES, "uuid": "char(36)"},
    "sqlite": {
        "binary": "blob", "varbinary": "blob", "blob": "blob", "timetz": "text", "timestamp": "timestamp",
        "timestamptz": "timestamptz", "interval": "text", "bit": "text", "varbit": "text", "enum": "text",
        "set": "text", "xml": "text",
    },
}  # fmt: skip
