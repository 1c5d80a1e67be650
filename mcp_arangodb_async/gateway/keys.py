"""Master keys: where they come from, and what a strong one is.

    MCP_TENANTS_MASTER_KEY=<new key>,<old key>

A source may hold several keys, separated by commas or lines: the first wraps, the others only open what they
wrapped, until `maa tenant rotate-keys --master` has wrapped everything anew. There is no default key.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import importlib
import importlib.util
import itertools
import os
import re
import secrets
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError, SealError

KEY_BYTES = 32
NONCE_BYTES = 12
MAXIMUM_FILE = 4096
MAXIMUM_KEYS = 16
SERVICE = "mcp-arangodb-async"
MAKE_ONE = 'make one: python -c "import secrets; print(secrets.token_hex(32))"'
# Of 32 random bytes, 19 or fewer are different less often than once in 10^9 keys.
_LEAST_DIFFERENT = 20
# Words whose hashes people use as keys; a key that is the SHA-256 of one is as good as the word.
_WORDS = (
    "", "secret", "password", "changeme", "change-me", "change_me", "default", "master", "masterkey",
    "master-key", "master_key", "key", "test", "dev", "development", "admin", "root", "example", "tenant",
    "tenants", "postgres", "mcp", "arangodb", "mcp-arangodb-async", "123456", "12345678", "letmein",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key as it is stored: which master key wrapped it, and the result."""

    master: str
    blob: bytes = field(repr=False)


class KeySource(Protocol):
    """What wraps data keys: keys of ours, or a service that never lends its key.

    `context` is associated with what is wrapped, and must be given again to open it. `unwrap` raises
    SealError for a master key that is not at hand and for anything altered, UnavailableError when a service
    does not answer.
    """

    @property
    def name(self) -> str:
        """What to call the source in messages: `the variable X`."""
        ...

    @property
    def current(self) -> str:
        """The id of the master key that wraps now."""
        ...

    async def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """The key, wrapped by the current master key."""
        ...

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """The key again."""
        ...


class HeldKeys:
    """Master keys held in memory; read anew when something was wrapped by a key that is not known yet."""

    def __init__(self, name: str, read: Callable[[], str]) -> None:
        """Raises ConfigError when there is no key, or a weak one."""
        self._name = name
        self._read = read
        self._text = hashlib.sha256(b"").digest()
        self._ciphers: dict[str, AESGCM] = {}
        self._current = ""
        self.reload()

    @property
    def name(self) -> str:
        """The source in words."""
        return self._name

    @property
    def current(self) -> str:
        """The id of the first key."""
        return self._current

    @property
    def known(self) -> tuple[str, ...]:
        """The ids of all keys."""
        return tuple(self._ciphers)

    def reload(self) -> None:
        """Read the source again; the keys stay as they are when it is wrong now."""
        text = self._read()
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        if self._ciphers and hmac.compare_digest(digest, self._text):
            return
        keys = parse_master_keys(text, self._name)
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self._current = key_id(keys[0])
        self._text = digest

    async def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """The key, wrapped by the first master key."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return WrappedKey(
            master=self._current, blob=nonce + self._ciphers[self._current].encrypt(nonce, key, context)
        )

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """The key again."""
        if wrapped.master not in self._ciphers:
            await asyncio.to_thread(self.reload)
        cipher = self._ciphers.get(wrapped.master)
        if cipher is None:
            raise SealError(
                f"it was wrapped by master key {wrapped.master}, and {self._name} holds "
                f"{', '.join(self._ciphers)}",
                hint="add the key it was wrapped by behind the current one",
            )
        try:
            return cipher.decrypt(wrapped.blob[:NONCE_BYTES], wrapped.blob[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise SealError("its wrapping was altered, or belongs to another tenant") from None

    def __repr__(self) -> str:
        return f"HeldKeys({self._name}, {', '.join(self._ciphers)})"


def key_id(key: bytes) -> str:
    """The id of a master key, which tells nothing about it."""
    return hmac.new(key, b"mcp-arangodb-async master key", hashlib.sha256).hexdigest()[:12]


def parse_master_keys(text: str, source: str) -> Sequence[bytes]:
    """The keys of a source; ConfigError without one, or when one is weak, and never a part of a key."""
    parts = [part for part in re.split(r"[\s,]+", text) if part]
    if not parts:
        raise ConfigError(f"{source} holds no master key for tenants' secrets", hint=MAKE_ONE)
    if len(parts) > MAXIMUM_KEYS:
        raise ConfigError(f"{source} holds {len(parts)} master keys, at most {MAXIMUM_KEYS}")
    return [_key(part, source, number) for number, part in enumerate(parts, start=1)]


def _key(text: str, source: str, number: int) -> bytes:
    which = f"master key {number} of {source}"
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        key = bytes.fromhex(text)
    else:
        try:
            key = base64.b64decode(
                text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
            )
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigError(f"{which} is not 32 bytes as 64 hex digits or as base64", hint=MAKE_ONE)
    weakness = weakness_of(key)
    if weakness:
        raise ConfigError(f"{which} is weak: {weakness}", hint=MAKE_ONE)
    return key


def weakness_of(key: bytes) -> str | None:
    """Why 32 bytes are hardly random; None if nothing speaks against them."""
    if len(set(key)) < _LEAST_DIFFERENT:
        return f"only {len(set(key))} different bytes"
    steps = {(second - first) % 256 for first, second in itertools.pairwise(key)}
    if len(steps) < 4:
        return "its bytes follow a pattern"
    if key[:16] == key[16:] or all(32 <= byte < 127 for byte in key):
        return "it is text or a repetition, not random bytes"
    if any(key == hashlib.sha256(word.encode()).digest() for word in _WORDS):
        return "it is the hash of a well-known word"
    return None


def read_key_file(path: Path) -> str:
    """The content of a key file; ConfigError unless only its owner can read it and it is nobody's link."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}", hint=MAKE_ONE) from None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise ConfigError(f"the key file {path} must be a regular file with one name, not a link")
        if hasattr(os, "getuid") and facts.st_uid not in {os.getuid(), 0}:
            raise ConfigError(f"the key file {path} belongs to another user")
        if facts.st_mode & 0o077:
            raise ConfigError(
                f"the key file {path} can be used by others (mode {stat.S_IMODE(facts.st_mode):o})",
                hint=f"chmod 600 {path}",
            )
        content = os.read(handle, MAXIMUM_FILE + 1)
    finally:
        os.close(handle)
    if len(content) > MAXIMUM_FILE:
        raise ConfigError(f"the key file {path} holds more than {MAXIMUM_FILE} bytes")
    return content.decode("ascii", "replace")


def read_keyring(name: str) -> str:
    """The key that the system's keyring keeps under this name."""
    if importlib.util.find_spec("keyring") is None:
        raise ConfigError(
            "tenants.key_source is keyring, and the library for it is not installed",
            hint='pip install "mcp-arangodb-async[keyring]"',
        )
    keyring: Any = importlib.import_module("keyring")
    errors: Any = importlib.import_module("keyring.errors")
    try:
        return keyring.get_password(SERVICE, name) or ""
    except errors.KeyringError as error:
        raise ConfigError(f"the system's keyring cannot be read: {type(error).__name__}") from None


def key_source(settings: Settings) -> KeySource:
    """The source that the settings name, with its keys read; ConfigError with none or a weak one."""
    tenants = settings.tenants
    match tenants.key_source:
        case "variable":
            secret = settings.secret(tenants.key_variable)
            return HeldKeys(f"the variable {tenants.key_variable}", secret.reveal)
        case "file":
            path = Path(tenants.key_file or "")
            return HeldKeys(f"the key file {path}", lambda: read_key_file(path))
        case "keyring":
            return HeldKeys(f"the keyring's entry {tenants.key_name}", lambda: read_keyring(tenants.key_name))
