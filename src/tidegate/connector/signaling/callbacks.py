"""What data planes elsewhere tell our control plane, and the agreement they may ask for.

Source: Data Plane Signaling 1.0-RC3, control plane endpoint. An error changes no state and is never
passed to the counterparty: people see it, and decide.
"""

from tidegate.connector.dataplane.model import ControlPlane, DataFlowState
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.wire import CONTEXT
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.errors import DataFlowRefusedError, DataFlowUnknownError
from tidegate.connector.signaling.flows import Change, Flows
from tidegate.connector.signaling.machine import DATA, Signal
from tidegate.connector.signaling.model import DataFlow, FlowRole, Plane
from tidegate.connector.signaling.wire import DataFlowStatusMessage, heard_address, read_message
from tidegate.kernel.text import printable
from tidegate.policy.service import to_agreement

S = DataFlowState
_WANTED = {"prepared": S.PREPARED, "started": S.STARTED, "completed": S.COMPLETED}


class Callbacks:
    """Takes the callbacks of registered data planes."""

    def __init__(self, desk: Desk, flows: Flows, control: ControlPlane) -> None:
        self._desk = desk
        self._flows = flows
        self._control = control

    def told(self, by: Plane, process: str, what: str, document: object) -> None:
        """Take a callback; the same once more is taken again.

        Raises DataFlowUnknownError for flows of others, IllegalMoveError for what may not come
        now.
        """
        said = read_message(document, DataFlowStatusMessage)
        if not self._desk.manners.forgives_omissions and not (
            said.message_id and said.data_flow_id
        ):
            raise DataFlowRefusedError(
                "A callback needs messageId and dataFlowId.", code="callback_incomplete"
            )
        self._desk.gate.wait(process)
        one = self._seen(by, process)
        actor = f"plane:{by.id}"
        if what == "errored":
            words = said.error if isinstance(said.error, str) else ""
            words = printable(words) or "The data plane gives no reason."
            self._flows.note_error(one, words, actor=actor, tell=False)
            return
        if said.state is not _WANTED[what]:
            raise DataFlowRefusedError(
                f"The callback {what} must say {_WANTED[what]}.", code="state_mismatch"
            )
        if what == "completed":
            self._completed(one, actor)
        elif what == "prepared":
            self._ready(one, said, actor, Signal.PREPARED)
        else:
            self._ready(one, said, actor, Signal.STARTED)

    def _completed(self, one: DataFlow, actor: str) -> None:
        if one.state is not S.COMPLETED:
            self._flows.move(one, Signal.COMPLETE, by=DATA, actor=actor)
        self._control.flow_completed(one.id)

    def _ready(
        self, one: DataFlow, said: DataFlowStatusMessage, actor: str, signal: Signal
    ) -> None:
        reached = S.PREPARED if signal is Signal.PREPARED else S.STARTED
        if one.state is not reached:
            one = self._flows.move(
                one,
                signal,
                Change(keep=heard_address(said.data_address), remote_id=said.data_flow_id),
                by=DATA,
                actor=actor,
            )
        address = self._flows.address(one)
        if signal is Signal.PREPARED:
            self._control.flow_prepared(one.id, address)
        else:
            self._control.flow_started(one.id, address)

    def agreement(self, by: Plane, process: str) -> Document:
        """Return the agreement of a transfer, as both sides signed it."""
        one = self._seen(by, process)
        found = self._desk.agreements.find_agreement(one.agreement_id)
        if found is None:
            raise DataFlowUnknownError(
                "The agreement of this transfer is not known here any more.",
                code="agreement_unknown",
            )
        return {"@context": [CONTEXT], **to_agreement(found)}

    def _seen(self, by: Plane, process: str) -> DataFlow:
        """Return a flow that this data plane was given; those of others do not exist for it."""
        one = self._flows.find(process, FlowRole.REMOTE)
        if one is None or one.plane != by.key:
            raise DataFlowUnknownError("There is no such transfer.", code="dataflow_unknown")
        return one
