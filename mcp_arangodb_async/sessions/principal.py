"""Principal: who was authenticated, what a token says about them, and the most they may do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mcp_arangodb_async.config.sections import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller.

    `issuer` is None for the operator's own static tokens, whose `subject` is the name in the configuration.
    `claims` are the token's facts, or those configured for a static token, verified but not interpreted: a
    tenant, a role. `access` caps what the configuration allows for each database; None allows nothing.
    """

    subject: str
    issuer: str | None = None
    client: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False, repr=False)
    scopes: tuple[str, ...] = ()
    access: Access | None = "admin"
    expires: float | None = None

    @property
    def id(self) -> str:
        """One text for this principal and no other: state is bound to it, it tells nothing about them."""
        parts = ("" if part is None else f"={part}" for part in (self.issuer, self.client, self.subject))
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return f"principal:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"

    def claim(self, name: str) -> Any:
        """A claim's value, None if there is none; `a.b` is `b` inside `a` unless a claim is named so."""
        value: Any = self.claims.get(name)
        if value is None and "." in name:
            value = self.claims
            for step in name.split("."):
                value = cast("Mapping[str, Any]", value).get(step) if isinstance(value, Mapping) else None
        return value
