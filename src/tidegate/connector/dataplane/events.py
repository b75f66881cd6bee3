"""What moving bytes leaves as evidence; PREMIS calls it transfer, and a fixity check at its end."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "flow.started": None,
    "flow.read": "tra",
    "flow.read_refused": None,
    "flow.completed": "tra",
    "flow.refused": None,
    "flow.stopped": None,
}
