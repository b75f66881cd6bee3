"""What a peer says again under another id, because it lost its own step after it had spoken.

Eclipse EDC writes its step once our answer is there, and loses it where our next message comes in
between; it then says the same again, or makes its agreement anew. See docs/decisions/0016.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from tidegate.connector.messages import records
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.model import Direction, MessageRecord, MessageState, Side
from tidegate.connector.messages.read import Received
from tidegate.connector.messages.repeats import is_same_but, says_again
from tidegate.connector.model import Peer
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.desk import Desk
from tidegate.connector.negotiation.errors import NegotiationRacedError
from tidegate.connector.negotiation.machine import NEGOTIATION
from tidegate.connector.negotiation.model import Negotiation, NegotiationState, Step
from tidegate.connector.negotiation.outgoing import event_of, evidence
from tidegate.connector.negotiation.rules import check_agreement

MOST_AGREEMENTS = 10
"""How many agreements of one negotiation are taken, each in place of the one before."""

_LED_TO = {Step(move.action): move.target for move in NEGOTIATION.moves}
_MADE_ANEW = ("@id", "timestamp")


class Repeating:
    """Answers what is said again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take_again(
        self, one: Negotiation, step: Step, heard: Received[Any], *, opens: bool = False
    ) -> bool:
        """Count the peer's last message once more, if this is it, and tell whether it is.

        Nothing changes then. It is it only in the state it led to: once our own next one was
        acknowledged, the peer had stored its step, and means something new. To ask for the same
        terms again in a running negotiation, or to offer them while our answer is on its way, is
        out of turn (DSP 2025-1), unless the peer has just failed to take our answer.
        """
        with self._desk.journal.reading() as conn:
            if _said_before(conn, one.pid, step, heard, opens=opens) is None:
                return False
        with self._desk.journal.upkeep() as tx:
            # Our own message may have been acknowledged since: what counts is what stands now.
            last = _said_before(tx.connection, one.pid, step, heard, opens=opens)
            if last is not None:
                messages.count_again(tx.connection, last.id)
        return last is not None

    def is_renewal(self, one: Negotiation, step: Step, heard: Received[Any]) -> bool:
        """Tell whether a provider made the agreement anew that we hold and have not yet verified.

        It may differ in its id and its time alone.
        """
        if (one.side, one.state, step) != (Side.CONSUMER, NegotiationState.AGREED, Step.AGREE):
            return False
        said = heard.document["agreement"]
        taken = sum(
            _is_agreement(m) for m in self._desk.journal.read(messages.list_messages, one.pid)
        )
        return taken < MOST_AGREEMENTS and is_same_but(one.agreement, said, _MADE_ANEW)

    def renew(
        self, peer: Peer, before: Negotiation, record: MessageRecord, heard: Received[Any]
    ) -> Negotiation:
        """Hold the newer agreement in place of the one before; what we are about to say stays."""
        said = heard.document["agreement"]
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did=event_of(Step.AGREE),
            to=f"negotiation:{before.pid}",
            why={**evidence(before, record), "agreement": str(said.get("@id", ""))},
        ) as tx:
            one = store.get_negotiation(tx.connection, before.pid)
            if (one.state, one.agreement) != (before.state, before.agreement):
                raise NegotiationRacedError("The negotiation has gone on meanwhile.")
            check_agreement(said, one, self._desk.did)
            records.append(tx, record)
            return store.save_negotiation(
                tx.connection,
                replace(one, agreement=said, changed_by=peer.as_actor().id, changed_at=tx.at),
            )


def _is_agreement(record: MessageRecord) -> bool:
    is_taken = record.direction is Direction.IN and record.state is MessageState.ACCEPTED
    return is_taken and record.action == Step.AGREE.value


def _said_before(
    conn: Connection, pid: str, step: Step, heard: Received[Any], *, opens: bool
) -> MessageRecord | None:
    """Return the message that is said again here, as everything stands in this one view."""
    one = store.get_negotiation(conn, pid)
    if one.state is not _LED_TO[step]:
        return None
    last = messages.find_last_taken(conn, pid)
    ours = messages.find_message(conn, one.pending) if one.pending else None
    is_on_its_way = ours is not None and ours.may_have_arrived
    if step is Step.REQUEST and not opens and (ours is None or is_on_its_way):
        return None
    if step is Step.OFFER and is_on_its_way:
        return None
    return last if says_again(last, step.value, heard.original) else None
