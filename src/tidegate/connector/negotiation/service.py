"""Negotiations: open, answer, decide, follow. Both roles of DSP 2025-1."""

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.delivery import AnswerGate
from tidegate.connector.messages.model import MessageRecord, Side, subject_of
from tidegate.connector.messages.read import read
from tidegate.connector.messages.wire import (
    ContractAgreementMessage,
    ContractAgreementVerificationMessage,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractOfferMessage,
    ContractRequestMessage,
)
from tidegate.connector.model import Peer
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.desk import Desk
from tidegate.connector.negotiation.errors import NegotiationBusyError, OfferNotOpenError
from tidegate.connector.negotiation.incoming import Incoming
from tidegate.connector.negotiation.model import (
    Act,
    ChosenStrategy,
    Negotiation,
    NegotiationState,
    Step,
    Strategy,
)
from tidegate.connector.negotiation.outgoing import Outgoing
from tidegate.connector.negotiation.reactions import Reactions
from tidegate.connector.negotiation.rules import check_open, policy_of, published_terms
from tidegate.connector.negotiation.strategy import AUTOMATIC, check_strategy
from tidegate.kernel.canonical import Json
from tidegate.policy.service import (
    attested,
    check_attested_accepted,
    check_enforceable,
    to_message_offer,
)

READERS = tuple(Role)
NEGOTIATORS = (Role.RESEARCHER, Role.STEWARD, Role.LEGAL, Role.OPERATOR, Role.COMMITTEE)
DECIDERS = (Role.STEWARD, Role.LEGAL, Role.COMMITTEE, Role.OPERATOR)

_NEXT = {
    (Side.PROVIDER, NegotiationState.REQUESTED): Step.AGREE,
    (Side.PROVIDER, NegotiationState.ACCEPTED): Step.AGREE,
    (Side.PROVIDER, NegotiationState.VERIFIED): Step.FINALIZE,
    (Side.CONSUMER, NegotiationState.OFFERED): Step.ACCEPT,
    (Side.CONSUMER, NegotiationState.AGREED): Step.VERIFY,
}


class NegotiationService:
    """Makes agreements with other nodes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._outgoing = Outgoing(desk)
        self._incoming = Incoming(desk, self._outgoing)
        self._reactions = Reactions(desk, self._outgoing)

    @property
    def gate(self) -> AnswerGate:
        """The gate the door holds while an answer leaves."""
        return self._desk.gate

    # --- people

    def request(
        self,
        provider: str,
        dataset_id: str,
        offer_id: str = "",
        *,
        by: Actor,
        accepts: Iterable[str] = (),
        terms: Mapping[str, Any] | None = None,
    ) -> Negotiation:
        """Ask the provider for an agreement on a dataset its catalogue offers.

        Without an offer id, the first offer that can be read is taken. `terms` are the rules of a
        policy in compact ODRL, asked for in place of those the offer is published with. `accepts`
        names every term that rests on a side's word alone; raises AttestationUnacceptedError
        naming one left out.
        """
        check_has_role(by, *NEGOTIATORS)
        found = self._desk.offers.find_harvested(dataset_id, provider)
        offers = found.dataset.offers if found else ()
        offer = next((one for one in offers if offer_id in {"", one.id}), None)
        if found is not None and offer is None and found.dataset.unreadable_offers:
            raise OfferNotOpenError(
                "The provider offers this dataset under terms this node does not understand, and so"
                " cannot keep; ask the provider for terms of the constraints reference.",
                code="offer_unreadable",
            )
        if found is None or offer is None:
            raise OfferNotOpenError(
                "The provider's catalogue, as last read here, has no such offer; harvest it again.",
                code="offer_unknown",
            )
        policy = offer.policy if terms is None else policy_of({**terms, "@type": "Offer"})
        said = to_message_offer(policy, offer.id, dataset_id)
        return self.request_terms(
            provider,
            said,
            by=by,
            accepts=accepts,
            peer_name=found.peer.name,
            version_id=found.dataset.version_id,
        )

    def request_terms(
        self,
        provider: str,
        offer: Mapping[str, Any],
        *,
        by: Actor,
        accepts: Iterable[str] = (),
        peer_name: str = "",
        version_id: str = "",
        address: str = "",
    ) -> Negotiation:
        """Ask the provider for an agreement on the terms of this message offer.

        The terms that rest on a side's word alone are accepted by name, and named in the evidence.
        """
        check_has_role(by, *NEGOTIATORS)
        check_enforceable(policy_of(offer))
        check_attested_accepted(policy_of(offer), accepts)
        return self._begin(
            Step.REQUEST,
            by,
            provider,
            dict(offer),
            {"peer_name": peer_name, "version_id": version_id, "peer_address": address},
        )

    def offer_to(self, consumer: str, offer_id: str, *, by: Actor) -> Negotiation:
        """Offer a published offer of ours to a participant, unasked."""
        check_has_role(by, *DECIDERS)
        offer = check_open(
            self._desk.offers.find_open_offer(offer_id), self._desk.standing_of(consumer), ""
        )
        return self._begin(
            Step.OFFER, by, consumer, published_terms(offer), {"version_id": offer.version_id}
        )

    def _begin(
        self, step: Step, by: Actor, peer: str, offer: dict[str, Any], more: dict[str, str]
    ) -> Negotiation:
        address = more.get("peer_address") or self._desk.courier.address_of(peer)
        side = Side.CONSUMER if step is Step.REQUEST else Side.PROVIDER
        pid = self._desk.ids.urn()
        why: dict[str, Json] = {
            "peer": peer,
            "dataset": str(offer["target"]),
            "offer": str(offer["@id"]),
            "accepts": tuple(attested(policy_of(offer))),
        }
        with self._desk.journal.write(
            by=by.id, did="negotiation.opened", to=f"negotiation:{pid}", why=why
        ) as tx:
            one = Negotiation(
                pid=pid,
                side=side,
                peer_did=peer,
                peer_name=more.get("peer_name", ""),
                peer_pid="",
                peer_address=address.rstrip("/"),
                dataset_id=str(offer["target"]),
                version_id=more.get("version_id", ""),
                offer_id=str(offer["@id"]),
                offer=offer,
                offered_by=side,
                state=NegotiationState.INITIAL,
                created_by=by.id,
                created_at=tx.at,
                changed_by=by.id,
                changed_at=tx.at,
                rounds=1,
            )
            store.insert_negotiation(tx.connection, one)
            return self._outgoing.queue(tx, one, step)

    def approve(self, pid: str, *, by: Actor, accepts: Iterable[str] = ()) -> Negotiation:
        """Let a negotiation go its next step: agree, finalize, accept or verify.

        Who agrees or accepts names in `accepts` every term that rests on a side's word alone.
        Raises NegotiationWithheldError where the rules say no; no person can lift that.
        """
        one = self._idle(pid, by)
        step = _NEXT.get((one.side, one.state))
        if step is None:
            raise NegotiationBusyError(
                f"The negotiation is {one.state}; the other side has the next word."
            )
        if step in {Step.AGREE, Step.ACCEPT}:
            check_attested_accepted(policy_of(one.offer), accepts)
        if step is Step.AGREE:
            return self._reactions.agree(self._reactions.judge(one), by=by.id)
        if step is Step.ACCEPT:
            check_enforceable(policy_of(one.offer))
        return self._reactions.send(one, step, by=by.id)

    def counter(self, pid: str, terms: Mapping[str, Any], *, by: Actor) -> Negotiation:
        """Propose other terms (the rules of a policy in compact ODRL)."""
        return self._reactions.propose(self._idle(pid, by), dict(terms), by=by.id)

    def terminate(self, pid: str, reason: str, *, by: Actor) -> Negotiation:
        """End a negotiation that is not final, telling the peer why."""
        one = self.get(pid)
        check_has_role(by, *(NEGOTIATORS if one.created_by == by.id else DECIDERS))
        return self._reactions.send(
            one, Step.TERMINATE, by=by.id, code="terminated_by_person", reason=reason[:1000]
        )

    def _idle(self, pid: str, by: Actor) -> Negotiation:
        check_has_role(by, *DECIDERS)
        one = self.get(pid)
        if one.pending:
            raise NegotiationBusyError("A message is on its way; wait for the peer's answer.")
        return one

    def set_strategy(self, subject: str, strategy: Strategy, *, by: Actor) -> Strategy:
        """Set how this node answers for an offer (as provider) or a peer's dataset (as consumer).

        A dataset is named `DID#DATASET`; its id alone will do where one peer offers it. Raises
        DatasetAmbiguousError where several do, StrategyInvalidError where it cannot be followed,
        and PolicyInvalidError or PolicyUnenforceableError where it would propose terms nobody here
        can keep.
        """
        check_has_role(by, Role.STEWARD, Role.OPERATOR)
        check_strategy(strategy)
        subject = self._whole(subject)
        for one in strategy.reactions:
            if one.act is Act.COUNTER:
                check_enforceable(policy_of({"@type": "Offer", **(one.offer or {})}))
        with self._desk.journal.write(
            by=by.id,
            did="negotiation.strategy_set",
            to=f"offer:{subject}",
            why={"strategy": strategy.name},
        ) as tx:
            store.put_strategy(tx.connection, subject, strategy, by=by.id, at=tx.at)
        return strategy

    def clear_strategy(self, subject: str, *, by: Actor) -> Strategy:
        """Let the usual strategy hold again for an offer or dataset; return it."""
        check_has_role(by, Role.STEWARD, Role.OPERATOR)
        subject = self._whole(subject)
        with self._desk.journal.write(
            by=by.id,
            did="negotiation.strategy_set",
            to=f"offer:{subject}",
            why={"strategy": AUTOMATIC.name},
        ) as tx:
            store.drop_strategy(tx.connection, subject)
        return AUTOMATIC

    def list_strategies(self) -> tuple[ChosenStrategy, ...]:
        """Return every strategy that was set, by offer or dataset."""
        return self._desk.journal.read(store.list_strategies)

    def find_strategy(self, subject: str) -> Strategy | None:
        """Return the strategy set for an offer or dataset, or None where the usual one holds."""
        return self._desk.journal.read(store.find_strategy, self._whole(subject))

    def _whole(self, subject: str) -> str:
        """Say whose dataset is meant by an id alone; an offer of ours stays as it is."""
        if self._desk.offers.find_offer(subject) is not None:
            return subject
        found = self._desk.offers.find_harvested(subject)
        return subject_of(found.peer.did, subject) if found is not None else subject

    # --- reading

    def get(self, pid: str) -> Negotiation:
        """Return a negotiation; raise ProcessUnknownError."""
        return self._desk.journal.read(store.get_negotiation, pid)

    def list_negotiations(
        self, *, state: str = "", waiting: str = "", limit: int = 200
    ) -> tuple[Negotiation, ...]:
        """Return negotiations, newest first."""
        return self._desk.journal.read(
            store.list_negotiations, state=state, waiting=waiting, limit=limit
        )

    def list_open(self, *, limit: int = 200) -> tuple[Negotiation, ...]:
        """Return the negotiations that are not over, oldest first."""
        return self._desk.journal.read(store.list_open, limit)

    def count_waiting(self) -> int:
        """Return how many negotiations wait for a person here."""
        return self._desk.journal.read(store.count_waiting)

    def find_by_agreement(self, agreement_id: str) -> Negotiation | None:
        """Return the negotiation an agreement came from, or None."""
        return self._desk.journal.read(store.find_by_agreement, agreement_id)

    def is_settling(self, agreement_id: str, consumer: str) -> bool:
        """Tell whether our finalization of an agreement with that consumer is on its way."""
        one = self.find_by_agreement(agreement_id)
        if one is None or (one.side, one.peer_did) != (Side.PROVIDER, consumer):
            return False
        return one.state is NegotiationState.VERIFIED and bool(one.pending)

    def list_messages(self, pid: str) -> tuple[MessageRecord, ...]:
        """Return every message of a negotiation, oldest first."""
        self.get(pid)
        return self._desk.journal.read(messages.list_messages, pid)

    # --- peers (the door hands in the authenticated peer and the raw body)

    def show(self, peer: Peer, pid: str) -> Negotiation:
        """Return a negotiation to the peer it is with; nobody else's exists."""
        return self._incoming.seen_by(peer, pid)

    def receive_request(self, peer: Peer, body: bytes, pid: str = "") -> Negotiation:
        """Take a request that opens (no pid) or counters."""
        heard = read(body, ContractRequestMessage)
        if pid:
            return self._incoming.take(peer, pid, Step.REQUEST, heard)
        return self._incoming.open_request(peer, heard)

    def receive_offer(self, peer: Peer, body: bytes, pid: str = "") -> Negotiation:
        """Take an offer that opens (no pid) or answers."""
        heard = read(body, ContractOfferMessage)
        if pid:
            return self._incoming.take(peer, pid, Step.OFFER, heard)
        return self._incoming.open_offer(peer, heard)

    def receive_agreement(self, peer: Peer, body: bytes, pid: str) -> Negotiation:
        """Take the agreement."""
        return self._incoming.take(peer, pid, Step.AGREE, read(body, ContractAgreementMessage))

    def receive_verification(self, peer: Peer, body: bytes, pid: str) -> Negotiation:
        """Take the verification of the agreement."""
        heard = read(body, ContractAgreementVerificationMessage)
        return self._incoming.take(peer, pid, Step.VERIFY, heard)

    def receive_event(self, peer: Peer, body: bytes, pid: str) -> Negotiation:
        """Take an acceptance (from a consumer) or a finalization (from a provider)."""
        heard = read(body, ContractNegotiationEventMessage)
        step = Step.ACCEPT if heard.message.event_type == "ACCEPTED" else Step.FINALIZE
        return self._incoming.take(peer, pid, step, heard)

    def receive_termination(self, peer: Peer, body: bytes, pid: str) -> Negotiation:
        """Take a termination."""
        heard = read(body, ContractNegotiationTerminationMessage)
        return self._incoming.take(peer, pid, Step.TERMINATE, heard)

    # --- tasks

    def end_forgotten(self, one: Negotiation, words: str) -> Negotiation:
        """End a negotiation the peer knows nothing of; `one` as it was when the peer was asked."""
        return self._outgoing.end_forgotten(one, words)

    def deliver(self, negotiation: str, message: str) -> None:
        """Try once to deliver a queued message (task `negotiation.deliver`)."""
        self._outgoing.deliver(negotiation, message)

    def react(self, negotiation: str, trigger: str, paused: str = "") -> None:
        """Carry out the strategy for a state that was reached (task `negotiation.react`)."""
        self._reactions.react(negotiation, trigger, paused)
