"""Access tokens: who is believed, and a corpus of tokens that nobody may believe."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import HMACAlgorithm

from mcp_arangodb_async.config.model import OAuthSettings
from mcp_arangodb_async.errors import UnavailableError
from mcp_arangodb_async.server.keys import RETRY_SECONDS, Fetcher, KeySet
from mcp_arangodb_async.server.tokens import JwtVerifier, TokenRefusedError
from mcp_arangodb_async.sessions import Principal
from tests.unit.server.issuer import RESOURCE, Issuer, b64, issuing, pem, public_jwk


@pytest.fixture(scope="module")
def issuer() -> Generator[Issuer]:
    """One authorization server for the corpus."""
    with issuing() as running:
        yield running


def oauth(issuer: Issuer, **changes: Any) -> OAuthSettings:
    options: dict[str, Any] = {
        "issuer": issuer.url,
        "resource": RESOURCE,
        "jwks_url": f"{issuer.url}/keys",
        "algorithms": ("RS256", "ES256", "EdDSA"),
        "leeway": 5.0,
        **changes,
    }
    return OAuthSettings(**options)


def verified(issuer: Issuer, *tokens: str, settings: OAuthSettings | None = None) -> list[Principal | str]:
    """Each token's principal, or why it was refused."""

    async def run() -> list[Principal | str]:
        options = settings or oauth(issuer)
        fetcher = Fetcher(None)
        verifier = JwtVerifier(options, KeySet(options, fetcher))
        found: list[Principal | str] = []
        try:
            for token in tokens:
                try:
                    found.append(await verifier.principal(token))
                except TokenRefusedError as refused:
                    found.append(str(refused))
        finally:
            await fetcher.close()
        return found

    return asyncio.run(run())


def test_a_good_token_names_its_principal(issuer: Issuer) -> None:
    (found,) = verified(issuer, issuer.token(scope="mcp:read mcp:write other", tenant="a"))
    assert isinstance(found, Principal)
    assert (found.subject, found.issuer, found.client) == ("ada", issuer.url, "editor")
    assert found.scopes == ("mcp:read", "mcp:write", "other")
    assert (found.access, found.claim("tenant")) == ("write", "a")


@pytest.mark.parametrize("aud", [RESOURCE, [RESOURCE], ["https://other.example", RESOURCE]])
@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "application/at+jwt", ...])
def test_usual_forms_of_tokens_are_accepted(issuer: Issuer, aud: Any, typ: Any) -> None:
    (found,) = verified(issuer, issuer.token(aud=aud, header={"typ": typ}))
    assert isinstance(found, Principal)


def test_other_kinds_of_keys_are_accepted_with_their_own_algorithm(issuer: Issuer) -> None:
    tokens = [
        issuer.token(key=issuer.ec, alg="ES256", header={"kid": "ec"}),
        issuer.token(key=issuer.ed, alg="EdDSA", header={"kid": "ed"}),
    ]
    assert all(isinstance(found, Principal) for found in verified(issuer, *tokens))


def test_clocks_may_differ_by_the_leeway(issuer: Issuer) -> None:
    now = time.time()
    tokens = [issuer.token(exp=int(now) - 2), issuer.token(nbf=int(now) + 3, iat=int(now) + 3)]
    assert all(isinstance(found, Principal) for found in verified(issuer, *tokens))


@pytest.mark.parametrize(
    ("scope", "access"),
    [
        ("mcp:read", "read"), ("mcp:write", "write"), ("mcp:admin", "admin"),
        ("mcp:admin mcp:read", "admin"),
        ("", None), ("mcp:reader", None), ("MCP:READ", None), (["mcp:write"], "write"), (..., None),
        (7, None), ({"mcp:read": True}, None), (["mcp:read mcp:admin"], None),
    ],
)  # fmt: skip
def test_scopes_decide_what_is_allowed_and_none_allows_nothing(
    issuer: Issuer, scope: Any, access: str | None
) -> None:
    (found,) = verified(issuer, issuer.token(scope=scope))
    assert isinstance(found, Principal)
    assert found.access == access


def test_scopes_may_stand_in_another_claim(issuer: Issuer) -> None:
    settings = oauth(issuer, scope_claim="realm_access.roles", admin_scopes=("boss",))
    (found,) = verified(issuer, issuer.token(realm_access={"roles": ["boss"]}), settings=settings)
    assert isinstance(found, Principal)
    assert found.access == "admin"


def forged(issuer: Issuer, secret: bytes, alg: str = "HS256", **header: Any) -> str:
    """A token with a symmetric signature, as a confused verifier would accept it."""
    head = b64({"alg": alg, "typ": "JWT", "kid": "rsa", **header})
    body = b64(issuer.claims())
    signer = HMACAlgorithm(HMACAlgorithm.SHA256)
    return f"{head}.{body}.{b64(signer.sign(f'{head}.{body}'.encode(), secret))}"


def resigned(issuer: Issuer, body: str, head: str | None = None) -> str:
    """Any payload text with a right signature."""
    return issuer.signed(b64(head or '{"alg":"RS256","typ":"JWT","kid":"rsa"}'), b64(body))


def members(issuer: Issuer, extra: str, **changes: Any) -> str:
    """The JSON of good claims with further text before its end."""
    return json.dumps(issuer.claims(**changes))[:-1] + extra + "}"


def parts(issuer: Issuer) -> list[str]:
    return issuer.token().split(".")


def flipped(part: str) -> str:
    return ("A" if part[0] != "A" else "B") + part[1:]


Bad = Callable[[Issuer], str]
NOW = int(time.time())
BAD: dict[str, Bad] = {
    # signatures
    "alg none, no signature": lambda i: f"{b64({'alg': 'none'})}.{b64(i.claims())}.",
    "alg none, a signature": lambda i: f"{b64({'alg': 'none'})}.{b64(i.claims())}.{parts(i)[2]}",
    "alg None": lambda i: f"{b64({'alg': 'None'})}.{b64(i.claims())}.AAAA",
    "alg nOnE": lambda i: f"{b64({'alg': 'nOnE'})}.{b64(i.claims())}.AAAA",
    "alg empty": lambda i: f"{b64({'alg': ''})}.{b64(i.claims())}.AAAA",
    "no alg": lambda i: f"{b64({'typ': 'JWT'})}.{b64(i.claims())}.{parts(i)[2]}",
    "alg is a list": lambda i: f"{b64({'alg': ['RS256']})}.{b64(i.claims())}.{parts(i)[2]}",
    "alg is null": lambda i: f"{b64({'alg': None})}.{b64(i.claims())}.{parts(i)[2]}",
    "alg with a blank": lambda i: i.token(header={"alg": "RS256 "}),
    "alg in lower case": lambda i: i.token(header={"alg": "rs256"}),
    "HS256 with the public key as secret": lambda i: forged(i, pem(i.rsa)),
    "HS256 with the public key without its last line end": lambda i: forged(i, pem(i.rsa).strip()),
    "HS256 with the modulus as secret": lambda i: forged(i, public_jwk(i.rsa)["n"].encode()),
    "HS256 with an empty secret": lambda i: forged(i, b""),
    "HS256 with the symmetric key of the set": lambda i: forged(i, b"k" * 32, kid="symmetric"),
    "RS256 said, signed with HS256": lambda i: forged(i, pem(i.rsa), alg="RS256"),
    "RS384, which is not allowed": lambda i: i.token(alg="RS384"),
    "PS256, which is not allowed": lambda i: i.token(alg="PS256"),
    "RS256 said, signed with PS256": lambda i: i.token(alg="PS256", header={"alg": "RS256"}),
    "ES256 said of an RSA key": lambda i: i.token(header={"alg": "ES256"}),
    "an EC key for RS256": lambda i: i.token(header={"kid": "ec"}),
    "the P-384 key of a stranger": lambda i: i.token(
        key=ec.generate_private_key(ec.SECP384R1()), alg="ES384", header={"alg": "ES256", "kid": "ec"}
    ),
    "a stranger's key": lambda i: i.token(key=i.stranger),
    "a stranger's EC key": lambda i: i.token(
        key=ec.generate_private_key(ec.SECP256R1()), alg="ES256", header={"kid": "ec"}
    ),
    "ES256 of zeros": lambda i: (
        f"{b64({'alg': 'ES256', 'kid': 'ec', 'typ': 'JWT'})}.{b64(i.claims())}.{b64(bytes(64))}"
    ),
    "a key of 1024 bits": lambda i: i.token(key=i.short, header={"kid": "short"}),
    "a key for encryption": lambda i: i.token(key=i.stranger, header={"kid": "encryption"}),
    "signature of another token": lambda i: ".".join([*parts(i)[:2], i.token(sub="eve").split(".")[2]]),
    "signature cut off": lambda i: ".".join([*parts(i)[:2], parts(i)[2][:-8]]),
    "signature of one byte": lambda i: ".".join([*parts(i)[:2], "AA"]),
    "signature changed": lambda i: ".".join([*parts(i)[:2], flipped(parts(i)[2])]),
    "header changed": lambda i: ".".join([b64({"alg": "RS256", "kid": "rsa"}), *parts(i)[1:]]),
    "payload changed": lambda i: ".".join([parts(i)[0], b64(i.claims(sub="eve")), parts(i)[2]]),
    # where keys come from
    "kid unknown": lambda i: i.token(header={"kid": "other"}),
    "no kid, several keys would fit": lambda i: i.token(key=i.stranger, header={"kid": ...}),
    "kid climbs directories": lambda i: i.token(key=i.stranger, header={"kid": "../../../../dev/null"}),
    "kid is a path": lambda i: i.token(key=i.stranger, header={"kid": "/proc/self/environ"}),
    "kid is SQL": lambda i: i.token(key=i.stranger, header={"kid": "x' UNION SELECT 'k"}),
    "kid is a URL": lambda i: i.token(key=i.stranger, header={"kid": f"{i.url}/keys"}),
    "kid with a NUL": lambda i: i.token(header={"kid": "rsa\0"}),
    "kid is a number": lambda i: i.token(header={"kid": 1}),
    "kid is a list": lambda i: i.token(header={"kid": ["rsa"]}),
    "kid is empty": lambda i: i.token(key=i.stranger, header={"kid": ""}),
    "kid of 10,000 characters": lambda i: i.token(header={"kid": "r" * 10_000}),
    "its own key inside": lambda i: i.token(key=i.stranger, header={"jwk": public_jwk(i.stranger)}),
    "its own key's address": lambda i: i.token(key=i.stranger, header={"jku": "https://evil.example/keys"}),
    "its own certificate": lambda i: i.token(key=i.stranger, header={"x5c": ["MIIB"]}),
    "its own certificate's address": lambda i: i.token(header={"x5u": "https://evil.example/c"}),
    # headers that change the meaning
    "crit": lambda i: i.token(header={"crit": ["exp"]}),
    "crit and b64": lambda i: i.token(header={"crit": ["b64"], "b64": False}),
    "compressed": lambda i: i.token(header={"zip": "DEF"}),
    "an ID token's type": lambda i: i.token(header={"typ": "id_token+jwt"}),
    "a logout token": lambda i: i.token(header={"typ": "logout+jwt"}),
    "typ is a list": lambda i: i.token(header={"typ": ["JWT"]}),
    "a token inside a token": lambda i: i.signed(
        b64({"alg": "RS256", "typ": "JWT", "cty": "JWT", "kid": "rsa"}), b64(i.token())
    ),
    # claims
    "audience of another": lambda i: i.token(aud="https://other.example/mcp"),
    "audience missing": lambda i: i.token(aud=...),
    "audience null": lambda i: i.token(aud=None),
    "audience empty": lambda i: i.token(aud=""),
    "audience an empty list": lambda i: i.token(aud=[]),
    "audience is part of ours": lambda i: i.token(aud="https://mcp.example.com"),
    "audience goes on after ours": lambda i: i.token(aud=f"{RESOURCE}/admin"),
    "audience with a slash more": lambda i: i.token(aud=f"{RESOURCE}/"),
    "audience in upper case": lambda i: i.token(aud=RESOURCE.upper()),
    "audience is an object": lambda i: i.token(aud={RESOURCE: True}),
    "audience list with a number": lambda i: i.token(aud=[RESOURCE, 7]),
    "issuer of another": lambda i: i.token(iss="https://evil.example"),
    "issuer missing": lambda i: i.token(iss=...),
    "issuer null": lambda i: i.token(iss=None),
    "issuer with a slash more": lambda i: i.token(iss=f"{i.url}/"),
    "issuer is a list": lambda i: i.token(iss=[i.url]),
    "issuer goes on after ours": lambda i: i.token(iss=f"{i.url}.evil.example"),
    "subject missing": lambda i: i.token(sub=...),
    "subject empty": lambda i: i.token(sub=""),
    "subject a number": lambda i: i.token(sub=7),
    "subject null": lambda i: i.token(sub=None),
    "subject with a line break": lambda i: i.token(sub="ada\nroot"),
    "subject of 10,000 characters": lambda i: i.token(sub="a" * 10_000),
    "expired": lambda i: i.token(exp=NOW - 60),
    "expired long ago": lambda i: i.token(exp=1),
    "expires at a negative time": lambda i: i.token(exp=-1),
    "no expiry": lambda i: i.token(exp=...),
    "expiry null": lambda i: i.token(exp=None),
    "expiry is text": lambda i: i.token(exp=str(NOW + 600)),
    "expiry is true": lambda i: i.token(exp=True),
    "expiry is a list": lambda i: i.token(exp=[NOW + 600]),
    "expiry is infinite": lambda i: resigned(i, members(i, ',"exp":1e999', exp=...)),
    "expiry is no number": lambda i: resigned(i, members(i, ',"exp":NaN', exp=...)),
    "not yet valid": lambda i: i.token(nbf=NOW + 3600),
    "not before is text": lambda i: i.token(nbf="0"),
    "not before is null": lambda i: i.token(nbf=None),
    "issued in the future": lambda i: i.token(iat=NOW + 3600),
    "issued at a text": lambda i: i.token(iat="now"),
    # forms
    "audience twice": lambda i: resigned(i, members(i, f',"aud":"{RESOURCE}"', aud="https://o.example")),
    "issuer twice": lambda i: resigned(i, members(i, ',"iss":"https://evil.example"')),
    "scope twice": lambda i: resigned(i, members(i, ',"scope":"mcp:admin"')),
    "alg twice": lambda i: i.signed(
        b64('{"alg":"none","alg":"RS256","typ":"JWT","kid":"rsa"}'), b64(i.claims())
    ),
    "kid twice": lambda i: i.signed(
        b64('{"alg":"RS256","kid":"other","kid":"rsa","typ":"JWT"}'), b64(i.claims())
    ),
    "payload is a list": lambda i: resigned(i, "[]"),
    "payload is a text": lambda i: resigned(i, '"ada"'),
    "payload is null": lambda i: resigned(i, "null"),
    "payload is no JSON": lambda i: resigned(i, "{'sub': 'ada'}"),
    "payload is not UTF-8": lambda i: i.signed(parts(i)[0], b64(b'{"sub":"\xff"}')),
    "payload begins with a mark": lambda i: i.signed(
        parts(i)[0], b64(b"\xef\xbb\xbf" + json.dumps(i.claims()).encode())
    ),
    "header is a list": lambda i: i.signed(b64("[]"), b64(i.claims())),
    "deep as an ocean": lambda i: resigned(i, members(i, ',"x":' + "[" * 5000 + "]" * 5000)),
    "an endless number": lambda i: resigned(i, members(i, ',"x":' + "9" * 5000)),
    "huge": lambda i: i.token(x="x" * 100_000),
    "empty": lambda i: "",
    "a word": lambda i: "token",
    "dots": lambda i: "..",
    "one part": lambda i: parts(i)[0],
    "two parts": lambda i: ".".join(parts(i)[:2]),
    "four parts": lambda i: f"{i.token()}.AAAA",
    "five parts, as if encrypted": lambda i: f"{i.token()}.AAAA.AAAA",
    "JSON form": lambda i: json.dumps(
        dict(zip(("protected", "payload", "signature"), parts(i), strict=True))
    ),
    "padded": lambda i: ".".join(part + "=" * (-len(part) % 4 or 4) for part in parts(i)),
    "standard base64": lambda i: ".".join([*parts(i)[:2], "+/" + parts(i)[2][2:]]),
    "blanks around": lambda i: f" {i.token()} ",
    "a line break inside": lambda i: i.token().replace(".", ".\n", 1),
    "a NUL at the end": lambda i: i.token() + "\0",
    "not ASCII": lambda i: i.token().replace(".", "․"),
    "a second token behind a comma": lambda i: f"{i.token()},{i.token()}",
    "signature with another spelling": lambda i: ".".join([*parts(i)[:2], parts(i)[2][:-1] + "_"]),
}


def test_no_bad_token_is_accepted(issuer: Issuer) -> None:
    assert len(BAD) >= 60
    tokens = {name: make(issuer) for name, make in BAD.items()}
    found = verified(issuer, *tokens.values())
    accepted = [name for name, one in zip(tokens, found, strict=True) if isinstance(one, Principal)]
    assert not accepted
    # The corpus is not refused for want of keys.
    assert isinstance(verified(issuer, issuer.token())[0], Principal)


@pytest.mark.parametrize("name", ["no kid, several keys would fit", "kid unknown", "a key for encryption"])
def test_what_names_no_single_key_is_refused_for_that(issuer: Issuer, name: str) -> None:
    (found,) = verified(issuer, BAD[name](issuer))
    assert found in {"unknown key", "InvalidSignatureError"}


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_kept_and_asked_for_again_when_a_new_one_appears() -> None:
    async def run(issuer: Issuer) -> None:
        clock = Clock()
        options = oauth(issuer)
        fetcher = Fetcher(None)
        keys = KeySet(options, fetcher, clock=clock)
        verifier = JwtVerifier(options, keys)
        new = rsa.generate_private_key(65537, 2048)
        await asyncio.gather(*(verifier.principal(issuer.token(jti=str(n))) for n in range(50)))
        assert issuer.fetches == 1
        # An unknown name asks once; further ones soon after ask nobody.
        with pytest.raises(TokenRefusedError):
            await verifier.principal(issuer.token(key=new, header={"kid": "new"}))
        assert issuer.fetches == 1, "the keys were fetched a moment ago"
        clock.now += RETRY_SECONDS + 1
        for number in range(100):
            with pytest.raises(TokenRefusedError):
                await verifier.principal(issuer.token(key=new, header={"kid": f"new{number}"}))
        assert issuer.fetches == 2
        issuer.keys.append(public_jwk(new, kid="new"))
        clock.now += RETRY_SECONDS + 1
        assert (await verifier.principal(issuer.token(key=new, header={"kid": "new"}))).subject == "ada"
        # A key that was taken away is gone once the keys are renewed, also for tokens seen before.
        old = issuer.token()
        assert (await verifier.principal(old)).subject == "ada"
        issuer.keys[:] = [public_jwk(new, kid="new")]
        clock.now += options.keys_ttl + 1
        await verifier.principal(issuer.token(key=new, header={"kid": "new"}, jti="2"))
        with pytest.raises(TokenRefusedError):
            await verifier.principal(old)
        await fetcher.close()

    with issuing() as issuer:
        asyncio.run(run(issuer))


def test_an_issuer_that_is_down_is_no_reason_to_forget_its_keys() -> None:
    async def run(issuer: Issuer) -> None:
        clock = Clock()
        options = oauth(issuer)
        fetcher = Fetcher(None)
        keys = KeySet(options, fetcher, clock=clock)
        verifier = JwtVerifier(options, keys)
        issuer.answers = False
        with pytest.raises(UnavailableError, match="cannot be fetched"):
            await verifier.principal(issuer.token())
        issuer.answers = True
        with pytest.raises(UnavailableError):
            await verifier.principal(issuer.token())
        clock.now += RETRY_SECONDS + 1
        await verifier.principal(issuer.token())
        issuer.answers = False
        clock.now += options.keys_ttl + 1
        assert (await verifier.principal(issuer.token(jti="1"))).subject == "ada"
        clock.now += 2 * 3600
        with pytest.raises(UnavailableError):
            await verifier.principal(issuer.token(jti="2"))
        await fetcher.close()

    with issuing() as issuer:
        asyncio.run(run(issuer))


def test_keys_are_found_by_the_issuers_own_metadata(issuer: Issuer) -> None:
    (found,) = verified(issuer, issuer.token(), settings=oauth(issuer, jwks_url=None))
    assert isinstance(found, Principal)
