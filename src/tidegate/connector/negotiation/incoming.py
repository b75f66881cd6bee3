"""Incoming messages: whose they are, whether they may come now, and what they change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.audit.journal import Tx
from tidegate.connector.messages import records
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.callback import check_callback
from tidegate.connector.messages.errors import MessageRefusedError, ProcessUnknownError
from tidegate.connector.messages.model import Direction, MessageRecord, Side
from tidegate.connector.messages.read import Received
from tidegate.connector.messages.wire import ContractOfferMessage, ContractRequestMessage
from tidegate.connector.model import Peer
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.desk import Desk
from tidegate.connector.negotiation.errors import NegotiationRacedError, TooManyNegotiationsError
from tidegate.connector.negotiation.machine import NEGOTIATION, may_step
from tidegate.connector.negotiation.model import Negotiation, NegotiationState, Step
from tidegate.connector.negotiation.outgoing import Outgoing, event_of, evidence
from tidegate.connector.negotiation.repeating import Repeating
from tidegate.connector.negotiation.rules import (
    check_agreement,
    check_offer_target,
    check_open,
)
from tidegate.kernel.clock import iso
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.text import printable

MOST_ROUNDS = 50
MOST_OPEN = 1000  # with one peer; the terms of one may weigh a mebibyte


class Incoming:
    """Takes the messages of negotiations."""

    def __init__(self, desk: Desk, outgoing: Outgoing) -> None:
        self._desk = desk
        self._outgoing = outgoing
        self._repeating = Repeating(desk)

    # --- opening

    def open_request(self, peer: Peer, heard: Received[ContractRequestMessage]) -> Negotiation:
        """Open a negotiation a consumer asks for; the same request again finds the same one."""
        message = heard.message
        offer = heard.document["offer"]
        address = self._callback(peer, str(message.callback_address))
        published = self._published(peer, offer)
        one = self._new(peer, Side.PROVIDER, message.consumer_pid, address, offer)
        one = replace(
            one,
            state=NegotiationState.REQUESTED,
            dataset_id=published.dataset_id,
            version_id=published.version_id,
            offer_id=published.id,
            offer={**offer, "target": published.dataset_id},
            offered_by=Side.CONSUMER,
            rounds=1,
        )
        return self._open(peer, one, heard, Step.REQUEST)

    def open_offer(self, peer: Peer, heard: Received[ContractOfferMessage]) -> Negotiation:
        """Open a negotiation a provider offers; the same offer again finds the same one."""
        message = heard.message
        offer = heard.document["offer"]
        address = self._callback(peer, str(message.callback_address))
        one = self._new(peer, Side.CONSUMER, message.provider_pid, address, offer)
        record = self._desk.offers.find_harvested(one.dataset_id, peer.did)
        one = replace(
            one,
            state=NegotiationState.OFFERED,
            version_id=record.dataset.version_id if record else "",
        )
        return self._open(peer, one, heard, Step.OFFER)

    def _new(
        self, peer: Peer, side: Side, peer_pid: str, address: str, offer: Mapping[str, Any]
    ) -> Negotiation:
        at, by = iso(self._desk.clock.now()), peer.as_actor().id
        return Negotiation(
            pid=self._desk.ids.urn(),
            side=side,
            peer_did=peer.did,
            peer_name=peer.name,
            peer_pid=peer_pid,
            peer_address=address,
            dataset_id=str(offer.get("target", "")),
            version_id="",
            offer_id=str(offer["@id"]),
            offer=offer,
            offered_by=side.other,
            state=NegotiationState.INITIAL,
            created_by=by,
            created_at=at,
            changed_by=by,
            changed_at=at,
        )

    def _open(self, peer: Peer, one: Negotiation, heard: Received[Any], step: Step) -> Negotiation:
        known = self._desk.journal.read(store.find_by_peer, peer.did, one.peer_pid, one.side)
        if known is not None:
            return self._again(known, step, heard)
        record = self._record(one.pid, step, heard)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did=event_of(step),
            to=f"negotiation:{one.pid}",
            why=evidence(one, record),
        ) as tx:
            if store.find_by_peer(tx.connection, peer.did, one.peer_pid, one.side) is not None:
                raise NegotiationRacedError("The same request came twice at once; send it again.")
            self._check_room(tx, peer)
            store.insert_negotiation(tx.connection, one)
            records.append(tx, record)
            one = self._outgoing.arrived(tx, one)
            failpoint("negotiation.before_commit")
        return one

    def _check_room(self, tx: Tx, peer: Peer) -> None:
        if store.count_open(tx.connection, peer.did) >= MOST_OPEN:
            raise TooManyNegotiationsError(
                f"{MOST_OPEN} negotiations with you are open here, the most there may be. "
                "Bring some to an end, then send this again."
            )

    def _again(self, known: Negotiation, step: Step, heard: Received[Any]) -> Negotiation:
        """Answer a repeated opening as the first; refuse another one under the same pid."""
        first = self._desk.journal.read(messages.list_messages, known.pid)[0]
        is_same = heard.document.get("@id") == first.message_id
        if is_same and first.direction is Direction.IN:
            return known
        if self._repeating.take_again(known, step, heard, opens=True):
            return known
        raise MessageRefusedError(
            "This pid names another negotiation already; use a fresh one.", code="pid_in_use"
        )

    def _callback(self, peer: Peer, address: str) -> str:
        services = tuple(one.endpoint for one in self._desk.peer_document(peer.did).services)
        return check_callback(address, peer.did, services, loopback=self._desk.loopback)

    def _published(self, peer: Peer, offer: Mapping[str, Any]) -> Any:
        found = self._desk.offers.find_open_offer(str(offer["@id"]))
        return check_open(found, peer.as_recipient(), str(offer.get("target", "")))

    # --- continuing

    def take(self, peer: Peer, pid: str, step: Step, heard: Received[Any]) -> Negotiation:
        """Take a message of a running negotiation; a repeated one changes nothing.

        Raises ProcessUnknownError for pids of others, IllegalMoveError and room errors for
        messages that may not come now; each refusal is kept with the negotiation.
        """
        one = self.seen_by(peer, pid)
        try:
            records.check_pids(one, heard.message, "negotiation")
            if self._desk.journal.read(
                messages.was_accepted, pid, str(heard.document.get("@id", ""))
            ):
                return one
            if self._repeating.take_again(one, step, heard):
                return one
            if self._repeating.is_renewal(one, step, heard):
                return self._repeating.renew(peer, one, self._record(pid, step, heard), heard)
            return self._take(peer, one, step, heard)
        except UnavailableError:
            raise
        except TidegateError as problem:
            self._refuse(peer, one, step, heard, problem)
            raise

    def seen_by(self, peer: Peer, pid: str) -> Negotiation:
        """Return a negotiation of this peer; those of others do not exist for it."""
        one = self._desk.journal.read(store.get_negotiation, pid)
        if one.peer_did != peer.did:
            raise ProcessUnknownError("There is no such negotiation.", code="negotiation_unknown")
        return one

    def _take(
        self, peer: Peer, before: Negotiation, step: Step, heard: Received[Any]
    ) -> Negotiation:
        said = heard.document
        record = self._record(before.pid, step, heard)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did=event_of(step),
            to=f"negotiation:{before.pid}",
            why=evidence(before, record),
        ) as tx:
            one = store.get_negotiation(tx.connection, before.pid)
            if messages.was_accepted(tx.connection, one.pid, record.message_id):
                raise NegotiationRacedError("The same message came twice at once; send it again.")
            if not one.peer_pid:
                one = replace(one, peer_pid=_peer_pid(one, said))
            one = self._implied(tx, one, step)
            move = NEGOTIATION.step(one.state, step.value, by=one.side.other.value)
            one = self._drop_pending(tx, self._contents(one, step, said), step, move.target)
            records.append(tx, record)
            moved = replace(
                one,
                state=move.target,
                waiting="",
                changed_by=peer.as_actor().id,
                changed_at=tx.at,
            )
            saved = self._outgoing.arrived(tx, moved)
            failpoint("negotiation.before_commit")
        return saved

    def _implied(self, tx: Tx, one: Negotiation, step: Step) -> Negotiation:
        """Take our own pending step first, when the peer's message shows that it has it."""
        peer = one.side.other
        if not one.pending or may_step(one.state, step.value, by=peer):
            return one
        record = messages.find_message(tx.connection, one.pending)
        if record is None or not record.may_have_arrived:
            return one
        move = NEGOTIATION.step(one.state, record.action, by=one.side.value)
        if not may_step(move.target, step.value, by=peer):
            return one
        return self._outgoing.settle(tx, one, record, "Acknowledged by the peer's next message.")

    def _drop_pending(
        self, tx: Tx, one: Negotiation, step: Step, target: NegotiationState
    ) -> Negotiation:
        """Give way: what we were about to say is answered by what the peer said first.

        A termination is not: whoever ended this meant it, whatever the peer says meanwhile.
        """
        pending = messages.find_message(tx.connection, one.pending) if one.pending else None
        if pending is None:
            return one
        if pending.action == Step.TERMINATE.value and may_step(target, pending.action, by=one.side):
            return one
        records.abandon(tx, one.pending, f"The peer's message ({step}) came first.")
        return replace(one, pending="")

    def _contents(self, one: Negotiation, step: Step, said: Mapping[str, Any]) -> Negotiation:
        if step in {Step.REQUEST, Step.OFFER}:
            if step is Step.REQUEST and one.rounds >= MOST_ROUNDS:
                raise MessageRefusedError(
                    f"After {MOST_ROUNDS} rounds this negotiation takes no other terms; accept the"
                    " last ones, or terminate and open another.",
                    code="rounds_exhausted",
                )
            offer = said["offer"]
            check_offer_target(offer, one.dataset_id)
            return replace(
                one,
                offer={**offer, "target": one.dataset_id},
                offered_by=one.side.other,
                rounds=one.rounds + (1 if step is Step.REQUEST else 0),
            )
        if step is Step.AGREE:
            check_agreement(said["agreement"], one, self._desk.did)
            return replace(one, agreement=said["agreement"])
        if step is Step.TERMINATE:
            return replace(
                one,
                reason_code=printable(str(said.get("code") or "terminated_by_peer"), 100),
                reason=_reasons(said.get("reason")),
            )
        return one

    def _refuse(
        self,
        peer: Peer,
        one: Negotiation,
        step: Step,
        heard: Received[Any],
        problem: TidegateError,
    ) -> None:
        record = records.refused_record(self._record(one.pid, step, heard), problem)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did="negotiation.refused",
            to=f"negotiation:{one.pid}",
            why={**evidence(one, record), "reason": problem.code, "state": one.state.value},
        ) as tx:
            records.append_refused(tx, record)

    def _record(self, pid: str, step: Step, heard: Received[Any]) -> MessageRecord:
        at, name = iso(self._desk.clock.now()), self._desk.ids.new("msg")
        return records.heard_record(
            name, pid, step.value, heard.document, kept=heard.original, at=at
        )


def _peer_pid(one: Negotiation, said: Mapping[str, Any]) -> str:
    return str(said["providerPid" if one.side is Side.CONSUMER else "consumerPid"])


def _reasons(given: object) -> str:
    texts = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    return printable("; ".join(texts) or "The peer ended the negotiation.")
