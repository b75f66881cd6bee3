"""What happens in this room, as the evidence names it (and the PREMIS type, where there is one)."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "agreement.signed": None,
    "agreement.suspended": None,
    "agreement.resumed": None,
    "agreement.ended": None,
    "agreement.use_counted": None,
    "agreement.deletion_overdue": None,
    "decision.made": None,
}
