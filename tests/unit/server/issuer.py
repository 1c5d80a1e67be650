"""An authorization server for tests: real keys, a real key set behind a real socket, tokens good and bad."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

RESOURCE = "https://mcp.example.com/mcp"


def b64(content: bytes | str | Mapping[str, Any]) -> str:
    """One part of a token."""
    if isinstance(content, Mapping):
        content = json.dumps(content)
    raw = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_jwk(key: Any, **members: Any) -> dict[str, Any]:
    """The key's public half as a JWK."""
    algorithm: Any
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = ECAlgorithm
    else:
        algorithm = OKPAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "use": "sig", **members}


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """The public key as text, which a confused server would take for an HMAC secret."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(slots=True)
class Issuer:
    """The server's state; `keys` may be changed while it runs. `fetches` counts requests for the key set."""

    url: str = ""
    rsa: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    ec: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    ed: ed25519.Ed25519PrivateKey = field(default_factory=ed25519.Ed25519PrivateKey.generate)
    stranger: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    short: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 1024))
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    fetches: int = 0
    answers: bool = True

    def publish(self) -> None:
        """The keys as they are at first."""
        self.keys[:] = [
            public_jwk(self.rsa, kid="rsa"),
            public_jwk(self.ec, kid="ec"),
            public_jwk(self.ed, kid="ed"),
            public_jwk(self.short, kid="short"),
            public_jwk(self.stranger, kid="encryption") | {"use": "enc"},
            {"kty": "oct", "kid": "symmetric", "k": b64(b"k" * 32)},
        ]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to `...` leaves the claim out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": RESOURCE,
            "sub": "ada",
            "client_id": "editor",
            "iat": now,
            "exp": now + 600,
            "scope": "mcp:read",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def token(
        self, *, key: Any = None, alg: str = "RS256", header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """A signed token; `header` replaces members, `...` leaves one out."""
        head: dict[str, Any] = {"alg": alg, "typ": "at+jwt", "kid": "rsa", **(header or {})}
        head = {name: value for name, value in head.items() if value is not ...}
        return self.signed(b64(head), b64(self.claims(**changes)), key=key, alg=alg)

    def signed(self, head: str, body: str, *, key: Any = None, alg: str = "RS256") -> str:
        """Any two parts, with a signature that is right for them."""
        algorithm = jwt.get_algorithm_by_name(alg)
        secret = algorithm.prepare_key(self.rsa if key is None else key)
        return f"{head}.{body}.{b64(algorithm.sign(f'{head}.{body}'.encode(), secret))}"


@contextmanager
def issuing() -> Generator[Issuer]:
    """An authorization server on a socket of this machine."""
    issuer = Issuer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document: dict[str, Any] | None = None
            if issuer.answers and self.path == "/keys":
                issuer.fetches += 1
                document = {"keys": issuer.keys}
            elif issuer.answers and self.path == "/.well-known/openid-configuration":
                document = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
            content = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    issuer.publish()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
