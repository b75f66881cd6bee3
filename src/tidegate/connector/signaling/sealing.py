"""Secrets of planes: hashed where they open something here, sealed where we present them."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.connector.dataplane.model import PlaneAddress
from tidegate.connector.signaling.desk import Keys
from tidegate.connector.signaling.errors import SecretSealedError
from tidegate.kernel.canonical import sha256_hex

PURPOSE = "connector.signaling-secret"
_NONCE = 12


def secret_digest(secret: str) -> str:
    """Return the hash under which a token is known; it has 256 random bits and needs no salt."""
    return sha256_hex(secret.encode())


def seal_secret(keys: Keys, name: str, secret: str) -> str:
    """Encrypt a secret for keeping, bound to what it belongs to (AES-256-GCM, SP 800-38D)."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(keys.derive(PURPOSE)).encrypt(nonce, secret.encode(), name.encode())
    return urlsafe_b64encode(nonce + sealed).decode()


def open_secret(keys: Keys, name: str, sealed: str) -> str:
    """Decrypt a kept secret; raise SecretSealedError where it is not ours or was changed."""
    raw = urlsafe_b64decode(sealed)
    try:
        opened = AESGCM(keys.derive(PURPOSE)).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode())
    except InvalidTag:
        raise SecretSealedError(
            "A kept secret of signaling cannot be opened; register the plane again."
        ) from None
    return opened.decode()


def seal_address(keys: Keys, flow: str, address: PlaneAddress | None) -> str:
    """Encrypt an address for keeping; an empty string for none."""
    if address is None:
        return ""
    clear = [address.endpoint_type, address.endpoint, dict(address.properties)]
    return seal_secret(keys, flow, msgspec.json.encode(clear).decode())


def open_address(keys: Keys, flow: str, sealed: str) -> PlaneAddress | None:
    """Return a kept address, or None."""
    if not sealed:
        return None
    clear = open_secret(keys, flow, sealed)
    return PlaneAddress(*msgspec.json.decode(clear, type=tuple[str, str, dict[str, str]]))
