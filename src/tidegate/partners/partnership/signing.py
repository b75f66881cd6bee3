"""Signatures of institutions as compact JWS (RFC 7515) with ES256, by joserfc."""

from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tidegate.keys.service import KeyRing
from tidegate.partners.errors import SignatureInvalidError

_TYPE = "tidegate-partnership+jws"
_ALGORITHM = "ES256"


def sign(keys: KeyRing, payload: bytes) -> str:
    """Sign the payload with the node's identity key."""
    header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": keys.identity_kid}
    return jws.serialize_compact(header, payload, keys.identity_key(), algorithms=[_ALGORITHM])


def check(token: str, payload: bytes, jwk: Mapping[str, Any]) -> None:
    """Raise SignatureInvalidError unless the token signs exactly this payload with that key."""
    try:
        signed = jws.deserialize_compact(
            token, ECKey.import_key(dict(jwk)), algorithms=[_ALGORITHM]
        )
    except (JoseError, ValueError, KeyError, TypeError):
        raise SignatureInvalidError(_INVALID) from None
    if signed.headers().get("typ") != _TYPE or signed.payload != payload:
        raise SignatureInvalidError(_INVALID)


_INVALID = (
    "The signature does not hold over these terms with the institution's identity key;"
    " ask its legal office to sign again."
)
