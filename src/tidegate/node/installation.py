"""The code this node runs: named in evidence at every start, and held against its installation.

A wheel lists the SHA-256 of each of its files (RECORD, PyPA specification "Recording installed
projects"). A changed, missing or added file makes the place of compute one nobody verified, and the
rule packs refuse to compute in it (TC-06). A working copy of the source has no such list: what
stands in the evidence is its measure.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import metadata
from pathlib import Path

import tidegate
from tidegate import __version__
from tidegate.audit.journal import Journal
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import Clock

PACKAGE = "tidegate"
EVERY = timedelta(minutes=5)  # how long a verdict stands


def measured(root: Path) -> Mapping[str, str]:
    """Return the SHA-256 of every file of the package, by its path inside."""
    return {
        name: hashlib.sha256(Path(path).read_bytes()).hexdigest()
        for name, path in sorted(_files(str(root), ""))
    }


def _files(folder: str, inside: str) -> Iterator[tuple[str, str]]:
    """Find every file below a folder, with its name there and its path; every start waits for it.

    `os.scandir` and texts: paths as objects took longer than reading and hashing the files.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                yield inside + entry.name, entry.path
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _files(entry.path, f"{inside}{entry.name}/")


def listed(distribution: metadata.Distribution) -> Mapping[str, str]:
    """Return what the installation lists of the package, by path; nothing for a working copy."""
    found = {}
    for file in distribution.files or ():
        is_ours = file.parts[0] == PACKAGE and "__pycache__" not in file.parts
        if is_ours and file.hash is not None and file.hash.mode == "sha256":
            digest = base64.urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4))
            found["/".join(file.parts[1:])] = digest.hex()
    return found


@cache
def _installed() -> Mapping[str, str]:
    """Return what this very installation lists; it is read once a process."""
    return listed(metadata.distribution(PACKAGE))


class Installation:
    """The package on disk, and what its installation says it should be."""

    def __init__(
        self, clock: Clock, root: Path | None = None, expected: Mapping[str, str] | None = None
    ) -> None:
        self._clock = clock
        self._root = root or Path(tidegate.__file__).parent
        self._expected = _installed() if expected is None else expected
        self._verdict: tuple[datetime, bool] | None = None

    def is_intact(self) -> bool:
        """Tell whether the files are the installed ones; looked at again every five minutes."""
        if not self._expected:
            return True
        now = self._clock.now()
        if self._verdict is None or now - self._verdict[0] >= EVERY:
            self._verdict = (now, measured(self._root) == self._expected)
        return self._verdict[1]

    def note_start(self, journal: Journal, did: str) -> None:
        """Put into evidence which code serves from now on."""
        found = measured(self._root)
        if self._expected:
            self._verdict = (self._clock.now(), found == self._expected)
        journal.note(
            by="system:node",
            did="node.started",
            to=f"node:{did}",
            why={
                "version": __version__,
                "code": sha256_hex(canonical_json(dict(found))),
                "installed": bool(self._expected),
                "intact": self.is_intact(),
            },
        )
