"""Compact JWS with ES256 and nothing else (RFC 7515, RFC 7518 §3.4, RFC 8725 for the traps)."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from tidegate.connector.errors import CredentialInvalidError
from tidegate.connector.http.body import read_json
from tidegate.connector.identity.model import DidDocument, VerificationMethod
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.values import dataclass

ALGORITHM = "ES256"
LONGEST_TOKEN = 96 * 1024
_KEYS_IN_HEADER = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64"})


@dataclass(frozen=True, slots=True)
class Unproven:
    """A token that was read and not verified: good only for finding the key to verify it with."""

    text: str
    kid: str
    typ: str
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        """Who the token claims to be from."""
        found = self.claims.get("iss")
        return found if isinstance(found, str) else ""


def sign(key: ECKey, kid: str, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
    """Return a compact JWS over `claims`, signed with ES256; `kid` is an absolute key id."""
    header = {"alg": ALGORITHM, "typ": typ, "kid": kid}
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM], registry=_REGISTRY)


def read(text: str) -> Unproven:
    """Read a token without believing it.

    Raises:
        CredentialInvalidError: not a compact JWS with ES256 and an absolute `kid`, or one that
            brings its own key along.
    """
    if len(text) > LONGEST_TOKEN:
        raise _bad("The token is too large.", "token_too_large")
    parts = text.split(".")
    if len(parts) != 3 or not all(parts):
        raise _bad("The token is not a signed token in compact form.", "token_malformed")
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("alg") != ALGORITHM:
        raise _bad("The token must be signed with ES256.", "algorithm_refused")
    if _KEYS_IN_HEADER & header.keys():
        raise _bad("The token may not bring its own key or extensions.", "header_refused")
    kid, typ = header.get("kid"), header.get("typ", "")
    if not isinstance(kid, str) or not kid or not isinstance(typ, str):
        raise _bad("The token must name its key (kid).", "kid_missing")
    return Unproven(text, kid, typ, claims)


def verify(token: Unproven, method: VerificationMethod) -> Mapping[str, Any]:
    """Return the claims of a token whose signature this key verifies.

    Raises:
        CredentialInvalidError: the signature does not hold.
    """
    try:
        jws.deserialize_compact(
            token.text,
            _public_key(method.jwk["x"], method.jwk["y"]),
            algorithms=[ALGORITHM],
            registry=_REGISTRY,
        )
    except (JoseError, ValueError):
        raise _bad("The signature of the token does not hold.", "signature_invalid") from None
    return token.claims


def key_of(token: Unproven, document: DidDocument, relation: tuple[str, ...]) -> VerificationMethod:
    """Return the key that the token names, if the document allows it for this purpose.

    Raises:
        CredentialInvalidError: the key is not the issuer's, unknown, or not for this purpose.
    """
    kid = token.kid if token.kid.startswith("did:") else f"{document.id}#{token.kid.lstrip('#')}"
    if kid.partition("#")[0] != document.id:
        raise _bad("The token names a key of another DID.", "kid_of_another")
    method = next((each for each in document.methods if each.id == kid), None)
    if method is None:
        raise _bad("The token names a key that its DID document does not have.", "kid_unknown")
    if method.id not in relation or method.controller != document.id:
        raise _bad("The DID document does not allow this key for this purpose.", "key_not_allowed")
    return method


def _object(part: str) -> dict[str, Any]:
    try:
        found = read_json(urlsafe_b64decode(part.encode("ascii")))
    except (ValueError, TidegateError):
        raise _bad("The token cannot be read.", "token_malformed") from None
    if not isinstance(found, dict):
        raise _bad("The token cannot be read.", "token_malformed")
    return found


@functools.lru_cache(maxsize=512)
def _public_key(x: str, y: str) -> ECKey:
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})


class _Registry(jws.JWSRegistry):
    max_header_length = 2048
    max_payload_length = LONGEST_TOKEN


_REGISTRY = _Registry(algorithms=[ALGORITHM])


def _bad(message: str, code: str) -> CredentialInvalidError:
    return CredentialInvalidError(message, code=code)
