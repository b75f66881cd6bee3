"""Leaves of the log: one for each act, chained by subject."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.kernel.canonical import Json, canonical_json, sha256_hex

NO_PREVIOUS = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: who did what to which subject, when and why, and its place in the subject's chain."""

    log: str
    at: str
    by: str
    did: str
    to: str
    number: int
    previous: str
    why: Mapping[str, Json]
    premis: str | None = None

    def canonical(self) -> bytes:
        """Return the bytes of the leaf: RFC 8785 JSON, without any patient's value."""
        leaf: dict[str, Json] = {
            "at": self.at,
            "by": self.by,
            "did": self.did,
            "log": self.log,
            "n": self.number,
            "prev": self.previous,
            "to": self.to,
            "why": dict(self.why),
        }
        if self.premis is not None:
            leaf["premis"] = self.premis
        return canonical_json(leaf)


def leaf_hash(leaf: bytes) -> str:
    """Hash a leaf as RFC 6962 §2.1 does: SHA-256 over 0x00 and the leaf's bytes."""
    return sha256_hex(b"\x00" + leaf)
