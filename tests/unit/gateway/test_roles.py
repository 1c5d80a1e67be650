"""Who may do what to whom: every cell of the table, and whom a token makes its bearer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from mcp_arangodb_async.config.tenancy import TenancySettings
from mcp_arangodb_async.errors import DeniedError, InputError
from mcp_arangodb_async.gateway.roles import (
    ROLES,
    TABLE,
    Action,
    Identity,
    Relation,
    act_for,
    decide,
    identity_from_claims,
    relation_of,
)

ACTIONS: tuple[Action, ...] = get_args(Action)
RELATIONS: tuple[Relation, ...] = get_args(Relation)
SETTINGS = TenancySettings()
# Written out once more by hand: what a reader of the requirements expects. o own, a acting, p platform.
EXPECTED = """
                   uber_admin  tenant_admin  project_admin  end_user
upstream.use       oa          o             o              o
config.explain     oa          o             o              -
config.read        oa          o             -              -
config.validate    oa          o             -              -
config.test        oa          o             -              -
config.write       oa          o             -              -
config.rollback    oa          o             -              -
config.delete      oa          o             -              -
config.export      oa          o             -              -
config.import      oa          o             -              -
tools.approve      oa          o             -              -
api_keys.manage    oap         o             -              -
audit.read         oa          o             -              -
keys.rotate        oa          o             -              -
tenants.list       p           -             -              -
master.rotate      p           -             -              -
"""


def expected() -> dict[tuple[str, str], str]:
    _, *lines = [line.split() for line in EXPECTED.strip().splitlines()]
    roles = EXPECTED.split()[:4]
    return {(action, role): cell for action, *cells in lines for role, cell in zip(roles, cells, strict=True)}


def asking(role: Any, relation: Relation) -> tuple[Identity, str | None]:
    """Somebody of this role, and a tenant that is this to them."""
    own = Identity(principal="ann", role=role, tenant="acme")
    match relation:
        case "own":
            return own, "acme"
        case "acting":
            return replace(own, tenant=None, acting_for="acme"), "acme"
        case "foreign":
            return own, "zeta"
        case "platform":
            return replace(own, tenant=None), None


def is_allowed(identity: Identity | None, action: Action, tenant: str | None) -> bool:
    try:
        decide(identity, action, tenant)
    except DeniedError:
        return False
    return True


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", ROLES)
def test_each_cell_of_the_table_is_as_it_is_written(role: Any, action: Action) -> None:
    cell = expected()[action, role]
    for relation in RELATIONS:
        identity, tenant = asking(role, relation)
        assert relation_of(identity, tenant) == relation
        assert is_allowed(identity, action, tenant) == (relation[0] in cell), relation
    # Beside each refusal there is the same call by somebody who may, and beside each permission a refusal.
    others = [asking(other, relation) for other in ROLES for relation in RELATIONS]
    assert any(is_allowed(identity, action, tenant) for identity, tenant in others)
    identity, tenant = asking(role, "foreign")
    assert not is_allowed(identity, action, tenant)
    assert not is_allowed(None, action, "acme")


def test_the_table_knows_every_role_and_no_other_action() -> None:
    assert set(TABLE) == set(ROLES)
    assert {action for row in TABLE.values() for action in row} == set(ACTIONS)
    assert set(expected()) == {(action, role) for action in ACTIONS for role in ROLES}
    assert not any("foreign" in relations for row in TABLE.values() for relations in row.values())


@pytest.mark.parametrize("role", ["", "admin", "UBER_ADMIN", "uber_admin ", None, 7])
def test_a_role_that_is_none_may_nothing(role: Any) -> None:
    for action in ACTIONS:
        assert not is_allowed(Identity(principal="x", role=role, tenant="acme"), action, "acme")


def test_who_acts_for_one_tenant_reaches_no_other_nor_the_own() -> None:
    identity = Identity(principal="root", role="uber_admin", tenant="home", acting_for="acme")
    assert is_allowed(identity, "config.write", "acme")
    for tenant in ("home", "zeta", None):
        assert not is_allowed(identity, "config.write", tenant)
    assert identity.scope == "acme"
    assert act_for(Identity(principal="root", role="uber_admin"), "acme").scope == "acme"


@pytest.mark.parametrize("role", ROLES[1:])
def test_only_an_uber_admin_acts_for_another(role: Any) -> None:
    with pytest.raises(DeniedError, match=f"role {role} cannot act for another tenant"):
        act_for(Identity(principal="x", role=role, tenant="acme"), "acme")
    # Even an identity that says so: the table has no such cell for it.
    forged = Identity(principal="x", role=role, tenant="acme", acting_for="acme")
    assert not any(is_allowed(forged, action, "acme") for action in ACTIONS)


def test_a_tenant_to_act_for_must_be_one() -> None:
    with pytest.raises(InputError, match="is not a tenant's id"):
        act_for(Identity(principal="root", role="uber_admin"), "a/b")


def test_a_refusal_says_who_may() -> None:
    with pytest.raises(DeniedError) as caught:
        decide(Identity(principal="x", role="end_user", tenant="acme"), "config.write", "acme")
    assert caught.value.message == "role end_user may not do config.write for its own tenant"
    assert caught.value.hint == "roles that may: uber_admin, tenant_admin"
    with pytest.raises(DeniedError) as caught:
        decide(Identity(principal="x", role="tenant_admin", tenant="acme"), "config.write", "zeta")
    assert caught.value.hint == "only an Uber Admin reaches another tenant, by acting_for"
    with pytest.raises(DeniedError) as caught:
        decide(Identity(principal="x", role="tenant_admin", tenant="acme"), "tenants.list", None)
    assert caught.value.hint == "only an Uber Admin does this without naming a tenant"
    with pytest.raises(DeniedError) as caught:
        decide(Identity(principal="x", role="uber_admin"), "config.read", None)
    assert caught.value.hint == "name a tenant"


CLAIMS = {"sub": "ann", "tenant_id": "acme", "role": "tenant_admin"}


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        (CLAIMS, "tenant_admin"),
        ({**CLAIMS, "role": "user"}, "end_user"),
        ({**CLAIMS, "role": "viewer"}, "end_user"),
        ({**CLAIMS, "role": "viewer project_admin other"}, "project_admin"),
        ({**CLAIMS, "role": ["nothing", "end_user", "tenant_admin", 5]}, "tenant_admin"),
        ({**CLAIMS, "role": "uber_admin"}, "uber_admin"),
    ],
)
def test_a_token_makes_its_bearer_what_it_says(claims: dict[str, Any], role: str) -> None:
    found = identity_from_claims(claims, SETTINGS)
    assert (found.principal, found.role, found.tenant, found.acting_for) == ("ann", role, "acme", None)


def test_an_uber_admin_needs_no_tenant() -> None:
    claims = {"sub": "root", "role": "uber_admin"}
    assert identity_from_claims(claims, SETTINGS) == Identity(principal="root", role="uber_admin")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"sub": None}, "names no user"),
        ({"sub": ""}, "names no user"),
        ({"sub": 5}, "names no user"),
        ({"role": None}, "names no role"),
        ({"role": "root"}, "names no role"),
        ({"role": {"uber_admin": True}}, "names no role"),
        ({"role": [["uber_admin"]]}, "names no role"),
        ({"role": ["x"] * 100 + ["uber_admin"]}, "names no role"),
        ({"tenant_id": None}, "names no tenant"),
        ({"tenant_id": ["acme", "zeta"]}, "names no tenant"),
        ({"tenant_id": "a/../b"}, "names no tenant"),
        ({"tenant_id": "@platform"}, "names no tenant"),
        ({"tenant_id": ""}, "names no tenant"),
        ({"role": "uber_admin", "tenant_id": ""}, "names no tenant"),
    ],
)
def test_a_token_that_does_not_say_enough_is_refused(change: dict[str, Any], what: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    with pytest.raises(DeniedError, match=what):
        identity_from_claims(claims, SETTINGS)


def test_claims_may_have_other_names_and_be_nested() -> None:
    settings = TenancySettings(
        claim_user="preferred_username",
        claim_tenant="https://example.com/tenant",
        claim_role="realm_access.roles",
        claim_roles={"realm-admin": "uber_admin", "viewer": "project_admin"},
    )
    claims: dict[str, Any] = {
        "preferred_username": "ann",
        "https://example.com/tenant": "acme",
        "realm_access": {"roles": ["viewer"]},
    }
    assert identity_from_claims(claims, settings).role == "project_admin"
    claims["realm_access"]["roles"].append("realm-admin")
    assert identity_from_claims(claims, settings).role == "uber_admin"
    del claims["preferred_username"]
    assert identity_from_claims(claims, settings, subject="static").principal == "static"
    others: list[dict[str, Any]] = [{"realm_access": []}, {"realm_access": "uber_admin"}]
    for wrong in others:
        with pytest.raises(DeniedError, match="names no role"):
            identity_from_claims({**claims, **wrong}, settings, subject="x")
