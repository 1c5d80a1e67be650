"""TLS contexts for SQL servers, made off the event loop: reading the authorities takes a while."""

from __future__ import annotations

import asyncio
import ssl

from mcp_arangodb_async.config.environments import EnvironmentTls
from mcp_arangodb_async.errors import ConfigError


async def context_for(tls: EnvironmentTls) -> ssl.SSLContext:
    """The context of these settings; only `verify` checks the certificate and the host."""
    return await asyncio.to_thread(_context, tls)


def _context(tls: EnvironmentTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"tls.ca_file {tls.ca_file}: cannot be read as certificates") from error
    if tls.mode != "verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
