"""What a joining node and the authority say to each other at `/space/...`."""

from typing import Any

import msgspec

from tidegate.access.model import Seat

MEMBERS_TYP = "tidegate-members+jwt"


class JoinMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Ask to be let in with an invitation code."""

    code: str
    name: str
    seat: Seat
    evidence_key: str


class MembersMessage(msgspec.Struct, frozen=True):
    """The member list as the authority signed it for the one who asks."""

    members: str


class MembersClaims(msgspec.Struct, frozen=True):
    """What stands in the signed member list."""

    space: str
    members: tuple[dict[str, Any], ...]
