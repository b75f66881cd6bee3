"""The planes inside as the DPS kit wants them: some flows take their time, some end by themselves.

Which, the kit says by the agreement it names; on the wire nothing tells those flows apart.
"""

import threading
from collections.abc import Callable
from typing import Any

from tidegate.connector.dataplane.model import (
    HTTP_PULL,
    HTTP_PUSH,
    HTTP_TYPE,
    ControlPlane,
    DataFlowState,
    Flow,
    FlowAnswer,
    PlaneAddress,
)
from tidegate.connector.messages.model import Side
from tidegate.kernel.ids import secret_token

ASYNC, COMPLETE = "async", "complete"
LATER_SECONDS = 0.3  # the kit is ready for the callback only after it has read the answer
COMPLETE_SECONDS = 1.0
S = DataFlowState


class KitPlanes:
    """Stands before the planes of the node for the formats the kit uses."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._control: ControlPlane | None = None

    def around(self, own: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the planes with this one first."""
        return (self, *own)

    def join(self, control: ControlPlane) -> None:
        """Name the control plane that is told what happens later."""
        self._control = control

    @property
    def formats(self) -> frozenset[str]:
        """Pull and push over HTTP."""
        return frozenset({HTTP_PULL, HTTP_PUSH})

    def prepare(self, flow: Flow) -> FlowAnswer:
        """As consumer: at once, or a moment later."""
        address = self._address(flow) if flow.is_push else None
        if flow.agreement_id == ASYNC:
            self._later(LATER_SECONDS, lambda told: told.flow_prepared(flow.pid, address))
            return FlowAnswer(S.PREPARING)
        return FlowAnswer(S.PREPARED, address)

    def start(self, flow: Flow, _address: PlaneAddress | None) -> FlowAnswer:
        """As provider: at once, or a moment later."""
        address = None if flow.is_push else self._address(flow)
        if flow.agreement_id == ASYNC:
            self._later(LATER_SECONDS, lambda told: told.flow_started(flow.pid, address))
            return FlowAnswer(S.STARTING)
        return FlowAnswer(S.STARTED, address)

    def started(self, flow: Flow, _address: PlaneAddress | None) -> FlowAnswer:
        """Let bytes move; the receiver, or the sender of a push, may end by itself."""
        ends = flow.is_push if flow.side is Side.PROVIDER else not flow.is_push
        if flow.agreement_id == COMPLETE and ends:
            self._later(COMPLETE_SECONDS, lambda told: told.flow_completed(flow.pid))
        return FlowAnswer(S.STARTED)

    def resume(self, flow: Flow) -> FlowAnswer:
        """Go on at once."""
        is_pulled = flow.side is Side.PROVIDER and not flow.is_push
        return FlowAnswer(S.STARTED, self._address(flow) if is_pulled else None)

    def renew(self, flow: Flow) -> PlaneAddress | None:
        """Give a fresh token."""
        return self._address(flow)

    def suspend(self, flow: Flow, reason: str) -> None:
        """Stop for now."""

    def complete(self, flow: Flow) -> None:
        """End."""

    def terminate(self, flow: Flow, reason: str) -> None:
        """End."""

    def _address(self, flow: Flow) -> PlaneAddress:
        opens = {"authorization": secret_token(), "authType": "bearer", "expiresIn": "300"}
        return PlaneAddress(HTTP_TYPE, f"{self._base}/tck/data/{flow.pid}", opens)

    def _later(self, seconds: float, tell: Callable[[ControlPlane], None]) -> None:
        if self._control is not None:
            timer = threading.Timer(seconds, tell, (self._control,))
            timer.daemon = True
            timer.start()
