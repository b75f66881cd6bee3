"""The vault: put bytes in encrypted, take them out verified, destroy their key.

Three levels of keys: the node's root for the vault, derived from its sealed key file; a random key
for each version (and another for what still identifies people); a derived key for each object.
"""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.commons.vault import chunks
from tidegate.commons.vault.drafts import Draft
from tidegate.commons.vault.intents import Intents
from tidegate.commons.vault.keyfiles import KeyFiles
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.streams import SealedReader, SealedWriter
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.keys.service import KeyRing

if TYPE_CHECKING:
    from tidegate.commons.vault.objects import Objects

__all__ = ["Deposit", "Draft", "Vault"]

_READ = 4 * 1024 * 1024


class Deposit:
    """An object being written; `stored` says what it became once the block has ended."""

    def __init__(self, writer: SealedWriter) -> None:
        self.file = writer
        self._stored: StoredObject | None = None

    @property
    def stored(self) -> StoredObject:
        """Return what was written; only after the block ended well."""
        if self._stored is None:
            raise ValueError("The object is still being written.")
        return self._stored

    def close_as(self, stored: StoredObject) -> None:
        """Remember what was written."""
        self._stored = stored


class Vault:
    """Encrypted objects under keys that can be destroyed."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self.keys = KeyFiles(folder / "keys", keys.derive("vault"))
        self.intents = Intents(folder / "intents")
        self._drafts = folder / "drafts"
        self._stored = folder / "objects"
        self._stored.mkdir(mode=0o700, parents=True, exist_ok=True)

    @cached_property
    def _objects(self) -> "Objects":
        from tidegate.commons.vault.objects import Objects  # noqa: PLC0415 - obstore's five megabytes

        return Objects(self._stored)

    @contextmanager
    def writing(self, path: str, key_name: str) -> Iterator[Deposit]:
        """Encrypt what the block writes to `deposit.file`; nothing appears if the block fails."""
        sealer = chunks.new_sealer(self.keys.open(key_name), path)
        with self._objects.writing(path) as sink:
            writer = SealedWriter(sealer, sink)
            deposit = Deposit(writer)
            yield deposit
            deposit.close_as(writer.finish(path, key_name))
            failpoint("vault.publish")

    def draft(self, path: str, key_name: str) -> Draft:
        """Begin, or go on with, an object that arrives in pieces; its key must exist."""
        file = self._drafts / path.replace("/", "_")
        draft = Draft(file, self.keys.open(key_name), path, key_name)
        return draft.on_publish(lambda whole: self._objects.adopt(whole, path))

    def drop_draft(self, path: str) -> None:
        """Remove a draft; removing what is not there is no error."""
        (self._drafts / path.replace("/", "_")).unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Return how many bytes are free on the disk where drafts grow."""
        self._drafts.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self._drafts).free

    def open(self, stored: StoredObject) -> io.BufferedReader:
        """Open an object as a seekable file; every byte read from it has been verified."""
        reader = SealedReader(self._objects, stored, self.keys.open(stored.key))
        return io.BufferedReader(reader, chunks.CHUNK)

    def check(self, stored: StoredObject) -> bool:
        """Tell whether the encrypted bytes still have the recorded hash (fixity, no key needed)."""
        if self._objects.size(stored.path) != stored.cipher_size:
            return False
        digest = hashlib.sha256()
        for start in range(0, stored.cipher_size, _READ):
            length = min(_READ, stored.cipher_size - start)
            digest.update(self._objects.read_range(stored.path, start, length))
        return digest.hexdigest() == stored.cipher_sha256

    def delete(self, path: str) -> None:
        """Remove an object."""
        self._objects.delete(path)

    def list(self, folder: str) -> tuple[str, ...]:
        """List the objects in a folder."""
        return self._objects.list(folder)

    def tidy(self, folder: str, keep_objects: frozenset[str], keep_keys: frozenset[str]) -> int:
        """Remove everything of a folder that is not to be kept; return how many.

        Objects go first: they never counted, and on a full disk they make room for what destroying
        a key writes down.
        """
        self._objects.sweep_drafts(folder)
        orphans = [path for path in self._objects.list(folder) if path not in keep_objects]
        for path in orphans:
            self._objects.delete(path)
        keys = [n for n in self.keys.names() if _owner(n) == folder and n not in keep_keys]
        for name in keys:
            self.keys.destroy(name)
        return len(keys) + len(orphans)

    @contextmanager
    def all_or_nothing(self, folder: str) -> Iterator[None]:
        """Remove everything of a folder of its own if the block fails to write it."""
        try:
            yield
        except TidegateError:
            self.tidy(folder, frozenset(), frozenset())
            raise

    def recover(self, kept: Callable[[str], tuple[frozenset[str], frozenset[str]]]) -> int:
        """Clean up after killed writers; `kept(folder)` names the objects and keys in use."""
        return sum(self.tidy(folder, *kept(folder)) for folder in self.intents.abandoned())


def _owner(key_name: str) -> str:
    return key_name.partition(".")[0]
