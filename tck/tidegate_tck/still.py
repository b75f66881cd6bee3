"""A data plane that moves nothing, and a crossing that stops nothing: the kit looks at neither."""

from dataclasses import dataclass

from tidegate.connector.dataplane.model import (
    HTTP_PULL,
    HTTP_PUSH,
    HTTP_TYPE,
    DataFlowState,
    Flow,
    FlowAnswer,
    PlaneAddress,
)
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling.desk import Taken

NOWHERE = PlaneAddress(HTTP_TYPE, "http://localhost:9/nothing", {"authorization": "nothing"})


@dataclass(frozen=True, slots=True)
class StillPlane:
    """Answers every call at once, with an address where nothing is."""

    formats: frozenset[str] = frozenset({HTTP_PULL, HTTP_PUSH})

    def prepare(self, flow: Flow) -> FlowAnswer:
        """Be prepared, for a push with where to send to."""
        return FlowAnswer(DataFlowState.PREPARED, NOWHERE if flow.is_push else None)

    def start(self, flow: Flow, _address: PlaneAddress | None) -> FlowAnswer:
        """Be started, for a pull with where to fetch."""
        return FlowAnswer(DataFlowState.STARTED, None if flow.is_push else NOWHERE)

    def started(self, _flow: Flow, _address: PlaneAddress | None) -> FlowAnswer:
        """Take note."""
        return FlowAnswer(DataFlowState.STARTED)

    def resume(self, flow: Flow) -> FlowAnswer:
        """Be started again, at a provider with where to fetch."""
        provides = flow.side is Side.PROVIDER and not flow.is_push
        return FlowAnswer(DataFlowState.STARTED, NOWHERE if provides else None)

    def renew(self, _flow: Flow) -> PlaneAddress | None:
        """Return the same address."""
        return NOWHERE

    def suspend(self, _flow: Flow, _reason: str) -> None:
        """Stop nothing."""

    def complete(self, _flow: Flow) -> None:
        """End nothing."""

    def terminate(self, _flow: Flow, _reason: str) -> None:
        """Clean up nothing."""


@dataclass(frozen=True, slots=True)
class OpenHosting:
    """Lets every flow of a control plane elsewhere pass: the kit belongs to no space."""

    version: str

    def check_counterparty(self, _did: str) -> None:
        """Let anybody have a flow."""

    def take_in(self, _by: object, _said: object) -> Taken:
        """Let out the one version there is; the kit has no agreement to show."""
        return Taken(self.version)

    def keep(self, _tx: object, _taken: Taken) -> None:
        """Keep nothing."""

    def let_out(self, _one: object, *, counted: bool) -> str:
        """Let rows go."""
        del counted
        return "kit"

    def check_open(self, _one: object) -> None:
        """Let rows go on."""

    def count(self, _tx: object, _one: object) -> None:
        """Count nothing."""

    def state_of(self, _one: object) -> None:
        """Know of no agreement."""


@dataclass(frozen=True, slots=True)
class OpenCrossing:
    """Lets every row pass: the kit has neither permit nor partner."""

    own: object

    def check_asked(self, _agreement: object) -> None:
        """Let the consumer ask."""

    def check_open(self, _agreement: object, _person: object) -> str:
        """Let rows go on."""
        return "kit"

    def let_out(
        self, _agreement: object, _person: object, _transfer: object, *, counted: bool = False
    ) -> str:
        """Let rows go."""
        del counted
        return "kit"

    def count(self, _tx: object, _agreement_id: str) -> None:
        """Count nothing."""
