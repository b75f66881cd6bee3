"""What signaling leaves as evidence; PREMIS has no code for any of it."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "signaling.registered": None,
    "signaling.approved": None,
    "signaling.removed": None,
    "signaling.opened": None,
    "signaling.moved": None,
    "signaling.errored": None,
    "signaling.renewed": None,
    "signaling.renewal_refused": None,
    "signaling.refused": None,
    "signaling.withheld": None,
    "signaling.served": None,
}
