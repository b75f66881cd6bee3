"""What the vault says about an object it keeps."""

from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One encrypted object: where it is, under which key, and the hash of its encrypted bytes.

    What the clear bytes are is vouched for by AES-GCM; the hash is for whoever has no key.
    """

    path: str
    key: str
    size: int
    cipher_size: int
    cipher_sha256: str
