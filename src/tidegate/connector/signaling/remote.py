"""Data planes elsewhere, behind the interface that the transfer room knows.

Source: Data Plane Signaling 1.0-RC3, data plane endpoint, as client. Every call may come twice:
what a plane has answered already is answered from here. A flow stays with the plane it was opened
at; flows that were opened inside this node are passed on to the planes inside.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from tidegate.access.model import system_actor
from tidegate.connector.dataplane.model import (
    DataFlowState,
    DataPlane,
    Flow,
    FlowAnswer,
    PlaneAddress,
    find_plane,
)
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling.asking import Asking
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.errors import (
    PlaneAnswerError,
    PlaneRefusedError,
    PlaneUnknownError,
)
from tidegate.connector.signaling.flows import Change, Flows, is_over
from tidegate.connector.signaling.machine import CONTROL, Signal
from tidegate.connector.signaling.model import (
    DataFlow,
    FlowRole,
    PlaneKind,
)
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.wire import (
    heard_address,
)

_ACTOR = system_actor("signaling").id
S = DataFlowState


P = ParamSpec("P")
T = TypeVar("T")


def _held(
    call: "Callable[Concatenate[RemotePlanes, Flow, P], T]",
) -> "Callable[Concatenate[RemotePlanes, Flow, P], T]":
    """Let callbacks about a flow wait until the answer to a call about it is taken in."""

    def held(self: "RemotePlanes", flow: Flow, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.gate.hold(flow.pid)
        try:
            return call(self, flow, *args, **kwargs)
        finally:
            self.gate.release(flow.pid)

    held.__doc__ = call.__doc__
    return held


class RemotePlanes:
    """The data planes that are registered here, as one plane."""

    def __init__(self, desk: Desk, flows: Flows, registry: Registry) -> None:
        self._desk = desk
        self._flows = flows
        self._registry = registry
        self._asking = Asking(desk, registry)
        self.gate = desk.gate

    @property
    def formats(self) -> frozenset[str]:
        """The formats that some registered plane, or one inside, can serve now."""
        listed = self._registry.list(PlaneKind.DATA)
        inside = (one.formats for one in self._desk.inside)
        return frozenset().union(*(one.formats for one in listed), *inside)

    @_held
    def prepare(self, flow: Flow) -> FlowAnswer:
        """As consumer, before the request leaves."""
        one = self._opened(flow)
        if one is None:
            return self._inside(flow).prepare(flow)
        if one.state in {S.PREPARING, S.PREPARED, S.STARTED}:
            return FlowAnswer(S.PREPARED if one.state is S.STARTED else one.state, self._kept(one))
        self._check_fresh(one)
        try:
            said = self._asking.ask(one, "prepare", self._asking.message(one, flow, None))
        except PlaneRefusedError as refusal:
            return self._found(one, Signal.PREPARE, refusal, has_address=flow.is_push)
        return self._answered(one, said, S.PREPARED, Signal.PREPARE, Signal.PREPARE_LATER)

    @_held
    def start(self, flow: Flow, address: PlaneAddress | None) -> FlowAnswer:
        """As provider, before the start leaves."""
        one = self._opened(flow)
        if one is None:
            return self._inside(flow).start(flow, address)
        if one.state in {S.STARTING, S.STARTED}:
            return FlowAnswer(one.state, self._kept(one))
        self._check_fresh(one)
        try:
            said = self._asking.ask(one, "start", self._asking.message(one, flow, address))
        except PlaneRefusedError as refusal:
            return self._found(one, Signal.START, refusal, has_address=not flow.is_push)
        return self._answered(one, said, S.STARTED, Signal.START, Signal.START_LATER)

    @_held
    def started(self, flow: Flow, address: PlaneAddress | None) -> FlowAnswer:
        """Once the transfer is STARTED, or is so again."""
        one = self._known(flow)
        if one is None:
            return self._inside(flow).started(flow, address)
        if one.state is S.SUSPENDED:
            return self._resumed(one, address)
        if one.side is Side.CONSUMER and one.state is S.PREPARED:
            self._tell_started(one, address)
        return FlowAnswer(S.STARTED)

    @_held
    def resume(self, flow: Flow) -> FlowAnswer:
        """On the side that resumes, before its start leaves."""
        one = self._known(flow)
        if one is None:
            return self._inside(flow).resume(flow)
        if one.state is S.STARTED:
            return FlowAnswer(S.STARTED, self._kept(one))
        return self._resumed(one, None)

    def renew(self, flow: Flow) -> PlaneAddress | None:
        """Consumers of a plane elsewhere renew there: its address names where."""
        return None if self._known(flow) else self._inside(flow).renew(flow)

    @_held
    def suspend(self, flow: Flow, reason: str) -> None:
        """Stop moving bytes for now."""
        one = self._known(flow)
        if one is None:
            self._inside(flow).suspend(flow, reason)
        elif one.state is S.STARTED:
            self._stop(one, "suspend", Signal.SUSPEND, reason)

    @_held
    def complete(self, flow: Flow) -> None:
        """Take note that the transfer has served its purpose."""
        one = self._known(flow)
        if one is None:
            self._inside(flow).complete(flow)
        elif one.state is S.STARTED:
            self._stop(one, "completed", Signal.COMPLETE, "")

    @_held
    def terminate(self, flow: Flow, reason: str) -> None:
        """Stop for good; also for flows that no plane has heard of."""
        one = self._known(flow)
        if one is None:
            plane = find_plane(self._desk.inside, flow.format)
            if plane is not None:
                plane.terminate(flow, reason)
        elif not is_over(one):
            self._stop(one, "terminate", Signal.TERMINATE, reason)

    # --- the flow and its plane

    def _known(self, flow: Flow) -> DataFlow | None:
        return self._flows.find(flow.pid, FlowRole.REMOTE)

    def _inside(self, flow: Flow) -> DataPlane:
        found = find_plane(self._desk.inside, flow.format)
        if found is None:
            raise PlaneUnknownError(
                f"No data plane serves {flow.format} here; register one for it.",
                code="plane_unknown",
            )
        return found

    def _opened(self, flow: Flow) -> DataFlow | None:
        """Return the flow at the plane it belongs to, opening it; None for a plane inside."""
        known = self._known(flow)
        if known is not None:
            return known
        if self._is_inside_already(flow):
            return None
        listed = self._registry.list(PlaneKind.DATA)
        plane = next((one for one in listed if flow.format in one.formats), None)
        if plane is None:
            return None
        return self._flows.open(
            DataFlow(
                id=flow.pid,
                role=FlowRole.REMOTE,
                plane=plane.key,
                process_id=flow.pid,
                side=flow.side,
                format=flow.format,
                profile=plane.profile_for(flow.format),
                agreement_id=flow.agreement_id,
                dataset_id=flow.dataset_id,
                version_id=flow.version_id,
                participant=flow.participant,
                counterparty=flow.peer_did,
                state=S.INITIALIZED,
                created_by=_ACTOR,
                created_at="",
                changed_by=_ACTOR,
                changed_at="",
            )
        )

    def _is_inside_already(self, flow: Flow) -> bool:
        """Whether the flow is one this node hosts: a plane inside moves those by definition."""
        return self._flows.find(flow.pid, FlowRole.HOSTED) is not None

    def _check_fresh(self, one: DataFlow) -> None:
        if is_over(one):
            raise PlaneRefusedError(
                f"The data flow is {one.state} at its plane already.", code="dataflow_over"
            )

    def _kept(self, one: DataFlow) -> PlaneAddress | None:
        return self._flows.address(one)

    def _found(
        self, one: DataFlow, signal: Signal, refusal: PlaneRefusedError, *, has_address: bool
    ) -> FlowAnswer:
        """Go on where a refused opening had been taken before, and its answer was lost.

        An address is given once: where there was one, the flow is ended at its plane.
        """
        wanted = S.PREPARED if signal is Signal.PREPARE else S.STARTED
        state = self._asking.state_of(one)
        if state is wanted and not has_address:
            self._move(one, signal)
            return FlowAnswer(wanted)
        if state is not None:
            self._stop(one, "terminate", Signal.TERMINATE, "The answer to its opening was lost.")
        raise refusal

    def _tell_started(self, one: DataFlow, address: PlaneAddress | None) -> None:
        try:
            self._asking.ask(one, "started", self._asking.addressed(one, address))
        except PlaneRefusedError:
            if self._asking.state_of(one) is not S.STARTED:
                raise
        self._move(one, Signal.STARTED)

    def _answered(
        self, one: DataFlow, answer: Answer, wanted: S, now: Signal, later: Signal
    ) -> FlowAnswer:
        said = self._asking.read(answer)
        waiting = S.PREPARING if wanted is S.PREPARED else S.STARTING
        if said.state not in {wanted, waiting}:
            raise PlaneAnswerError(
                f"The data plane says {said.state}; {wanted} or {waiting} was expected.",
                code="answer_unexpected",
            )
        is_later = said.state is waiting
        address = None if is_later else heard_address(said.data_address)
        moved = self._flows.move(
            one,
            later if is_later else now,
            Change(keep=address, remote_id=said.data_flow_id),
            by=CONTROL,
            actor=_ACTOR,
        )
        return FlowAnswer(moved.state, address)

    def _resumed(self, one: DataFlow, address: PlaneAddress | None) -> FlowAnswer:
        said = self._asking.read(
            self._asking.ask(one, "resume", self._asking.addressed(one, address))
        )
        if said.state is not S.STARTED:
            raise PlaneAnswerError(
                f"The data plane says {said.state} after it was to resume.",
                code="answer_unexpected",
            )
        given = heard_address(said.data_address)
        self._flows.move(one, Signal.RESUME, Change(keep=given), by=CONTROL, actor=_ACTOR)
        return FlowAnswer(S.STARTED, given or self._kept(one))

    def _move(self, one: DataFlow, signal: Signal, reason: str = "") -> None:
        self._flows.move(one, signal, Change(reason=reason), by=CONTROL, actor=_ACTOR)

    def _stop(self, one: DataFlow, what: str, signal: Signal, reason: str) -> None:
        """Stop a flow at its plane; a plane that says no may have stopped it before."""
        target = {"suspend": S.SUSPENDED, "completed": S.COMPLETED}.get(what, S.TERMINATED)
        said: Document | None = {"messageId": self._desk.ids.urn()}
        if what == "completed":
            said = None
        elif reason and said is not None:
            said["reason"] = reason
        try:
            self._asking.ask(one, what, said)
        except PlaneRefusedError:
            if signal is not Signal.TERMINATE and self._asking.state_of(one) is not target:
                raise
        self._move(one, signal, reason)
