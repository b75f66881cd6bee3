"""The data plane of this node, served to a control plane elsewhere.

Source: Data Plane Signaling 1.0-RC3, data plane endpoint. The plane inside is asked before a stop
is committed, so that a crash in between leaves too little flowing rather than too much, and after
a start is committed, so that nothing flows without evidence. Who may have bytes is decided by
`Hosting`, as for our own transfers.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.model import (
    DataFlowState,
    DataPlane,
    FlowAnswer,
    PlaneAddress,
    find_plane,
)
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk, Hosting
from tidegate.connector.signaling.errors import (
    DataFlowExistsError,
    DataFlowRefusedError,
    DataFlowUnknownError,
    PlaneAnswerError,
    PlaneUnknownError,
)
from tidegate.connector.signaling.flows import Change, Flows, as_flow
from tidegate.connector.signaling.judging import is_ours
from tidegate.connector.signaling.machine import CONTROL, DATA_FLOW, Signal
from tidegate.connector.signaling.model import (
    FORMAT_OF,
    DataFlow,
    FlowRole,
    Hosted,
    Plane,
)
from tidegate.connector.signaling.refusing import check_dataset, ending, withholding
from tidegate.connector.signaling.renewal import Renewal
from tidegate.connector.signaling.wire import (
    Address,
    DataFlowMessage,
    DataFlowReasonMessage,
    DataFlowStartedNotificationMessage,
    check_http_address,
    heard_address,
    read_message,
    status_message,
)
from tidegate.kernel.text import printable


class Host:
    """Serves the planes inside to control planes elsewhere."""

    def __init__(self, desk: Desk, flows: Flows, renewal: Renewal, hosting: Hosting) -> None:
        self._desk = desk
        self._flows = flows
        self._renewal = renewal
        self._hosting = hosting

    def prepare(self, by: Plane, document: object) -> Hosted:
        """Open a flow as consumer: for a push, say where to send to."""
        said = read_message(document, DataFlowMessage)
        one, plane = self._open(by, said, Side.CONSUMER)
        with ending(self._flows, one):
            answer = plane.prepare(as_flow(one))
        return self._opened(by, one, answer, DataFlowState.PREPARED)

    def start(self, by: Plane, document: object) -> Hosted:
        """Open a flow as provider: for a pull, say where to fetch from."""
        said = read_message(document, DataFlowMessage)
        one, plane = self._open(by, said, Side.PROVIDER)
        with ending(self._flows, one):
            self._hosting.let_out(one, counted=False)
            answer = plane.start(as_flow(one), heard_address(said.data_address))
        return self._opened(by, one, answer, DataFlowState.STARTED)

    def _open(self, by: Plane, said: DataFlowMessage, side: Side) -> tuple[DataFlow, DataPlane]:
        profile = self._desk.manners.aliases.get(said.profile, said.profile)
        name = FORMAT_OF.get(profile, profile)
        plane = find_plane(self._desk.inside, name)
        if plane is None or profile not in FORMAT_OF:
            raise DataFlowRefusedError(
                f"This data plane serves the profiles {', '.join(FORMAT_OF)}.",
                code="profile_unsupported",
            )
        if said.participant_id != self._desk.did:
            raise DataFlowRefusedError(
                "This data plane moves data of its own participant alone.",
                code="participant_other",
            )
        if side is Side.PROVIDER:
            self._check_provides(by, said, profile)
        known = self._desk.journal.read(store.find_by_process, by.key, said.process_id)
        one = known or self._opened_new(by, said, self._new(by, said, side, profile, name))
        asked = (side, name, said.agreement_id, said.dataset_id, said.counter_party_id)
        was = (one.side, one.format, one.agreement_id, one.dataset_id, one.counterparty)
        if one.state is not DataFlowState.INITIALIZED or asked != was:
            raise DataFlowExistsError(
                "A data flow exists for this process already; ask for its status.",
                code="dataflow_exists",
            )
        return one, plane

    def _opened_new(self, by: Plane, said: DataFlowMessage, one: DataFlow) -> DataFlow:
        """Open a flow for a counterparty that may have one, under an agreement that was read."""
        with withholding(self._flows, one):
            self._hosting.check_counterparty(one.counterparty)
            if one.side is Side.CONSUMER:
                self._check_foreign(by, said)
                return self._flows.open(one)
            taken = self._hosting.take_in(by, said)
            one = replace(one, version_id=taken.version_id)
            return self._flows.open(one, lambda tx: self._hosting.keep(tx, taken))

    def _check_foreign(self, by: Plane, said: DataFlowMessage) -> None:
        """Refuse the name of one of our agreements, except for our own transfer over the wire."""
        if is_ours(self._desk, by, said):
            return
        if self._desk.agreements.find_agreement(said.agreement_id) is not None:
            raise DataFlowRefusedError(
                "That is an agreement of this node; a control plane elsewhere names its own.",
                code="agreement_ours",
            )

    def _check_provides(self, by: Plane, said: DataFlowMessage, profile: str) -> None:
        is_push = FORMAT_OF[profile].endswith("-PUSH")
        check_dataset(by, said.dataset_id)
        if is_push is not isinstance(said.data_address, Address):
            raise DataFlowRefusedError(
                "A push starts with the address to send to, a pull without any.",
                code="address_missing" if is_push else "address_unexpected",
            )
        if isinstance(said.data_address, Address):
            check_http_address(
                said.data_address, profile, loopback=self._desk.loopback, renewable=False
            )

    def _new(
        self, by: Plane, said: DataFlowMessage, side: Side, profile: str, name: str
    ) -> DataFlow:
        actor = f"plane:{by.id}"
        return DataFlow(
            id=self._desk.ids.new("flow"),
            role=FlowRole.HOSTED,
            plane=by.key,
            process_id=said.process_id,
            side=side,
            format=name,
            profile=profile,
            agreement_id=said.agreement_id,
            dataset_id=said.dataset_id,
            version_id="",
            participant=said.participant_id,
            counterparty=said.counter_party_id,
            state=DataFlowState.INITIALIZED,
            created_by=actor,
            created_at="",
            changed_by=actor,
            changed_at="",
        )

    def _opened(
        self, by: Plane, one: DataFlow, answer: FlowAnswer, wanted: DataFlowState
    ) -> Hosted:
        is_start = wanted is DataFlowState.STARTED
        now, later = (
            (Signal.START, Signal.START_LATER)
            if is_start
            else (Signal.PREPARE, Signal.PREPARE_LATER)
        )
        if not answer.is_waiting and answer.state is not wanted:
            raise PlaneAnswerError(f"The plane inside is {answer.state} instead of {wanted}.")
        given, digests = self._renewal.given(one, answer.address)
        moved = self._flows.move(
            one,
            later if answer.is_waiting else now,
            Change(
                digests=digests,
                go=is_start and not answer.is_waiting,
                also=self._counting(one) if is_start and not answer.is_waiting else None,
            ),
            by=CONTROL,
            actor=f"plane:{by.id}",
        )
        if moved.state is DataFlowState.STARTED:
            self._go_at_once(moved)
        return Hosted(moved, self._status(moved, None if answer.is_waiting else given))

    def _counting(self, one: DataFlow) -> Callable[[Tx], object]:
        return lambda tx: self._hosting.count(tx, one)

    def _go_at_once(self, one: DataFlow) -> None:
        """Open the tap of a pull before the answer leaves; the queued task does it again."""
        if one.format.endswith("-PULL") and one.side is Side.PROVIDER:
            self._plane(one).started(as_flow(one), None)

    def started(self, by: Plane, flow_id: str, document: object) -> Hosted:
        """As consumer: bytes may be fetched, or are being sent."""
        said = read_message(document, DataFlowStartedNotificationMessage)
        one = self._seen(by, flow_id)
        if one.side is not Side.CONSUMER:
            raise DataFlowRefusedError(
                "Only the consumer's data plane is told that a flow was started.",
                code="side_wrong",
            )
        address = self._heard(one, said.data_address)
        DATA_FLOW.step(one.state, Signal.STARTED.value, by=CONTROL)
        with withholding(self._flows, one):
            self._hosting.check_counterparty(one.counterparty)
        moved = self._flows.move(
            one, Signal.STARTED, Change(keep=address, go=True), by=CONTROL, actor=f"plane:{by.id}"
        )
        return Hosted(moved, {})

    def _heard(self, one: DataFlow, address: Any) -> PlaneAddress | None:
        if not isinstance(address, Address):
            return None
        is_push = one.format.endswith("-PUSH")
        if is_push is (one.side is Side.CONSUMER):
            raise DataFlowRefusedError(
                "This side of the flow makes the address itself.", code="address_unexpected"
            )
        check_http_address(
            address,
            one.profile,
            loopback=self._desk.loopback,
            renewable=self._desk.manners.needs_renewal and not is_push,
        )
        return self._renewal.dated(heard_address(address))

    def suspend(self, by: Plane, flow_id: str, document: object) -> Hosted:
        """Stop moving bytes for now."""
        reason = printable(read_message(document, DataFlowReasonMessage).reason)
        one = self._may(by, flow_id, Signal.SUSPEND)
        self._plane(one).suspend(as_flow(one), reason)
        moved = self._flows.move(one, Signal.SUSPEND, by=CONTROL, actor=f"plane:{by.id}")
        self._plane(one).suspend(as_flow(one), reason)  # the task of its start may have come since
        return Hosted(moved, {})

    def resume(self, by: Plane, flow_id: str, document: object) -> Hosted:
        """Go on; a provider of a pull says where again."""
        said = read_message(document, DataFlowStartedNotificationMessage)
        one = self._may(by, flow_id, Signal.RESUME)
        heard = self._heard(one, said.data_address)
        with withholding(self._flows, one):
            if one.side is Side.PROVIDER:
                check_dataset(by, one.dataset_id)
                self._hosting.let_out(one, counted=True)
            else:
                self._hosting.check_counterparty(one.counterparty)
        answer = self._plane(one).resume(as_flow(one))
        given, digests = self._renewal.given(one, answer.address)
        moved = self._flows.move(
            one,
            Signal.RESUME,
            Change(keep=heard, digests=digests, go=True),
            by=CONTROL,
            actor=f"plane:{by.id}",
        )
        self._go_at_once(moved)
        return Hosted(moved, self._status(moved, given))

    def terminate(self, by: Plane, flow_id: str, document: object) -> Hosted:
        """Stop for good."""
        reason = printable(read_message(document, DataFlowReasonMessage).reason)
        one = self._may(by, flow_id, Signal.TERMINATE)
        self._plane(one).terminate(as_flow(one), reason)
        moved = self._flows.move(
            one, Signal.TERMINATE, Change(reason=reason), by=CONTROL, actor=f"plane:{by.id}"
        )
        return Hosted(moved, {})

    def completed(self, by: Plane, flow_id: str) -> Hosted:
        """Take note that the transfer has served its purpose."""
        one = self._may(by, flow_id, Signal.COMPLETE)
        self._plane(one).complete(as_flow(one))
        return Hosted(
            self._flows.move(one, Signal.COMPLETE, by=CONTROL, actor=f"plane:{by.id}"), {}
        )

    def status(self, by: Plane, flow_id: str) -> Document:
        """Tell how a flow stands."""
        one = self._seen(by, flow_id)
        return {"dataFlowId": one.id, "state": one.state.value}

    def _seen(self, by: Plane, flow_id: str) -> DataFlow:
        """Return a flow of this control plane; those of others do not exist for it."""
        one = self._flows.find(flow_id, FlowRole.HOSTED)
        if one is None:  # a control plane whose answer was lost knows its own name for it only
            one = self._desk.journal.read(store.find_by_process, by.key, flow_id)
        if one is None or one.plane != by.key:
            raise DataFlowUnknownError("There is no such data flow.", code="dataflow_unknown")
        return one

    def _may(self, by: Plane, flow_id: str, signal: Signal) -> DataFlow:
        one = self._seen(by, flow_id)
        DATA_FLOW.step(one.state, signal.value, by=CONTROL)
        return one

    def _plane(self, one: DataFlow) -> DataPlane:
        found = find_plane(self._desk.inside, one.format)
        if found is None:
            raise PlaneUnknownError(
                f"No plane of this node serves {one.format} any more.", code="plane_unknown"
            )
        return found

    def _status(self, one: DataFlow, address: Mapping[str, Any] | None) -> Document:
        return status_message(
            self._desk.ids.urn(), one.id, one.state, address=dict(address) if address else None
        )
