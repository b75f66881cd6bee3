"""The code this node runs: named in evidence at every start, and held against its installation.

A wheel lists the SHA-256 of each of its files (RECORD, PyPA specification "Recording installed
projects"). A changed, missing or added file makes the place of compute one nobody verified, and the
rule packs refuse to compute in it (TC-06). A working copy of the source has no such list: what
stands in the evidence is its measure.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
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
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def listed(distribution: metadata.Distribution) -> Mapping[str, str]:
    """Return what the installation lists of the package, by path; nothing for a working copy."""
    found = {}
    for file in distribution.files or ():
        is_ours = file.parts[0] == PACKAGE and "__pycache__" not in file.parts
        if is_ours and file.hash is not None and file.hash.mode == "sha256":
            digest = base64.urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4))
            found["/".join(file.parts[1:])] = digest.hex()
    return found


class Installation:
    """The package on disk, and what its installation says it should be."""

    def __init__(
        self, clock: Clock, root: Path | None = None, expected: Mapping[str, str] | None = None
    ) -> None:
        self._clock = clock
        self._root = root or Path(tidegate.__file__).parent
        self._expected = listed(metadata.distribution(PACKAGE)) if expected is None else expected
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
        code = sha256_hex(canonical_json(dict(measured(self._root))))
        journal.note(
            by="system:node",
            did="node.started",
            to=f"node:{did}",
            why={
                "version": __version__,
                "code": code,
                "installed": bool(self._expected),
                "intact": self.is_intact(),
            },
        )
