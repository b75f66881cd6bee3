"""Outgoing messages: queued with their cause, delivered until acknowledged, refused or given up."""

import contextlib
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tidegate.audit.journal import Tx
from tidegate.connector.messages import records
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.compose import Document, document
from tidegate.connector.messages.delivery import Delivery
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.model import MessageRecord, MessageState, Side
from tidegate.connector.messages.read import hear
from tidegate.connector.messages.wire import ContractNegotiation
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.desk import Desk
from tidegate.connector.negotiation.errors import AlreadySettledError, NegotiationRacedError
from tidegate.connector.negotiation.events import FINALIZED, TERMINATED
from tidegate.connector.negotiation.machine import FINAL, NEGOTIATION, may_step
from tidegate.connector.negotiation.model import Act, Negotiation, NegotiationState, Step
from tidegate.connector.negotiation.rules import signed_agreement
from tidegate.connector.negotiation.strategy import AUTOMATIC
from tidegate.kernel.failpoint import failpoint

DELIVER = "negotiation.deliver"
REACT = "negotiation.react"
ACTOR = "system:negotiation"
FORGOTTEN = "forgotten_by_peer"

_TYPES = {
    Step.REQUEST: "ContractRequestMessage",
    Step.OFFER: "ContractOfferMessage",
    Step.ACCEPT: "ContractNegotiationEventMessage",
    Step.AGREE: "ContractAgreementMessage",
    Step.VERIFY: "ContractAgreementVerificationMessage",
    Step.FINALIZE: "ContractNegotiationEventMessage",
    Step.TERMINATE: "ContractNegotiationTerminationMessage",
}
_PLACES = {
    Step.REQUEST: "request",
    Step.OFFER: "offers",
    Step.ACCEPT: "events",
    Step.AGREE: "agreement",
    Step.VERIFY: "agreement/verification",
    Step.FINALIZE: "events",
    Step.TERMINATE: "termination",
}
_DONE = {
    Step.REQUEST: "negotiation.requested",
    Step.OFFER: "negotiation.offered",
    Step.ACCEPT: "negotiation.accepted",
    Step.AGREE: "negotiation.agreed",
    Step.VERIFY: "negotiation.verified",
    Step.FINALIZE: FINALIZED,
    Step.TERMINATE: TERMINATED,
}

_AT_ONCE = {Act.VERIFY: Step.VERIFY, Act.FINALIZE: Step.FINALIZE}


def event_of(step: Step) -> str:
    """Return the evidence code of a step that was taken."""
    return _DONE[step]


def compose(negotiation: Negotiation, step: Step, message_id: str, callback: str) -> Document:
    """Write the message that takes this step now."""
    opening = negotiation.state is NegotiationState.INITIAL
    about: dict[str, Any] = {
        "providerPid": negotiation.provider_pid,
        "consumerPid": negotiation.consumer_pid,
    }
    if step in {Step.REQUEST, Step.OFFER}:
        about["offer"] = dict(negotiation.offer)
        if opening:
            about["callbackAddress"] = callback
    elif step is Step.AGREE:
        about["agreement"] = dict(negotiation.agreement)
    elif step is Step.ACCEPT:
        about["eventType"] = "ACCEPTED"
    elif step is Step.FINALIZE:
        about["eventType"] = "FINALIZED"
    elif step is Step.TERMINATE:
        about["code"] = negotiation.reason_code
        about["reason"] = [negotiation.reason] if negotiation.reason else []
    return document(_TYPES[step], message_id, **about)


def place_of(negotiation: Negotiation, step: Step) -> str:
    """Return the URL this step is sent to."""
    base = f"{negotiation.peer_address}/negotiations"
    if negotiation.state is NegotiationState.INITIAL and step is not Step.TERMINATE:
        return f"{base}/{_PLACES[step]}"
    return f"{base}/{quote(negotiation.peer_pid, safe=':')}/{_PLACES[step]}"


class Outgoing:
    """Sends the messages of negotiations."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def queue(self, tx: Tx, negotiation: Negotiation, step: Step) -> Negotiation:
        """Queue the message of a step in the caller's write and save the negotiation.

        A termination overtakes a message that is still on its way; anything else waits its turn.
        """
        NEGOTIATION.step(negotiation.state, step.value, by=negotiation.side.value)
        if negotiation.pending:
            if step is not Step.TERMINATE:
                raise NegotiationRacedError("A message is on its way already; wait for its answer.")
            records.abandon(tx, negotiation.pending, "Overtaken by the termination.")
        name, message_id = self._desk.ids.new("msg"), self._desk.ids.urn()
        said = compose(negotiation, step, message_id, self._desk.address)
        record = records.queued_record(name, negotiation.pid, step.value, said, at=tx.at)
        records.append(tx, record)
        tx.enqueue(
            DELIVER,
            lane=negotiation.pid,
            party=negotiation.peer_did,
            delay=self._desk.settings.pacing,
            negotiation=negotiation.pid,
            message=record.id,
        )
        return store.save_negotiation(
            tx.connection, replace(negotiation, pending=record.id, waiting="", changed_at=tx.at)
        )

    def deliver(self, negotiation: str, message: str) -> None:
        """Try once to deliver a queued message; retries queue themselves. May run twice."""
        with self._desk.journal.reading() as conn:
            one = store.get_negotiation(conn, negotiation)
            record = messages.find_message(conn, message)
        if record is None or record.state is not MessageState.QUEUED or one.pending != message:
            return
        step = Step(record.action)
        if not may_step(one.state, step.value, by=one.side):
            with self._desk.journal.upkeep() as tx:
                records.abandon(tx, message, f"The negotiation was {one.state} by then.")
            return
        self._desk.gate.wait(one.peer_pid)
        failpoint("negotiation.before_send")
        one, end = self._carry(one, step, record)
        failpoint("negotiation.after_send")
        with contextlib.suppress(AlreadySettledError):
            self._ended(one, record, end)

    def _carry(
        self, one: Negotiation, step: Step, record: MessageRecord
    ) -> tuple[Negotiation, Delivery]:
        """Carry a message; return how that ended, with the peer's pid where it was learned."""
        said = record.body
        if step is Step.TERMINATE and not one.peer_pid:
            one, end = self._learn_pid(one)
            if end.code:
                return one, end
            said = compose(one, step, record.message_id, self._desk.address)
        end = self._desk.courier.carry(said, to=one.peer_did, url=place_of(one, step))
        return one, end

    def _learn_pid(self, one: Negotiation) -> tuple[Negotiation, Delivery]:
        """Say the opening again: it may have arrived, and what it opened ends by its pid alone."""
        opening = self._desk.journal.read(messages.list_messages, one.pid)[0]
        url = place_of(one, Step(opening.action))
        end = self._desk.courier.carry(opening.body, to=one.peer_did, url=url)
        if end.code:
            return one, end
        try:
            return replace(one, peer_pid=_answered_pid(one, end.body)), end
        except MessageRefusedError as problem:
            return one, Delivery("refused", problem.message)

    def _ended(self, one: Negotiation, record: MessageRecord, end: Delivery) -> None:
        if not end.code:
            self._acknowledged(one, record, end)
        elif self._desk.settings.gives_up(end.code, record.attempts + 1):
            self._give_up(one, record, end)
        else:
            self._try_again(one, record, end)

    def _acknowledged(self, one: Negotiation, record: MessageRecord, end: Delivery) -> None:
        step = Step(record.action)
        try:
            peer_pid = one.peer_pid or _answered_pid(one, end.body)
        except MessageRefusedError as problem:
            self._give_up(one, record, Delivery("refused", problem.message))
            return
        with self._desk.journal.write(
            by=ACTOR,
            did=event_of(step),
            to=f"negotiation:{one.pid}",
            why=evidence(one, record),
        ) as tx:
            current = store.get_negotiation(tx.connection, one.pid)
            if current.pending != record.id:
                raise AlreadySettledError("The message was settled at the same moment.")
            self.settle(tx, replace(current, peer_pid=peer_pid), record, "The peer acknowledged.")
            failpoint("negotiation.before_commit")

    def settle(self, tx: Tx, one: Negotiation, record: MessageRecord, words: str) -> Negotiation:
        """Take the step of an acknowledged message in the caller's write."""
        step = Step(record.action)
        move = NEGOTIATION.step(one.state, step.value, by=one.side.value)
        records.acknowledge(tx, record.id, words)
        moved = replace(one, state=move.target, pending="", changed_by=ACTOR, changed_at=tx.at)
        return self.arrived(tx, moved)

    def arrived(self, tx: Tx, one: Negotiation) -> Negotiation:
        """Save a negotiation that reached a state, with what follows from it."""
        saved = store.save_negotiation(tx.connection, one)
        if saved.state is NegotiationState.FINALIZED:
            self._desk.agreements.record_agreement(tx, signed_agreement(saved))
            tx.announce(FINALIZED, negotiation=saved.pid)
        elif saved.state is NegotiationState.TERMINATED:
            tx.announce(TERMINATED, negotiation=saved.pid)
        return saved if saved.state in FINAL else self._follow(tx, saved)

    def _follow(self, tx: Tx, one: Negotiation) -> Negotiation:
        """Queue what the strategy does next: at once where nothing has to be asked first."""
        if one.pending:  # our termination is on its way: nothing else is said
            return one
        strategy = store.find_strategy(tx.connection, one.subject) or AUTOMATIC
        reaction = strategy.reaction_to(one.side, one.trigger)
        if reaction is None or reaction.act is Act.WAIT:
            return one
        if reaction.act in _AT_ONCE and not reaction.after_ms:
            return self.queue(tx, one, _AT_ONCE[reaction.act])
        tx.enqueue(
            REACT, lane=one.pid, party=one.peer_did, negotiation=one.pid, trigger=one.trigger
        )
        return one

    def _try_again(self, one: Negotiation, record: MessageRecord, end: Delivery) -> None:
        with self._desk.journal.upkeep() as tx:
            messages.record_attempt(
                tx.connection, record.id, outcome=end.words, code=end.code, at=tx.at
            )
            tx.enqueue(
                DELIVER,
                lane=one.pid,
                party=one.peer_did,
                delay=self._desk.settings.delay_before(record.attempts + 1),
                negotiation=one.pid,
                message=record.id,
            )

    def _give_up(self, one: Negotiation, record: MessageRecord, end: Delivery) -> None:
        """End the negotiation, visibly: tell the peer if it knows of it and can still be told."""
        step = Step(record.action)
        tell = step is not Step.TERMINATE and one.state is not NegotiationState.INITIAL
        code = one.reason_code if step is Step.TERMINATE and one.reason_code else "undeliverable"
        words = f"{record.type} was given up; tries: {record.attempts + 1}. {end.words}"
        with self._desk.journal.write(
            by=ACTOR,
            did="negotiation.refused" if tell else TERMINATED,
            to=f"negotiation:{one.pid}",
            why={**evidence(one, record), "code": end.code, "tries": record.attempts + 1},
        ) as tx:
            current = store.get_negotiation(tx.connection, one.pid)
            if current.pending != record.id:
                raise AlreadySettledError("The message was settled at the same moment.")
            messages.record_attempt(
                tx.connection, record.id, outcome=end.words, code=end.code, at=tx.at
            )
            records.abandon(tx, record.id, end.words, end.code)
            reason = current.reason if step is Step.TERMINATE and current.reason else words
            ended = replace(
                current,
                pending="",
                waiting="",
                reason_code=code,
                reason=reason,
                changed_by=ACTOR,
                changed_at=tx.at,
            )
            if tell:
                self.queue(tx, ended, Step.TERMINATE)
            else:
                self.arrived(tx, replace(ended, state=NegotiationState.TERMINATED))

    def end_forgotten(self, one: Negotiation, words: str) -> Negotiation:
        """End a negotiation the peer knows nothing of; there is nobody to tell.

        Raises NegotiationRacedError where it has gone on since `one` was read.
        """
        with self._desk.journal.write(
            by=ACTOR,
            did=TERMINATED,
            to=f"negotiation:{one.pid}",
            why={"peer": one.peer_did, "side": one.side.value, "reason": FORGOTTEN},
        ) as tx:
            current = store.get_negotiation(tx.connection, one.pid)
            if current.revision != one.revision:
                raise NegotiationRacedError("The negotiation has gone on meanwhile.")
            move = NEGOTIATION.step(current.state, Step.TERMINATE.value, by=one.side.other.value)
            ended = replace(
                current,
                state=move.target,
                waiting="",
                reason_code=FORGOTTEN,
                reason=words[:1000],
                changed_by=ACTOR,
                changed_at=tx.at,
            )
            return self.arrived(tx, ended)


def evidence(one: Negotiation, record: MessageRecord) -> dict[str, str | int]:
    """Return what the evidence says of a message: ids and hashes."""
    told: dict[str, str | int] = {
        "peer": one.peer_did,
        "side": one.side.value,
        "dataset": one.dataset_id,
        "message": record.message_id,
        "sha256": messages.body_digest(record.body),
    }
    if one.agreement_id:
        told["agreement"] = one.agreement_id
    return told


def _answered_pid(one: Negotiation, body: object) -> str:
    """Return the pid the peer gave this negotiation in its first answer."""
    answer = hear(body, ContractNegotiation).message
    ours, theirs = answer.consumer_pid, answer.provider_pid
    if one.side is Side.PROVIDER:
        ours, theirs = theirs, ours
    if ours != one.pid:
        raise MessageRefusedError(
            "The peer answered about another negotiation.", code="pid_mismatch"
        )
    return theirs
