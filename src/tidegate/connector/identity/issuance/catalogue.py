"""What the authority issues: each credential, its profile, and what it says of its subject."""

from collections.abc import Mapping
from typing import Any

from tidegate.connector.identity.model import (
    CERTIFICATION,
    MEMBERSHIP,
    OLDER_FORMAT,
    SEAT,
    VC_FORMAT,
)
from tidegate.kernel.values import dataclass
from tidegate.partners.model import Member


@dataclass(frozen=True, slots=True)
class Issuable:
    """An entry of the issuer's metadata (DCP 1.0.1 §6.7)."""

    id: str
    type: str
    format: str


CATALOGUE = (
    Issuable("urn:tidegate:credential:membership", MEMBERSHIP, VC_FORMAT),
    Issuable("urn:tidegate:credential:seat", SEAT, VC_FORMAT),
    Issuable("urn:tidegate:credential:certification", CERTIFICATION, VC_FORMAT),
    Issuable("urn:tidegate:credential:membership:vc11", MEMBERSHIP, OLDER_FORMAT),
    Issuable("urn:tidegate:credential:seat:vc11", SEAT, OLDER_FORMAT),
)
"""Certifications are this space's own and come in the newer form only."""

_TEXT: Mapping[str, Any] = {"type": "string"}
SUBJECTS: Mapping[str, Mapping[str, Any]] = {
    MEMBERSHIP: {"name": _TEXT, "role": _TEXT, "evidenceKey": _TEXT},
    SEAT: {"seat": _TEXT},
    CERTIFICATION: {"certifications": {"type": "array", "items": _TEXT, "minItems": 1}},
}
"""What each credential says of its subject, besides the subject's DID, as JSON schemas."""


def find_issuable(name: str) -> Issuable | None:
    """Return the entry with this id; a type's name means its entry in the newer form."""
    return next((each for each in CATALOGUE if name in {each.id, each.type}), None)


def subject_schema(kind: str, url: str) -> dict[str, Any]:
    """Return the JSON schema of the subject of a credential of that type."""
    members = {"id": _TEXT, **SUBJECTS[kind]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url,
        "type": "object",
        "properties": members,
        "required": list(members),
    }


def subject_claims(kind: str, member: Member, certifications: tuple[str, ...]) -> dict[str, Any]:
    """Return what a credential of that type says of a member."""
    if kind == MEMBERSHIP:
        return {
            "name": member.name,
            "role": member.role.value,
            "evidenceKey": member.evidence_public,
        }
    if kind == CERTIFICATION:
        return {"certifications": list(certifications)}
    return {"seat": member.seat.value}
