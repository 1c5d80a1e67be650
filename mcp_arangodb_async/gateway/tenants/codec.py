"""A tenant's servers as the JSON that is stored, and back; and the bytes that a row's mark is made of."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from mcp_arangodb_async.gateway.tenants.model import (
    SealedSecret,
    Section,
    Server,
    Tenant,
    section_type,
    shown_section,
)
from mcp_arangodb_async.gateway.tenants.store import ConfigRow


def server_json(server: Server) -> dict[str, Any]:
    """A server as it is stored."""
    return {
        "type": server.type,
        "section": shown_section(server.section),
        "secrets": {field: sealed_json(secret) for field, secret in sorted(server.secrets.items())},
        "version": server.version,
        "credential_version": server.credential_version,
    }


def sealed_json(secret: SealedSecret) -> dict[str, Any]:
    """A sealed secret as it is stored."""
    return {
        "version": secret.version,
        "key": secret.key_version,
        "nonce": base64.b64encode(secret.nonce).decode(),
        "ciphertext": base64.b64encode(secret.ciphertext).decode(),
        "fingerprint": secret.fingerprint,
        "set_at": secret.set_at,
    }


def read_server(name: str, stored: Mapping[str, Any]) -> Server:
    """A server as it was stored."""
    return Server(
        name=name,
        section=_adapter(section_type(name)).validate_python(stored["section"]),
        secrets={
            field: SealedSecret(
                version=secret["version"],
                key_version=secret["key"],
                nonce=base64.b64decode(secret["nonce"]),
                ciphertext=base64.b64decode(secret["ciphertext"]),
                fingerprint=secret["fingerprint"],
                set_at=secret["set_at"],
            )
            for field, secret in stored["secrets"].items()
        },
        version=stored["version"],
        credential_version=stored["credential_version"],
    )


def read_tenant(row: ConfigRow) -> Tenant:
    """The tenant that a row describes; its mark must have been checked."""
    return Tenant(
        id=row.tenant,
        incarnation=row.incarnation,
        version=row.version,
        enabled=row.enabled,
        servers={name: read_server(name, stored) for name, stored in row.servers.items()},
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def marked_bytes(row: ConfigRow) -> bytes:
    """Everything of a row that must not be altered, whatever order a database keeps it in."""
    content = [row.enabled, row.created_at, row.updated_at, row.updated_by, row.servers]
    return json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


@cache
def _adapter(record: type[Section]) -> TypeAdapter[Any]:
    return TypeAdapter(record)
