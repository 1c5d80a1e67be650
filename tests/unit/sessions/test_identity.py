"""Which session a call belongs to: the contract's list as a table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.sessions import SessionRequest, handle_session, mint_handle, session_of

HANDLE = mint_handle()
MODERN = {"transport": "http", "era": "stateless"}
OLD = {"transport": "http", "era": "handshake"}
STDIO = {"transport": "stdio", "era": "handshake"}


@pytest.mark.parametrize(
    ("request_", "source", "has_id", "shared", "mint", "fixed"),
    [
        # 1. A handle, wherever it comes from.
        ({**MODERN, "handle": HANDLE}, "handle", True, False, False, None),
        ({**OLD, "handle": HANDLE, "transport_session": "t"}, "handle", True, False, False, None),
        ({**STDIO, "handle": HANDLE}, "handle", True, False, False, None),
        (
            {**MODERN, "handle": HANDLE, "principal": "ann", "writes": True},
            "handle",
            True,
            False,
            False,
            None,
        ),
        # 2. The endpoint fixes the focus, for anybody; what else there is to remember stays where it was.
        ({**MODERN, "endpoint_database": "prod"}, "endpoint", False, False, False, "prod"),
        (
            {**MODERN, "endpoint_database": "prod", "principal": "ann", "writes": True},
            "endpoint",
            False,
            False,
            False,
            "prod",
        ),
        ({**MODERN, "endpoint_database": "prod", "sets_state": True}, "endpoint", False, False, True, "prod"),
        (
            {**OLD, "endpoint_database": "prod", "transport_session": "t"},
            "transport",
            True,
            False,
            False,
            "prod",
        ),
        ({**MODERN, "endpoint_database": "prod", "handle": HANDLE}, "handle", True, False, False, "prod"),
        # 3. Mcp-Session-Id of a handshake-era client; a stateless one cannot have it.
        ({**OLD, "transport_session": "t"}, "transport", True, False, False, None),
        (
            {**OLD, "transport_session": "t", "principal": "ann", "writes": True},
            "transport",
            True,
            False,
            False,
            None,
        ),
        ({**MODERN, "transport_session": "t"}, "none", False, False, False, None),
        # 4. stdio, in both eras.
        (STDIO, "stdio", True, False, False, None),
        (
            {**STDIO, "era": "stateless", "writes": True, "sets_state": True},
            "stdio",
            True,
            False,
            False,
            None,
        ),
        # 5. The principal's default session, for tools that read.
        ({**MODERN, "principal": "ann"}, "principal", True, True, False, None),
        ({**MODERN, "principal": "ann", "sets_state": True}, "principal", True, True, True, None),
        (
            {**MODERN, "principal": "ann", "writes": True, "names_database": True},
            "principal",
            True,
            True,
            False,
            None,
        ),
        ({**OLD, "principal": "ann"}, "none", False, False, False, None),
        # 6. None.
        (MODERN, "none", False, False, False, None),
        ({**MODERN, "writes": True}, "none", False, False, False, None),
        ({**MODERN, "sets_state": True}, "none", False, False, True, None),
    ],
)
def test_the_first_that_applies(
    request_: dict[str, Any], source: str, has_id: bool, shared: bool, mint: bool, fixed: str | None
) -> None:
    choice = session_of(SessionRequest(**request_))
    assert (choice.source, choice.id is not None, choice.shared, choice.mint, choice.fixed_focus) == (
        source, has_id, shared, mint, fixed,
    )  # fmt: skip
    assert choice.must_exist is (source == "handle")


def test_a_write_does_not_rest_on_a_focus_that_conversations_share() -> None:
    with pytest.raises(InputError, match="pass `database`") as caught:
        session_of(SessionRequest(transport="http", era="stateless", principal="ann", writes=True))
    assert caught.value.field == "database"


@pytest.mark.parametrize(
    "handle",
    ["", "stdio", "mss_", "mss_" + "a" * 31, "mss_" + "a" * 33, "mss_" + "ä" * 32, "mss_" + "a" * 32 + "\n"],
)
def test_what_cannot_be_a_handle_is_refused(handle: str) -> None:
    with pytest.raises(InputError, match="not a session handle") as caught:
        session_of(SessionRequest(transport="http", era="stateless", handle=handle))
    assert caught.value.field == "session"


def test_handles_are_long_and_never_the_same() -> None:
    handles = {mint_handle() for _ in range(1000)}
    assert len(handles) == 1000
    assert all(len(handle) == 36 for handle in handles)


PRINCIPALS = st.none() | st.text(max_size=20)


@given(one=PRINCIPALS, other=PRINCIPALS)
def test_a_handle_shown_by_somebody_else_is_another_session(one: str | None, other: str | None) -> None:
    assert (handle_session(HANDLE, one) == handle_session(HANDLE, other)) is (one == other)


@given(
    one=st.tuples(st.text(max_size=20), PRINCIPALS),
    other=st.tuples(st.text(max_size=20), PRINCIPALS),
)
def test_a_transport_session_belongs_to_its_principal(
    one: tuple[str, str | None], other: tuple[str, str | None]
) -> None:
    ids = {
        session_of(
            SessionRequest(transport="http", era="handshake", transport_session=session, principal=principal)
        ).id
        for session, principal in (one, other)
    }
    assert len(ids) == len({one, other})


def test_an_id_gives_the_handle_away_to_nobody() -> None:
    assert HANDLE.removeprefix("mss_") not in handle_session(HANDLE, "ann")
    assert "ann" not in handle_session(HANDLE, "ann")
