"""Where encrypted objects lie: a folder today, any store obstore speaks to tomorrow (S3)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from tidegate.commons.vault.errors import ObjectMissingError
from tidegate.commons.vault.keyfiles import flush_folder
from tidegate.commons.vault.room import told, unwritable

_BUFFER = 4 * 1024 * 1024


class Sink(Protocol):
    """What an object's bytes are written to."""

    def write(self, data: "bytes | memoryview", /) -> object:
        """Take more bytes."""
        ...


class Objects:
    """The object store of the vault. An object appears whole, when its writer closes, or never."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._store = LocalStore(str(folder))

    @contextmanager
    def writing(self, path: str) -> Iterator[Sink]:
        """Publish what the block wrote at `path`; an error in the block publishes nothing.

        Raises StorageUnwritableError where the disk does not take it; other errors of the block
        are its own.
        """
        is_written = False
        try:
            with obstore.open_writer(
                self._store, path, buffer_size=_BUFFER, max_concurrency=1
            ) as writer:
                yield _Copying(writer)
                is_written = True
            self._flush(path)
        except (OSError, BaseError) as problem:
            if is_written:
                raise unwritable(problem) from problem
            raise

    def adopt(self, file: Path, path: str) -> None:
        """Move a whole, flushed file of the same disk into the store as the object at `path`."""
        target = self._folder / path
        with told():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.replace(target)
            self._flush(path)

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """Return some bytes of an object; raise ObjectMissingError where there is none."""
        try:
            return bytes(obstore.get_range(self._store, path, start=start, length=length))
        except FileNotFoundError:
            raise self._missing(path) from None

    def size(self, path: str) -> int:
        """Return an object's size in bytes; raise ObjectMissingError where there is none."""
        try:
            return int(obstore.head(self._store, path)["size"])
        except FileNotFoundError:
            raise self._missing(path) from None

    def delete(self, path: str) -> None:
        """Remove an object; removing what is not there is no error."""
        try:
            obstore.delete(self._store, path)
        except FileNotFoundError:
            return

    def list(self, prefix: str) -> tuple[str, ...]:
        """List the objects in the folder `prefix`, without half-written ones."""
        pages = obstore.list(self._store, prefix=prefix)
        return tuple(sorted(str(item["path"]) for page in pages for item in page))

    def sweep_drafts(self, prefix: str) -> None:
        """Remove what a killed writer left half-written under the folder `prefix`."""
        for draft in (self._folder / prefix).glob("*#*"):
            draft.unlink(missing_ok=True)

    def _flush(self, path: str) -> None:
        target = self._folder / path
        with target.open("rb") as file:
            os.fsync(file.fileno())
        flush_folder(target.parent)

    def _missing(self, path: str) -> ObjectMissingError:
        return ObjectMissingError(
            f"The stored object {path} is missing; restore it from a copy of the object store.",
            object=path,
        )


class _Copying:
    """Hands copies on: the store keeps what it is given until it is written, buffers are reused."""

    def __init__(self, writer: Sink) -> None:
        self._writer = writer

    def write(self, data: "bytes | memoryview", /) -> object:
        with told(BaseError):
            return self._writer.write(bytes(data))
