"""What transfers leave as evidence; PREMIS has no code for any of it."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "transfer.opened": None,
    "transfer.decided": None,
    "transfer.requested": None,
    "transfer.started": None,
    "transfer.suspended": None,
    "transfer.completed": None,
    "transfer.terminated": None,
    "transfer.refused": None,
    "transfer.renewed": None,
    "transfer.prepared": None,
    "transfer.script_set": None,
}

STARTED = "transfer.started"
STOPPED = "transfer.stopped"
"""Facts announced with `transfer=<pid>`: a visit may begin, a visit must stop at once."""
