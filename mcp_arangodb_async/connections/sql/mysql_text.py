"""What MariaDB and MySQL have as text: values as literals, types of columns, the first word."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from asyncmy.constants import FIELD_TYPE

from mcp_arangodb_async.connections.sql.connection import Column, Command
from mcp_arangodb_async.errors import InputError

BINARY, UNSIGNED = 63, 32
TYPES = {
    FIELD_TYPE.DECIMAL: "decimal", FIELD_TYPE.NEWDECIMAL: "decimal", FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint", FIELD_TYPE.LONG: "int", FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONGLONG: "bigint", FIELD_TYPE.FLOAT: "float", FIELD_TYPE.DOUBLE: "double",
    FIELD_TYPE.NULL: "null", FIELD_TYPE.TIMESTAMP: "timestamp", FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date", FIELD_TYPE.TIME: "time", FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.YEAR: "year", FIELD_TYPE.BIT: "bit", FIELD_TYPE.JSON: "json", FIELD_TYPE.ENUM: "enum",
    FIELD_TYPE.SET: "set", FIELD_TYPE.GEOMETRY: "geometry", FIELD_TYPE.VARCHAR: "varchar",
    FIELD_TYPE.VAR_STRING: "varchar", FIELD_TYPE.STRING: "char", FIELD_TYPE.TINY_BLOB: "tinytext",
    FIELD_TYPE.BLOB: "text", FIELD_TYPE.MEDIUM_BLOB: "mediumtext", FIELD_TYPE.LONG_BLOB: "longtext",
}  # fmt: skip
BINARY_TYPES = {
    "varchar": "varbinary", "char": "binary", "tinytext": "tinyblob", "text": "blob",
    "mediumtext": "mediumblob", "longtext": "longblob",
}  # fmt: skip
WHOLE = frozenset({"tinyint", "smallint", "int", "mediumint", "bigint"})
# Statements after which a session is as it was before.
PLAIN_CHANGES = frozenset({"select", "with", "insert", "update", "delete", "replace", "values", "table"})
# Texts that need no escape in any SQL mode.
PLAIN_TEXT = re.compile(r"[^\x00-\x1f\x7f'\\]*")


def column(field: Any) -> Column:
    """A column by the server's description of it."""
    name = TYPES.get(field.type_code, f"type {field.type_code}")
    if field.charsetnr == BINARY:
        name = BINARY_TYPES.get(name, name)
    if field.flags & UNSIGNED and name in WHOLE:
        name = f"{name} unsigned"
    return Column(name=field.name, type=name)


def first_word(text: str) -> str:
    """The first word of a statement, parentheses aside."""
    return text.lstrip("( \t\r\n").partition(" ")[0].split("\n")[0].split("(")[0].strip().lower()


def rendered(command: Command) -> str:
    """The statement with its values as literals where the pieces of the text meet."""
    pieces = command.pieces
    if not pieces:
        return command.text
    text = pieces[0]
    for value, piece in zip(command.parameters, pieces[1:], strict=True):
        text += (str(value) if type(value) is int else literal(value)) + piece
    return text


def literal(value: Any) -> str:
    """A value as SQL that means it in every SQL mode; raises InputError."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | Decimal():
            return f"{value}"
        case float():
            if not math.isfinite(value):
                raise InputError(f"a parameter cannot be {value}: the server has no such number")
            return f"{value!r}" if "e" in repr(value) else f"{value!r}e0"
        case str():
            if PLAIN_TEXT.fullmatch(value):
                return f"'{value}'"
            try:
                return f"_utf8mb4 X'{value.encode().hex()}'"
            except UnicodeEncodeError:
                raise InputError("a parameter holds half a character", field="parameters") from None
        case bytes():
            return f"X'{value.hex()}'"
        case list() | dict():
            return literal(json.dumps(value, ensure_ascii=False))
        case _:
            raise InputError(f"a parameter cannot be a {type(value).__name__}", field="parameters")
