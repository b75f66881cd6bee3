"""Outgoing messages of transfers: queued with their cause, filled with secrets when they leave."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from tidegate.access.model import institution_of
from tidegate.audit.journal import Tx
from tidegate.connector.messages import records
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.compose import Document, data_address
from tidegate.connector.messages.delivery import Delivery
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.model import MessageRecord, MessageState, Side, subject_of
from tidegate.connector.transfer import store
from tidegate.connector.transfer.address import (
    grant,
    open_address,
    spoken_address,
    without_secrets,
)
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import (
    AlreadySettledError,
    TransferRacedError,
    TransferRequestRefusedError,
)
from tidegate.connector.transfer.events import STARTED, STOPPED
from tidegate.connector.transfer.machine import FINAL, TRANSFER, may_step
from tidegate.connector.transfer.model import (
    ASSERTION,
    PERSON,
    VISIT_FORMAT,
    VISIT_TYPE,
    Step,
    Transfer,
    TransferScript,
    TransferState,
)
from tidegate.connector.transfer.script import counts_as, next_step
from tidegate.connector.transfer.wording import answered_pid, compose, place_of
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.text import printable

DELIVER = "transfer.deliver"
REACT = "transfer.react"
SCRIPT = "transfer.script"
FLOW = "transfer.flow"
ACTOR = "system:transfer"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,47}")

_DONE = {
    Step.REQUEST: "transfer.requested",
    Step.START: STARTED,
    Step.SUSPEND: "transfer.suspended",
    Step.COMPLETE: "transfer.completed",
    Step.TERMINATE: "transfer.terminated",
}
_STOPPED = {
    TransferState.SUSPENDED: Step.SUSPEND,
    TransferState.COMPLETED: Step.COMPLETE,
    TransferState.TERMINATED: Step.TERMINATE,
}


def script_of(conn: Connection, one: Transfer) -> TransferScript | None:
    """Return the script a transfer follows: its agreement's, else its dataset's; None as usual.

    Ours as provider is named by its id, a peer's by `DID#DATASET`.
    """
    is_own = one.side is Side.PROVIDER
    dataset = one.dataset_id if is_own else subject_of(one.peer_did, one.dataset_id)
    return store.find_script(conn, one.agreement_id, dataset)


def event_of(step: Step) -> str:
    """Return the evidence code of a step that was taken."""
    return _DONE[step]


class Outgoing:
    """Sends the messages of transfers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def queue(self, tx: Tx, one: Transfer, step: Step) -> Transfer:
        """Queue the message of a step in the caller's write and save the transfer.

        Stopping overtakes a message that is still on its way, but nothing overtakes an end;
        anything else waits its turn.
        """
        TRANSFER.step(one.state, step.value, by=one.side.value)
        if one.pending:
            is_ending = _is_end(tx.connection, one)
            if step is not Step.TERMINATE and (is_ending or step is not Step.SUSPEND):
                raise TransferRacedError("A message is on its way already; wait for its answer.")
            records.abandon(tx, one.pending, f"Overtaken by {step}.")
        script = script_of(tx.connection, one)
        if script is not None and counts_as(script, one, step):
            one = replace(one, scripted=one.scripted + 1)
        name, message_id = self._desk.ids.new("msg"), self._desk.ids.urn()
        said = compose(one, step, message_id, self._desk.address)
        record = records.queued_record(name, one.pid, step.value, said, at=tx.at)
        records.append(tx, record)
        tx.enqueue(
            DELIVER,
            lane=one.pid,
            party=one.peer_did,
            delay=self._desk.delivery.pacing,
            transfer=one.pid,
            message=record.id,
        )
        if step in {Step.TERMINATE, Step.SUSPEND, Step.COMPLETE}:
            _end_tokens(tx, one, step)
            tx.announce(STOPPED, transfer=one.pid)
            self.tell_plane(tx, one, step)
        return store.save_transfer(tx.connection, replace(one, pending=record.id, changed_at=tx.at))

    def tell_plane(self, tx: Tx, one: Transfer, step: Step) -> None:
        """Have the plane follow a step that was taken, or is being taken, in a task of its own."""
        if one.format != VISIT_FORMAT:
            tx.enqueue(
                FLOW,
                lane=f"flow:{one.pid}",
                party=one.peer_did,
                transfer=one.pid,
                step=step.value,
            )

    def is_ending(self, one: Transfer) -> bool:
        """Tell whether the message that ends a transfer is on its way already."""
        return self._desk.journal.read(_is_end, one)

    def deliver(self, transfer: str, message: str) -> None:
        """Try once to deliver a queued message; retries queue themselves. May run twice."""
        with self._desk.journal.reading() as conn:
            one = store.get_transfer(conn, transfer)
            record = messages.find_message(conn, message)
        if record is None or record.state is not MessageState.QUEUED or one.pending != message:
            return
        step = Step(record.action)
        if not may_step(one.state, step.value, by=one.side):
            with self._desk.journal.upkeep() as tx:
                records.abandon(tx, message, f"The transfer was {one.state} by then.")
            return
        self._desk.gate.wait(one.peer_pid)
        failpoint("transfer.before_send")
        one, end = self._reach(one, step, record)
        failpoint("transfer.after_send")
        with contextlib.suppress(AlreadySettledError):
            self._ended(one, record, end)

    def _ended(self, one: Transfer, record: MessageRecord, end: Delivery) -> None:
        if not end.code:
            self._acknowledged(one, record, end)
        elif self._desk.delivery.gives_up(end.code, record.attempts + 1):
            self._give_up(one, record, end)
        else:
            self._try_again(one, record, end)

    def _reach(self, one: Transfer, step: Step, record: MessageRecord) -> tuple[Transfer, Delivery]:
        """Carry a message; say the opening again first where the peer's pid is not known yet.

        The opening may have arrived, and what it opened is ended by its pid alone.
        """
        if step is not Step.TERMINATE or one.peer_pid:
            return one, self._carry(one, step, record)
        opening = self._desk.journal.read(messages.list_messages, one.pid)[0]
        if opening.action == Step.TERMINATE.value:
            return one, Delivery("refused", "The peer was not asked yet.")
        end = self._carry(one, Step(opening.action), opening)
        if end.code:
            return one, end
        try:
            one = replace(one, peer_pid=answered_pid(one, end.body))
        except MessageRefusedError as problem:
            return one, Delivery("refused", problem.message)
        said = compose(one, step, record.message_id, self._desk.address)
        return one, self._carry(one, step, replace(record, body=said))

    def _carry(self, one: Transfer, step: Step, record: MessageRecord) -> Delivery:
        try:
            said = {**record.body, **self._secrets(one, step)}
        except UnavailableError:
            raise
        except TidegateError as problem:
            return Delivery("refused", problem.message)
        return self._desk.courier.carry(said, to=one.peer_did, url=place_of(one, step))

    def _secrets(self, one: Transfer, step: Step) -> Document:
        """Make what opens a visit, at the moment it leaves: it is never kept in a message."""
        if one.format != VISIT_FORMAT:
            return self._plane_secrets(one, step)
        if step is Step.START and one.side is Side.PROVIDER:
            with self._desk.journal.upkeep() as tx:
                return {"dataAddress": grant(self._desk, tx, one)}
        if step is Step.REQUEST:
            return {"dataAddress": data_address(VISIT_TYPE, "", {ASSERTION: self._signed(one)})}
        return {}

    def _plane_secrets(self, one: Transfer, step: Step) -> Document:
        """Return the address the plane gave, and at the request who asks."""
        if step not in {Step.REQUEST, Step.START}:
            return {}
        address = open_address(self._desk, one.pid, "out")
        said: Document = {} if address is None else {"dataAddress": spoken_address(address)}
        if step is Step.REQUEST and one.person_ref:
            said[PERSON] = self._signed(one)
        return said

    def _signed(self, one: Transfer) -> str:
        agreement = self._desk.agreements.find_agreement(one.agreement_id)
        if agreement is None:
            raise TransferRequestRefusedError("The agreement is not known here any more.")
        said = self._desk.people.assertion_of(one.person_ref, agreement)
        return self._desk.vouchers.sign_person(said, one.peer_did)

    def _acknowledged(self, one: Transfer, record: MessageRecord, end: Delivery) -> None:
        step = Step(record.action)
        try:
            peer_pid = one.peer_pid or answered_pid(one, end.body)
        except MessageRefusedError as problem:
            self._give_up(one, record, Delivery("refused", problem.message))
            return
        with self._desk.journal.write(
            by=ACTOR, did=event_of(step), to=f"transfer:{one.pid}", why=evidence(one, record)
        ) as tx:
            current = store.get_transfer(tx.connection, one.pid)
            if current.pending != record.id:
                raise AlreadySettledError("The message was settled at the same moment.")
            self.settle(tx, replace(current, peer_pid=peer_pid), record, "The peer acknowledged.")
            failpoint("transfer.before_commit")

    def settle(self, tx: Tx, one: Transfer, record: MessageRecord, words: str) -> Transfer:
        """Take the step of an acknowledged message in the caller's write."""
        move = TRANSFER.step(one.state, record.action, by=one.side.value)
        records.acknowledge(tx, record.id, words)
        return self.arrived(
            tx, replace(one, state=move.target, pending="", changed_by=ACTOR, changed_at=tx.at)
        )

    def arrived(self, tx: Tx, one: Transfer) -> Transfer:
        """Save a transfer that reached a state, with what follows from it."""
        saved = store.save_transfer(tx.connection, one)
        if saved.state in _STOPPED:
            _end_tokens(tx, saved, _STOPPED[saved.state])
            tx.announce(STOPPED, transfer=saved.pid)
            self.tell_plane(tx, saved, _STOPPED[saved.state])
        elif saved.state is TransferState.STARTED:
            tx.announce(STARTED, transfer=saved.pid)
            self.tell_plane(tx, saved, Step.START)
        if saved.state in FINAL:
            store.drop_addresses(tx.connection, saved.pid)
        self._go_on(tx, saved)
        return saved

    def _go_on(self, tx: Tx, one: Transfer) -> None:
        """Queue what this node does next by itself: the script's act, or as usual the start."""
        if one.pending:  # our termination is on its way: nothing else is said
            return
        script = script_of(tx.connection, one)
        if script is None:
            if one.state is TransferState.REQUESTED and one.side is Side.PROVIDER:
                tx.enqueue(REACT, lane=one.pid, party=one.peer_did, transfer=one.pid)
            return
        due = next_step(script, one)
        if due is not None:
            tx.enqueue(
                SCRIPT,
                lane=f"script:{one.pid}",
                delay=due.after_ms / 1000,
                transfer=one.pid,
                step=str(one.scripted),
            )

    def _try_again(self, one: Transfer, record: MessageRecord, end: Delivery) -> None:
        with self._desk.journal.upkeep() as tx:
            messages.record_attempt(
                tx.connection, record.id, outcome=end.words, code=end.code, at=tx.at
            )
            tx.enqueue(
                DELIVER,
                lane=one.pid,
                party=one.peer_did,
                delay=self._desk.delivery.delay_before(record.attempts + 1),
                transfer=one.pid,
                message=record.id,
            )

    def _give_up(self, one: Transfer, record: MessageRecord, end: Delivery) -> None:
        """End the transfer, visibly: tell the peer if it knows of it and can still be told."""
        step = Step(record.action)
        tell = step is not Step.TERMINATE and one.state is not TransferState.INITIAL
        words = f"{record.type} was given up; tries: {record.attempts + 1}. {end.words}"
        with self._desk.journal.write(
            by=ACTOR,
            did="transfer.refused" if tell else event_of(Step.TERMINATE),
            to=f"transfer:{one.pid}",
            why={**evidence(one, record), "code": end.code, "tries": record.attempts + 1},
        ) as tx:
            current = store.get_transfer(tx.connection, one.pid)
            if current.pending != record.id:
                raise AlreadySettledError("The message was settled at the same moment.")
            messages.record_attempt(
                tx.connection, record.id, outcome=end.words, code=end.code, at=tx.at
            )
            records.abandon(tx, record.id, end.words, end.code)
            keep = step is Step.TERMINATE and bool(current.reason)
            ended = replace(
                current,
                pending="",
                reason_code=current.reason_code if keep else "undeliverable",
                reason=current.reason if keep else words,
                changed_by=ACTOR,
                changed_at=tx.at,
            )
            if tell:
                self.queue(tx, ended, Step.TERMINATE)
            else:
                self.arrived(tx, replace(ended, state=TransferState.TERMINATED))


def _is_end(conn: Connection, one: Transfer) -> bool:
    message = messages.find_message(conn, one.pending) if one.pending else None
    return message is not None and message.action == Step.TERMINATE.value


def _end_tokens(tx: Tx, one: Transfer, step: Step) -> None:
    """End what opens a transfer, in the caller's write.

    Who takes in pushed rows keeps what opens its sink while they are held: it takes nothing then,
    and the sender is told no other address when it goes on.
    """
    if step is Step.SUSPEND and one.side is Side.CONSUMER and one.format != VISIT_FORMAT:
        return
    store.end_tokens(tx.connection, one.pid, tx.at)


def evidence(one: Transfer, record: MessageRecord) -> dict[str, str | int]:
    """Return what the evidence says of a message: ids and hashes, and the code of a stop.

    The words of a stop stay out, and so does a code that is no plain name: a peer may say anything.
    """
    code = str(record.body.get("code") or "")
    is_told = record.action in {Step.SUSPEND, Step.TERMINATE} and _CODE.fullmatch(code)
    return {
        **({"reason": code} if is_told else {}),
        "peer": one.peer_did,
        "side": one.side.value,
        "agreement": one.agreement_id,
        "format": one.format,
        "institution": institution_of(one.person_ref),
        "message": record.message_id,
        "sha256": messages.body_digest(without_secrets(record.body)),
    }


def is_over(one: Transfer) -> bool:
    """Tell whether nothing can happen to a transfer any more."""
    return one.state in FINAL


def reasons_of(given: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """Return code and words a peer gives for stopping."""
    listed = given.get("reason")
    texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return printable(str(given.get("code") or otherwise), 100), printable("; ".join(texts))
