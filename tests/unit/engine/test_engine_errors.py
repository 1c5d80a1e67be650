"""ArangoDB's error numbers: names, messages, statuses, and the exception that carries them."""

from __future__ import annotations

import pickle

import pytest
from arangoasync import errno

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.errors import ERRORS, ArangoError, status_of

CONSTANTS = {name: number for name, number in vars(errors).items() if name.startswith("ERROR_")}


def test_every_constant_has_its_row_and_every_row_its_constant() -> None:
    assert {fact.name: number for number, fact in ERRORS.items()} == CONSTANTS


def test_every_number_is_one_the_driver_knows() -> None:
    newer = {errors.ERROR_QUERY_OBJECT_EXPECTED}  # of ArangoDB 4.0, which the driver does not know yet
    assert set(ERRORS) - newer <= {value for name, value in vars(errno).items() if name.isupper()}


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errors.ERROR_QUERY_PARSE, 400),
        (errors.ERROR_ARANGO_DOCUMENT_KEY_BAD, 400),
        (errors.ERROR_FORBIDDEN, 403),
        (errors.ERROR_ARANGO_DATA_SOURCE_NOT_FOUND, 404),
        (errors.ERROR_ARANGO_DOCUMENT_NOT_FOUND, 404),
        (errors.ERROR_HTTP_METHOD_NOT_ALLOWED, 405),
        (errors.ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED, 409),
        (errors.ERROR_QUERY_KILLED, 410),
        (errors.ERROR_HTTP_PRECONDITION_FAILED, 412),
        (errors.ERROR_INTERNAL, 500),
        (errors.ERROR_NOT_IMPLEMENTED, 501),
        (999_999, 500),
    ],
)
def test_a_number_has_an_http_status(number: int, status: int) -> None:
    assert status_of(number) == status
    assert ArangoError(number).status == status


def test_an_error_takes_the_tables_message_unless_it_is_given_one() -> None:
    plain = ArangoError(errors.ERROR_ARANGO_CONFLICT)
    assert (plain.num, plain.message, plain.name) == (1200, "conflict", "ERROR_ARANGO_CONFLICT")
    assert str(plain) == "[1200] conflict"
    given = ArangoError(1501, "oh", line=1, column=2, status=418)
    assert (given.message, given.line, given.column, given.status) == ("oh", 1, 2, 418)
    unknown = ArangoError(999_999)
    assert (unknown.message, unknown.name) == ("unknown error", "ERROR_UNKNOWN")


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ArangoError(1501, "oh", line=3, column=4, status=418)))
    assert (error.num, error.message, error.line, error.column, error.status) == (1501, "oh", 3, 4, 418)
