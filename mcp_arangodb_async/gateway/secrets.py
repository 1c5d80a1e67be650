"""Secrets under seal: AES-256-GCM with data keys of the tenant's own, which a master key wraps.

    master key                          from a variable, a file or the system's keyring (keys.py)
      └─ wraps the tenant's data keys   associated: tenant, incarnation, number of the data key
           └─ seals each secret         associated: tenant, incarnation, server, field, version of the secret
           └─ marks each row            over the row's content: what has no secret cannot be moved either

What is associated is not stored with the ciphertext: it comes from where the ciphertext is read, so that a
secret or a row that was copied to another place does not open there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcp_arangodb_async.errors import SealError
from mcp_arangodb_async.gateway.keys import KeySource, WrappedKey
from mcp_arangodb_async.gateway.tenants.model import SealedSecret

KEY_BYTES = 32
NONCE_BYTES = 12
KEPT_KEYS = 20_000  # opened data keys kept in memory, about 1 KiB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose secrets these are: a tenant, and which life of it."""

    tenant: str
    incarnation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a secret belongs; a secret opens nowhere else."""

    owner: Owner
    server: str
    field: str

    def __str__(self) -> str:
        return f"tenant {self.owner.tenant!r}, server {self.server!r}, field {self.field!r}"


def associated(*parts: str | int) -> bytes:
    """The parts as bytes that no other parts have."""
    return json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()


class DataKey:
    """One of a tenant's data keys, opened; it never shows itself."""

    __slots__ = ("_cipher", "_mark", "_row", "owner", "version")

    def __init__(self, owner: Owner, version: int, key: bytes) -> None:
        self.owner = owner
        self.version = version
        self._cipher = AESGCM(_derived(key, b"seal"))
        self._mark = _derived(key, b"fingerprint")
        self._row = _derived(key, b"row")

    def seal(self, place: Place, plaintext: str, *, version: int, at: str) -> SealedSecret:
        """The secret under seal; `version` counts the changes of this field."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        ciphertext = self._cipher.encrypt(nonce, plaintext.encode(), self._associated(place, version))
        return SealedSecret(
            version=version,
            key_version=self.version,
            nonce=nonce,
            ciphertext=ciphertext,
            fingerprint=self.fingerprint(place, plaintext),
            set_at=at,
        )

    def open(self, place: Place, sealed: SealedSecret) -> str:
        """The secret; SealError when it was altered, or sealed for another place."""
        try:
            plaintext = self._cipher.decrypt(
                sealed.nonce, sealed.ciphertext, self._associated(place, sealed.version)
            )
        except (InvalidTag, ValueError):
            raise SealError(
                f"the secret of {place} does not open: it was altered, or sealed for another place",
                hint="set it again, or roll back to an earlier version",
            ) from None
        return plaintext.decode()

    def fingerprint(self, place: Place, plaintext: str) -> str:
        """Eight characters that tell two values of a field apart, and nothing else."""
        text = associated(place.owner.tenant, place.server, place.field, plaintext)
        return hmac.new(self._mark, text, hashlib.sha256).hexdigest()[:8]

    def mark(self, version: int, content: bytes) -> str:
        """The mark of a row with this content; a row of another tenant or version has another."""
        head = associated(self.owner.tenant, self.owner.incarnation, version)
        return hmac.new(self._row, head + b"\n" + content, hashlib.sha256).hexdigest()

    def check(self, version: int, content: bytes, mark: str) -> None:
        """Return if this is the row's mark, else raise SealError."""
        if not hmac.compare_digest(self.mark(version, content), mark):
            raise SealError(
                f"version {version} of tenant {self.owner.tenant!r} was altered, or belongs to another row",
                hint="`maa tenant doctor` lists every row; restore the store from a backup",
            )

    def _associated(self, place: Place, version: int) -> bytes:
        # The key's own owner, not the caller's: a key that was lent to the wrong tenant opens nothing.
        return associated(
            self.owner.tenant,
            self.owner.incarnation,
            place.owner.tenant,
            place.owner.incarnation,
            place.server,
            place.field,
            version,
        )

    def __repr__(self) -> str:
        return f"DataKey({self.owner.tenant}, {self.version})"

    def __reduce__(self) -> str:
        raise TypeError("a data key is not written anywhere")


def _derived(key: bytes, use: bytes) -> bytes:
    return hmac.new(key, b"mcp-arangodb-async tenants " + use, hashlib.sha256).digest()


class KeyRing:
    """Makes and opens the data keys of all tenants, and keeps the opened ones for a while."""

    key_type: type[DataKey] = DataKey

    def __init__(self, source: KeySource, *, kept: int = KEPT_KEYS) -> None:
        self.source = source
        self._kept = kept
        self._open: OrderedDict[tuple[str, str, int], DataKey] = OrderedDict()

    async def new(self, owner: Owner, version: int) -> tuple[DataKey, WrappedKey]:
        """A new random data key, opened and wrapped."""
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = await self.source.wrap(key, _context(owner, version))
        return self._keep(self.key_type(owner, version, key)), wrapped

    def kept(self, owner: Owner, version: int) -> DataKey | None:
        """An opened key, if it is still at hand."""
        name = (owner.tenant, owner.incarnation, version)
        found = self._open.get(name)
        if found is not None:
            self._open.move_to_end(name)
        return found

    async def open(self, owner: Owner, version: int, wrapped: WrappedKey) -> DataKey:
        """The data key; SealError when the master key is not at hand or the wrapping was altered."""
        found = self.kept(owner, version)
        if found is not None:
            return found
        try:
            key = await self.source.unwrap(wrapped, _context(owner, version))
        except SealError as error:
            raise SealError(
                f"data key {version} of tenant {owner.tenant!r}: {error.message}", hint=error.hint
            ) from None
        return self._keep(self.key_type(owner, version, key))

    async def rewrap(self, owner: Owner, version: int, wrapped: WrappedKey) -> WrappedKey | None:
        """The data key wrapped by the current master key; None if it is already."""
        if wrapped.master == self.source.current:
            return None
        context = _context(owner, version)
        return await self.source.wrap(await self.source.unwrap(wrapped, context), context)

    def forget(self, tenant: str) -> None:
        """Keep no opened key of a tenant."""
        for name in [name for name in self._open if name[0] == tenant]:
            del self._open[name]

    def _keep(self, key: DataKey) -> DataKey:
        self._open[key.owner.tenant, key.owner.incarnation, key.version] = key
        while len(self._open) > self._kept:
            self._open.popitem(last=False)
        return key


def _context(owner: Owner, version: int) -> bytes:
    return associated("data key", owner.tenant, owner.incarnation, version)


def open_all(
    keys: Mapping[int, DataKey], owner: Owner, server: str, sealed: Mapping[str, SealedSecret]
) -> dict[str, str]:
    """Every secret of a server by its field."""
    opened: dict[str, str] = {}
    for field, secret in sealed.items():
        key = keys.get(secret.key_version)
        if key is None:
            raise SealError(
                f"the secret of {Place(owner=owner, server=server, field=field)} was sealed with data key "
                f"{secret.key_version}, which is not there"
            )
        opened[field] = key.open(Place(owner=owner, server=server, field=field), secret)
    return opened
