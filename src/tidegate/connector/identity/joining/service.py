"""Found a space, invite into it, join one, follow its member list, and revoke."""

import base64
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from tidegate.access.model import Actor, Participant, Role, Seat
from tidegate.access.rules import check_has_role
from tidegate.audit.errors import EvidenceMalformedError, SuccessionError
from tidegate.connector.errors import (
    CredentialInvalidError,
    MessageInvalidError,
    PeerAnswerError,
    SpaceConflictError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.issuance.service import IssuanceService
from tidegate.connector.identity.joining.messages import (
    MEMBERS_TYP,
    JoinMessage,
    MembersClaims,
    MembersMessage,
)
from tidegate.connector.identity.model import key_fingerprint
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.wallet.service import HeldCredential, WalletService
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing
from tidegate.partners.model import Member, Space, SpaceProfile, Standing
from tidegate.partners.space.service import (
    SpaceService,
    key_history_of,
    space_document,
    space_from_document,
    with_longer_history,
)

T = TypeVar("T")
_MEMBERS_SECONDS = 300


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """Where this node stands: its space, its credentials, and what to do next in words."""

    space: Mapping[str, Any] | None
    did: str
    is_authority: bool
    members: tuple[Member, ...]
    credentials: tuple[HeldCredential, ...]
    is_ready: bool
    words: str


class JoiningService:
    """The way into a space, seen from both sides."""

    def __init__(
        self,
        keys: KeyRing,
        trust_keys: Mapping[str, Any],
        space: SpaceService,
        identity: IdentityService,
        wallet: WalletService,
        issuance: IssuanceService,
        http: PeerHttp,
    ) -> None:
        self._evidence_key = base64.urlsafe_b64encode(keys.evidence_public).rstrip(b"=").decode()
        self._trust_keys = trust_keys
        self._space = space
        self._identity = identity
        self._wallet = wallet
        self._issuance = issuance
        self._http = http

    # The authority's side

    def create_space(
        self,
        name: str,
        profile: SpaceProfile,
        *,
        by: Actor,
        rule_book: str = "",
        rule_packs: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Found a space on this node, issue its own credentials; return its `space.json`.

        Raises:
            SpaceConflictError: the node was not made as an authority, or the profile does not
                fit how it is reached.
        """
        _check_may_run(by)
        node = self._identity.node
        if not node.is_authority:
            raise SpaceConflictError(
                "This node is a participant; a space is founded on a node made with "
                "`tidegate init … --role authority`.",
                code="not_an_authority",
            )
        self._check_profile(profile)
        space = self._space.new_space(
            name,
            profile,
            keys=dict(self._trust_keys),
            rule_book=rule_book,
            rule_packs=rule_packs,
        )
        own = Participant(node.did, node.name, node.seat)
        self._space.create_space(space, own, self._evidence_key, by=by)
        self._wallet.renew()
        return space_document(space)

    def invite(self, name: str, seat: Seat, *, by: Actor, standing: Standing | None = None) -> str:
        """Return a one-time code for an institution of that seat."""
        return self._space.invite(name, seat, by=by, standing=standing)

    def admit(self, authorization: str | None, body: object) -> dict[str, Any]:
        """Let in the node that shows an invitation code; return the signed member list.

        Raises:
            PeerUnauthenticatedError: the token does not prove the DID.
            InvitationRefusedError: the code does not open anything.
        """
        speaker = self._identity.identify(authorization)
        message = _read(body, JoinMessage)
        self._space.admit(
            message.code,
            did=speaker.did,
            name=message.name,
            seat=message.seat,
            evidence_public=message.evidence_key,
        )
        return self._members_for(speaker.did)

    def answer_members(self, authorization: str | None) -> dict[str, Any]:
        """Return the member list, signed for the member who asks."""
        return self._members_for(self._identity.authenticate(authorization).did)

    def revoke(self, did: str, reason: str, *, by: Actor) -> Member:
        """Revoke a membership: members are told at once, credentials listed as revoked."""
        member = self._space.revoke_member(did, reason, by=by)
        self._issuance.follow_revocation(did)
        self._identity.forget_peer(did)
        return member

    # The member's side

    def join(self, document: Mapping[str, Any], code: str, *, by: Actor) -> SpaceStatus:
        """Join the space of a `space.json` with an invitation code.

        The membership is in force when this returns; the credentials follow in a moment, see
        `status`. Joining again after a failure is harmless.

        Raises:
            SpaceConflictError: the space cannot be this node's.
            PeerDeclinedError: the authority refuses, for instance the code.
            UnavailableError: the authority cannot be reached now.
        """
        _check_may_run(by)
        space = self._check_joinable(space_from_document(document))
        node = self._identity.node
        message = JoinMessage(
            code=code, name=node.name, seat=node.seat, evidence_key=self._evidence_key
        )
        answer = self._http.post(
            f"{self._identity.address_of(space.authority)}/space/join",
            message,
            authorization=self._identity.token_with(space.authority),
        ).checked()
        claims = self._verified(answer.body, space)
        self._space.remember_space(space_document(space), by=by)
        self._space.put_members(claims.members, sender=space.authority)
        self._wallet.request_credentials()
        return self.status()

    def sync_members(self) -> int:
        """Take over the authority's member list; return how many members changed.

        Runs as a periodic job; does nothing at the authority and outside a space.
        """
        space = self._space.find_space()
        if space is None or space.authority == self._identity.node.did:
            return 0
        if not self._wallet.has_membership():
            return 0
        answer = self._http.get(
            f"{self._identity.address_of(space.authority)}/space/members",
            authorization=self._identity.token_for(space.authority),
        ).checked()
        claims = self._verified(answer.body, space)
        return self._space.put_members(claims.members, sender=space.authority)

    # Both

    def status(self) -> SpaceStatus:
        """Say where this node stands and what comes next."""
        space = self._space.find_space()
        ready = self._wallet.has_membership()
        return SpaceStatus(
            space=None if space is None else space_document(space),
            did=self._identity.node.did,
            is_authority=space is not None and space.authority == self._identity.node.did,
            members=() if space is None else self._space.list_members(),
            credentials=self._wallet.list_credentials(),
            is_ready=ready,
            words=self._words(space, is_ready=ready),
        )

    def space_file(self) -> dict[str, Any]:
        """Return the content of `space.json`, which is public."""
        return space_document(self._space.get_space())

    def follow_revocation(self, member: str) -> None:
        """Drop everything that is cached of a member that is one no more; idempotent."""
        self._identity.forget_peer(member)
        self._issuance.follow_revocation(member)

    def _words(self, space: Space | None, *, is_ready: bool) -> str:
        if space is None:
            return "This node belongs to no space; create one or join one."
        if is_ready:
            return f"This node is a member of {space.name} and can prove it."
        last = self._wallet.last_answer()
        if last is not None and last[0] == "REJECTED":
            return f"The authority refuses credentials: {last[1]}"
        return "Credentials were asked for and are not delivered yet."

    def _members_for(self, did: str) -> dict[str, Any]:
        space = self._space.get_space()
        claims = {
            "aud": did,
            "space": space.id,
            "members": msgspec.to_builtins(self._space.list_members()),
        }
        signed = self._identity.sign(claims, seconds=_MEMBERS_SECONDS, typ=MEMBERS_TYP)
        return {"members": signed}

    def _verified(self, body: object, space: Space) -> MembersClaims:
        try:
            message = _read(body, MembersMessage)
            claims = self._identity.verify_signed(message.members, space.authority, typ=MEMBERS_TYP)
            found = _read(dict(claims), MembersClaims)
        except (MessageInvalidError, CredentialInvalidError) as problem:
            raise PeerAnswerError(
                f"The authority's member list cannot be used. {problem.message}",
                code=problem.code,
            ) from None
        if found.space != space.id:
            raise PeerAnswerError(
                "The authority's member list is of another space.", code="space_mismatch"
            )
        return found

    def _check_joinable(self, space: Space) -> Space:
        """Return the space with the authority's key history as it is now."""
        known = self._space.find_space()
        if known is not None and known.id != space.id:
            raise SpaceConflictError(
                "This node belongs to another space already.", code="space_known"
            )
        if space.authority == self._identity.node.did:
            raise SpaceConflictError(
                "This node is the authority of that space and need not join it.",
                code="own_space",
            )
        self._check_profile(space.profile)
        space = self._with_present_key(space)
        document = self._identity.resolver.resolve(space.authority)
        pinned = key_fingerprint(dict(key_history_of(space).present.jwk))
        speaking = {
            key_fingerprint(method.jwk)
            for method in document.methods
            if method.id in document.capability_invocation
        }
        if pinned not in speaking:
            raise SpaceConflictError(
                "The node at the authority's address does not have the key that space.json "
                "names; get the file from the authority by another way and compare.",
                code="authority_key_differs",
            )
        return space

    def _with_present_key(self, space: Space) -> Space:
        """Follow the authority's key from the file to now: the file may be older than a change."""
        base = self._identity.address_of(space.authority)
        body = self._http.get(f"{base}/space/space.json").checked().body
        keys = body.get("keys") if isinstance(body, dict) else None
        listed = keys.get("history", []) if isinstance(keys, dict) else None
        try:
            return with_longer_history(space, listed)
        except (EvidenceMalformedError, SuccessionError) as problem:
            raise SpaceConflictError(
                f"The authority's key history cannot be followed. {problem.message}",
                code="authority_key_differs",
            ) from None

    def _check_profile(self, profile: SpaceProfile) -> None:
        if (profile is SpaceProfile.LOOPBACK) != self._http.is_loopback:
            raise SpaceConflictError(
                "A space of profile loopback lives on one machine, over plain http; every other "
                "one needs nodes with TLS certificates. This node does not fit the profile.",
                code="profile_mismatch",
            )


def _check_may_run(actor: Actor) -> None:
    if not actor.is_system:
        check_has_role(actor, Role.OPERATOR)


def _read(body: object, form: type[T]) -> T:
    try:
        return msgspec.convert(body, form)
    except msgspec.ValidationError as problem:
        raise MessageInvalidError(
            f"The message is malformed: {problem}.", code="message_invalid"
        ) from None
