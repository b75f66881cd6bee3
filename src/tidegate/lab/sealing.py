"""Sealed records: AES-256-GCM under keys that lie in the key vault and can be destroyed there."""

import base64
import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.kernel.errors import ConflictError, CorruptError
from tidegate.lab.errors import SealBrokenError


class KeyShelf(Protocol):
    """Where destroyable keys lie, outside the database and its backups."""

    def create(self, name: str) -> bytes:
        """Make a key; refuse a name that was used before."""
        ...

    def open(self, name: str) -> bytes:
        """Return a key."""
        ...

    def destroy(self, name: str) -> None:
        """Destroy a key for good."""
        ...


def key_name(kind: str, owner: str) -> str:
    """Name the key of an owner in the form the key vault takes."""
    return f"lab_{kind}_" + "".join(c if c.isalnum() else "_" for c in owner.lower())


class Seal:
    """Seals and opens records under one key; a record is bound to its place."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, content: bytes, place: str) -> str:
        """Return the sealed record as text."""
        nonce = secrets.token_bytes(12)
        sealed = nonce + self._cipher.encrypt(nonce, content, place.encode())
        return base64.b64encode(sealed).decode()

    def open(self, sealed: str, place: str) -> bytes:
        """Return what was sealed at this place; raise SealBrokenError for anything else."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:12], raw[12:], place.encode())
        except (ValueError, InvalidTag):
            raise SealBrokenError(
                "A sealed record of the lab was changed or belongs elsewhere; restore the database"
                " from a backup and check it with `tidegate doctor`."
            ) from None


def open_or_create(keys: KeyShelf, name: str) -> Seal:
    """Return the seal of a name, making its key at the first use."""
    try:
        return Seal(keys.open(name))
    except CorruptError:
        try:
            return Seal(keys.create(name))
        except ConflictError:
            return Seal(keys.open(name))
