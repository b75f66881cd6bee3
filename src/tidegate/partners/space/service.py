"""Found a space or belong to one, and know who its members are."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tidegate.access.model import Actor, Participant, Seat, node_actor
from tidegate.audit.authority.model import SignedSuccession
from tidegate.audit.authority.rules import KeyHistory
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.ids import Ids, secret_token
from tidegate.kernel.values import dataclass
from tidegate.partners.errors import (
    InvitationRefusedError,
    SpaceMissingError,
)
from tidegate.partners.model import (
    Invitation,
    Member,
    MemberRole,
    MemberState,
    Space,
    SpaceProfile,
    Standing,
)
from tidegate.partners.records import (
    ChangedMeanwhileError,
    MessageInvalidError,
    from_plain,
    to_plain,
)
from tidegate.partners.space import keys, rules, store

INVITATION_DAYS = 14


@dataclass(frozen=True, slots=True)
class RevocationMessage:
    """What the authority tells the members of a member that is one no more."""

    did: str
    reason: str
    revoked_at: str


class SpaceService:
    """The one space of this node. At the authority it decides; elsewhere it follows."""

    def __init__(self, journal: Journal, clock: Clock, ids: Ids, self_did: str) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.self_did = self_did

    # The space

    def create_space(
        self,
        space: Space,
        own: Participant,
        evidence_public: str,
        *,
        by: Actor,
        standing: Standing | None = None,
    ) -> Space:
        """Found a space of which this node is the authority and the first member.

        `space` is the content of its `space.json`; build it with `new_space`.
        """
        rules.check_may_run_space(by)
        rules.check_is_authority(space, self.self_did)
        self._check_no_other_space(space)
        member = Member(
            did=own.did,
            name=own.name,
            seat=own.seat,
            role=MemberRole.AUTHORITY,
            evidence_fingerprint=rules.fingerprint_of(evidence_public),
            evidence_public=evidence_public,
            state=MemberState.ACTIVE,
            standing=standing or Standing(),
            admitted_at=iso(self.clock.now()),
        )
        with self.journal.write(by=by.id, did="space.created", to=f"space:{space.id}") as tx:
            rules.check_no_other(store.find_space(tx.connection), space)
            store.save_space(tx.connection, space, tx.at)
            self._save_admitted(tx, member)
        return space

    def new_space(self, name: str, profile: SpaceProfile, **stated: Any) -> Space:
        """Return a new space of this authority, not kept yet; `stated` are further fields."""
        if not name.strip():
            raise InvalidError("A space needs a name.")
        return Space(
            id=self.ids.new("space"),
            name=name.strip(),
            profile=profile,
            authority=self.self_did,
            created_at=iso(self.clock.now()),
            **stated,
        )

    def remember_space(self, document: Mapping[str, Any], *, by: Actor) -> Space:
        """Keep the space that a `space.json` describes, at a node that joins it."""
        rules.check_may_run_space(by)
        space = space_from_document(document)
        if self._check_no_other_space(space):
            return space
        with self.journal.write(by=by.id, did="space.joined", to=f"space:{space.id}") as tx:
            rules.check_no_other(store.find_space(tx.connection), space)
            store.save_space(tx.connection, space, tx.at)
        return space

    def find_space(self) -> Space | None:
        """Return the space of this node, or None."""
        return self.journal.read(store.find_space)

    def get_space(self) -> Space:
        """Return the space of this node; raise SpaceMissingError."""
        space = self.find_space()
        if space is None:
            raise SpaceMissingError("This node belongs to no space; create one or join one first.")
        return space

    def find_keys(self) -> KeyHistory | None:
        """Return the keys the authority has had; None outside a space that names some."""
        space = self.find_space()
        return keys.history_of(space) if space is not None and keys.has_keys(space) else None

    def take_key_history(self, content: object) -> bool:
        """Follow the authority's key by its signed history; return whether there was more to it.

        Raises:
            EvidenceMalformedError: it is no history.
            SuccessionError: it does not hold, or contradicts the one that is known here.
        """
        return keys.take_history(self.journal, self.get_space(), content)

    def keep_succession(self, tx: Tx, signed: SignedSuccession) -> None:
        """At the authority: keep its key's succession, inside the write that changes the key."""
        keys.keep_succession(tx, self.get_space(), signed)

    # Members

    def is_active(self, did: str) -> bool:
        """Tell whether the institution is a member now."""
        return self.journal.read(store.is_active, did)

    def get_member(self, did: str) -> Member:
        """Return the member, revoked or not; raise MemberNotFoundError."""
        return self.journal.read(store.get_member, did)

    def find_member(self, did: str) -> Member | None:
        """Return the member, revoked or not, or None."""
        return self.journal.read(store.find_member, did)

    def find_member_within(self, tx: Tx, did: str) -> Member | None:
        """Return the member, revoked or not, as it stands inside the caller's write."""
        return store.find_member(tx.connection, did)

    def list_members(self) -> tuple[Member, ...]:
        """Return every member there is or was."""
        return self.journal.read(store.list_members)

    def list_invitations(self, *, by: Actor) -> tuple[Invitation, ...]:
        """Return every invitation, without its code."""
        rules.check_may_run_space(by)
        return self.journal.read(store.list_invitations)

    # The authority decides

    def invite(
        self,
        name: str,
        seat: Seat,
        role: MemberRole = MemberRole.PARTICIPANT,
        *,
        by: Actor,
        standing: Standing | None = None,
    ) -> str:
        """Return a code that admits one institution once, within two weeks.

        The seat and the standing are what the authority has verified; the one who joins cannot
        claim another seat.
        """
        rules.check_may_run_space(by)
        space = self.get_space()
        rules.check_is_authority(space, self.self_did)
        if not name.strip():
            raise InvalidError("An invitation needs the name of the institution.")
        code = secret_token(20)
        invitation = Invitation(
            id=self.ids.new("inv"),
            name=name.strip(),
            seat=seat,
            role=role,
            standing=standing or Standing(),
            expires_at=iso(self.clock.now() + timedelta(days=INVITATION_DAYS)),
        )
        why = {"invitation": invitation.id, "name": invitation.name, "seat": seat.value}
        with self.journal.write(
            by=by.id, did="member.invited", to=f"space:{space.id}", why=why
        ) as tx:
            store.add_invitation(tx.connection, invitation, sha256_hex(code.encode()))
        return code

    def admit(self, code: str, *, did: str, name: str, seat: Seat, evidence_public: str) -> Member:
        """Admit the institution that shows an invitation code; showing it again is harmless."""
        rules.check_is_authority(self.get_space(), self.self_did)
        rules.check_did(did)
        fingerprint = rules.fingerprint_of(evidence_public)
        invitation = self.journal.read(store.find_invitation, sha256_hex(code.encode()))
        known = self.find_member(did)
        if known is not None and rules.is_repeat(invitation, known, fingerprint):
            return known  # the answer to the first try got lost on its way
        invitation = self._check_invitation(invitation, seat)
        rules.check_is_new(known, did)
        member = Member(
            did=did,
            name=name.strip() or invitation.name,
            seat=seat,
            role=invitation.role,
            evidence_fingerprint=fingerprint,
            evidence_public=evidence_public,
            state=MemberState.ACTIVE,
            standing=invitation.standing,
            admitted_at=iso(self.clock.now()),
        )
        why = {"invitation": invitation.id, "seat": seat.value, "key": fingerprint}
        with self.journal.write(
            by=node_actor(did).id, did="member.admitted", to=f"member:{did}", why=why
        ) as tx:
            rules.check_is_new(store.find_member(tx.connection, did), did)
            store.use_invitation(tx.connection, replace(invitation, used_by=did), tx.at)
            self._tell_members(tx, member, "member.admitted", to_plain(member))
            self._save_admitted(tx, member)
        return member

    def revoke_member(self, did: str, reason: str, *, by: Actor) -> Member:
        """End a membership for good and tell every other member at once."""
        rules.check_may_run_space(by)
        rules.check_is_authority(self.get_space(), self.self_did)
        member = self.get_member(did)
        rules.check_not_revoked(member)
        if did == self.self_did:
            raise InvalidError("The authority cannot revoke itself; the space would have no head.")
        if not reason.strip():
            raise InvalidError("A revocation needs its reason.")
        message = RevocationMessage(did, reason.strip(), iso(self.clock.now()))
        revoked = _revoked(member, message)
        with self.journal.write(
            by=by.id, did="member.revoked", to=f"member:{did}", why={"reason": message.reason}
        ) as tx:
            rules.check_not_revoked(store.get_member(tx.connection, did))
            store.save_member(tx.connection, revoked)
            self._tell_members(tx, revoked, "member.revoked", to_plain(message))
            tx.announce("member.revoked", member=did)
        return revoked

    # A member follows

    def put_members(self, members: Iterable[Member | Mapping[str, Any]], *, sender: str) -> int:
        """Take over the authority's member list; return how many members it changed.

        A revocation is final: an older list cannot bring a revoked member back.
        """
        rules.check_is_authority(self.get_space(), sender)
        changed = 0
        for given in members:
            member = given if isinstance(given, Member) else from_plain(given, Member)
            changed += self._take_over(member, sender)
        return changed

    def receive_member_admitted(self, sender: str, body: Mapping[str, Any]) -> None:
        """Learn of a new member from the authority."""
        self.put_members((body,), sender=sender)

    def receive_member_revoked(self, sender: str, body: Mapping[str, Any]) -> None:
        """Shut a member out at once, because the authority says so."""
        rules.check_is_authority(self.get_space(), sender)
        message = from_plain(body, RevocationMessage)
        member = self.find_member(message.did)
        if member is None or member.state is MemberState.REVOKED:
            return  # never let in here, or shut out already: nothing is left to take away
        self._take_over(_revoked(member, message), sender)

    # What the above share

    def _take_over(self, member: Member, sender: str) -> bool:
        rules.check_did(member.did)
        if member.evidence_fingerprint != rules.fingerprint_of(member.evidence_public):
            raise MessageInvalidError("A member's evidence key does not match its fingerprint.")
        known = self.find_member(member.did)
        if known == member or (known is not None and known.state is MemberState.REVOKED):
            return False
        revoked = member.state is MemberState.REVOKED
        event = "member.revoked" if revoked else "member.listed"
        why = {"reason": member.revoked_reason} if revoked else {"key": member.evidence_fingerprint}
        try:
            with self.journal.write(
                by=node_actor(sender).id, did=event, to=f"member:{member.did}", why=why
            ) as tx:
                if store.find_member(tx.connection, member.did) != known:
                    raise ChangedMeanwhileError("The member was listed anew at the same moment.")
                store.save_member(tx.connection, member)
                tx.announce("member.revoked" if revoked else "member.admitted", member=member.did)
        except ChangedMeanwhileError:
            return self._take_over(member, sender)  # by what is known of it now
        return True

    def _save_admitted(self, tx: Tx, member: Member) -> None:
        store.save_member(tx.connection, member)
        tx.announce("member.admitted", member=member.did)

    def _tell_members(self, tx: Tx, about: Member, kind: str, body: Mapping[str, Any]) -> None:
        for member in store.list_members(tx.connection):
            if member.state is MemberState.ACTIVE and member.did not in {self.self_did, about.did}:
                tx.send(to=member.did, kind=kind, body=body)

    def _check_invitation(self, invitation: Invitation | None, seat: Seat) -> Invitation:
        if invitation is None or invitation.used_by is not None:
            raise InvitationRefusedError(_CODE_REFUSED)
        if invitation.expires_at <= iso(self.clock.now()):
            raise InvitationRefusedError(_CODE_REFUSED)
        if invitation.seat is not seat:
            raise InvitationRefusedError(
                "The invitation is for an institution with another seat; ask the authority.",
                code="invitation_seat_differs",
            )
        return invitation

    def _check_no_other_space(self, space: Space) -> bool:
        """Tell whether the space is known; raise SpaceKnownError when another one is."""
        known = self.find_space()
        rules.check_no_other(known, space)
        return known is not None


_CODE_REFUSED = "This invitation code is unknown, used, or past its time; ask the authority."


def with_longer_history(space: Space, content: object) -> Space:
    """Return the space with the longer of its key history and one that was offered for it.

    Raises:
        EvidenceMalformedError: what is offered is no history.
        SuccessionError: it does not hold, or contradicts the space's own.
    """
    return keys.longer_history(space, content)


def key_history_of(space: Space) -> KeyHistory:
    """Return the verified keys of a space's authority; raise SuccessionError."""
    return keys.history_of(space)


def space_from_document(document: Mapping[str, Any]) -> Space:
    """Read the content of a `space.json`; raise MessageInvalidError."""
    try:
        return Space(
            id=str(document["space"]),
            name=str(document["name"]),
            profile=SpaceProfile(document["profile"]),
            authority=str(document["authority"]),
            keys=dict(document["keys"]),
            rule_book=str(document.get("rule_book", "")),
            rule_packs=tuple(document.get("rule_packs", ())),
            created_at=str(document["created_at"]),
        )
    except (KeyError, TypeError, ValueError):
        raise MessageInvalidError("The file is no space.json; ask the authority for it.") from None


def space_document(space: Space) -> dict[str, Any]:
    """Return the content of the space's `space.json`."""
    return {
        "space": space.id,
        "name": space.name,
        "profile": space.profile.value,
        "authority": space.authority,
        "keys": dict(space.keys),
        "rule_book": space.rule_book,
        "rule_packs": list(space.rule_packs),
        "created_at": space.created_at,
    }


def _revoked(member: Member, message: RevocationMessage) -> Member:
    return replace(
        member,
        state=rules.MEMBERSHIP.step(member.state, "revoke", by="authority").target,
        revoked_at=message.revoked_at,
        revoked_reason=message.reason,
    )
