"""What the lab puts into evidence. No event carries a value or a count of people."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "query.received": None,
    "query.refused": None,
    "query.stopped": None,
    "query.awaiting_checker": None,
    "query.cleared": None,
    "query.rejected": None,
    "query.released": "dis",
    "query.withdrawn": None,
    "query.submitted": None,
    "query.answered": None,
    "result.received": None,
    "result.read": None,
    "results.destroyed": "del",
    "version.opened_to_visits": None,
}
"""Event code -> PREMIS 3 event type: `dis` dissemination, `del` deletion."""
