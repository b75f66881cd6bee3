"""Transfers of rows and visits: ask, start, stop; what an agreement ends stops at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.model import PlaneAddress
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.compose import Document, document
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
    TransferRacedError,
    TransferRequestRefusedError,
    VisitPendingError,
)
from tidegate.connector.transfer.flows import PREPARE, moves_rows
from tidegate.connector.transfer.following import Following
from tidegate.connector.transfer.forgetting import end_forgotten
from tidegate.connector.transfer.incoming import Incoming
from tidegate.connector.transfer.model import (
    VISIT_FORMAT,
    Step,
    Transfer,
    TransferScript,
    Visit,
    VisitAddress,
)
from tidegate.connector.transfer.outgoing import is_over
from tidegate.connector.transfer.rules import check_may_handle, new_transfer
from tidegate.connector.transfer.script import AUTOMATIC, PRESETS, check_script
from tidegate.policy.model import Agreement, AgreementState

POLL_SECONDS = 0.02
SCRIPTS = PRESETS
"""The ready-made transfer scripts, by name."""


class TransferService(Following):
    """Uses agreements with other nodes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._incoming = Incoming(desk, self._outgoing)

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
        agreement = self._agreement(agreement_id)
        address = self._desk.courier.address_of(agreement.assigner)
        with self._opening(agreement, by) as (tx, pid):
            _check_asked_once(known, store.find_visit(tx.connection, agreement_id, who))
            one = new_transfer(agreement, pid, VISIT_FORMAT, address, who, by, tx.at)
            store.insert_transfer(tx.connection, one)
            return self._outgoing.queue(tx, one, Step.REQUEST)

    # --- rows, as consumer

    def request_rows(
        self, agreement_id: str, name: str, *, by: Actor, address: str = ""
    ) -> Transfer:
        """Ask the provider for rows under an agreement, in a format of one of our planes.

        Asking again while such a transfer is open returns that one. `address` is the provider's
        connector where its DID does not tell it. Raises RowsWithheldError where the agreement's
        own words let no row come here, or no plane serves the format.
        """
        if not by.is_system:
            check_has_role(by, Role.RESEARCHER)
        who = "" if by.is_system else person_ref(self._desk.did, by.person_id)
        known = self._desk.journal.read(store.find_visit, agreement_id, who, name)
        if known is not None and who and not is_over(known):
            return known
        self._flows.plane_for(name)
        agreement = self._agreement(agreement_id)
        self._desk.crossing.check_asked(agreement)
        where = address.rstrip("/") or self._desk.courier.address_of(agreement.assigner)
        with self._opening(agreement, by) as (tx, pid):
            if who:
                _check_asked_once(known, store.find_visit(tx.connection, agreement_id, who, name))
            one = new_transfer(agreement, pid, name, where, who, by, tx.at)
            store.insert_transfer(tx.connection, one)
            tx.enqueue(PREPARE, lane=pid, party=one.peer_did, transfer=pid)
        return one

    def _agreement(self, agreement_id: str) -> Agreement:
        """Return an agreement under which this node may ask; raise TransferRequestRefusedError."""
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
        return agreement

    @contextmanager
    def _opening(self, agreement: Agreement, by: Actor) -> Iterator[tuple[Tx, str]]:
        pid = self._desk.ids.urn()
        with self._desk.journal.write(
            by=by.id,
            did="transfer.opened",
            to=f"transfer:{pid}",
            why={"agreement": agreement.id, "peer": agreement.assigner},
        ) as tx:
            yield tx, pid

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

    def is_running(self, tx: Tx, transfer_pid: str) -> bool:
        """Tell, inside the caller's write, whether a visit is neither over nor being stopped."""
        return self._visits.is_running(tx, transfer_pid)

    def renew(self, peer: Peer, pid: str) -> Document:
        """Give the peer of a running visit a fresh token."""
        one = self._incoming.seen_by(peer, pid)
        if not moves_rows(one):
            return self._visits.renew_for(peer, pid)
        return self._renew_rows(peer, one)

    def _renew_rows(self, peer: Peer, one: Transfer) -> Document:
        if one.side is not Side.PROVIDER or not self._flows.is_flowing(one):
            raise TransferRequestRefusedError(
                f"The transfer is {one.state}; there is nothing to renew.",
                code="transfer_not_started",
            )
        permit, address = self._flows.renew(one)
        if address is None:
            raise TransferRequestRefusedError(
                "This transfer has no token to renew.", code="not_renewable"
            )
        self._desk.journal.note(
            by=peer.as_actor().id,
            did="transfer.renewed",
            to=f"transfer:{one.pid}",
            why={"agreement": one.agreement_id, "permit": permit},
        )
        return document(
            "TransferStartMessage",
            self._desk.ids.urn(),
            providerPid=one.provider_pid,
            consumerPid=one.consumer_pid,
            dataAddress=address,
        )

    def check_read(self, pid: str) -> Transfer:
        """Decide whether rows of a transfer may leave now, for its data door; raise why not."""
        return self._flows.check_read(pid)

    def is_flowing(self, pid: str) -> bool:
        """Tell whether bytes of a transfer may move at this moment: it runs, its agreement too."""
        one = self.get(pid)
        found = self._desk.agreements.find_agreement(one.agreement_id)
        is_active = found is not None and found.state is AgreementState.ACTIVE
        return is_active and self._flows.is_flowing(one)

    # --- what planes tell

    def flow_prepared(self, pid: str, address: PlaneAddress | None) -> None:
        """Let a prepared request leave with this address."""
        self._flows.prepared(pid, address)

    def flow_started(self, pid: str, address: PlaneAddress | None) -> None:
        """Let a start leave with this address."""
        self._flows.started(pid, address)

    def flow_completed(self, pid: str) -> None:
        """Let the completion leave: every byte arrived and was checked."""
        self._flows.completed(pid)

    def flow_failed(self, pid: str, code: str, reason: str) -> None:
        """End a transfer whose plane gave up."""
        self._flows.failed(pid, code, reason)

    # --- scripts

    def set_script(self, subject: str, script: TransferScript, *, by: Actor) -> TransferScript:
        """Set what this node does, step by step, with transfers of an agreement or a dataset.

        A peer's dataset is named `DID#DATASET`, since its id alone is that of one of ours.
        """
        check_has_role(by, Role.STEWARD, Role.OPERATOR)
        check_script(script)
        with self._desk.journal.write(
            by=by.id,
            did="transfer.script_set",
            to=f"script:{subject}",
            why={"script": script.name, "steps": len(script.steps)},
        ) as tx:
            store.put_script(tx.connection, subject, script, by=by.id, at=tx.at)
        return script

    def get_script(self, subject: str) -> TransferScript:
        """Return the script in force for an agreement or dataset: its own, or the usual one."""
        return self._desk.journal.read(store.find_script, subject) or AUTOMATIC

    # --- people

    def suspend(self, pid: str, reason: str, *, by: Actor) -> Transfer:
        """Hold a transfer; only this side can let it go on."""
        return self._acts.stop(self.get(pid), Step.SUSPEND, "suspended_by_person", reason, by)

    def resume(self, pid: str, *, by: Actor) -> Transfer:
        """Let a transfer that this side held go on."""
        one = self.get(pid)
        check_may_handle(by, one, self._desk.did)
        return self._acts.resume(one, by)

    def complete(self, pid: str, *, by: Actor) -> Transfer:
        """Say that a transfer has served its purpose."""
        return self._acts.stop(self.get(pid), Step.COMPLETE, "", "", by)

    def terminate(self, pid: str, reason: str, *, by: Actor) -> Transfer:
        """End a transfer, telling the peer why."""
        return self._acts.stop(self.get(pid), Step.TERMINATE, "terminated_by_person", reason, by)

    def get(self, pid: str) -> Transfer:
        """Return a transfer; raise ProcessUnknownError."""
        return self._desk.journal.read(store.get_transfer, pid)

    def get_own(self, pid: str, *, by: Actor) -> Transfer:
        """Return a transfer whose rows this person may use: their own, or as its keeper."""
        one = self.get(pid)
        check_may_handle(by, one, self._desk.did)
        return one

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

    def list_open(self) -> tuple[Transfer, ...]:
        """Return every transfer that is not over, of both sides."""
        return tuple(
            one for side in Side for one in self._desk.journal.read(store.list_unfinished, side)
        )

    def list_messages(self, pid: str) -> tuple[MessageRecord, ...]:
        """Return every message of a transfer, oldest first, without its secrets."""
        self.get(pid)
        return self._desk.journal.read(messages.list_messages, pid)

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

    def end_forgotten(self, one: Transfer, words: str) -> Transfer:
        """End a transfer the peer knows nothing of; `one` as it was when the peer was asked."""
        return end_forgotten(self._desk, self._outgoing, one, words)

    def deliver(self, transfer: str, message: str) -> None:
        """Try once to deliver a queued message (task `transfer.deliver`)."""
        self._outgoing.deliver(transfer, message)

    def prepare(self, transfer: str) -> None:
        """Have the plane get ready for a transfer we ask for (task `transfer.prepare`)."""
        self._flows.prepare(transfer)

    def follow(self, transfer: str, step: str) -> None:
        """Tell the plane of a step that was taken (task `transfer.flow`)."""
        self._flows.follow(transfer, step)

    def react(self, transfer: str) -> None:
        """Decide about a requested transfer, then start or refuse it (task `transfer.react`)."""
        self._acts.react(transfer)

    def run_script(self, transfer: str, step: str) -> None:
        """Take the script's act with that number, if it is still due (task `transfer.script`)."""
        self._acts.run_script(transfer, step)


def _check_asked_once(before: Transfer | None, now: Transfer | None) -> None:
    """Raise TransferRacedError where the same person has asked for the same meanwhile."""
    if (now and now.pid) != (before and before.pid):
        raise TransferRacedError(
            "You asked for the same at the same moment; ask again.", code="asked_twice"
        )
