"""The form of an encrypted object: a header, then AES-256-GCM chunks, each bound to its place.

Header (28 bytes): `TGVAULT1`, chunk size as 4 bytes, 16 random bytes of salt. The object's own key
is HKDF-SHA256 (RFC 5869) of the version key with that salt and the object's place, so a nonce is
just the chunk's number and never repeats under one key. The associated data of a chunk are header,
place, number and a final flag (the STREAM construction: Hoang, Reyhanitabar, Rogaway and
Vizár, 2015): a chunk that was reordered, swapped, cut off or brought back from another object does
not decrypt.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tidegate.commons.vault.errors import ObjectCorruptError
from tidegate.kernel.values import dataclass

MAGIC = b"TGVAULT1"
CHUNK = 1024 * 1024
TAG = 16
HEADER = len(MAGIC) + 4 + 16


@dataclass(frozen=True, slots=True)
class Sealer:
    """Encrypts and decrypts the chunks of one object."""

    header: bytes
    place: bytes
    cipher: AESGCM

    def seal(self, number: int, chunk: memoryview, into: memoryview, *, final: bool) -> None:
        """Encrypt chunk `number` into a buffer of its size and a tag; the last one says so."""
        self.cipher.encrypt_into(_nonce(number), chunk, self._bound(number, final), into)

    def open(self, number: int, sealed: bytes, *, final: bool) -> bytes:
        """Decrypt chunk `number`; raise ObjectCorruptError if one bit or its place differs."""
        try:
            return self.cipher.decrypt(_nonce(number), sealed, self._bound(number, final))
        except InvalidTag:
            raise corrupt(self.place.decode(), f"chunk {number} does not decrypt") from None

    def _bound(self, number: int, final: bool) -> bytes:  # noqa: FBT001 - one flag of the format
        flag = b"\x01" if final else b"\x00"
        return self.header + number.to_bytes(8, "big") + flag + self.place


def new_sealer(key: bytes, place: str) -> Sealer:
    """Return the sealer of a new object at `place` under a version's key."""
    header = MAGIC + CHUNK.to_bytes(4, "big") + secrets.token_bytes(16)
    return _sealer(key, place, header)


def read_sealer(key: bytes, place: str, header: bytes) -> Sealer:
    """Return the sealer for an object whose header was read; refuse a header of another form."""
    if len(header) != HEADER or header[:12] != MAGIC + CHUNK.to_bytes(4, "big"):
        raise corrupt(place, "its header is not one of this vault")
    return _sealer(key, place, header)


def cipher_size(size: int) -> int:
    """Return how many bytes an object of `size` clear bytes takes."""
    return HEADER + size + TAG * chunk_count(size)


def chunk_count(size: int) -> int:
    """Return how many chunks `size` clear bytes make; an empty object has one empty chunk."""
    return max(1, -(-size // CHUNK))


def corrupt(place: str, what: str) -> ObjectCorruptError:
    """Word the discovery that an object is not what was stored."""
    return ObjectCorruptError(
        f"The stored object {place} was changed: {what}. Quarantine the version and restore the"
        " object from a copy.",
        object=place,
    )


def _sealer(key: bytes, place: str, header: bytes) -> Sealer:
    info = b"tidegate/vault/object/" + place.encode()
    derived = HKDF(SHA256(), 32, salt=header[12:], info=info).derive(key)
    return Sealer(header, place.encode(), AESGCM(derived))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
