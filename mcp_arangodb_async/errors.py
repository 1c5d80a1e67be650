"""Every error raised on purpose, as one tree.

    MaaError
    ├── ConfigError            the operator's file, variable or flag is wrong
    ├── InputError             the caller's argument is wrong
    │   └── UnknownDatabaseError   the key is not configured
    ├── NotFoundError          what was named does not exist
    ├── ConflictError          it exists already, or was changed meanwhile
    ├── DeniedError            policy or rights forbid it
    │   ├── ReadOnlyError          the database, session or server may only be read
    │   └── SealError              what is stored was altered, or does not open with the keys at hand
    ├── LimitError             a bound on rows, bytes, memory, size or rate was reached
    ├── UnsupportedError       this server cannot do it, and says so
    ├── CancelledCallError     the caller cancelled it; whatever ran on the server was stopped
    └── BackendError           a database answered with an error none of the above describes
        ├── AuthenticationError    it refused the credentials
        ├── UpstreamError          another MCP server answered with an error or with nonsense
        └── UnavailableError       it cannot be reached now; later may help
            ├── DeadlineError          it did not answer in time
            ├── UnreachableError       it has seen nothing of the call: another may get it
            └── LostSessionError       it has forgotten the session: the call can be sent in another one

Everything else is a bug: logged with its traceback, shown as a reference number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class MaaError(Exception):
    """An error with a stable code, a message that says what was given and what is possible, and facts.

    `code` is the word clients may rely on. `did_you_mean` lists the closest existing names.
    """

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        field: str | None = None,
        database: str | None = None,
        arango_error_num: int | None = None,
        did_you_mean: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
        self.database = database
        self.arango_error_num = arango_error_num
        self.did_you_mean = tuple(did_you_mean)


class ConfigError(MaaError):
    """The operator's file, variable or flag is wrong; `problems` lists every one found.

    Each problem is one line, `file:line: key: what is wrong`.
    """

    code = "invalid_configuration"

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class InputError(MaaError):
    """The caller's argument is wrong; `field` names it."""

    code = "invalid_argument"


class UnknownDatabaseError(InputError):
    """The database key is not configured; the message lists the configured keys."""

    code = "unknown_database"


class NotFoundError(MaaError):
    """What was named does not exist."""

    code = "not_found"


class ConflictError(MaaError):
    """It exists already, or somebody changed it meanwhile."""

    code = "conflict"


class DeniedError(MaaError):
    """Policy or rights forbid it."""

    code = "denied"


class ReadOnlyError(DeniedError):
    """The database, session or server may only be read."""

    code = "read_only"


class SealError(DeniedError):
    """What is stored under seal was altered or moved, or does not open with the keys at hand."""

    code = "seal_broken"


class LimitError(MaaError):
    """A bound on rows, bytes, memory, size or rate was reached."""

    code = "limit_exceeded"


class UnsupportedError(MaaError):
    """This server cannot do it, and says so."""

    code = "unsupported"


class CancelledCallError(MaaError):
    """The caller cancelled it; whatever ran on the server was stopped."""

    code = "cancelled"


class BackendError(MaaError):
    """A database answered with an error that no other class describes."""

    code = "internal"


class AuthenticationError(BackendError):
    """The database refused the credentials."""

    code = "denied"


class UpstreamError(BackendError):
    """Another MCP server answered with an error, or with something that is no answer."""

    code = "upstream_error"


class UnavailableError(BackendError):
    """The database cannot be reached now; later may help."""

    code = "unavailable"


class DeadlineError(UnavailableError):
    """The database did not answer in time."""

    code = "timeout"


class UnreachableError(UnavailableError):
    """No connection could be made: the server has seen nothing of the call, another may get it."""


class LostSessionError(UnavailableError):
    """The server has forgotten the session and did nothing; the call can be sent in another one."""
