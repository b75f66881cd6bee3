"""What approvals of rows leave in the chain of their agreement; PREMIS calls it a policy."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "rows.asked": None,
    "rows.approved": "poa",
    "rows.refused": None,
    "rows.withdrawn": "poa",
    "rows.lapsed": None,
}
