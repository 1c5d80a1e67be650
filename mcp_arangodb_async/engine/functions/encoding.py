"""Hashes, encodings, JSON, identifiers and IPv4 addresses.

https://docs.arangodb.com/3.12/aql/functions/string/ and .../miscellaneous/
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid as identifiers
from collections.abc import Callable
from functools import cache
from typing import Final
from urllib.parse import quote

import orjson

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH, ERRORS, ArangoError
from mcp_arangodb_async.engine.functions.hashing import value_hash
from mcp_arangodb_async.engine.functions.registry import Function, asking, mismatch, plain
from mcp_arangodb_async.engine.values import (
    Value,
    decode_json,
    is_number,
    json_text,
    to_integer,
    to_string,
)

LONGEST_TOKEN: Final = 65_536
_ALPHANUMERIC: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def json_stringify(value: Value) -> Value:
    """JSON_STRINGIFY()."""
    return json_text(value)


def json_parse(ctx: FunctionContext, text: Value) -> Value:
    """JSON_PARSE(): null with a warning for text that is no JSON."""
    if not isinstance(text, str):
        return mismatch(ctx, "JSON_PARSE")
    ctx.charge(len(text) * 8)
    try:
        return decode_json(text)
    except (ArangoError, orjson.JSONDecodeError):
        return mismatch(ctx, "JSON_PARSE")


def to_base64(value: Value) -> Value:
    """TO_BASE64()."""
    return base64.b64encode(to_string(value).encode()).decode()


def to_hex(value: Value) -> Value:
    """TO_HEX()."""
    return to_string(value).encode().hex()


def encode_uri_component(value: Value) -> Value:
    """ENCODE_URI_COMPONENT(): as the function of that name in JavaScript."""
    return quote(to_string(value), safe="!'()*-._~")


def _digest(algorithm: str) -> Callable[[Value], Value]:
    def call(value: Value) -> Value:
        return hashlib.new(algorithm, to_string(value).encode(), usedforsecurity=False).hexdigest()

    return call


_CASTAGNOLI: Final = 0x82F63B78
"""The polynomial 0x1EDC6F41 with its bits reversed."""


@cache
def _crc_table() -> tuple[int, ...]:
    table: list[int] = []
    for value in range(256):
        remainder = value
        for _ in range(8):
            remainder = remainder >> 1 ^ (_CASTAGNOLI if remainder & 1 else 0)
        table.append(remainder)
    return tuple(table)


def crc32(ctx: FunctionContext, value: Value) -> Value:
    """CRC32(): the Castagnoli variant, in hexadecimal without leading zeros."""
    table = _crc_table()
    remainder = 0xFFFFFFFF
    for count, byte in enumerate(to_string(value).encode()):
        remainder = table[(remainder ^ byte) & 0xFF] ^ remainder >> 8
        if count & 0xFFFF == 0xFFFF:
            ctx.check()
    return f"{remainder ^ 0xFFFFFFFF:X}"


def fnv64(ctx: FunctionContext, value: Value) -> Value:
    """FNV64(): FNV-1a, in hexadecimal without leading zeros."""
    result = 0xCBF29CE484222325
    for count, byte in enumerate(to_string(value).encode()):
        result = (result ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        if count & 0xFFFF == 0xFFFF:
            ctx.check()
    return f"{result:X}"


def hash_number(value: Value) -> Value:
    """HASH(): the lower 51 bits of the value's hash."""
    return value_hash(value) & 0x0007FFFFFFFFFFFF


def uuid(ctx: FunctionContext) -> Value:
    """UUID(): a random one (version 4)."""
    number = 0
    for _ in range(4):
        number = number << 32 | int(ctx.random() * 2**32)
    return str(identifiers.UUID(int=number, version=4))


def random_token(ctx: FunctionContext, length: Value) -> Value:
    """RANDOM_TOKEN(): letters and digits; a length out of range is an error, not a warning."""
    count = to_integer(length)
    if not 0 <= count <= LONGEST_TOKEN:
        num = ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH
        raise ArangoError(num, ERRORS[num].message % "RANDOM_TOKEN")
    return "".join([_ALPHANUMERIC[int(ctx.random() * len(_ALPHANUMERIC))] for _ in range(count)])


_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)


def is_ipv4(value: Value) -> Value:
    """IS_IPV4(): four octets without padding zeros."""
    return isinstance(value, str) and _IPV4.fullmatch(value) is not None


def ipv4_from_number(ctx: FunctionContext, value: Value) -> Value:
    """IPV4_FROM_NUMBER()."""
    if not is_number(value) or not 0 <= (number := to_integer(value)) <= 0xFFFFFFFF:
        return mismatch(ctx, "IPV4_FROM_NUMBER")
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def ipv4_to_number(ctx: FunctionContext, value: Value) -> Value:
    """IPV4_TO_NUMBER()."""
    if not isinstance(value, str) or _IPV4.fullmatch(value) is None:
        return mismatch(ctx, "IPV4_TO_NUMBER")
    return int.from_bytes(bytes(map(int, value.split("."))), "big")


FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("JSON_STRINGIFY", "1", json_stringify),
    asking("JSON_PARSE", "1", json_parse),
    plain("TO_BASE64", "1", to_base64),
    plain("TO_HEX", "1", to_hex),
    plain("ENCODE_URI_COMPONENT", "1", encode_uri_component),
    plain("MD5", "1", _digest("md5")),
    plain("SHA1", "1", _digest("sha1")),
    plain("SHA256", "1", _digest("sha256")),
    plain("SHA512", "1", _digest("sha512")),
    asking("CRC32", "1", crc32),
    asking("FNV64", "1", fnv64),
    plain("HASH", "1", hash_number),
    asking("UUID", "0", uuid, deterministic=False, cacheable=False),
    asking("RANDOM_TOKEN", "1", random_token, deterministic=False, cacheable=False),
    plain("IS_IPV4", "1", is_ipv4),
    asking("IPV4_FROM_NUMBER", "1", ipv4_from_number),
    asking("IPV4_TO_NUMBER", "1", ipv4_to_number),
)
