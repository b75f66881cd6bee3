"""What follows from a hosted flow: the plane inside moves bytes, its control plane is told.

Source: Data Plane Signaling 1.0-RC3, control plane endpoint, as client.
"""

from tidegate.access.model import system_actor
from tidegate.connector.dataplane.model import DataFlowState, PlaneAddress, find_plane
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk, Hosting
from tidegate.connector.signaling.flows import Change, Flows, as_flow, is_over
from tidegate.connector.signaling.machine import CONTROL, DATA, Signal
from tidegate.connector.signaling.model import DataFlow, FlowRole, PlaneKind
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.renewal import Renewal
from tidegate.connector.signaling.wire import segment, spoken_address, status_message
from tidegate.kernel.errors import TidegateError, UnavailableError

_ACTOR = system_actor("signaling").id


class Telling:
    """Follows hosted flows, and tells the control planes they belong to."""

    def __init__(
        self, desk: Desk, flows: Flows, registry: Registry, renewal: Renewal, hosting: Hosting
    ) -> None:
        self._desk = desk
        self._flows = flows
        self._registry = registry
        self._renewal = renewal
        self._hosting = hosting

    def go(self, flow: str) -> None:
        """Have the plane inside move the bytes of a started flow (task `signaling.go`)."""
        one = self._flows.find(flow, FlowRole.HOSTED)
        if one is None or one.state is not DataFlowState.STARTED:
            return
        address = self._flows.address(one) if one.side is Side.CONSUMER else None
        try:
            inside = find_plane(self._desk.inside, one.format)
            if inside is not None:
                inside.started(as_flow(one), address)
                if self._flows.get(flow, FlowRole.HOSTED).state is DataFlowState.SUSPENDED:
                    inside.suspend(as_flow(one), "Suspended while it was started.")
        except UnavailableError:
            raise
        except TidegateError as problem:
            self._flows.note_error(one, problem.message, actor=_ACTOR, tell=True)

    def tell(self, flow: str, what: str) -> None:
        """Tell the control plane what became of a flow (task `signaling.tell`)."""
        one = self._flows.find(flow, FlowRole.HOSTED)
        kind, _, name = (one.plane if one else "").partition(":")
        found = kind and self._desk.journal.read(store.find_plane, PlaneKind(kind), name)
        if one is None or not found:
            return
        address = self._flows.address(one) if what in {"prepared", "started"} else None
        document = status_message(
            self._desk.ids.urn(),
            one.id,
            one.state,
            address=spoken_address(address, one.profile),
            error=one.error if what == "errored" else "",
        )
        answer = self._desk.wire.call(
            "POST",
            f"{found.endpoint}/transfers/{segment(one.process_id)}/dataflow/{what}",
            document,
            authorization=self._registry.token_for(found),
        )
        if answer.is_ok:
            return
        if answer.status == 404 or answer.is_transient:
            raise UnavailableError(
                f"The control plane does not take the callback now (HTTP {answer.status}).",
                code="callback_unavailable",
            )
        self._desk.journal.note(
            by=_ACTOR,
            did="signaling.refused",
            to=f"dataflow:{one.id}",
            why={"callback": what, "status": answer.status},
        )

    def flow_prepared(self, one: DataFlow, address: PlaneAddress | None) -> None:
        """Take note that the plane inside is ready to receive."""
        if one.state is DataFlowState.PREPARING:
            self._flows.move(
                one, Signal.PREPARED, Change(keep=address, tell="prepared"), by=DATA, actor=_ACTOR
            )

    def flow_started(self, one: DataFlow, address: PlaneAddress | None) -> None:
        """Take note that the plane inside has begun to serve."""
        if one.state is not DataFlowState.STARTING:
            return
        try:
            self._hosting.let_out(one, counted=False)
        except UnavailableError:
            raise
        except TidegateError as problem:
            self.stop(one, problem)
            return
        full, digests = self._renewal.made(one, address)
        self._flows.move(
            one,
            Signal.STARTED,
            Change(
                keep=full,
                digests=digests,
                go=True,
                tell="started",
                also=lambda tx: self._hosting.count(tx, one),
            ),
            by=DATA,
            actor=_ACTOR,
        )

    def stop(self, one: DataFlow, problem: TidegateError) -> None:
        """End a hosted flow that may not go on, and tell its control plane why."""
        inside = find_plane(self._desk.inside, one.format)
        if inside is not None:
            inside.terminate(as_flow(one), problem.message)
        self._flows.note_withheld(one, problem)
        self._flows.move(
            one,
            Signal.TERMINATE,
            Change(reason=problem.message, tell="errored"),
            by=CONTROL,
            actor=_ACTOR,
        )

    def flow_completed(self, one: DataFlow) -> None:
        """Take note that every byte arrived."""
        if one.state is DataFlowState.STARTED:
            self._flows.move(one, Signal.COMPLETE, Change(tell="completed"), by=DATA, actor=_ACTOR)

    def flow_failed(self, one: DataFlow, reason: str) -> None:
        """Take note that the plane inside gave up; the control plane decides what follows."""
        if not is_over(one):
            self._flows.note_error(one, reason, actor=_ACTOR, tell=True)
