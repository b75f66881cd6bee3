"""Reactions: what a node does by itself when a negotiation reaches a state.

The strategy of the offer (provider) or dataset (consumer) says which act; deciding asks the rules
and the permits first, outside any write, and keeps their answer with the negotiation.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tidegate.audit.journal import Tx
from tidegate.catalogue.model import Offer
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.desk import Desk, Question
from tidegate.connector.negotiation.errors import NegotiationWithheldError, OfferNotOpenError
from tidegate.connector.negotiation.events import WAITING
from tidegate.connector.negotiation.machine import FINAL
from tidegate.connector.negotiation.model import (
    Act,
    Assessment,
    Negotiation,
    Reaction,
    Step,
    Strategy,
)
from tidegate.connector.negotiation.outgoing import ACTOR, REACT, Outgoing
from tidegate.connector.negotiation.rules import (
    agreement_document,
    is_same_terms,
    may_see,
    parties,
    policy_of,
    published_terms,
)
from tidegate.connector.negotiation.strategy import AUTOMATIC
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.policy.errors import PolicyInvalidError, PolicyUnenforceableError
from tidegate.policy.model import Decision, Outcome
from tidegate.policy.service import attested, check_enforceable

MOST_ROUNDS_ALONE = 5
"""How many requests for terms strategies answer with other terms: two that do would never end."""

_PROPOSING = {Act.OFFER, Act.COUNTER}
_DIFFER = "The terms differ from the offer that is published."
_PLAIN = {
    Act.ACCEPT: Step.ACCEPT,
    Act.VERIFY: Step.VERIFY,
    Act.FINALIZE: Step.FINALIZE,
    Act.OFFER: Step.OFFER,
}


class Reactions:
    """Carries out strategies."""

    def __init__(self, desk: Desk, outgoing: Outgoing) -> None:
        self._desk = desk
        self._outgoing = outgoing

    def react(self, negotiation: str, trigger: str, paused: str = "") -> None:
        """Do what the strategy says for `trigger`, if the negotiation is still there."""
        one = self._desk.journal.read(store.get_negotiation, negotiation)
        if one.trigger != trigger or one.pending or one.waiting or one.state in FINAL:
            return
        reaction = self.strategy_of(one).reaction_to(one.side, trigger)
        if reaction is None or reaction.act is Act.WAIT:
            return
        if reaction.after_ms and not paused:
            with self._desk.journal.upkeep() as tx:
                tx.enqueue(
                    REACT,
                    lane=one.pid,
                    party=one.peer_did,
                    delay=reaction.after_ms / 1000,
                    negotiation=one.pid,
                    trigger=trigger,
                    paused="yes",
                )
            return
        if reaction.act in _PROPOSING and one.rounds >= MOST_ROUNDS_ALONE:
            words = (
                f"Other terms went to and fro {one.rounds} times without a person; look at them."
            )
            self.ask(one, "rounds_exhausted", words)
            return
        try:
            self._do(one, reaction)
        except UnavailableError:
            raise
        except (PolicyInvalidError, PolicyUnenforceableError) as problem:
            # Nobody here may lift this, so nobody is asked.
            self.refuse(one, problem.code, problem.message)
        except TidegateError as problem:
            self.ask(one, problem.code, problem.message)

    def strategy_of(self, one: Negotiation) -> Strategy:
        """Return the strategy that governs a negotiation."""
        return self._desk.journal.read(store.find_strategy, one.subject) or AUTOMATIC

    def _do(self, one: Negotiation, reaction: Reaction) -> None:
        acts: dict[Act, Callable[[], object]] = {
            Act.DECIDE: lambda: self._decide(one),
            Act.AGREE: lambda: self._agree_unless_refused(one),
            Act.COUNTER: lambda: self._counter(one, reaction),
            Act.REFUSE: lambda: self.refuse(
                one, "refused_by_strategy", reaction.reason or "This offer is not open now."
            ),
            Act.ASK: lambda: self.ask(one, "asked_by_strategy", reaction.reason),
        }
        if reaction.act in _PLAIN:
            self._plain(one, reaction.act)
        else:
            acts[reaction.act]()

    def _plain(self, one: Negotiation, act: Act) -> None:
        if act is Act.OFFER:
            offer = self._published(one)
            one = replace(one, offer=published_terms(offer), offered_by=Side.PROVIDER)
        elif act is Act.ACCEPT:
            check_enforceable(policy_of(one.offer))
        self.send(one, _PLAIN[act], by=ACTOR)

    def _counter(self, one: Negotiation, reaction: Reaction) -> None:
        terms = dict(reaction.offer or {})
        self.propose(one, terms, by=ACTOR)

    def propose(self, one: Negotiation, terms: dict[str, object], *, by: str) -> Negotiation:
        """Send other terms: an offer as provider, a counter-request as consumer."""
        offer = {
            **terms,
            "@type": "Offer",
            "@id": self._desk.ids.urn(),
            "target": one.dataset_id,
        }
        check_enforceable(policy_of(offer))
        step = Step.OFFER if one.side is Side.PROVIDER else Step.REQUEST
        rounds = one.rounds + (1 if step is Step.REQUEST else 0)
        changed = replace(one, offer=offer, offered_by=one.side, rounds=rounds)
        return self.send(changed, step, by=by)

    def send(
        self,
        one: Negotiation,
        step: Step,
        *,
        by: str,
        code: str = "",
        reason: str = "",
        check: Callable[[Tx], None] = lambda _tx: None,
    ) -> Negotiation:
        """Queue the message of a step, with the negotiation as it will be said.

        `check` raises, inside the write that does, where it may not be said any more.
        """
        why: dict[str, str | tuple[str, ...]] = {
            "step": step.value,
            "state": one.state.value,
            "peer": one.peer_did,
        }
        if step in {Step.AGREE, Step.ACCEPT}:
            why["accepts"] = tuple(attested(policy_of(one.offer)))
        if code:
            why["reason"] = code
        if one.assessment is not None:
            why |= {"outcome": one.assessment.outcome, "receipt": one.assessment.receipt_id}
        with self._desk.journal.write(
            by=by, did="negotiation.decided", to=f"negotiation:{one.pid}", why=why
        ) as tx:
            check(tx)
            changed = replace(
                one,
                reason_code=code or one.reason_code,
                reason=reason or one.reason,
                changed_by=by,
            )
            return self._outgoing.queue(tx, changed, step)

    # --- deciding

    def _decide(self, one: Negotiation) -> None:
        question, exact = self.question(one)
        if not exact:
            self.ask(one, "terms_differ", _DIFFER)
        elif not self._desk.assessor.has_permit(question):
            self.ask(one, "permit_missing", "No approved permit covers this peer and dataset.")
        else:
            self._follow(one, self._desk.assessor.assess(question))

    def _follow(self, one: Negotiation, decision: Decision) -> None:
        judged = replace(one, assessment=assessment_of(decision))
        if decision.outcome is Outcome.ALLOW:
            self.agree(judged, by=ACTOR)
        elif decision.outcome in {Outcome.NEEDS_APPROVAL, Outcome.NEEDS_FILING}:
            self.ask(judged, decision.outcome.value, _told(judged))
        else:
            self.refuse(judged, decision.outcome.value, _told(judged))

    def _agree_unless_refused(self, one: Negotiation) -> None:
        """Agree without a permit or a person, to the published terms alone."""
        if not self.question(one)[1]:
            self.ask(one, "terms_differ", _DIFFER)
            return
        try:
            judged = self.judge(one)
        except NegotiationWithheldError as problem:
            self.refuse(one, problem.code, problem.message)
        else:
            self.agree(judged, by=ACTOR)

    def judge(self, one: Negotiation) -> Negotiation:
        """Return the negotiation with the rules' answer; raise NegotiationWithheldError on a no.

        A person, or a strategy a person set, may stand in for an approval the rules ask for;
        nobody here may stand in for a filing or lift a refusal.
        """
        question, _ = self.question(one)
        judged = replace(one, assessment=assessment_of(self._desk.assessor.assess(question)))
        outcome = judged.assessment.outcome if judged.assessment else ""
        if outcome not in {Outcome.ALLOW.value, Outcome.NEEDS_APPROVAL.value}:
            raise NegotiationWithheldError(_told(judged), code=outcome)
        return judged

    def question(self, one: Negotiation) -> tuple[Question, bool]:
        """Return what the rules are asked, and whether the terms are exactly the published ones."""
        offer = self._published(one)
        provider, consumer = parties(one, self._desk.did)
        exact = one.offered_by is Side.PROVIDER or is_same_terms(one.offer, published_terms(offer))
        policy = policy_of(one.offer)
        check_enforceable(policy)
        return (
            Question(one.pid, provider, consumer, one.dataset_id, one.version_id, policy),
            exact,
        )

    def _published(self, one: Negotiation) -> Offer:
        offer = self._desk.offers.find_open_offer(one.offer_id)
        if offer is None or not may_see(offer, self._desk.standing_of(one.peer_did)):
            raise _withdrawn()
        return offer

    def agree(self, one: Negotiation, *, by: str) -> Negotiation:
        """Send the agreement."""
        at = self._desk.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        in_our_words = replace(one, offer=self._in_our_words(one))
        said = agreement_document(
            in_our_words, self._desk.ids.urn(), assigner=self._desk.did, at=at
        )
        return self.send(
            replace(one, agreement=said),
            Step.AGREE,
            by=by,
            check=lambda tx: self._check_open(tx, one.offer_id),
        )

    def _check_open(self, tx: Tx, offer_id: str) -> None:
        """Raise OfferNotOpenError, inside the write that agrees, where the offer has closed."""
        if not self._desk.offers.is_open_within(tx, offer_id):
            raise _withdrawn()

    def _in_our_words(self, one: Negotiation) -> Mapping[str, Any]:
        """Return the terms agreed on: as published, where that is what the peer asked for.

        An EDC asks in a spelling of its own and without the profile, then holds the agreement
        against the words of the catalogue.
        """
        offer = self._desk.offers.find_open_offer(one.offer_id)
        if offer is not None and is_same_terms(one.offer, published_terms(offer)):
            return published_terms(offer)
        return one.offer

    def refuse(self, one: Negotiation, code: str, reason: str) -> Negotiation:
        """Terminate with a reason the peer is told."""
        return self.send(one, Step.TERMINATE, by=ACTOR, code=code, reason=reason)

    def ask(self, one: Negotiation, code: str, reason: str) -> None:
        """Wait for a person, saying why."""
        with self._desk.journal.write(
            by=ACTOR,
            did=WAITING,
            to=f"negotiation:{one.pid}",
            why={"reason": code, "state": one.state.value},
        ) as tx:
            self._wait(tx, one, code, reason)

    def _wait(self, tx: Tx, one: Negotiation, code: str, reason: str) -> None:
        store.save_negotiation(
            tx.connection,
            replace(
                one,
                waiting="person",
                reason_code=code,
                reason=reason or "A person has to decide.",
                changed_by=ACTOR,
                changed_at=tx.at,
            ),
        )
        tx.announce(WAITING, negotiation=one.pid)


def _withdrawn() -> OfferNotOpenError:
    return OfferNotOpenError("The offer was withdrawn meanwhile.", code="offer_withdrawn")


def assessment_of(decision: Decision) -> Assessment:
    """Keep the rules' answer in words, with its receipt."""
    reasons = tuple(
        f"{one.rule}: {one.title.en}" + (f" (missing: {one.missing})" if one.missing else "")
        for one in decision.findings
    )
    return Assessment(decision.outcome.value, reasons, decision.receipt_id)


def _told(one: Negotiation) -> str:
    reasons = one.assessment.reasons if one.assessment else ()
    return ("; ".join(reasons) or "The rules do not allow this without more.")[:1000]
