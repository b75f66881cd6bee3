"""Write and read encrypted objects as streams, in constant memory."""

import hashlib
import io
from concurrent.futures import Future, ThreadPoolExecutor

from tidegate.commons.vault import chunks
from tidegate.commons.vault.chunks import CHUNK, HEADER, TAG, Sealer
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.objects import Objects, Sink


class SealedWriter(io.RawIOBase):
    """A file to write clear bytes to; encrypted chunks leave for the object store.

    The clear bytes are hashed on a thread of their own while the same chunk is encrypted and the
    encrypted bytes are hashed: hashing, not encryption, is what costs.
    """

    def __init__(self, sealer: Sealer, sink: Sink) -> None:
        self._sealer = sealer
        self._sink = sink
        self._buffer = bytearray()
        self._number = 0
        self._size = 0
        self._plain = hashlib.sha256()
        self._cipher = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
        self._put(sealer.header)

    def writable(self) -> bool:
        """Say that this is a file for writing."""
        return True

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Take clear bytes; whole chunks leave at once, the last one waits for `finish`."""
        view = memoryview(data).cast("B")
        start = 0
        while len(self._buffer) + len(view) - start > CHUNK:
            take = CHUNK - len(self._buffer)
            if self._buffer:
                self._buffer += view[start : start + take]
                chunk, self._buffer = bytes(self._buffer), bytearray()
            else:
                chunk = bytes(view[start : start + take])
            start += take
            self._seal(chunk, final=False)
        self._buffer += view[start:]
        return len(view)

    def finish(self, path: str, key: str) -> StoredObject:
        """Seal the last chunk and say what was written."""
        self._seal(bytes(self._buffer), final=True)
        self._wait()
        self.stop()
        return StoredObject(
            path=path,
            key=key,
            size=self._size,
            plain_sha256=self._plain.hexdigest(),
            cipher_size=chunks.cipher_size(self._size),
            cipher_sha256=self._cipher.hexdigest(),
        )

    def stop(self) -> None:
        """Let the hashing thread go."""
        self._hasher.shutdown()

    def _seal(self, chunk: bytes, *, final: bool) -> None:
        self._wait()
        self._pending = self._hasher.submit(self._plain.update, chunk)
        self._put(self._sealer.seal(self._number, chunk, final=final))
        self._number += 1
        self._size += len(chunk)

    def _put(self, sealed: bytes) -> None:
        self._cipher.update(sealed)
        self._sink.write(sealed)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


class SealedReader(io.RawIOBase):
    """A seekable file of clear bytes over one encrypted object; every chunk read is verified."""

    def __init__(self, objects: Objects, stored: StoredObject, key: bytes) -> None:
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
