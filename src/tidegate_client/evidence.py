"""The evidence of a node: its log, proofs, checkpoints, and the bundle."""

from typing import Any

import msgspec

from tidegate_client.transport import Transport


class Leaf(msgspec.Struct, frozen=True):
    """One act, as it stands in the log."""

    position: int
    hash: str
    at: str
    by: str
    did: str
    to: str
    number: int
    previous: str
    why: dict[str, Any] = {}
    premis: str | None = None
    files: dict[str, str] = {}


class Proof(msgspec.Struct, frozen=True):
    """That a leaf stands under a signed checkpoint."""

    position: int
    size: int
    leaf_hash: str
    path: tuple[str, ...]
    root: str
    checkpoint: int
    at: str


class Checkpoint(msgspec.Struct, frozen=True):
    """The signed state of the log."""

    number: int
    size: int
    root: str
    heads: str
    subjects: int
    at: str
    checkpoint: str
    signature: str


class _Asked(msgspec.Struct, frozen=True):
    asked: int


class Evidence:
    """Reads, proves and exports the evidence of one node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_leaves(
        self, *, before: int | None = None, limit: int = 50, event: str = ""
    ) -> tuple[Leaf, ...]:
        """Return a page of leaves, newest first."""
        query: dict[str, str | int] = {"limit": limit}
        if before is not None:
            query["before"] = before
        if event:
            query["event"] = event
        return self._http.get("/evidence/leaves", tuple[Leaf, ...], **query)

    def timeline(self, subject: str) -> tuple[Leaf, ...]:
        """Return everything that happened to a subject, as in `version:ver_…`."""
        return self._http.get("/evidence/timeline", tuple[Leaf, ...], of=subject)

    def prove(self, position: int) -> Proof:
        """Return the proof that a leaf stands under the newest checkpoint."""
        return self._http.get(f"/evidence/leaves/{position}/proof", Proof)

    def checkpoint(self) -> Checkpoint:
        """Have the log signed as it stands."""
        return self._http.post("/evidence/checkpoint", None, Checkpoint)

    def ask_witnesses(self) -> int:
        """Have the other members asked to witness the log; return how many."""
        return self._http.post("/evidence/witnesses", None, _Asked).asked

    def export(self) -> bytes:
        """Return the node's evidence bundle."""
        return self._http.download("/evidence/bundle")
