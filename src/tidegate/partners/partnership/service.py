"""Propose, sign and end partnerships; active is only what both institutions signed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, node_actor
from tidegate.audit.journal import Journal
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing
from tidegate.partners.errors import (
    NotPartyError,
    PartnershipInvalidError,
    PartnershipNotFoundError,
    SignatureInvalidError,
)
from tidegate.partners.model import Partnership, PartnershipState, Signature, Terms
from tidegate.partners.partnership import rules, signing, store
from tidegate.partners.records import from_plain, to_plain
from tidegate.partners.space import store as space_store

KeyOf = Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """What the counterpart answers a proposal with."""

    partnership: str
    signature: Signature


@dataclass(frozen=True, slots=True)
class EndedMessage:
    """What one side tells the other when it ends a partnership."""

    partnership: str
    reason: str


class PartnershipService:
    """Cooperation agreements of this institution with others.

    `key_of` resolves an institution's DID to its public identity key; it may use the network and
    is never called while a write is open.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        keys: KeyRing,
        self_did: str,
        key_of: KeyOf,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.keys = keys
        self.self_did = self_did
        self.key_of = key_of

    def get_partnership(self, partnership_id: str) -> Partnership:
        """Return the partnership; raise PartnershipNotFoundError."""
        return self.journal.read(store.get_partnership, partnership_id)

    def list_partnerships(self) -> tuple[Partnership, ...]:
        """Return every partnership, oldest first."""
        return self.journal.read(store.list_partnerships)

    def propose(self, terms: Terms, *, by: Actor) -> Partnership:
        """Propose terms to another member, signed by this institution already.

        The first of `terms.parties` must be this institution.
        """
        rules.check_may_bind(by)
        terms = rules.normal_terms(terms)
        if terms.parties[0] != self.self_did:
            raise PartnershipInvalidError("The first party is the institution that proposes.")
        counterpart = terms.parties[1]
        if not self.journal.read(space_store.is_active, counterpart):
            raise NotPartyError("The other institution is no active member.", did=counterpart)
        unsigned = Partnership(
            id=self.ids.new("psh"), state=PartnershipState.PROPOSED, **_fields(terms)
        )
        proposed = replace(unsigned, signatures=(self._sign(unsigned, by),))
        with self.journal.write(
            by=by.id,
            did="partnership.proposed",
            to=f"partnership:{proposed.id}",
            why={"terms": sha256_hex(rules.signed_bytes(proposed)), "to": counterpart},
        ) as tx:
            store.add_partnership(tx.connection, proposed)
            tx.send(to=counterpart, kind="partnership.proposed", body=to_plain(proposed))
        return proposed

    def sign(self, partnership_id: str, *, by: Actor) -> Partnership:
        """Sign a proposal of the other side; with both signatures the partnership is active."""
        rules.check_may_bind(by)
        partnership = self.get_partnership(partnership_id)
        signature = self._sign(partnership, by)
        active = self._countersigned(partnership, signature)
        with self.journal.write(
            by=by.id,
            did="partnership.signed",
            to=f"partnership:{partnership_id}",
            why={"terms": sha256_hex(rules.signed_bytes(partnership))},
        ) as tx:
            store.save_partnership(tx.connection, active, expect=partnership.state)
            body = to_plain(SignedMessage(partnership_id, signature))
            tx.send(to=partnership.parties[0], kind="partnership.signed", body=body)
            tx.announce("partnership.active", partnership=partnership_id)
        return active

    def end(self, partnership_id: str, reason: str, *, by: Actor) -> Partnership:
        """End a partnership, for both sides and at once here."""
        rules.check_may_bind(by)
        if not reason.strip():
            raise PartnershipInvalidError("Ending a partnership needs a reason.")
        partnership = self.get_partnership(partnership_id)
        other = next(p for p in partnership.parties if p != self.self_did)
        return self._end(partnership, reason.strip(), self.self_did, by.id, tell=other)

    # What other nodes say

    def receive_proposed(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in a proposal that the sender signed."""
        proposed = from_plain(body, Partnership)
        if proposed.parties != (sender, self.self_did):
            raise NotPartyError("A proposal must come from its first party to its second.")
        if rules.normal_terms(proposed.terms) != proposed.terms:
            raise PartnershipInvalidError("The terms of the proposal are not in normal form.")
        if proposed.state is not PartnershipState.PROPOSED or len(proposed.signatures) != 1:
            raise SignatureInvalidError("A proposal carries one signature, the proposer's.")
        known = self.journal.read(store.find_partnership, proposed.id)
        if known is not None:
            self._check_same_terms(known, proposed)
            return  # delivered before
        self._check_signature(proposed, proposed.signatures[0], sender)
        with self.journal.write(
            by=node_actor(sender).id,
            did="partnership.proposed",
            to=f"partnership:{proposed.id}",
            why={"terms": sha256_hex(rules.signed_bytes(proposed)), "from": sender},
        ) as tx:
            store.add_partnership(tx.connection, proposed)

    def receive_signed(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in the counterpart's signature over what this institution proposed."""
        message = from_plain(body, SignedMessage)
        partnership = self.get_partnership(message.partnership)
        if rules.side_of(partnership, sender) != "counterpart" or sender == self.self_did:
            raise NotPartyError("Only the counterpart can sign a proposal.", did=sender)
        if message.signature in partnership.signatures:
            return  # delivered before
        if partnership.state is PartnershipState.ENDED:
            return  # ended here while the signature was on its way; the end has been sent
        self._check_signature(partnership, message.signature, sender)
        active = self._countersigned(partnership, message.signature)
        with self.journal.write(
            by=node_actor(sender).id,
            did="partnership.signed",
            to=f"partnership:{partnership.id}",
            why={"terms": sha256_hex(rules.signed_bytes(partnership))},
        ) as tx:
            store.save_partnership(tx.connection, active, expect=partnership.state)
            tx.announce("partnership.active", partnership=partnership.id)

    def receive_ended(self, sender: str, body: Mapping[str, Any]) -> None:
        """Learn that the other side ended the partnership."""
        message = from_plain(body, EndedMessage)
        partnership = self.journal.read(store.find_partnership, message.partnership)
        if partnership is None:
            raise PartnershipNotFoundError("No partnership has that id.")
        rules.side_of(partnership, sender)
        if partnership.state is not PartnershipState.ENDED:
            self._end(partnership, message.reason, sender, node_actor(sender).id)

    # What the above share

    def _end(
        self, partnership: Partnership, reason: str, did: str, by: str, *, tell: str = ""
    ) -> Partnership:
        side = rules.side_of(partnership, did)
        move = rules.PARTNERSHIP.step(partnership.state, "end", by=side)
        ended = replace(
            partnership,
            state=move.target,
            ended_at=iso(self.clock.now()),
            ended_reason=reason,
        )
        with self.journal.write(
            by=by,
            did="partnership.ended",
            to=f"partnership:{partnership.id}",
            why={"reason": reason},
        ) as tx:
            store.save_partnership(tx.connection, ended, expect=partnership.state)
            if tell:
                body = to_plain(EndedMessage(partnership.id, reason))
                tx.send(to=tell, kind="partnership.ended", body=body)
            tx.announce("partnership.ended", partnership=partnership.id)
        return ended

    def _sign(self, partnership: Partnership, by: Actor) -> Signature:
        return Signature(
            did=self.self_did,
            signed_by=by.name,
            jws=signing.sign(self.keys, rules.signed_bytes(partnership)),
            signed_at=iso(self.clock.now()),
        )

    def _countersigned(self, partnership: Partnership, signature: Signature) -> Partnership:
        side = rules.side_of(partnership, signature.did)
        move = rules.PARTNERSHIP.step(partnership.state, "sign", by=side)
        return replace(
            partnership, state=move.target, signatures=(*partnership.signatures, signature)
        )

    def _check_signature(self, partnership: Partnership, signature: Signature, signer: str) -> None:
        if signature.did != signer:
            raise SignatureInvalidError("The signature names another institution.")
        signing.check(
            signature.jws,
            rules.signed_bytes(partnership),
            self.key_of(signer, signing.kid_of(signature.jws)),
        )

    def _check_same_terms(self, known: Partnership, proposed: Partnership) -> None:
        if known.terms != proposed.terms:
            raise PartnershipInvalidError("A proposal with this id but other terms is known.")


def _fields(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Terms.__slots__}
