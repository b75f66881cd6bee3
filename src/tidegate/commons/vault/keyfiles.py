"""The key vault: one small wrapped file a key, outside the database and its backups.

A key is 256 random bits, wrapped with AES-256-GCM under the node's root for vault keys. Destroying
a key overwrites its file, flushes it to the disk, removes it and leaves a mark, so that nothing
makes a key of that name again (cryptographic erase, NIST SP 800-88 Rev. 2).
"""

import os
import re
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.commons.vault.errors import KeyDestroyedError, KeyExistsError, KeyMissingError
from tidegate.commons.vault.room import is_full, told
from tidegate.kernel.errors import InvalidError

_FORM = b"TGKEY1\x00\x00"
_SIZE = len(_FORM) + 12 + 32 + 16
_NAME = re.compile(r"[a-z0-9_]{1,80}(\.[a-z0-9]{1,20})?")


class KeyFiles:
    """Makes, opens and destroys the keys of holdings."""

    def __init__(self, folder: Path, root: bytes) -> None:
        self._folder = folder
        self._cipher = AESGCM(root)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, name: str) -> bytes:
        """Make a key and keep it wrapped; return it. Refuse a name that was used before."""
        if self._mark(name).exists() or self._path(name).exists():
            raise KeyExistsError(f"A key named {name} was made before; name the new one otherwise.")
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
        wrapped = _FORM + nonce + self._cipher.encrypt(nonce, key, _FORM + name.encode())
        with told():
            write_durably(self._path(name), wrapped)
        return key

    def open(self, name: str) -> bytes:
        """Return a key; raise KeyDestroyedError or KeyMissingError where there is none."""
        if self._mark(name).exists():
            raise KeyDestroyedError(
                "The key of these data was destroyed; they cannot be read again by anybody.",
                key=name,
            )
        try:
            wrapped = self._path(name).read_bytes()
        except FileNotFoundError:
            raise KeyMissingError(
                f"The key {name} is not in the key vault; restore that from its own backup.",
                key=name,
            ) from None
        try:
            nonce, sealed = wrapped[len(_FORM) : len(_FORM) + 12], wrapped[len(_FORM) + 12 :]
            if len(wrapped) != _SIZE or not wrapped.startswith(_FORM):
                raise InvalidTag
            return self._cipher.decrypt(nonce, sealed, _FORM + name.encode())
        except InvalidTag:
            raise KeyMissingError(
                f"The key file of {name} was changed or belongs to another node.", key=name
            ) from None

    def destroy(self, name: str) -> None:
        """Destroy a key for good; doing it twice is the same as doing it once.

        A full disk does not save a key: it is overwritten where it lies, and becomes the mark.
        """
        path, mark = self._path(name), self._mark(name)
        with told():
            try:
                write_durably(mark, b"destroyed\n")
            except OSError as problem:
                if not (is_full(problem) and path.exists()):
                    raise
                _overwrite(path)
                path.replace(mark)
            if path.exists():
                _overwrite(path)
                path.unlink()
            flush_folder(self._folder)

    def is_destroyed(self, name: str) -> bool:
        """Tell whether a key was destroyed and is not there any more."""
        return self._mark(name).exists() and not self._path(name).exists()

    def names(self) -> tuple[str, ...]:
        """List the keys that can be opened."""
        return tuple(sorted(path.name.removesuffix(".key") for path in self._folder.glob("*.key")))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidError(f"{name!r} is no name for a key.")
        return self._folder / f"{name}.key"

    def _mark(self, name: str) -> Path:
        return self._path(name).with_name(f"{name}.destroyed")


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, and on the disk when this returns."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _overwrite(path: Path) -> None:
    """Put noise in the place of a key, on the disk when this returns; it takes no more room."""
    with path.open("r+b") as file:
        for _ in range(2):
            file.seek(0)
            file.write(secrets.token_bytes(_SIZE))
            file.flush()
            os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename or removal survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
