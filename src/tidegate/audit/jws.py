"""Documents signed as compact JWS (RFC 7515): certificates and membership credentials."""

import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tidegate.audit.encoding import check_signature, decode_bytes, encode_bytes
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError
from tidegate.kernel.canonical import Json, canonical_json
from tidegate.kernel.values import dataclass

EDDSA = ("EdDSA", "Ed25519")  # RFC 8037 §3.1; RFC 9864 §2.2 names the same algorithm anew


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS taken apart, not verified yet."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signed: bytes
    signature: str

    @property
    def algorithm(self) -> str:
        """Return the algorithm the header names."""
        return str(self.header.get("alg", ""))

    @property
    def signer(self) -> str:
        """Return the DID that signed: the part of `kid` before the fragment, or the issuer."""
        kid = str(self.header.get("kid", "")).partition("#")[0]
        return kid if kid.startswith("did:") else self.issuer

    @property
    def issuer(self) -> str:
        """Return the issuer the payload names."""
        return str(self.payload.get("iss", self.payload.get("issuer", "")))


def sign_certificate(payload: dict[str, Json], *, did: str, sign: Any) -> bytes:
    """Sign a certificate with a node's evidence key: a compact JWS, `kid` naming the node."""
    header = {"alg": "EdDSA", "kid": f"{did}#evidence", "typ": "certificate+jws"}
    text = f"{encode_bytes(canonical_json(header))}.{encode_bytes(canonical_json(payload))}"
    return f"{text}.{encode_bytes(sign(text.encode()))}".encode()


def read_jws(data: bytes) -> Jws:
    """Take a compact JWS apart; raise EvidenceMalformedError where it is not one."""
    try:
        header, payload, signature = data.decode("ascii").split(".")
        parts = (json.loads(decode_bytes(header)), json.loads(decode_bytes(payload)))
    except (ValueError, RecursionError, EvidenceMalformedError):
        raise EvidenceMalformedError("The document is not a compact JWS of JSON.") from None
    if not all(isinstance(part, dict) for part in parts):
        raise EvidenceMalformedError("Header and payload of a JWS must be JSON objects.")
    return Jws(parts[0], parts[1], f"{header}.{payload}".encode(), signature)


def check_eddsa(jws: Jws, public: bytes, what: str) -> None:
    """Raise SignatureInvalidError unless the Ed25519 key signed the document."""
    if jws.algorithm not in EDDSA:
        raise SignatureInvalidError(f"The {what} is signed by {jws.algorithm or 'nothing'}.")
    check_signature(public, jws.signed, jws.signature, what)


def check_es256(jws: Jws, jwk: dict[str, str], what: str) -> None:
    """Raise SignatureInvalidError unless the P-256 key signed the document (RFC 7518 §3.4)."""
    if jws.algorithm != "ES256":
        raise SignatureInvalidError(f"The {what} is signed by {jws.algorithm or 'nothing'}.")
    try:
        x, y = (int.from_bytes(decode_bytes(jwk[name])) for name in "xy")
        raw = decode_bytes(jws.signature)
        if len(raw) != 64:
            raise EvidenceMalformedError("An ES256 signature has 64 bytes.")
        signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(signature, jws.signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, EvidenceMalformedError, ValueError):
        raise SignatureInvalidError(f"The signature of the {what} does not verify.") from None


@dataclass(frozen=True, slots=True)
class Membership:
    """What a membership credential says: who belongs to the space, and their evidence key."""

    did: str
    name: str
    seat: str
    issuer: str
    evidence_key: bytes
    issued: str


def read_membership(credential: Jws) -> Membership:
    """Read a membership credential (VC 2.0 as JWT, or the `vc` claim of VC 1.1); verify nothing."""
    vc = credential.payload.get("vc", credential.payload)
    subject = vc.get("credentialSubject") if isinstance(vc, dict) else None
    if not isinstance(subject, dict):
        raise EvidenceMalformedError("The credential has no credentialSubject.")
    issuer = vc.get("issuer", credential.payload.get("iss"))
    issuer = issuer.get("id") if isinstance(issuer, dict) else issuer
    did, key = subject.get("id"), subject.get("evidenceKey")
    if not isinstance(did, str) or not isinstance(key, str) or not isinstance(issuer, str):
        raise EvidenceMalformedError("The credential names no issuer, member or evidence key.")
    if credential.payload.get("iss", issuer) != issuer:
        raise EvidenceMalformedError("The credential names two issuers.")
    public = decode_bytes(key)
    if len(public) != 32:
        raise EvidenceMalformedError("The credential's evidence key is no Ed25519 key.")
    issued = vc.get("validFrom") or vc.get("issuanceDate") or credential.payload.get("iat", "")
    name, seat = str(subject.get("name", "")), str(subject.get("seat", ""))
    return Membership(did, name, seat, issuer, public, str(issued))
