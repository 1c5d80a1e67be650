"""Seals: what is sealed for one place opens nowhere else, and nothing that was altered opens at all."""

from __future__ import annotations

import pickle
import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.errors import SealError
from mcp_arangodb_async.gateway.keys import HeldKeys
from mcp_arangodb_async.gateway.secrets import DataKey, KeyRing, Owner, Place, associated, open_all

pytestmark = pytest.mark.anyio
ACME = Owner(tenant="acme", incarnation="1")
HERE = Place(owner=ACME, server="postgres", field="password")
KEY = DataKey(ACME, 1, b"0123456789abcdef0123456789ABCDEF")


@given(st.text(min_size=1, max_size=300))
def test_a_secret_opens_where_it_was_sealed(text: str) -> None:
    assert KEY.open(HERE, KEY.seal(HERE, text, version=3, at="now")) == text


@given(st.binary(min_size=1, max_size=3), st.integers(0, 60))
def test_an_altered_secret_does_not_open(noise: bytes, at: int) -> None:
    sealed = KEY.seal(HERE, "a secret of some length", version=1, at="now")
    place = at % len(sealed.ciphertext)
    altered = sealed.ciphertext[:place] + noise + sealed.ciphertext[place + len(noise) :]
    if altered != sealed.ciphertext:
        with pytest.raises(SealError, match="tenant 'acme', server 'postgres', field 'password'"):
            KEY.open(HERE, replace(sealed, ciphertext=altered))
    with pytest.raises(SealError):
        KEY.open(HERE, replace(sealed, nonce=noise))


ELSEWHERE = {
    "another tenant": replace(HERE, owner=Owner(tenant="zeta", incarnation="1")),
    "another life": replace(HERE, owner=Owner(tenant="acme", incarnation="2")),
    "another server": replace(HERE, server="minio"),
    "another field": replace(HERE, field="headers.password"),
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_secret_that_was_moved_does_not_open(where: str) -> None:
    sealed = KEY.seal(HERE, "value", version=1, at="now")
    with pytest.raises(SealError, match="altered, or sealed for another place"):
        KEY.open(ELSEWHERE[where], sealed)


def test_a_secret_of_another_version_or_key_does_not_open() -> None:
    sealed = KEY.seal(HERE, "value", version=1, at="now")
    with pytest.raises(SealError):
        KEY.open(HERE, replace(sealed, version=2))
    with pytest.raises(SealError):
        DataKey(ACME, 1, b"another key of thirty-two bytes!").open(HERE, sealed)
    with pytest.raises(SealError):  # the same bytes lent to another tenant
        DataKey(Owner(tenant="zeta", incarnation="1"), 1, b"0123456789abcdef0123456789ABCDEF").open(
            HERE, sealed
        )


@given(st.lists(st.one_of(st.text(), st.integers()), min_size=1, max_size=4),
    st.lists(st.one_of(st.text(), st.integers()), min_size=1, max_size=4))  # fmt: skip
def test_different_parts_are_never_the_same_bytes(one: list[str | int], other: list[str | int]) -> None:
    assert (associated(*one) == associated(*other)) == (one == other)


def test_a_fingerprint_tells_values_apart_and_shows_nothing() -> None:
    one, same, other = (KEY.fingerprint(HERE, text) for text in ("pw-1", "pw-1", "pw-2"))
    assert one == same != other
    assert len(one) == 8
    assert one != KEY.fingerprint(replace(HERE, field="other"), "pw-1")


def test_nothing_shows_a_key_or_a_sealed_value() -> None:
    sealed = KEY.seal(HERE, "value", version=1, at="now")
    assert repr(KEY) == "DataKey(acme, 1)"
    assert "ciphertext" not in repr(sealed)
    assert sealed.shown == f"set since now, fingerprint {sealed.fingerprint}"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


def test_a_server_whose_key_is_gone_is_named() -> None:
    sealed = replace(KEY.seal(HERE, "value", version=1, at="now"), key_version=4)
    with pytest.raises(SealError, match="'password' was sealed with data key 4, which is not there"):
        open_all({1: KEY}, ACME, "postgres", {"password": sealed})


def test_a_row_that_was_altered_is_named() -> None:
    mark = KEY.mark(3, b"content")
    KEY.check(3, b"content", mark)
    for version, content in ((2, b"content"), (3, b"contents")):
        with pytest.raises(SealError, match=f"version {version} of tenant 'acme' was altered"):
            KEY.check(version, content, mark)


async def test_a_key_ring_keeps_so_many_keys_and_forgets_tenants() -> None:
    ring = KeyRing(HeldKeys("x", lambda: secrets.token_hex(32)), kept=2)
    _, wrapped = await ring.new(ACME, 1)
    await ring.new(ACME, 2)
    zeta = Owner(tenant="zeta", incarnation="1")
    await ring.new(zeta, 1)
    assert ring.kept(ACME, 1) is None
    assert ring.kept(ACME, 2) is not None
    again = await ring.open(ACME, 1, wrapped)
    assert again is await ring.open(ACME, 1, wrapped)
    ring.forget("acme")
    assert ring.kept(ACME, 1) is None
    with pytest.raises(SealError, match="data key 1 of tenant 'zeta': its wrapping was altered"):
        await ring.open(Owner(tenant="zeta", incarnation="2"), 1, wrapped)
    assert await ring.rewrap(ACME, 1, wrapped) is None
