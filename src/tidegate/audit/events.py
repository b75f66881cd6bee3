"""What the audit room itself puts into evidence; PREMIS has no types for such events."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "evidence.exported": None,
    "key.declared": None,
    "witness.requested": None,
    "witness.refused": None,
    "checkpoint.cosigned": None,
    "checkpoint.witnessed": None,
    "checkpoint.refused": None,
}
"""Event code -> PREMIS eventType code, or None."""
