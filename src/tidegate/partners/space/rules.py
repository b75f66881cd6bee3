"""Who may found a space, invite into it and speak for it."""

import base64
import binascii
import re

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.machine import Machine, Move
from tidegate.partners.errors import (
    MemberKnownError,
    MemberRevokedError,
    NotAuthorityError,
    SpaceKnownError,
)
from tidegate.partners.model import Invitation, Member, MemberState, Space

_DID = re.compile(r"did:web:[A-Za-z0-9.%:_-]{1,300}")

MEMBERSHIP: Machine[MemberState] = Machine(
    "membership",
    MemberState.ACTIVE,
    (Move("revoke", MemberState.ACTIVE, MemberState.REVOKED, by="authority"),),
)


def check_may_run_space(actor: Actor) -> None:
    """Raise unless an operator, or the node itself while it is set up, asks."""
    if not actor.is_system:
        check_has_role(actor, Role.OPERATOR)


def check_is_authority(space: Space, did: str) -> None:
    """Raise NotAuthorityError unless `did` is the authority of the space."""
    if space.authority != did:
        raise NotAuthorityError(
            "Only the authority of the space admits and revokes members, or says who they are.",
            authority=space.authority,
        )


def check_did(did: str) -> None:
    """Raise InvalidError unless the text is a did:web."""
    if not _DID.fullmatch(did):
        raise InvalidError("An institution is named by a did:web, as in did:web:node.example.org.")


def fingerprint_of(evidence_public: str) -> str:
    """Return the fingerprint of an Ed25519 key given as base64url; raise InvalidError."""
    try:
        raw = base64.urlsafe_b64decode(evidence_public + "=" * (-len(evidence_public) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise InvalidError("The evidence key must be 32 bytes of Ed25519 in base64url.")
    return sha256_hex(raw)


def is_repeat(invitation: Invitation | None, known: Member, fingerprint: str) -> bool:
    """Tell whether a member shows the code again that admitted it."""
    is_same = known.state is MemberState.ACTIVE and known.evidence_fingerprint == fingerprint
    return is_same and invitation is not None and invitation.used_by == known.did


def check_no_other(known: Space | None, space: Space) -> None:
    """Raise SpaceKnownError where the node belongs to another space."""
    if known is not None and known.id != space.id:
        raise SpaceKnownError("This node belongs to another space already.", space=known.id)


def check_is_new(known: Member | None, did: str) -> None:
    """Raise MemberKnownError where the institution is or was a member."""
    if known is not None:
        raise MemberKnownError("This institution is or was a member already.", did=did)


def check_not_revoked(member: Member) -> None:
    """Raise MemberRevokedError where the membership was revoked: that is final."""
    if member.state is MemberState.REVOKED:
        raise MemberRevokedError("This membership was revoked before.", did=member.did)
