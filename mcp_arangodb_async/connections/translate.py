"""ArangoDB's and the driver's errors become ours, once, by number.

Numbers and their meanings: https://docs.arangodb.com/3.12/develop/error-codes-and-meanings/. A number
that is not in the table is judged by its HTTP status; what neither explains is a BackendError with the
server's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mcp_arangodb_async.connections.suggest import split_suggestion
from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
    CancelledCallError,
    ConflictError,
    DeadlineError,
    DeniedError,
    InputError,
    LimitError,
    MaaError,
    NotFoundError,
    ReadOnlyError,
    UnavailableError,
    UnsupportedError,
)

_MAXIMUM_MESSAGE = 2000


def _numbers(*entries: tuple[type[MaaError], Iterable[int]]) -> Mapping[int, type[MaaError]]:
    return {number: kind for kind, numbers in entries for number in numbers}


NUMBERS: Mapping[int, type[MaaError]] = _numbers(
    # AQL's own numbers and those of malformed requests; exceptions are listed after and win.
    (InputError, range(1501, 1600)),
    (InputError, (5, 6, 7, 10, 17, 37, 39, 600, 601)),
    (InputError, (1204, 1205, 1208, 1209, 1213, 1214, 1218, 1220, 1221, 1222, 1226, 1227, 1229, 1230)),
    (InputError, (1232, 1233, 1235, 1237, 1239, 1466, 1468, 1469, 1620, 1621, 1651, 1652, 1653, 1700)),
    (InputError, (1901, 1906, 1910, 1922, 1923, 1927, 1935, 1936, 1940, 1943, 1944, 1945, 1946, 1947, 1948)),
    (InputError, range(4000, 4012)),
    (NotFoundError, (14, 1202, 1203, 1212, 1228, 1591, 1600, 1655, 1703, 1924, 1926, 1928, 1930, 1932)),
    (NotFoundError, (1939, 1949)),
    (ConflictError, (18, 28, 29, 1005, 1200, 1207, 1210, 1485, 1601, 1654, 1702, 1920, 1921, 1925)),
    (
        ConflictError,
        (1929, 1938, 1942),
    ),
    (ReadOnlyError, (1004,)),
    (DeniedError, (11, 1705, 1450, 9001, 9002, 9003, 9006, 9007, 9008)),
    (LimitError, (3, 32, 1104, 1216, 1225, 1522, 1524, 1576, 7004, 9005)),
    (UnsupportedError, (8, 9, 31, 35, 36, 1470, 1471, 1477, 1582, 9004)),
    (CancelledCallError, (21, 1500)),
    (
        UnavailableError,
        (30, 38, 1302, 1303, 1400, 1404, 1429, 1457, 1464, 1465, 1474, 1478, 1489, 1490, 1491),
    ),
    (UnavailableError, (1492, 1495, 1496, 1521, 21003, 21005)),
    (DeadlineError, (21004,)),
    (AuthenticationError, (401, 1950, 1951)),
)

STATUSES: Mapping[int, type[MaaError]] = {
    400: InputError,
    401: AuthenticationError,
    403: DeniedError,
    404: NotFoundError,
    405: UnsupportedError,
    408: DeadlineError,
    409: ConflictError,
    410: CancelledCallError,
    412: ConflictError,
    413: LimitError,
    429: LimitError,
    501: UnsupportedError,
    502: UnavailableError,
    503: UnavailableError,
    504: DeadlineError,
}

_HINTS: Mapping[int, str] = {
    32: "raise memory_limit, or return less: LIMIT, KEEP, COLLECT, or a narrower FILTER",
    401: "check the user name and the variable named by password_env",
    1200: "read the document again and repeat the change",
    1228: "the configured database does not exist on its server",
    1500: "its time was over or somebody killed it: raise max_runtime, or explain it and make it cheaper",
    1600: "cursors end when they are idle: run the query again",
}

_READ_ONLY = re.compile(r"read.?only", re.IGNORECASE)


def server_error(
    number: int | None, message: str | None, status: int, *, database: str | None = None
) -> MaaError:
    """The error for what a server answered; `number` is its errorNum, where it gave one."""
    kind = NUMBERS.get(number, None) if number is not None else None
    if kind is None:
        kind = STATUSES.get(status, BackendError)
    text, close = split_suggestion(message or f"the server answered {status} without a message")
    text = text[:_MAXIMUM_MESSAGE]
    if kind is DeniedError and _READ_ONLY.search(text):
        kind = ReadOnlyError
    if kind is AuthenticationError:
        text = f"the server refused the login ({text})"
    hint = _HINTS.get(number if number is not None else status)
    return kind(text, database=database, arango_error_num=number, hint=hint, did_you_mean=close)


def translate(error: BaseException, *, database: str | None = None) -> MaaError:
    """Our error for one of the driver's; ours pass unchanged, but learn the database they belong to.

    For everything else, which is a bug, the error itself is raised on.
    """
    if isinstance(error, MaaError):
        if error.database is None:
            error.database = database
        return error
    # The driver is imported late (manager.py says why); whoever holds one of its errors has loaded it.
    from arangoasync import exceptions

    if isinstance(error, exceptions.ArangoServerError):
        status = error.http_code
        # Without an errorNum the driver repeats the status as its code.
        number = error.response.error_code
        return server_error(number, error.error_message, status, database=database)
    if isinstance(error, exceptions.DocumentParseError):
        return InputError(error.message, database=database)
    if isinstance(error, exceptions.SerializationError):
        return InputError(
            "a value cannot be written as JSON: a number beyond 64 bits, text that is not Unicode, or a key "
            "that is no string",
            database=database,
        )
    if isinstance(error, exceptions.DeserializationError):
        return BackendError("the answer is not JSON: is this ArangoDB?", database=database)
    if isinstance(error, exceptions.ArangoClientError):
        return BackendError(error.message, database=database)
    raise error
