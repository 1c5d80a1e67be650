"""Drivers' errors become ours, by the codes of the servers.

Messages are the server's own words; its details and hints are left out, as they quote values of rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
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

# SQLSTATE, or its first two characters (https://www.postgresql.org/docs/current/errcodes-appendix.html).
SQLSTATES: Mapping[str, type[MaaError]] = {
    "08": UnavailableError,
    "0A": UnsupportedError,
    "21": InputError,
    "22": InputError,
    "23": ConflictError,
    "25": BackendError,
    "25006": ReadOnlyError,
    "26": InputError,
    "28": AuthenticationError,
    "3D": NotFoundError,
    "3F": NotFoundError,
    "40": ConflictError,
    "42": InputError,
    "42501": DeniedError,
    "42P01": NotFoundError,
    "42703": NotFoundError,
    "42704": NotFoundError,
    "42883": NotFoundError,
    "42P07": ConflictError,
    "42710": ConflictError,
    "53": UnavailableError,
    "53200": LimitError,
    "53400": LimitError,
    "54": LimitError,
    "55": ConflictError,
    "57014": DeadlineError,
    "57P": UnavailableError,
}
# MySQL's and MariaDB's error numbers (https://mariadb.com/kb/en/mariadb-error-code-reference/).
MYSQL_NUMBERS: Mapping[int, type[MaaError]] = {
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370), DeniedError),
    **dict.fromkeys((1045, 1698, 1862, 4151), AuthenticationError),
    **dict.fromkeys((1290, 1792, 1836), ReadOnlyError),
    **dict.fromkeys((1049, 1051, 1054, 1091, 1109, 1146, 1176, 1305, 1630), NotFoundError),
    **dict.fromkeys((1007, 1008, 1022, 1048, 1050, 1062, 1169, 1205, 1213, 1216, 1217, 1451, 1452, 1586,
                     4025), ConflictError),
    **dict.fromkeys((1052, 1055, 1056, 1064, 1065, 1066, 1111, 1136, 1140, 1149, 1210, 1222, 1241, 1242,
                     1247, 1248, 1264, 1292, 1365, 1366, 1367, 1406, 1411, 1690, 4078), InputError),
    **dict.fromkeys((1037, 1038, 1041, 1104, 1114, 1153, 1206, 1301, 1436), LimitError),
    **dict.fromkeys((1235, 1295, 1289), UnsupportedError),
    **dict.fromkeys((1317, 1907, 1969, 3024), DeadlineError),
    **dict.fromkeys((1040, 1053, 1077, 1080, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927,
                     2002, 2003, 2005, 2006, 2013, 2014), UnavailableError),
}  # fmt: skip
# SQLite's primary result codes (https://www.sqlite.org/rescode.html).
SQLITE_CODES: Mapping[int, type[MaaError]] = {
    1: InputError,  # SQLITE_ERROR: whatever is wrong with the statement
    3: DeniedError,
    5: ConflictError,
    6: ConflictError,
    7: LimitError,
    8: ReadOnlyError,
    9: DeadlineError,
    10: UnavailableError,
    11: BackendError,
    13: LimitError,
    14: UnavailableError,
    17: ConflictError,
    18: LimitError,
    19: ConflictError,
    20: InputError,
    23: DeniedError,
    26: BackendError,
}
LONGEST_MESSAGE = 500
HINTS: Mapping[type[MaaError], str] = {
    AuthenticationError: "check user and password_env of the environment",
    DeadlineError: "ask for less, or raise the environment's query_timeout",
}


def from_sqlstate(state: str, message: str) -> MaaError:
    """The error for a SQLSTATE."""
    kind = next((SQLSTATES[key] for key in (state, state[:3], state[:2]) if key in SQLSTATES), BackendError)
    return made(kind, f"{message} (SQLSTATE {state})")


def from_mysql(number: int, message: str) -> MaaError:
    """The error for an error number of MySQL or MariaDB."""
    return made(MYSQL_NUMBERS.get(number, BackendError), f"{message} (error {number})")


def from_sqlite(code: int, message: str) -> MaaError:
    """The error for a result code of SQLite, the extended ones included."""
    kind = SQLITE_CODES.get(code & 0xFF, BackendError)
    if kind is InputError and any(
        what in message for what in ("no such table", "no such column", "no such f")
    ):
        kind = NotFoundError
    return made(kind, message)


def made(kind: type[MaaError], message: str) -> MaaError:
    """The error, its message cut to what is worth reading."""
    words = " ".join(message.split())
    if len(words) > LONGEST_MESSAGE:
        words = words[: LONGEST_MESSAGE - 3] + "..."
    hint = next((HINTS[one] for one in kind.__mro__ if one in HINTS), None)
    return kind(words, hint=hint, field="sql" if issubclass(kind, InputError) else None)


def too_large(size: int) -> LimitError:
    """The error of an answer whose rows do not fit into the memory they are given."""
    return LimitError(
        f"the answer holds a row or a chunk larger than {size // 2**20} MiB; it was stopped",
        hint="select fewer or smaller columns, such as substring(col, 1, 1000)",
    )


def not_in_time(address: str, seconds: float) -> DeadlineError:
    """The error of a statement that its deadline ended."""
    return DeadlineError(
        f"{address}: no answer within {seconds:.3g} s; the statement was stopped on the server",
        hint=HINTS[DeadlineError],
    )
