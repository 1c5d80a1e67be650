"""One TLS context for each way of trusting servers: making one reads hundreds of certificates."""

from __future__ import annotations

import asyncio
import ssl

from mcp_arangodb_async.config.model import TlsSettings
from mcp_arangodb_async.errors import ConfigError


class TlsContexts:
    """The TLS contexts of a process, made when they are first needed."""

    def __init__(self) -> None:
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}
        self._lock = asyncio.Lock()

    async def get(self, profile: TlsSettings) -> ssl.SSLContext:
        """The context of a profile; raises ConfigError when its file cannot be used."""
        async with self._lock:
            context = self._contexts.get(profile)
            if context is None:
                context = self._contexts[profile] = await asyncio.to_thread(_context, profile)
            return context


def _context(profile: TlsSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=profile.ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = "it is not a PEM file of certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"tls.ca_file {profile.ca_file!r} cannot be used: {reason}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not profile.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
