"""Transfers and visits: ask, start, stop, and the moment an agreement ends, stop at once."""

import threading
from dataclasses import replace

from tidegate.access.model import Actor, Role, person_ref, system_actor
from tidegate.access.rules import check_has_role
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.model import MessageRecord, Side
from tidegate.connector.messages.read import read
from tidegate.connector.messages.wire import (
    TransferCompletionMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferSuspensionMessage,
    TransferTerminationMessage,
)
from tidegate.connector.model import Peer
from tidegate.connector.transfer import store
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import (
    TransferBusyError,
    TransferRequestRefusedError,
    VisitPendingError,
)
from tidegate.connector.transfer.incoming import Incoming
from tidegate.connector.transfer.model import (
    VISIT_FORMAT,
    Step,
    Transfer,
    TransferState,
    Visit,
    VisitAddress,
)
from tidegate.connector.transfer.outgoing import ACTOR, Outgoing, is_over
from tidegate.connector.transfer.rules import check_may_handle
from tidegate.connector.transfer.visits import Visits
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.policy.model import AgreementState

POLL_SECONDS = 0.02
AGREEMENT_SUSPENDED = "agreement_suspended"
AGREEMENT_ENDED = "agreement_ended"
PERSON_DISABLED = "person_disabled"


class TransferService:
    """Uses agreements with other nodes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._outgoing = Outgoing(desk)
        self._incoming = Incoming(desk, self._outgoing)
        self._visits = Visits(desk)

    # --- visits, as consumer

    def request_visit(self, agreement_id: str, *, by: Actor) -> Transfer:
        """Ask the provider to let this person compute under an agreement.

        Asking again while a visit is open returns that one, also while it is suspended.
        """
        check_has_role(by, Role.RESEARCHER)
        who = person_ref(self._desk.did, by.person_id)
        known = self._desk.journal.read(store.find_visit, agreement_id, who)
        if known is not None and not is_over(known):
            return known
        agreement = self._desk.agreements.find_agreement(agreement_id)
        if agreement is None or agreement.role != "consumer":
            raise TransferRequestRefusedError(
                "This node holds no such agreement as consumer; negotiate one first.",
                code="agreement_unknown",
            )
        if agreement.state is not AgreementState.ACTIVE:
            raise TransferRequestRefusedError(
                f"The agreement is {agreement.state}.", code="agreement_not_active"
            )
        address = self._desk.courier.address_of(agreement.assigner)
        pid = self._desk.ids.urn()
        with self._desk.journal.write(
            by=by.id,
            did="transfer.opened",
            to=f"transfer:{pid}",
            why={"agreement": agreement_id, "peer": agreement.assigner},
        ) as tx:
            one = Transfer(
                pid=pid,
                side=Side.CONSUMER,
                peer_did=agreement.assigner,
                peer_name="",
                peer_pid="",
                peer_address=address,
                agreement_id=agreement.id,
                dataset_id=agreement.dataset_id,
                version_id=agreement.version_id,
                format=VISIT_FORMAT,
                person_ref=who,
                state=TransferState.INITIAL,
                created_by=by.id,
                created_at=tx.at,
                changed_by=by.id,
                changed_at=tx.at,
            )
            store.insert_transfer(tx.connection, one)
            return self._outgoing.queue(tx, one, Step.REQUEST)

    def visit_address(self, agreement_id: str, person: str) -> VisitAddress:
        """Return where a person's visit is served and the token that opens it."""
        return self._visits.address(agreement_id, person)

    def open_visit(self, agreement_id: str, *, by: Actor, seconds: float = 15.0) -> VisitAddress:
        """Ask for a visit and wait until the provider started or refused it."""
        self.request_visit(agreement_id, by=by)
        who = person_ref(self._desk.did, by.person_id)
        pause = threading.Event()
        for _ in range(max(1, int(seconds / POLL_SECONDS))):
            try:
                return self._visits.address(agreement_id, who)
            except VisitPendingError:
                pause.wait(POLL_SECONDS)
        return self._visits.address(agreement_id, who)

    # --- visits, as provider

    def visit_for_token(self, token: str) -> Visit:
        """Return the visit a bearer token opens at this moment; raise where it opens none."""
        return self._visits.for_token(token)

    def renew(self, peer: Peer, pid: str) -> Document:
        """Give the peer of a running visit a fresh token."""
        return self._visits.renew_for(peer, pid)

    # --- people

    def suspend(self, pid: str, reason: str, *, by: Actor) -> Transfer:
        """Hold a transfer; only this side can let it go on."""
        return self._stop(self.get(pid), Step.SUSPEND, "suspended_by_person", reason, by)

    def resume(self, pid: str, *, by: Actor) -> Transfer:
        """Let a transfer that this side held go on."""
        one = self.get(pid)
        check_may_handle(by, one, self._desk.did)
        return self._resume(one, by)

    def complete(self, pid: str, *, by: Actor) -> Transfer:
        """Say that a transfer has served its purpose."""
        return self._stop(self.get(pid), Step.COMPLETE, "", "", by)

    def terminate(self, pid: str, reason: str, *, by: Actor) -> Transfer:
        """End a transfer, telling the peer why."""
        return self._stop(self.get(pid), Step.TERMINATE, "terminated_by_person", reason, by)

    def get(self, pid: str) -> Transfer:
        """Return a transfer; raise ProcessUnknownError."""
        return self._desk.journal.read(store.get_transfer, pid)

    def find_visit(self, agreement_id: str, person: str) -> Transfer | None:
        """Return the newest visit of a person under an agreement, at the consumer, or None."""
        return self._desk.journal.read(store.find_visit, agreement_id, person)

    def list_transfers(
        self, *, agreement_id: str = "", state: str = "", limit: int = 200
    ) -> tuple[Transfer, ...]:
        """Return transfers, newest first."""
        return self._desk.journal.read(
            store.list_transfers, agreement_id=agreement_id, state=state, limit=limit
        )

    def list_messages(self, pid: str) -> tuple[MessageRecord, ...]:
        """Return every message of a transfer, oldest first, without its secrets."""
        self.get(pid)
        return self._desk.journal.read(messages.list_messages, pid)

    def _stop(self, one: Transfer, step: Step, code: str, reason: str, by: Actor) -> Transfer:
        if not by.is_system:
            check_may_handle(by, one, self._desk.did)
        with self._desk.journal.write(
            by=by.id,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": step.value, "state": one.state.value, "reason": code},
        ) as tx:
            held = one.side.value if step is Step.SUSPEND else one.held
            changed = replace(
                one, reason_code=code, reason=reason[:1000], held=held, changed_by=by.id
            )
            return self._outgoing.queue(tx, changed, step)

    def _resume(self, one: Transfer, by: Actor) -> Transfer:
        if one.held != one.side.value or one.state is not TransferState.SUSPENDED:
            raise TransferBusyError("This side does not hold the transfer.", code="not_held")
        self._visits.agreement_in_force(one)
        with self._desk.journal.write(
            by=by.id,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": Step.START.value, "state": one.state.value},
        ) as tx:
            free = replace(one, held="", reason_code="", reason="", changed_by=by.id)
            return self._outgoing.queue(tx, free, Step.START)

    # --- peers

    def show(self, peer: Peer, pid: str) -> Transfer:
        """Return a transfer to the peer it is with; nobody else's exists."""
        return self._incoming.seen_by(peer, pid)

    def receive_request(self, peer: Peer, body: bytes) -> Transfer:
        """Take a request for a transfer."""
        return self._incoming.open_request(peer, read(body, TransferRequestMessage))

    def receive_start(self, peer: Peer, body: bytes, pid: str) -> Transfer:
        """Take a start or a resumption."""
        return self._incoming.take(peer, pid, Step.START, read(body, TransferStartMessage))

    def receive_suspension(self, peer: Peer, body: bytes, pid: str) -> Transfer:
        """Take a suspension."""
        return self._incoming.take(peer, pid, Step.SUSPEND, read(body, TransferSuspensionMessage))

    def receive_completion(self, peer: Peer, body: bytes, pid: str) -> Transfer:
        """Take a completion."""
        return self._incoming.take(peer, pid, Step.COMPLETE, read(body, TransferCompletionMessage))

    def receive_termination(self, peer: Peer, body: bytes, pid: str) -> Transfer:
        """Take a termination."""
        heard = read(body, TransferTerminationMessage)
        return self._incoming.take(peer, pid, Step.TERMINATE, heard)

    # --- tasks and facts

    def deliver(self, transfer: str, message: str) -> None:
        """Try once to deliver a queued message (task `transfer.deliver`)."""
        self._outgoing.deliver(transfer, message)

    def react(self, transfer: str) -> None:
        """Ask the gate about a requested visit, then start or refuse it (task `transfer.react`)."""
        one = self.get(transfer)
        if one.state is not TransferState.REQUESTED or one.pending or one.side is Side.CONSUMER:
            return
        try:
            permit = self._visits.admit(one)
        except UnavailableError:
            raise
        except TidegateError as problem:
            self._stop(one, Step.TERMINATE, problem.code, problem.message, system_actor("transfer"))
            return
        with self._desk.journal.write(
            by=ACTOR,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": Step.START.value, "agreement": one.agreement_id, "permit": permit},
        ) as tx:
            self._outgoing.queue(tx, one, Step.START)

    def on_agreement_suspended(self, agreement: str) -> None:
        """Hold every started transfer of an agreement (fact `agreement.suspended`)."""
        for one in self._desk.journal.read(store.list_open, agreement):
            if one.state is TransferState.STARTED:
                self._stop(
                    one,
                    Step.SUSPEND,
                    AGREEMENT_SUSPENDED,
                    "The agreement is suspended.",
                    system_actor("transfer"),
                )

    def on_agreement_resumed(self, agreement: str) -> None:
        """Let go on what the agreement's suspension held (fact `agreement.resumed`)."""
        for one in self._desk.journal.read(store.list_open, agreement):
            ours = one.held == one.side.value and one.reason_code == AGREEMENT_SUSPENDED
            if ours and one.state is TransferState.SUSPENDED and not one.pending:
                self._resume(one, system_actor("transfer"))

    def on_gate_moved(self) -> int:
        """End the visits whose gate does not open any more; return how many.

        Called when a permit, a training, a partnership, a project or a membership ended, and
        every minute for what ends by the clock.
        """
        ended = 0
        for one in self._desk.journal.read(store.list_unfinished, Side.PROVIDER):
            refusal = self._refusal(one)
            if refusal is not None:
                self._stop(
                    one, Step.TERMINATE, refusal.code, refusal.message, system_actor("transfer")
                )
                ended += 1
        return ended

    def on_person_disabled(self, person: str, ref: str) -> None:
        """End the visits of a person who may not act for this institution any more."""
        del person
        for one in self._desk.journal.read(store.list_unfinished, Side.CONSUMER):
            if one.person_ref == ref and not self._is_ending(one):
                self._stop(
                    one,
                    Step.TERMINATE,
                    PERSON_DISABLED,
                    "The person may not act for the institution any more.",
                    system_actor("transfer"),
                )

    def _refusal(self, one: Transfer) -> TidegateError | None:
        """Return the gate's first reason against a visit that was let in, or None."""
        was_let_in = one.state is not TransferState.REQUESTED or one.pending
        agreement = self._desk.agreements.find_agreement(one.agreement_id)
        is_active = agreement is not None and agreement.state is AgreementState.ACTIVE
        if not was_let_in or not is_active or self._is_ending(one):
            return None
        try:
            self._visits.admit(one)
        except UnavailableError:
            raise
        except TidegateError as problem:
            return problem
        return None

    def _is_ending(self, one: Transfer) -> bool:
        """Tell whether the message that ends a transfer is on its way already."""
        if not one.pending:
            return False
        message = self._desk.journal.read(messages.find_message, one.pending)
        return message is not None and message.action == Step.TERMINATE.value

    def on_agreement_ended(self, agreement: str) -> None:
        """Terminate every transfer of an agreement (fact `agreement.ended`)."""
        for one in self._desk.journal.read(store.list_open, agreement):
            if not is_over(one) and one.reason_code != AGREEMENT_ENDED:
                self._stop(
                    one,
                    Step.TERMINATE,
                    AGREEMENT_ENDED,
                    "The agreement has ended.",
                    system_actor("transfer"),
                )
