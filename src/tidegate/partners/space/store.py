"""The space, its members and its open invitations in SQL."""

from sqlalchemy import Connection, select, update

from tidegate.db.tables.partners import INVITATION, MEMBER, SPACE
from tidegate.partners import records
from tidegate.partners.errors import InvitationRefusedError, MemberNotFoundError
from tidegate.partners.model import Invitation, Member, MemberState, Space

_HERE = "here"


def find_space(conn: Connection) -> Space | None:
    """Return the space this node belongs to, or None."""
    return records.find(conn, SPACE, Space, _HERE)


def save_space(conn: Connection, space: Space, at: str) -> None:
    """Keep the space this node belongs to."""
    records.put(conn, SPACE, _HERE, space, remembered_at=at)


def find_member(conn: Connection, did: str) -> Member | None:
    """Return the member with that DID, revoked or not, or None."""
    return records.find(conn, MEMBER, Member, did)


def get_member(conn: Connection, did: str) -> Member:
    """Return the member with that DID; raise MemberNotFoundError."""
    member = find_member(conn, did)
    if member is None:
        raise MemberNotFoundError("No member of the space has that DID.", did=did)
    return member


def list_members(conn: Connection) -> tuple[Member, ...]:
    """Return every member there ever was."""
    return records.listing(conn, MEMBER, Member)


def is_active(conn: Connection, did: str) -> bool:
    """Tell whether the institution is a member now."""
    member = find_member(conn, did)
    return member is not None and member.state is MemberState.ACTIVE


def save_member(conn: Connection, member: Member) -> None:
    """Keep a member as it is now."""
    records.put(conn, MEMBER, member.did, member, state=member.state.value)


def add_invitation(conn: Connection, invitation: Invitation, code_hash: str) -> None:
    """Keep an invitation by the hash of its code."""
    records.add(
        conn,
        INVITATION,
        invitation.id,
        invitation,
        code_hash=code_hash,
        expires_at=invitation.expires_at,
    )


def find_invitation(conn: Connection, code_hash: str) -> Invitation | None:
    """Return the invitation behind a code, used or not, or None."""
    key = conn.execute(
        select(INVITATION.c.id).where(INVITATION.c.code_hash == code_hash)
    ).scalar_one_or_none()
    return None if key is None else records.find(conn, INVITATION, Invitation, key)


def list_invitations(conn: Connection) -> tuple[Invitation, ...]:
    """Return every invitation, oldest first."""
    return records.listing(conn, INVITATION, Invitation)


def use_invitation(conn: Connection, invitation: Invitation, at: str) -> None:
    """Mark an invitation as used; raise InvitationRefusedError when it was used meanwhile."""
    done = conn.execute(
        update(INVITATION)
        .where(INVITATION.c.id == invitation.id, INVITATION.c.used_at.is_(None))
        .values(used_at=at, used_by=invitation.used_by)
    )
    if done.rowcount != 1:
        raise InvitationRefusedError("This invitation code was used just now; ask the authority.")
    records.put(conn, INVITATION, invitation.id, invitation)
