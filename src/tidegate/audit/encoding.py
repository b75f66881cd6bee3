"""Strict base64url and Ed25519: one text for one value, one verdict for one signature."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError


def encode_bytes(data: bytes) -> str:
    """Write bytes as base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_bytes(text: str) -> bytes:
    """Read base64url without padding; refuse every text that `encode_bytes` would not write."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if encode_bytes(data) != text:
        raise EvidenceMalformedError("A value is not base64url without padding.")
    return data


def decode_hash(text: str) -> bytes:
    """Read a SHA-256 in lower-case hexadecimal."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != 32 or data.hex() != text:
        raise EvidenceMalformedError("A value is not a SHA-256 in lower-case hexadecimal.")
    return data


def check_signature(public: bytes, data: bytes, signature: str, what: str) -> None:
    """Raise SignatureInvalidError unless `signature` is the key's Ed25519 signature over `data`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(decode_bytes(signature), data)
    except (InvalidSignature, EvidenceMalformedError, ValueError):
        raise SignatureInvalidError(f"The signature of the {what} does not verify.") from None
