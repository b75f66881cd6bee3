"""Signatures of institutions as compact JWS (RFC 7515) with the identity key."""

from collections.abc import Mapping
from typing import Any

from tidegate.keys import rules as keyed
from tidegate.keys.service import KeyRing
from tidegate.partners.errors import SignatureInvalidError

_TYPE = "tidegate-partnership+jws"


def sign(keys: KeyRing, payload: bytes) -> str:
    """Sign the payload with the node's identity key."""
    header = {"typ": _TYPE, "kid": keys.identity_kid}
    return keyed.sign(keys.identity_key(), header, payload)


def check(token: str, payload: bytes, jwk: Mapping[str, Any]) -> None:
    """Raise SignatureInvalidError unless the token signs exactly this payload with that key."""
    header = keyed.header_of(token)
    try:
        said = keyed.payload_of(token)
    except ValueError:
        raise SignatureInvalidError(_INVALID) from None
    holds = keyed.holds(token, str(header.get("alg")), jwk)
    if not holds or header.get("typ") != _TYPE or said != payload:
        raise SignatureInvalidError(_INVALID)


def kid_of(token: str) -> str:
    """Return the name of the key that a signature says it was made with; not proven."""
    return str(keyed.header_of(token).get("kid", ""))


_INVALID = (
    "The signature does not hold over these terms with the institution's identity key;"
    " ask its legal office to sign again."
)
