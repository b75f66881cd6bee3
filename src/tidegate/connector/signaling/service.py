"""Data Plane Signaling on both sides: planes that are registered, flows here and elsewhere."""

from collections.abc import Mapping
from typing import Any

from tidegate.access.model import Actor, Role, system_actor
from tidegate.access.rules import check_has_role
from tidegate.connector.dataplane.model import DataFlowState, PlaneAddress, find_plane
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling import store
from tidegate.connector.signaling.callbacks import Callbacks
from tidegate.connector.signaling.desk import Desk, Hosting, Transfers
from tidegate.connector.signaling.errors import DataFlowRefusedError, HostedWithheldError
from tidegate.connector.signaling.flows import Change, Flows, about, as_flow, is_over
from tidegate.connector.signaling.host import Host
from tidegate.connector.signaling.machine import CONTROL, Signal
from tidegate.connector.signaling.model import (
    Asked,
    DataFlow,
    FlowRole,
    Hosted,
    Plane,
    PlaneKind,
    Registered,
    TokenGrant,
)
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.renewal import Renewal
from tidegate.connector.signaling.telling import Telling
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.policy.model import AgreementState

READERS = (Role.OPERATOR, Role.STEWARD, Role.LEGAL, Role.AUDITOR)
ORPHANED = "The plane's registration was removed."
_MOST = 100_000


class SignalingService:
    """Joins this node's planes to planes elsewhere.

    To the planes inside it is the control plane of the flows it hosts; whatever it does not host
    it passes on to `control`, the transfer room.
    """

    def __init__(
        self, desk: Desk, flows: Flows, registry: Registry, control: Transfers, hosting: Hosting
    ) -> None:
        self._desk = desk
        self._flows = flows
        self._registry = registry
        self._control = control
        self._hosting = hosting
        self._renewal = Renewal(desk, hosting)
        self._host = Host(desk, flows, self._renewal, hosting)
        self._telling = Telling(desk, flows, registry, self._renewal, hosting)
        self._callbacks = Callbacks(desk, flows, control)

    # --- operators

    def register(self, asked: Asked, *, by: Actor) -> Registered:
        """Register a plane, in place of an earlier registration of that name."""
        return self._registry.put(asked, by=by)

    def approve(self, name: str, ground: str, *, by: Actor, seen: str = "") -> Plane:
        """Open the datasets that a control plane was registered with; a legal officer's act.

        `seen` is the moment of the registration that was looked at, where one was.
        """
        return self._registry.approve(name, ground, by=by, seen=seen)

    def remove(self, kind: PlaneKind, name: str, *, by: Actor) -> int:
        """Forget a plane; end what it had open and return how many flows that were."""
        return self._registry.remove(kind, name, by=by)

    def list_planes(self, kind: PlaneKind | None = None, *, by: Actor) -> tuple[Plane, ...]:
        """Return the registered planes, oldest first, without their secrets."""
        check_has_role(by, *READERS)
        return self._registry.list(kind)

    def list_flows(self, *, by: Actor, limit: int = 200) -> tuple[DataFlow, ...]:
        """Return data flows with planes elsewhere, newest first."""
        check_has_role(by, *READERS)
        return self._desk.journal.read(store.list_flows, limit=limit)

    # --- control planes elsewhere

    def prepare(self, authorization: str | None, document: object) -> Hosted:
        """Open a flow as consumer."""
        return self._host.prepare(self._controller(authorization), document)

    def start(self, authorization: str | None, document: object) -> Hosted:
        """Open a flow as provider."""
        return self._host.start(self._controller(authorization), document)

    def started(self, authorization: str | None, flow: str, document: object) -> Hosted:
        """Take note that bytes may be fetched, or are being sent."""
        return self._host.started(self._controller(authorization), flow, document)

    def suspend(self, authorization: str | None, flow: str, document: object) -> Hosted:
        """Hold a flow."""
        return self._host.suspend(self._controller(authorization), flow, document)

    def resume(self, authorization: str | None, flow: str, document: object) -> Hosted:
        """Let a held flow go on."""
        return self._host.resume(self._controller(authorization), flow, document)

    def terminate(self, authorization: str | None, flow: str, document: object) -> Hosted:
        """End a flow."""
        return self._host.terminate(self._controller(authorization), flow, document)

    def completed(self, authorization: str | None, flow: str) -> Hosted:
        """Take note that a transfer has served its purpose."""
        return self._host.completed(self._controller(authorization), flow)

    def status(self, authorization: str | None, flow: str) -> Document:
        """Tell how a flow stands."""
        return self._host.status(self._controller(authorization), flow)

    def _controller(self, authorization: str | None) -> Plane:
        return self._registry.authenticate(PlaneKind.CONTROL, authorization)

    # --- consumers of hosted pulls

    def renew(self, authorization: str | None, form: Mapping[str, Any]) -> TokenGrant:
        """Renew the access token of a hosted pull."""
        return self._renewal.renew(authorization, form)

    def token_used(self, pid: str, digest: str) -> None:
        """Take note that bytes were asked for with a token; tokens before it renew no more."""
        self._renewal.token_used(pid, digest)

    # --- data planes elsewhere

    def told(self, authorization: str | None, process: str, what: str, document: object) -> None:
        """Take a callback of a data plane."""
        by = self._registry.authenticate(PlaneKind.DATA, authorization)
        self._callbacks.told(by, process, what, document)

    def agreement(self, authorization: str | None, process: str) -> Document:
        """Give a data plane the agreement of a transfer."""
        by = self._registry.authenticate(PlaneKind.DATA, authorization)
        return self._callbacks.agreement(by, process)

    # --- planes inside: the control plane of their flows

    def flow_prepared(self, pid: str, address: PlaneAddress | None) -> None:
        """Take note that a plane is ready to receive."""
        one = self._hosted(pid)
        if one is None:
            self._control.flow_prepared(pid, address)
        else:
            self._telling.flow_prepared(one, address)

    def flow_started(self, pid: str, address: PlaneAddress | None) -> None:
        """Take note that a plane has begun to serve."""
        one = self._hosted(pid)
        if one is None:
            self._control.flow_started(pid, address)
        else:
            self._telling.flow_started(one, address)

    def flow_completed(self, pid: str) -> None:
        """Take note that every byte arrived."""
        one = self._hosted(pid)
        if one is None:
            self._control.flow_completed(pid)
        else:
            self._telling.flow_completed(one)

    def flow_failed(self, pid: str, code: str, reason: str) -> None:
        """Take note that a plane gave up."""
        one = self._hosted(pid)
        if one is None:
            self._control.flow_failed(pid, code, reason)
        else:
            self._telling.flow_failed(one, reason)

    def check_read(self, pid: str) -> object:
        """Decide whether rows of a flow may leave now, with evidence; raise why not."""
        one = self._hosted(pid)
        if one is None:
            return self._control.check_read(pid)
        if not self._may_move(one):
            raise DataFlowRefusedError(f"The data flow is {one.state}.", code="dataflow_stopped")
        if one.side is Side.PROVIDER:
            self._hosting.let_out(one, counted=True)
        actor = f"node:{one.counterparty}"
        self._desk.journal.note(
            by=actor, did="signaling.served", to=f"dataflow:{one.id}", why=about(one)
        )
        return one

    def is_flowing(self, pid: str) -> bool:
        """Tell whether bytes of a flow may move at this moment."""
        one = self._hosted(pid)
        if one is None:
            return self._control.is_flowing(pid)
        is_ours = one.side is Side.PROVIDER
        is_held = is_ours and self._hosting.state_of(one) is AgreementState.SUSPENDED
        return self._may_move(one) and not is_held

    def _may_move(self, one: DataFlow) -> bool:
        """Tell whether a hosted flow is started, and open to its control plane still."""
        return self._is_open(one) and one.state is DataFlowState.STARTED

    def _is_open(self, one: DataFlow) -> bool:
        kind, _, name = one.plane.partition(":")
        plane = self._desk.journal.read(store.find_plane, PlaneKind(kind), name)
        return plane is not None and (
            one.side is Side.CONSUMER or one.dataset_id in plane.open_datasets
        )

    def _hosted(self, pid: str) -> DataFlow | None:
        return self._flows.find(pid, FlowRole.HOSTED)

    # --- tasks

    def go(self, flow: str) -> None:
        """Have the plane inside move the bytes of a hosted flow (task `signaling.go`)."""
        self._telling.go(flow)

    def tell(self, flow: str, what: str) -> None:
        """Tell a control plane what became of a flow (task `signaling.tell`)."""
        self._telling.tell(flow, what)

    def gate_moved(self) -> int:
        """End the hosted flows that may not go on any more; return how many.

        Called when a membership, a partnership, a permit or an agreement ended, and every minute
        for what ends by the clock. A suspended agreement holds its flows and ends none.
        """
        ended = 0
        for one in self._open_flows():
            problem = self._problem(one)
            if problem is not None:
                self._telling.stop(one, problem)
                ended += 1
        return ended

    def rows_withdrawn(self, agreement: str) -> None:
        """End the hosted flows of rows that a person's approval let leave (fact of that name)."""
        problem = HostedWithheldError(
            "The holder withdrew its approval of these rows.", code="approval_withdrawn"
        )
        for one in self._open_flows():
            is_ours = one.side is Side.PROVIDER and one.agreement_id == agreement
            if is_ours and one.state is not DataFlowState.INITIALIZED:
                self._telling.stop(one, problem)

    def _open_flows(self) -> tuple[DataFlow, ...]:
        return self._desk.journal.read(
            store.list_flows, role=FlowRole.HOSTED, is_open=True, limit=_MOST
        )

    def _problem(self, one: DataFlow) -> TidegateError | None:
        """Return the first reason against a hosted flow that was let in, or None."""
        if not self._is_open(one):
            return HostedWithheldError(
                "The dataset is not open to the control plane any more.", code="dataset_closed"
            )
        is_opening = one.state is DataFlowState.INITIALIZED
        try:
            if one.side is Side.CONSUMER:
                self._hosting.check_counterparty(one.counterparty)
            elif not is_opening and self._hosting.state_of(one) is not AgreementState.SUSPENDED:
                self._hosting.check_open(one)
        except UnavailableError:
            raise
        except TidegateError as problem:
            return problem
        return None

    def orphaned(self, flow: str) -> None:
        """End a flow whose other plane was removed (task `signaling.orphaned`)."""
        for role in FlowRole:
            one = self._flows.find(flow, role)
            if one is None or is_over(one):
                continue
            inside = find_plane(self._desk.inside, one.format)
            if role is FlowRole.HOSTED and inside is not None:
                inside.terminate(as_flow(one), ORPHANED)
            actor = system_actor("signaling").id
            self._flows.move(
                one, Signal.TERMINATE, Change(reason=ORPHANED), by=CONTROL, actor=actor
            )
