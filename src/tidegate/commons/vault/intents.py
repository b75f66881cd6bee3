"""Marks of work in progress, so that what a killed process left behind is found and removed.

A mark is a file held under a lock for as long as the work runs. The lock dies with the process, so
a mark whose lock can be taken belongs to nobody alive.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.commons.vault.room import told
from tidegate.kernel.failpoint import failpoint


class Intents:
    """The marks of one node's vault."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Mark that `name` is being written; a block that fails leaves its mark for `abandoned`."""
        path = self._folder / name
        with self._locked(path):
            yield
            failpoint("vault.intent.release")
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        while True:
            with told():
                file = path.open("a")
            with file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    yield
                    return

    def abandoned(self) -> Iterator[str]:
        """Yield each mark nobody alive holds; the caller tidies, then the mark goes."""
        for path in sorted(self._folder.iterdir()):
            with path.open("a") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield path.name
                path.unlink(missing_ok=True)
