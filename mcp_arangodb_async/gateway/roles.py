"""Who may do what to which tenant: one table, one function.

    decide(identity, "config.write", "acme")    # returns, or raises DeniedError

What the table does not list is refused. The tenant of a call is that of the caller's token or key; only an
Uber Admin names another one, and says so (`acting_for`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast, get_args

from mcp_arangodb_async.config.tenancy import Role, TenancySettings
from mcp_arangodb_async.errors import DeniedError
from mcp_arangodb_async.gateway.tenants.model import TENANT_ID, check_tenant

Action = Literal[
    "upstream.use",
    "config.explain",
    "config.read",
    "config.validate",
    "config.test",
    "config.write",
    "config.rollback",
    "config.delete",
    "config.export",
    "config.import",
    "tools.approve",
    "api_keys.manage",
    "audit.read",
    "keys.rotate",
    "tenants.list",
    "master.rotate",
]
# What the tenant of a call is to the caller: the token's own, one acted for, somebody else's, or none at all.
Relation = Literal["own", "acting", "foreign", "platform"]
Way = Literal["token", "api_key", "operator"]

_MANAGING: Final = frozenset[Action](
    {
        "config.explain", "config.read", "config.validate", "config.test", "config.write", "config.rollback",
        "config.delete", "config.export", "config.import", "tools.approve", "api_keys.manage", "audit.read",
        "keys.rotate", "upstream.use",
    }
)  # fmt: skip
_PLATFORM: Final = frozenset[Action]({"tenants.list", "master.rotate"})
_OWN = frozenset[Relation]({"own"})

# role x action x relation: the only place that says what is allowed.
TABLE: Mapping[Role, Mapping[Action, frozenset[Relation]]] = {
    "uber_admin": {
        **dict.fromkeys(_MANAGING, frozenset[Relation]({"own", "acting"})),
        **dict.fromkeys(_PLATFORM, frozenset[Relation]({"platform"})),
        "api_keys.manage": frozenset[Relation]({"own", "acting", "platform"}),
    },
    "tenant_admin": dict.fromkeys(_MANAGING, _OWN),
    "project_admin": {"upstream.use": _OWN, "config.explain": _OWN},
    "end_user": {"upstream.use": _OWN},
}
ROLES: tuple[Role, ...] = get_args(Role)  # the strongest first
# What older tokens say.
LEGACY_ROLES: Mapping[str, Role] = {"user": "end_user", "viewer": "end_user"}
_MAXIMUM_CLAIM = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks, as a verified token or key says; never what an argument says.

    `tenant` None is an identity of the platform. `acting_for` is set for one call by `act_for`.
    """

    principal: str
    role: Role
    tenant: str | None = None
    acting_for: str | None = None
    way: Way = "token"

    @property
    def scope(self) -> str | None:
        """The tenant that this call is for."""
        return self.acting_for or self.tenant


def decide(identity: Identity | None, action: Action, tenant: str | None = None) -> None:
    """Return if the identity may do this to the tenant (None: the platform), else raise DeniedError.

    The message names the role and the action, never whether the tenant exists.
    """
    if identity is None:
        raise DeniedError(
            f"{action} needs to know who asks: nobody is authenticated",
            hint="send a token with a role and a tenant, or an API key",
        )
    relation = relation_of(identity, tenant)
    if relation in TABLE.get(identity.role, {}).get(action, frozenset()):
        return
    raise DeniedError(
        f"role {identity.role} may not do {action} for {_WORDS[relation]}", hint=_who_may(action, relation)
    )


def relation_of(identity: Identity, tenant: str | None) -> Relation:
    """What the tenant is to the identity."""
    if tenant is None:
        return "platform" if identity.acting_for is None else "foreign"
    if identity.acting_for is not None:
        return "acting" if identity.acting_for == tenant else "foreign"
    return "own" if identity.tenant == tenant else "foreign"


def act_for(identity: Identity, tenant: str) -> Identity:
    """The identity for one call on behalf of a tenant; only an Uber Admin may, and it is recorded."""
    if identity.role != "uber_admin":
        raise DeniedError(
            f"role {identity.role} cannot act for another tenant",
            hint="leave acting_for out: the tenant is that of your token",
        )
    return replace(identity, acting_for=check_tenant(tenant))


def identity_from_claims(
    claims: Mapping[str, Any], settings: TenancySettings, *, subject: str | None = None
) -> Identity:
    """The identity that a verified token states; DeniedError for one without user, role or tenant.

    `subject` is who presented the token, for tokens whose claims do not say it.
    """
    principal = _claim(claims, settings.claim_user) or subject
    if not isinstance(principal, str) or not principal:
        raise DeniedError(f"the token names no user: its claim {settings.claim_user!r} is missing")
    role = _role(_claim(claims, settings.claim_role), settings)
    tenant = _claim(claims, settings.claim_tenant)
    if tenant is None and role == "uber_admin":
        return Identity(principal=principal, role=role)
    if not isinstance(tenant, str) or not TENANT_ID.match(tenant):
        raise DeniedError(
            f"the token names no tenant: its claim {settings.claim_tenant!r} must be one tenant's id"
        )
    return Identity(principal=principal, role=role, tenant=tenant)


def _claim(claims: Mapping[str, Any], path: str) -> object:
    """A claim by its name, or by the dotted path to it when there is none of that name."""
    if path in claims:
        return claims[path]
    value: object = claims
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, object]", value).get(step)
    return value


def _role(claim: object, settings: TenancySettings) -> Role:
    """The strongest role that the claim's words stand for; DeniedError when none does."""
    words: list[str] = []
    if isinstance(claim, str):
        words = claim.split()
    elif isinstance(claim, list | tuple):
        items = cast("Iterable[object]", claim)
        words = [item for item in items if isinstance(item, str)][:_MAXIMUM_CLAIM]
    known: dict[str, Role] = {role: role for role in ROLES}
    known |= LEGACY_ROLES
    known |= settings.claim_roles
    found = {known[word] for word in words if word in known}
    for role in ROLES:
        if role in found:
            return role
    raise DeniedError(
        f"the token names no role: its claim {settings.claim_role!r} must hold one of {', '.join(ROLES)}"
    )


_WORDS: Mapping[Relation, str] = {
    "own": "its own tenant",
    "acting": "a tenant it acts for",
    "foreign": "another tenant",
    "platform": "the platform",
}


def _who_may(action: Action, relation: Relation) -> str:
    may = [role for role in ROLES if action in TABLE[role]]
    if relation == "foreign" and "uber_admin" in may:
        return "only an Uber Admin reaches another tenant, by acting_for"
    if relation == "platform":
        return (
            "only an Uber Admin does this without naming a tenant" if action in _PLATFORM else "name a tenant"
        )
    return f"roles that may: {', '.join(may)}"
