"""Transfers of rows: the crossing decides, a data plane moves, this joins both to the process."""

from dataclasses import replace

import msgspec

from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.model import (
    DataFlowState,
    DataPlane,
    Flow,
    FlowAnswer,
    PlaneAddress,
    find_plane,
)
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.model import Side
from tidegate.connector.transfer import store
from tidegate.connector.transfer.address import open_address, seal_address, spoken_address
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import RowsWithheldError, TransferRacedError
from tidegate.connector.transfer.machine import FINAL, TRANSFER
from tidegate.connector.transfer.model import VISIT_FORMAT, Step, Transfer, TransferState
from tidegate.connector.transfer.outgoing import ACTOR, Outgoing, event_of
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.partners.model import PersonAssertion
from tidegate.policy.model import Agreement, AgreementState

PREPARE = "transfer.prepare"


def said_of(one: Transfer) -> PersonAssertion | None:
    """Return what the peer says of the person who asks; None where it names nobody."""
    return msgspec.json.decode(one.gate, type=PersonAssertion) if one.gate else None


def flow_of(one: Transfer, participant: str) -> Flow:
    """Return a transfer as a data plane needs to know it."""
    return Flow(
        pid=one.pid,
        side=one.side,
        format=one.format,
        agreement_id=one.agreement_id,
        dataset_id=one.dataset_id,
        version_id=one.version_id,
        participant=participant,
        peer_did=one.peer_did,
        peer_pid=one.peer_pid,
        peer_address=one.peer_address,
        person_ref=one.person_ref,
    )


class Flows:
    """Drives data planes for the transfers that move rows."""

    def __init__(self, desk: Desk, outgoing: Outgoing) -> None:
        self._desk = desk
        self._outgoing = outgoing

    # --- what is asked of planes

    def plane_for(self, name: str) -> DataPlane:
        """Return the plane that serves a format; raise RowsWithheldError where none does."""
        plane = find_plane(self._desk.planes, name)
        if plane is None:
            raise RowsWithheldError(
                f"No data plane of this node serves {name} at the moment.", code="plane_missing"
            )
        return plane

    def prepare(self, pid: str) -> None:
        """As consumer: have the plane get ready, then let the request leave."""
        one = self._get(pid)
        if one.state is not TransferState.INITIAL or one.pending:
            return
        try:
            answer = self.plane_for(one.format).prepare(self._flow(one))
        except UnavailableError:
            raise
        except TidegateError as problem:
            self._end_unsent(one, problem)
            return
        if not answer.is_waiting:
            self._request(one, answer.address)

    def begin(self, one: Transfer) -> None:
        """As provider: decide, have the plane get ready, then let the start leave."""
        agreement = self._in_force(one)
        permit = self._desk.crossing.let_out(agreement, said_of(one), one.pid)
        heard = open_address(self._desk, one.pid, "in")
        answer = self.plane_for(one.format).start(self._flow(one), heard)
        if not answer.is_waiting:
            self._start(one, answer.address, permit)

    def resume(self, one: Transfer) -> FlowAnswer:
        """On the side that resumes: decide again, have the plane get ready again."""
        agreement = self._in_force(one)
        if one.side is Side.PROVIDER:
            self._desk.crossing.let_out(agreement, said_of(one), one.pid, counted=True)
        return self.plane_for(one.format).resume(self._flow(one))

    def renew(self, one: Transfer) -> tuple[str, Document | None]:
        """As provider of a running transfer: the permit and a fresh address, decided again."""
        permit = self.check_open(one)
        address = self.plane_for(one.format).renew(self._flow(one))
        return permit, None if address is None else spoken_address(address)

    def check_open(self, one: Transfer) -> str:
        """Raise unless gate and policy of a provider still let these rows out; no receipt."""
        return self._desk.crossing.check_open(self._in_force(one), said_of(one))

    def check_read(self, pid: str) -> Transfer:
        """Decide once more, with a receipt, whether rows of this transfer may leave now."""
        one = self._get(pid)
        if one.side is not Side.PROVIDER or not self.is_flowing(one):
            raise RowsWithheldError(f"The transfer is {one.state}.", code="transfer_not_started")
        self._desk.crossing.let_out(self._in_force(one), said_of(one), one.pid, counted=True)
        return one

    def is_flowing(self, one: Transfer) -> bool:
        """Tell whether bytes may move: started, and no stop on its way."""
        return one.state is TransferState.STARTED and not one.pending

    def follow(self, pid: str, step: str) -> None:
        """Tell the plane of a step that was taken (task `transfer.flow`)."""
        one = self._get(pid)
        plane, flow = find_plane(self._desk.planes, one.format), self._flow(one)
        if plane is None:
            return
        if step == Step.START:
            self._follow_start(plane, flow, one)
        elif step == Step.SUSPEND and one.state not in FINAL:
            plane.suspend(flow, one.reason)
        elif step == Step.COMPLETE:
            plane.complete(flow)
        elif step == Step.TERMINATE:
            plane.terminate(flow, one.reason)

    def _follow_start(self, plane: DataPlane, flow: Flow, one: Transfer) -> None:
        if not self.is_flowing(one):
            return
        is_consumer = one.side is Side.CONSUMER
        address = open_address(self._desk, one.pid, "in") if is_consumer else None
        try:
            plane.started(flow, address)
        except UnavailableError:
            raise
        except TidegateError as problem:
            self.failed(one.pid, problem.code, problem.message)

    # --- what planes tell

    def prepared(self, pid: str, address: PlaneAddress | None) -> None:
        """Let the request leave with this address."""
        one = self._get(pid)
        if one.state is TransferState.INITIAL and not one.pending:
            self._request(one, address)

    def started(self, pid: str, address: PlaneAddress | None) -> None:
        """Let the start leave with this address, after deciding once more."""
        one = self._get(pid)
        if one.side is not Side.PROVIDER or one.pending or one.state is not TransferState.REQUESTED:
            return
        try:
            permit = self._desk.crossing.let_out(self._in_force(one), said_of(one), one.pid)
            self._start(one, address, permit)
        except UnavailableError:
            raise
        except TidegateError as problem:
            self.failed(pid, problem.code, problem.message)

    def completed(self, pid: str) -> None:
        """Let the completion leave; a transfer that is over by then stays as it is."""
        one = self._get(pid)
        if one.state in FINAL:
            return
        if one.pending or one.state is not TransferState.STARTED:
            raise TransferRacedError("The transfer is busy; its completion waits a moment.")
        self._queue(one, Step.COMPLETE, "completed_by_plane")

    def failed(self, pid: str, code: str, reason: str) -> None:
        """End the transfer with the plane's reason."""
        one = self._get(pid)
        if one.state in FINAL or self._is_ending(one):
            return
        told = replace(one, reason_code=code[:100], reason=reason[:1000])
        if one.state is TransferState.INITIAL and not one.peer_pid and not one.pending:
            self._end_unsent(one, RowsWithheldError(reason, code=code))
        else:
            self._queue(told, Step.TERMINATE, code)

    # --- writes

    def _request(self, one: Transfer, address: PlaneAddress | None) -> None:
        with self._desk.journal.write(
            by=ACTOR,
            did="transfer.prepared",
            to=f"transfer:{one.pid}",
            why={"format": one.format, "agreement": one.agreement_id},
        ) as tx:
            seal_address(self._desk, tx, one.pid, "out", address)
            self._outgoing.queue(tx, one, Step.REQUEST)

    def _start(self, one: Transfer, address: PlaneAddress | None, permit: str) -> None:
        with self._desk.journal.write(
            by=ACTOR,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={
                "step": Step.START.value,
                "agreement": one.agreement_id,
                "permit": permit,
                "format": one.format,
            },
        ) as tx:
            self._desk.crossing.count(tx, one.agreement_id)
            seal_address(self._desk, tx, one.pid, "out", address)
            self._outgoing.queue(tx, one, Step.START)

    def queue_resumption(self, tx: Tx, one: Transfer, answer: FlowAnswer) -> Transfer:
        """Queue the start that resumes a transfer in the caller's write, with its address."""
        if answer.state is not DataFlowState.STARTED:
            raise RowsWithheldError(
                "The data plane cannot go on at once; resume the transfer again in a moment.",
                code="plane_busy",
            )
        seal_address(self._desk, tx, one.pid, "out", answer.address)
        return self._outgoing.queue(tx, one, Step.START)

    def _queue(self, one: Transfer, step: Step, code: str) -> None:
        with self._desk.journal.write(
            by=ACTOR,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": step.value, "state": one.state.value, "reason": code},
        ) as tx:
            self._outgoing.queue(tx, one, step)

    def _end_unsent(self, one: Transfer, problem: TidegateError) -> None:
        """End a transfer of which the peer has never heard."""
        move = TRANSFER.step(one.state, Step.TERMINATE.value, by=one.side.value)
        with self._desk.journal.write(
            by=ACTOR,
            did=event_of(Step.TERMINATE),
            to=f"transfer:{one.pid}",
            why={"agreement": one.agreement_id, "reason": problem.code},
        ) as tx:
            ended = replace(
                one,
                state=move.target,
                reason_code=problem.code[:100],
                reason=problem.message[:1000],
                changed_by=ACTOR,
                changed_at=tx.at,
            )
            self._outgoing.arrived(tx, ended)

    # --- small questions

    def _get(self, pid: str) -> Transfer:
        return self._desk.journal.read(store.get_transfer, pid)

    def _flow(self, one: Transfer) -> Flow:
        return flow_of(one, self._desk.did)

    def _is_ending(self, one: Transfer) -> bool:
        return self._outgoing.is_ending(one)

    def _in_force(self, one: Transfer) -> Agreement:
        found = self._desk.agreements.find_agreement(one.agreement_id)
        if found is None or found.state is not AgreementState.ACTIVE:
            state = found.state.value if found else "unknown"
            raise RowsWithheldError(
                f"The agreement is {state}; nothing is transferred under it.",
                code="agreement_not_active",
            )
        return found


def moves_rows(one: Transfer) -> bool:
    """Tell whether a transfer moves rows, rather than letting computation visit them."""
    return one.format != VISIT_FORMAT
