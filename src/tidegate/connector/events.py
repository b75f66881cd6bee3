"""What the identity and exchange sides of the connector write into the evidence."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "peer.refused": None,
    "credential.requested": None,
    "credential.issued": None,
    "credential.delivered": None,
    "credential.stored": None,
    "credential.revoked": None,
    "space.created": None,
    "space.joined": None,
    "space.left": None,
    "member.invited": None,
    "member.admitted": None,
    "member.revoked": None,
    "member.forgotten": None,
}
