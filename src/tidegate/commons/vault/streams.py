"""Write and read encrypted objects as streams, in constant memory."""

import hashlib
import io
from typing import TYPE_CHECKING

from tidegate.commons.vault import chunks
from tidegate.commons.vault.chunks import CHUNK, HEADER, TAG, Sealer
from tidegate.commons.vault.model import StoredObject

if TYPE_CHECKING:
    from tidegate.commons.vault.objects import Objects, Sink


class SealedWriter(io.RawIOBase):
    """A file to write clear bytes to; encrypted chunks leave for the object store.

    The encrypted bytes are hashed as they leave, so that fixity can be checked without a key. The
    clear bytes are not hashed again: hashing is what costs, and AES-GCM vouches for them.
    """

    def __init__(self, sealer: Sealer, sink: "Sink") -> None:
        self._sealer = sealer
        self._sink = sink
        self._clear = memoryview(bytearray(CHUNK))
        self._sealed = memoryview(bytearray(CHUNK + TAG))
        self._filled = 0
        self._number = 0
        self._size = 0
        self._cipher = hashlib.sha256()
        self._put(memoryview(sealer.header))

    def writable(self) -> bool:
        """Say that this is a file for writing."""
        return True

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Take clear bytes; a full chunk leaves when more come, the last one at `finish`."""
        view = memoryview(data).cast("B")
        start = 0
        while start < len(view):
            if self._filled == CHUNK:
                self._seal(final=False)
            take = min(CHUNK - self._filled, len(view) - start)
            self._clear[self._filled : self._filled + take] = view[start : start + take]
            self._filled += take
            start += take
        return len(view)

    def finish(self, path: str, key: str) -> StoredObject:
        """Seal the last chunk and say what was written."""
        self._seal(final=True)
        return StoredObject(
            path=path,
            key=key,
            size=self._size,
            cipher_size=chunks.cipher_size(self._size),
            cipher_sha256=self._cipher.hexdigest(),
        )

    def _seal(self, *, final: bool) -> None:
        chunk, sealed = self._clear[: self._filled], self._sealed[: self._filled + TAG]
        self._sealer.seal(self._number, chunk, sealed, final=final)
        self._put(sealed)
        self._number += 1
        self._size += self._filled
        self._filled = 0

    def _put(self, sealed: memoryview) -> None:
        self._cipher.update(sealed)
        self._sink.write(sealed)


class SealedReader(io.RawIOBase):
    """A seekable file of clear bytes over one encrypted object; every chunk read is verified."""

    def __init__(self, objects: "Objects", stored: StoredObject, key: bytes) -> None:
        self._objects = objects
        self._stored = stored
        if objects.size(stored.path) != stored.cipher_size:
            raise chunks.corrupt(stored.path, "its size is not the recorded one")
        if stored.cipher_size != chunks.cipher_size(stored.size):
            raise chunks.corrupt(stored.path, "its recorded sizes contradict each other")
        header = objects.read_range(stored.path, 0, HEADER)
        self._sealer = chunks.read_sealer(key, stored.path, header)
        self._last = chunks.chunk_count(stored.size) - 1
        self._position = 0
        self._held = (-1, b"")
        self._chunk(self._last)

    def readable(self) -> bool:
        """Say that this is a file for reading."""
        return True

    def seekable(self) -> bool:
        """Say that any place can be read first."""
        return True

    def tell(self) -> int:
        """Return the place the next read begins at."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to another place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stored.size}
        self._position = max(0, start[whence] + offset)
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill `buffer` with clear bytes from at most one chunk."""
        if self._position >= self._stored.size:
            return 0
        number, offset = divmod(self._position, CHUNK)
        piece = memoryview(self._chunk(number))[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            start = HEADER + number * (CHUNK + TAG)
            length = min(CHUNK + TAG, self._stored.cipher_size - start)
            sealed = self._objects.read_range(self._stored.path, start, length)
            clear = self._sealer.open(number, sealed, final=number == self._last)
            self._held = (number, clear)
        return self._held[1]
