"""Tokens as compact JWS with ES256 or EdDSA and nothing else (RFC 7515, RFC 8725 for the traps)."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc.util import urlsafe_b64decode

from tidegate.connector.errors import CredentialInvalidError
from tidegate.connector.http.body import read_json
from tidegate.connector.identity.model import DidDocument, VerificationMethod
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.values import dataclass
from tidegate.keys import rules as jws

LONGEST_TOKEN = 96 * 1024
_KEYS_IN_HEADER = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64"})


@dataclass(frozen=True, slots=True)
class Unproven:
    """A token that was read and not verified: good only for finding the key to verify it with."""

    text: str
    kid: str
    typ: str
    claims: Mapping[str, Any]
    algorithm: str = jws.ES256

    @property
    def issuer(self) -> str:
        """Who the token claims to be from."""
        found = self.claims.get("iss")
        return found if isinstance(found, str) else ""

    @property
    def types(self) -> tuple[str, ...]:
        """The types that the token claims of a credential; not proven."""
        vc = self.claims.get("vc", self.claims)
        found = vc.get("type") if isinstance(vc, Mapping) else None
        return tuple(map(str, found)) if isinstance(found, list) else ()


def sign(key: jws.IdentityKey, kid: str, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
    """Return a compact JWS over `claims`, signed with the key's own algorithm.

    `kid` is an absolute key id.
    """
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.sign(key, {"typ": typ, "kid": kid}, payload)


def read(text: str) -> Unproven:
    """Read a token without believing it.

    Raises:
        CredentialInvalidError: not a compact JWS with ES256 or EdDSA, or one that brings its own
            key along.
    """
    if len(text) > LONGEST_TOKEN:
        raise _bad("The token is too large.", "token_too_large")
    parts = text.split(".")
    if len(parts) != 3 or not all(parts):
        raise _bad("The token is not a signed token in compact form.", "token_malformed")
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in jws.ALGORITHMS:
        raise _bad("The token must be signed with ES256 or EdDSA.", "algorithm_refused")
    if _KEYS_IN_HEADER & header.keys():
        raise _bad("The token may not bring its own key or extensions.", "header_refused")
    kid, typ = header.get("kid", ""), header.get("typ", "")
    if not isinstance(kid, str) or not isinstance(typ, str):
        raise _bad("The token must name its key (kid).", "kid_missing")
    return Unproven(text, kid, typ, claims, algorithm)


def verify(token: Unproven, method: VerificationMethod) -> Mapping[str, Any]:
    """Return the claims of a token whose signature this key verifies.

    Raises:
        CredentialInvalidError: the signature does not hold.
    """
    if not jws.holds(token.text, token.algorithm, method.jwk):
        raise _bad("The signature of the token does not hold.", "signature_invalid")
    return token.claims


def key_of(token: Unproven, document: DidDocument, relation: tuple[str, ...]) -> VerificationMethod:
    """Return the key that the token names, if the document allows it for this purpose.

    A token that names none is proven by the only key of the document (DCP 1.0.1 §4.3.3).

    Raises:
        CredentialInvalidError: the key is not the issuer's, unknown, or not for this purpose.
    """
    kid = _kid_of(token, document)
    if kid.partition("#")[0] != document.id:
        raise _bad("The token names a key of another DID.", "kid_of_another")
    method = next((each for each in document.methods if each.id == kid), None)
    if method is None:
        raise _bad("The token names a key that its DID document does not have.", "kid_unknown")
    if method.id not in relation or method.controller != document.id:
        raise _bad("The DID document does not allow this key for this purpose.", "key_not_allowed")
    return method


def _kid_of(token: Unproven, document: DidDocument) -> str:
    if token.kid in {"", document.id}:
        if len(document.methods) != 1 or document.has_several_keys:
            raise _bad(
                "The token must name its key (kid): its DID document has several.", "kid_missing"
            )
        return document.methods[0].id
    if token.kid.startswith("did:"):
        return token.kid
    return f"{document.id}#{token.kid.lstrip('#')}"


def _object(part: str) -> dict[str, Any]:
    try:
        found = read_json(urlsafe_b64decode(part.encode("ascii")))
    except (ValueError, TidegateError):
        raise _bad("The token cannot be read.", "token_malformed") from None
    if not isinstance(found, dict):
        raise _bad("The token cannot be read.", "token_malformed")
    return found


def _bad(message: str, code: str) -> CredentialInvalidError:
    return CredentialInvalidError(message, code=code)
