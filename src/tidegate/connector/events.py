"""What the identity and exchange sides of the connector write into the evidence."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "peer.refused": None,
    "credential.requested": None,
    "credential.refused": None,
    "credential.issued": None,
    "credential.delivered": None,
    "credential.stored": None,
    "credential.revoked": None,
}
