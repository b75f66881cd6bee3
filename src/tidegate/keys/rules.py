"""What an identity key may sign and how: compact JWS (RFC 7515) with ES256 or Ed25519 (RFC 8037).

The key decides the algorithm, never the token: a token whose header names another algorithm than
its key has does not hold (RFC 8725 §3.1).
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

IdentityKey = ECKey | OKPKey

ES256 = "ES256"
EDDSA = "EdDSA"
ALGORITHMS = frozenset({ES256, EDDSA, "Ed25519"})
"""What may stand in a header; RFC 9864 names EdDSA over Ed25519 anew."""

_OF_KEY: Mapping[tuple[str, str], frozenset[str]] = {
    ("EC", "P-256"): frozenset({ES256}),
    ("OKP", "Ed25519"): frozenset({EDDSA, "Ed25519"}),
}
_LONGEST = 96 * 1024


class _Registry(jws.JWSRegistry):
    max_header_length = 2048
    max_payload_length = _LONGEST


_REGISTRY = _Registry(algorithms=[ES256])


def algorithms_of(jwk: Mapping[str, Any]) -> frozenset[str]:
    """Return the algorithms a public key may verify; none for a key of another kind."""
    return _OF_KEY.get((str(jwk.get("kty")), str(jwk.get("crv"))), frozenset())


def new_key(algorithm: str) -> IdentityKey:
    """Make a new key for ES256 or EdDSA."""
    return ECKey.generate_key("P-256") if algorithm == ES256 else OKPKey.generate_key("Ed25519")


def read_key(jwk: Mapping[str, Any]) -> IdentityKey:
    """Read a P-256 or Ed25519 key, private or public; raise ValueError for another kind."""
    if not algorithms_of(jwk):
        raise ValueError("the key is neither P-256 nor Ed25519")
    kind = ECKey if jwk["kty"] == "EC" else OKPKey
    return kind.import_key(dict(jwk))


def public_members(jwk: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a key that make it what it is (RFC 7638 §3.2), none of them secret."""
    names = ("crv", "kty", "x", "y") if jwk.get("kty") == "EC" else ("crv", "kty", "x")
    return {name: str(jwk.get(name, "")) for name in names}


def sign(key: IdentityKey, header: Mapping[str, str], payload: bytes) -> str:
    """Return a compact JWS over `payload`; the algorithm is the key's own."""
    if isinstance(key, ECKey):
        return jws.serialize_compact(
            {"alg": ES256, **header}, payload, key, algorithms=[ES256], registry=_REGISTRY
        )
    head = json.dumps({"alg": EDDSA, **header}, separators=(",", ":")).encode()
    signed = urlsafe_b64encode(head) + b"." + urlsafe_b64encode(payload)
    private = key.private_key
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("a public key cannot sign")
    return (signed + b"." + urlsafe_b64encode(private.sign(signed))).decode()


def sign_raw(key: IdentityKey, data: bytes) -> bytes:
    """Return the ES256 signature of a P-256 key over `data`, 64 bytes (RFC 7518 §3.4)."""
    private = key.private_key
    if not isinstance(private, EllipticCurvePrivateKey):
        raise TypeError("only a private P-256 key signs with ES256")
    r, s = decode_dss_signature(private.sign(data, ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def holds(token: str, algorithm: str, jwk: Mapping[str, Any]) -> bool:
    """Whether the signature of a token of that algorithm holds with this public key."""
    if algorithm not in algorithms_of(jwk):
        return False
    try:
        if algorithm == ES256:
            key = _point(jwk["x"], jwk["y"])
            jws.deserialize_compact(token, key, algorithms=[ES256], registry=_REGISTRY)
        else:
            signed, _, signature = token.rpartition(".")
            public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(jwk["x"].encode()))
            public.verify(urlsafe_b64decode(signature.encode()), signed.encode())
    except (JoseError, InvalidSignature, ValueError, KeyError):
        return False
    return True


@functools.lru_cache(maxsize=512)
def _point(x: str, y: str) -> ECKey:
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def header_of(token: str) -> Mapping[str, Any]:
    """Return the header of a compact JWS; an empty one where it cannot be read."""
    try:
        found = json.loads(urlsafe_b64decode(token.partition(".")[0].encode("ascii")))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def payload_of(token: str) -> bytes:
    """Return the payload of a compact JWS; raise ValueError where it cannot be read."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a compact JWS")
    return urlsafe_b64decode(parts[1].encode("ascii"))
