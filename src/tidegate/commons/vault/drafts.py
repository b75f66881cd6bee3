"""Objects that arrive over hours and restarts: encrypted from the first byte, whole when published.

A draft is a file of the object's own form (`chunks`) that grows chunk by chunk outside the object
store. A process killed in between finds at its next start every chunk that still decrypts, and
goes on behind the last of them. Publishing moves the file into the store, so it is never copied.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from tidegate.commons.vault import chunks
from tidegate.commons.vault.chunks import CHUNK, HEADER, TAG, Sealer
from tidegate.commons.vault.errors import ObjectCorruptError
from tidegate.commons.vault.model import StoredObject

_SEALED = CHUNK + TAG


class Draft:
    """A growing encrypted object. One thread writes it at a time."""

    def __init__(self, file: Path, key: bytes, path: str, key_name: str) -> None:
        self._file, self._path, self._key_name = file, path, key_name
        self._clear_hash, self._cipher_hash = hashlib.sha256(), hashlib.sha256()
        self._held = memoryview(bytearray(CHUNK))
        self._sealed = memoryview(bytearray(_SEALED))
        self._filled = self._number = 0
        self._publish: Callable[[Path], None] = lambda _file: None
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._out = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        self._sealer = self._begin(key)
        self._go_on()

    @property
    def size(self) -> int:
        """Return how many clear bytes were taken in."""
        return self._number * CHUNK + self._filled

    @property
    def sha256(self) -> str:
        """Return the SHA-256 (hex) of every clear byte taken in."""
        return self._clear_hash.hexdigest()

    def on_publish(self, publish: Callable[[Path], None]) -> "Draft":
        """Have the file handed to `publish` once it is whole; return this draft."""
        self._publish = publish
        return self

    def write(self, data: "bytes | memoryview") -> None:
        """Take clear bytes; a full chunk leaves for the file when more come."""
        view = memoryview(data)
        self._clear_hash.update(view)
        start = 0
        while start < len(view):
            if self._filled == CHUNK:
                self._seal(final=False)
            take = min(CHUNK - self._filled, len(view) - start)
            self._held[self._filled : self._filled + take] = view[start : start + take]
            self._filled += take
            start += take

    def finish(self) -> StoredObject:
        """Seal the last chunk, flush to the disk, publish; return what was written."""
        size = self.size
        self._seal(final=True)
        os.fsync(self._out.fileno())
        self._out.close()
        self._publish(self._file)
        return StoredObject(
            path=self._path,
            key=self._key_name,
            size=size,
            cipher_size=chunks.cipher_size(size),
            cipher_sha256=self._cipher_hash.hexdigest(),
        )

    def close(self) -> None:
        """Let go of the file; what is in it is found again."""
        self._out.close()

    def _begin(self, key: bytes) -> Sealer:
        header = self._out.read(HEADER)
        if len(header) == HEADER:
            sealer = chunks.read_sealer(key, self._path, header)
        else:
            sealer = chunks.new_sealer(key, self._path)
            self._out.seek(0)
            self._out.truncate()
            _write(self._out.fileno(), memoryview(sealer.header))
        self._cipher_hash.update(sealer.header)
        return sealer

    def _go_on(self) -> None:
        """Read every chunk that decrypts, and cut the file behind the last of them."""
        while len(sealed := self._out.read(_SEALED)) == _SEALED:
            try:
                clear = self._sealer.open(self._number, sealed, final=False)
            except ObjectCorruptError:
                break
            self._clear_hash.update(clear)
            self._cipher_hash.update(sealed)
            self._number += 1
        self._out.seek(HEADER + self._number * _SEALED)
        self._out.truncate()

    def _seal(self, *, final: bool) -> None:
        sealed = self._sealed[: self._filled + TAG]
        self._sealer.seal(self._number, self._held[: self._filled], sealed, final=final)
        self._cipher_hash.update(sealed)
        _write(self._out.fileno(), sealed)
        self._number += 1
        self._filled = 0


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
