"""Incoming messages of transfers: whose they are, whether they may come now, what they change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from tidegate.access.model import institution_of
from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.model import PlaneAddress, find_plane
from tidegate.connector.messages import records
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.callback import check_callback
from tidegate.connector.messages.errors import MessageRefusedError, ProcessUnknownError
from tidegate.connector.messages.model import MessageRecord, Side
from tidegate.connector.messages.read import Received
from tidegate.connector.messages.wire import (
    DataAddress,
    TransferRequestMessage,
    TransferStartMessage,
)
from tidegate.connector.model import Peer
from tidegate.connector.transfer import store
from tidegate.connector.transfer.address import (
    heard_address,
    keep,
    seal_address,
    without_secrets,
)
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import (
    AgreementSettlingError,
    TransferRacedError,
    TransferRequestRefusedError,
)
from tidegate.connector.transfer.machine import TRANSFER, may_step
from tidegate.connector.transfer.model import (
    ASSERTION,
    PERSON,
    VISIT_FORMAT,
    VISIT_TYPE,
    Step,
    Transfer,
    TransferState,
)
from tidegate.connector.transfer.outgoing import Outgoing, event_of, evidence, reasons_of
from tidegate.connector.transfer.repeating import Repeating
from tidegate.connector.transfer.rules import check_not_held, check_standing
from tidegate.kernel.clock import iso
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.failpoint import failpoint
from tidegate.partners.model import PersonAssertion
from tidegate.policy.model import Agreement, AgreementState


class Incoming:
    """Takes the messages of transfers."""

    def __init__(self, desk: Desk, outgoing: Outgoing) -> None:
        self._desk = desk
        self._outgoing = outgoing
        self._repeating = Repeating(desk, outgoing)

    def open_request(self, peer: Peer, heard: Received[TransferRequestMessage]) -> Transfer:
        """Open a transfer a consumer asks for; the same request again finds the same one."""
        known = self._desk.journal.read(
            store.find_by_peer, peer.did, heard.message.consumer_pid, Side.PROVIDER
        )
        if known is not None:
            return self._again(known, heard.document)
        agreement = self._agreement(peer, heard.message.agreement_id)
        check_standing(agreement, peer)
        heard_at: PlaneAddress | None = None
        assertion: PersonAssertion | None
        if heard.message.format == VISIT_FORMAT:
            assertion = self._visitor(peer, heard.message)
        else:
            heard_at = self._rows_address(heard.message)
            assertion = self._asker(peer, heard.document)
        at, by = iso(self._desk.clock.now()), peer.as_actor().id
        one = Transfer(
            pid=self._desk.ids.urn(),
            side=Side.PROVIDER,
            peer_did=peer.did,
            peer_name=peer.name,
            peer_pid=heard.message.consumer_pid,
            peer_address=self._callback(peer, heard.message.callback_address),
            agreement_id=agreement.id,
            dataset_id=agreement.dataset_id,
            version_id=agreement.version_id,
            format=heard.message.format,
            person_ref=assertion.person_ref if assertion is not None else "",
            project_id=assertion.project_id if assertion is not None else "",
            state=TransferState.REQUESTED,
            created_by=by,
            created_at=at,
            changed_by=by,
            changed_at=at,
            gate=msgspec.json.encode(assertion).decode() if assertion is not None else "",
        )
        return self._open(peer, one, heard.document, heard_at)

    def _agreement(self, peer: Peer, agreement_id: str) -> Agreement:
        found = self._desk.agreements.find_agreement(agreement_id)
        if found is None:
            found = self._settling(peer, agreement_id)
        if found is None or found.role != "provider" or found.assignee != peer.did:
            raise TransferRequestRefusedError(
                "There is no such agreement between us.", code="agreement_unknown"
            )
        if found.state is not AgreementState.ACTIVE:
            raise TransferRequestRefusedError(
                f"The agreement is {found.state}; nothing is transferred under it.",
                code="agreement_not_active",
            )
        return found

    def _settling(self, peer: Peer, agreement_id: str) -> Agreement | None:
        """Look again for an agreement the consumer may hold before we know that it does.

        It has our finalization as soon as it answers, and may ask before we have its answer.
        """
        is_settling = self._desk.is_settling(agreement_id, peer.did)
        found = self._desk.agreements.find_agreement(agreement_id)
        if found is None and is_settling:
            raise AgreementSettlingError(
                "The agreement is being finalized just now; ask again.", code="agreement_settling"
            )
        return found

    def _rows_address(self, message: TransferRequestMessage) -> PlaneAddress | None:
        """Return where a consumer wants rows sent, if it says; refuse what no plane serves."""
        if find_plane(self._desk.planes, message.format) is None:
            served = sorted({VISIT_FORMAT, *(n for one in self._desk.planes for n in one.formats)})
            raise TransferRequestRefusedError(
                f"This node does not serve that format; it serves {', '.join(served)}.",
                code="format_unsupported",
            )
        return heard_address(message.data_address)

    def _asker(self, peer: Peer, said: Mapping[str, Any]) -> PersonAssertion | None:
        """Return what the peer vouches for of the person who asks for rows, if it names one."""
        signed = said.get(PERSON)
        if signed is None:
            return None
        return self._verified(peer, str(signed))

    def _visitor(self, peer: Peer, message: TransferRequestMessage) -> PersonAssertion:
        address = message.data_address
        if not isinstance(address, DataAddress) or address.endpoint_type != VISIT_TYPE:
            raise TransferRequestRefusedError(
                f"A visit needs a data address of type {VISIT_TYPE} that says who visits.",
                code="assertion_missing",
            )
        signed = address.find_property(ASSERTION)
        if not signed:
            raise TransferRequestRefusedError(
                "A visit needs the signed assertion of the person who visits.",
                code="assertion_missing",
            )
        return self._verified(peer, signed)

    def _verified(self, peer: Peer, signed: str) -> PersonAssertion:
        said = self._desk.vouchers.verify_person(signed, peer.did)
        if institution_of(said.person_ref) != peer.did:
            raise TransferRequestRefusedError(
                "The person belongs to another institution than the peer.", code="person_foreign"
            )
        return said

    def _open(
        self, peer: Peer, one: Transfer, said: Mapping[str, Any], address: PlaneAddress | None
    ) -> Transfer:
        record = self._record(one.pid, Step.REQUEST, said)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did=event_of(Step.REQUEST),
            to=f"transfer:{one.pid}",
            why=evidence(one, record),
        ) as tx:
            if store.find_by_peer(tx.connection, peer.did, one.peer_pid, one.side) is not None:
                raise TransferRacedError("The same request came twice at once; send it again.")
            check_not_held(store.list_open(tx.connection, one.agreement_id), one)
            store.insert_transfer(tx.connection, one)
            records.append(tx, record)
            seal_address(self._desk, tx, one.pid, "in", address)
            saved = self._outgoing.arrived(tx, one)
            failpoint("transfer.before_commit")
        return saved

    def _again(self, known: Transfer, said: Mapping[str, Any]) -> Transfer:
        """Answer a repeated request as the first: requests are idempotent on the consumer's pid."""
        if known.agreement_id != said.get("agreementId") or known.format != said.get("format"):
            raise MessageRefusedError(
                "This pid names another transfer already; use a fresh one.", code="pid_in_use"
            )
        return known

    def _callback(self, peer: Peer, address: str) -> str:
        services = tuple(one.endpoint for one in self._desk.peer_document(peer.did).services)
        return check_callback(address, peer.did, services, loopback=self._desk.loopback)

    def take(self, peer: Peer, pid: str, step: Step, heard: Received[Any]) -> Transfer:
        """Take a message of a running transfer; a repeated one changes nothing.

        Raises ProcessUnknownError for pids of others, IllegalMoveError and room errors for
        messages that may not come now; each refusal is kept with the transfer.
        """
        one = self.seen_by(peer, pid)
        try:
            records.check_pids(one, heard.message, "transfer")
            if self._desk.journal.read(
                messages.was_accepted, pid, str(heard.document.get("@id", ""))
            ):
                return one
            if self._repeating.take_again(one, step, heard):
                return one
            return self._take(peer, one, step, heard)
        except UnavailableError:
            raise
        except TidegateError as problem:
            self._refuse(peer, one, step, heard.document, problem)
            raise

    def seen_by(self, peer: Peer, pid: str) -> Transfer:
        """Return a transfer of this peer; those of others do not exist for it."""
        one = self._desk.journal.read(store.get_transfer, pid)
        if one.peer_did != peer.did:
            raise ProcessUnknownError("There is no such transfer.", code="transfer_unknown")
        return one

    def _take(self, peer: Peer, before: Transfer, step: Step, heard: Received[Any]) -> Transfer:
        record = self._record(before.pid, step, heard.document)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did=event_of(step),
            to=f"transfer:{before.pid}",
            why=evidence(before, record),
        ) as tx:
            one = store.get_transfer(tx.connection, before.pid)
            if messages.was_accepted(tx.connection, one.pid, record.message_id):
                raise TransferRacedError("The same message came twice at once; send it again.")
            if not one.peer_pid:
                one = replace(one, peer_pid=heard.message.provider_pid)
            one = self._implied(tx, one, step)
            move = TRANSFER.step(one.state, step.value, by=one.side.other.value)
            one = self._drop_pending(
                tx, one, self._contents(tx, one, step, heard), (step, move.target)
            )
            records.append(tx, record)
            saved = self._outgoing.arrived(
                tx,
                replace(
                    one,
                    state=move.target,
                    changed_by=peer.as_actor().id,
                    changed_at=tx.at,
                ),
            )
            failpoint("transfer.before_commit")
        return saved

    def _implied(self, tx: Tx, one: Transfer, step: Step) -> Transfer:
        """Take our own pending step first, when the peer's message shows that it has it."""
        peer = one.side.other
        if not one.pending or may_step(one.state, step.value, by=peer):
            return one
        record = messages.find_message(tx.connection, one.pending)
        if record is None or not record.may_have_arrived:
            return one
        move = TRANSFER.step(one.state, record.action, by=one.side.value)
        if not may_step(move.target, step.value, by=peer):
            return one
        return self._outgoing.settle(tx, one, record, "Acknowledged by the peer's next message.")

    def _drop_pending(
        self, tx: Tx, before: Transfer, one: Transfer, said: tuple[Step, TransferState]
    ) -> Transfer:
        """Give way: what we were about to say is answered by what the peer said first.

        Stopping is not: our termination still goes out, and what both sides suspended at once
        stays held by this one too.
        """
        step, target = said
        pending = messages.find_message(tx.connection, one.pending) if one.pending else None
        if pending is None:
            return one
        if pending.action == Step.TERMINATE.value and may_step(target, pending.action, by=one.side):
            return replace(one, reason_code=before.reason_code, reason=before.reason)
        if pending.action == step == Step.SUSPEND.value:
            ours, told = one.side.value, (before.reason_code, before.reason)
            one = replace(one, held=ours, held_by=before.held_by)
            one = replace(one, reason_code=told[0], reason=told[1])
        records.abandon(tx, one.pending, f"The peer's message ({step}) came first.")
        return replace(one, pending="")

    def _contents(self, tx: Tx, one: Transfer, step: Step, heard: Received[Any]) -> Transfer:
        if step is Step.START:
            return self._started(tx, one, heard.message)
        if step in {Step.SUSPEND, Step.TERMINATE}:
            code, words = reasons_of(heard.document, f"{step}_by_peer")
            told = replace(one, reason_code=code, reason=words)
            if step is Step.SUSPEND:
                return replace(told, held=one.side.other.value, held_by="")
            return told
        return one

    def _started(self, tx: Tx, one: Transfer, message: TransferStartMessage) -> Transfer:
        if one.state is TransferState.SUSPENDED and one.held != one.side.other.value:
            raise TransferRequestRefusedError(
                "Only the side that suspended the transfer may resume it.", code="held_by_other"
            )
        resumed = replace(one, held="", held_by="", reason_code="", reason="")
        if one.side is Side.PROVIDER:
            self._check_active(one)
            return resumed
        if one.format != VISIT_FORMAT:
            address = heard_address(message.data_address)
            seal_address(self._desk, tx, one.pid, "in", address)
            return resumed
        if not isinstance(message.data_address, DataAddress):
            raise TransferRequestRefusedError(
                "A visit starts with the address that is visited.", code="address_missing"
            )
        return replace(resumed, endpoint=keep(self._desk, tx, one, message.data_address))

    def _check_active(self, one: Transfer) -> None:
        found = self._desk.agreements.find_agreement(one.agreement_id)
        if found is None or found.state is not AgreementState.ACTIVE:
            raise TransferRequestRefusedError(
                "The agreement is not active; nothing is transferred under it.",
                code="agreement_not_active",
            )

    def _refuse(
        self,
        peer: Peer,
        one: Transfer,
        step: Step,
        said: Mapping[str, Any],
        problem: TidegateError,
    ) -> None:
        record = records.refused_record(self._record(one.pid, step, said), problem)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did="transfer.refused",
            to=f"transfer:{one.pid}",
            why={**evidence(one, record), "reason": problem.code, "state": one.state.value},
        ) as tx:
            records.append_refused(tx, record)

    def _record(self, pid: str, step: Step, said: Mapping[str, Any]) -> MessageRecord:
        at, name = iso(self._desk.clock.now()), self._desk.ids.new("msg")
        return records.heard_record(name, pid, step.value, said, kept=without_secrets(said), at=at)
