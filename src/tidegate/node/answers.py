"""Questions one room has and another answers: keys of peers, seats, what the space lists."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.access.model import Seat
from tidegate.audit.service import EvidenceService
from tidegate.audit.surroundings import Surroundings
from tidegate.connector.assessment.model import EvidenceFacts
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.wallet.service import WalletService
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.errors import CorruptError, NotFoundError, TidegateError
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing
from tidegate.node.ground import Ground
from tidegate.partners.model import MemberState
from tidegate.partners.space.service import SpaceService, space_document
from tidegate.policy.model import UseFacts
from tidegate.policy.rulepack.model import RulePack


class PeerKeyMissingError(NotFoundError):
    """A peer's DID document has no key that may sign statements."""


@dataclass(frozen=True, slots=True)
class PeerKeys:
    """Public keys of other nodes: for statements from DID documents, for evidence from members."""

    did: str
    own: KeyRing
    identity: IdentityService
    space: SpaceService

    def assertion_key(self, did: str, kid: str = "") -> Mapping[str, Any]:
        """Return the key a node signed a statement with (DID Core §5.3.2, assertionMethod).

        `kid` names it, as an id or a fragment; where it is not among the node's keys, or none is
        named, its newest is meant.
        """
        name = kid.rpartition("#")[2]
        if did == self.did:
            former = {each.jwk["kid"]: each.jwk for each in self.own.former_keys()}
            return former.get(name, self.own.identity_public_jwk())
        document = self.identity.resolve_did(did)
        allowed = [each for each in document.methods if each.id in document.assertion_method]
        for method in allowed:
            if method.id.rpartition("#")[2] == name:
                return method.jwk
        if allowed:
            return allowed[0].jwk
        raise PeerKeyMissingError(
            f"The DID document of {did} has no key that may sign statements.", peer=did
        )

    def key(self, did: str, kid: str) -> Mapping[str, Any]:
        """Return the key a node signed with."""
        return self.assertion_key(did, kid)

    def evidence_key(self, did: str) -> bytes | None:
        """Return a current member's Ed25519 key, as the authority attests it; None otherwise."""
        member = self.space.find_member(did)
        if member is None or member.state is not MemberState.ACTIVE:
            return None
        return decode(member.evidence_public)


class Answers:
    """What the composition root knows by asking several rooms."""

    def __init__(
        self,
        ground: Ground,
        space: SpaceService,
        identity: IdentityService,
        wallet: WalletService,
    ) -> None:
        self._ground = ground
        self._space = space
        self._wallet = wallet
        self.identity = identity
        self.peer_keys = PeerKeys(ground.did, ground.keys, identity, space)

    def listed_packs(self) -> tuple[str, ...]:
        """Return the hashes of the rule packs the authority listed."""
        space = self._space.find_space()
        return tuple(str(pack) for pack in space.rule_packs) if space else ()

    def seat_of(self, did: str) -> Seat | None:
        """Return the attested seat of a member, or None."""
        if did == self._ground.did:
            return self._ground.settings.participant.seat
        member = self._space.find_member(did)
        return member.seat if member and member.state is MemberState.ACTIVE else None

    def standing_of(self, did: str) -> UseFacts:
        """Return what policies may ask of a participant: its seat, and what it lately proved."""
        seat, met = self.seat_of(did), self.identity.standings.find(did)
        return UseFacts(
            assignee=did,
            seat=None if seat is None else seat.value,
            certifications=() if met is None else met.certifications,
        )

    def evidence_facts(self, evidence: EvidenceService) -> Callable[[], EvidenceFacts]:
        """Return the question whether evidence can be written and hangs together now.

        The log hangs together when its last signed leaf is proven under the newest checkpoint; each
        checkpoint is proven once.
        """
        proven: set[str] = set()

        def ask() -> EvidenceFacts:
            try:
                newest = evidence.latest_checkpoint()
                if newest is not None and newest.checkpoint.root not in proven:
                    evidence.inclusion_proof(newest.checkpoint.size - 1)
                    proven.clear()
                    proven.add(newest.checkpoint.root)
            except CorruptError:
                return EvidenceFacts(writable=True, chain_ok=False)
            except TidegateError:
                return EvidenceFacts(writable=False, chain_ok=False)
            return EvidenceFacts(writable=True, chain_ok=True)

        return ask

    def surroundings(self, packs: tuple[RulePack, ...]) -> Surroundings:
        """Return what the evidence room needs to know of the space."""
        documents = {pack.hash: pack.body for pack in packs}

        def witnesses() -> tuple[str, ...]:
            return tuple(
                member.did
                for member in self._space.list_members()
                if member.state is MemberState.ACTIVE and member.did != self._ground.did
            )

        def space_file() -> bytes:
            return canonical_json(space_document(self._space.get_space()))

        def rule_packs() -> tuple[bytes, ...]:
            return tuple(documents[each] for each in self.listed_packs() if each in documents)

        return Surroundings(
            evidence_key=self.peer_keys.evidence_key,
            witnesses=witnesses,
            space_file=space_file,
            credentials=self._wallet.membership_jwts,
            rule_packs=rule_packs,
        )


def decode(text: str) -> bytes:
    """Read base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
