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
    "certification.granted": None,
    "certification.withdrawn": None,
    "sts.client_added": None,
    "sts.client_removed": None,
    "sts.token_given": None,
    "key.rotated": None,
    "key.retired": None,
}
