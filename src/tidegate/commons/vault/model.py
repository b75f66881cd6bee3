"""What the vault says about an object it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One encrypted object: where it is, under which key, and its hashes, clear and encrypted."""

    path: str
    key: str
    size: int
    plain_sha256: str
    cipher_size: int
    cipher_sha256: str
