"""ArangoDB's numbers and our errors."""

from __future__ import annotations

import pytest

from mcp_arangodb_async import errors
from mcp_arangodb_async.connections.translate import NUMBERS, STATUSES, server_error, translate


@pytest.mark.parametrize(
    ("number", "status", "kind"),
    [
        (1202, 404, errors.NotFoundError),
        (1203, 404, errors.NotFoundError),
        (1212, 404, errors.NotFoundError),
        (1228, 404, errors.NotFoundError),
        (1600, 404, errors.NotFoundError),
        (1924, 404, errors.NotFoundError),
        (1200, 412, errors.ConflictError),
        (1207, 409, errors.ConflictError),
        (1210, 409, errors.ConflictError),
        (1925, 409, errors.ConflictError),
        (1501, 400, errors.InputError),
        (1551, 400, errors.InputError),
        (1221, 400, errors.InputError),
        (1620, 400, errors.InputError),
        (1582, 404, errors.UnsupportedError),
        (1500, 410, errors.CancelledCallError),
        (32, 500, errors.LimitError),
        (1216, 400, errors.LimitError),
        (1004, 403, errors.ReadOnlyError),
        (11, 403, errors.DeniedError),
        (401, 401, errors.AuthenticationError),
        (9, 501, errors.UnsupportedError),
        (1470, 501, errors.UnsupportedError),
        (30, 503, errors.UnavailableError),
        (1465, 503, errors.UnavailableError),
        (None, 401, errors.AuthenticationError),
        (None, 404, errors.NotFoundError),
        (None, 503, errors.UnavailableError),
        (None, 500, errors.BackendError),
        (123456, 500, errors.BackendError),
        (123456, 409, errors.ConflictError),
    ],
)
def test_a_number_decides_before_the_status(
    number: int | None, status: int, kind: type[errors.MaaError]
) -> None:
    error = server_error(number, "what the server said", status, database="prod")
    assert type(error) is kind
    assert (error.database, error.arango_error_num) == ("prod", number)
    assert "what the server said" in error.message


def test_forbidden_for_being_read_only_says_so() -> None:
    assert isinstance(server_error(11, "server is in read-only mode", 403), errors.ReadOnlyError)
    assert not isinstance(server_error(11, "no access", 403), errors.ReadOnlyError)


def test_a_mistake_in_aql_keeps_its_line_and_column() -> None:
    message = "syntax error, unexpected assignment near '= 30 RETURN u' at position 1:29"
    assert server_error(1501, message, 400).message == message


def test_an_endless_message_is_cut() -> None:
    assert len(server_error(4, "x" * 100_000, 500).message) <= 2000


def test_every_entry_is_one_of_our_errors() -> None:
    assert all(issubclass(kind, errors.MaaError) for kind in (*NUMBERS.values(), *STATUSES.values()))


def test_our_own_errors_pass_and_learn_their_database() -> None:
    error = errors.LimitError("too much")
    assert translate(error, database="prod") is error
    assert error.database == "prod"
    assert translate(error, database="other").database == "prod"


def test_a_bug_is_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError):
        translate(ZeroDivisionError(), database="prod")
