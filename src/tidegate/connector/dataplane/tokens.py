"""Tokens of visits and data: hashed where they open something, sealed where they are used."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.connector.dataplane.errors import TokenSealedError
from tidegate.kernel.canonical import sha256_hex

PURPOSE = "connector.visit-token"
_NONCE = 12


def token_digest(token: str) -> str:
    """Return the hash under which a token is known; it has 256 random bits and needs no salt."""
    return sha256_hex(token.encode())


def seal_token(key: bytes, transfer: str, token: str) -> str:
    """Encrypt a token for keeping, bound to its transfer (AES-256-GCM, NIST SP 800-38D)."""
    nonce = secrets.token_bytes(_NONCE)
    return urlsafe_b64encode(
        nonce + AESGCM(key).encrypt(nonce, token.encode(), transfer.encode())
    ).decode()


def open_token(key: bytes, transfer: str, sealed: str) -> str:
    """Decrypt a kept token; raise TokenSealedError where it is not ours or was changed."""
    raw = urlsafe_b64decode(sealed)
    try:
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], transfer.encode()).decode()
    except InvalidTag:
        raise TokenSealedError(
            "The kept token of this visit cannot be opened; ask for the visit again."
        ) from None
