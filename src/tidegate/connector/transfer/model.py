"""A transfer as one side sees it, and what a visit is to the rooms that serve it."""

from dataclasses import field
from enum import StrEnum

from tidegate.connector.messages.model import Side
from tidegate.kernel.values import dataclass

VISIT_FORMAT = "Tidegate-Visit"
VISIT_TYPE = "https://w3id.org/tidegate/visit"
ASSERTION = "assertion"
PERSON = "https://w3id.org/tidegate/person"
"""The member of a request for rows that holds the signed assertion of the person who asks."""


class TransferState(StrEnum):
    """The five states of DSP 2025-1, and `INITIAL` before the request is acknowledged."""

    INITIAL = "INITIAL"
    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class Step(StrEnum):
    """What a message of the transfer does."""

    REQUEST = "request"
    START = "start"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer process.

    `pending` is the id of the outgoing message that is not acknowledged yet, `held` the side
    that suspended it: only that side may resume; `held_by` who of this side did. `scripted`
    counts the steps of its script that were taken.
    """

    pid: str
    side: Side
    peer_did: str
    peer_name: str
    peer_pid: str
    peer_address: str
    agreement_id: str
    dataset_id: str
    version_id: str
    format: str
    person_ref: str
    state: TransferState
    created_by: str
    created_at: str
    changed_by: str
    changed_at: str
    project_id: str = ""
    endpoint: str = ""
    pending: str = ""
    held: str = ""
    held_by: str = ""
    reason_code: str = ""
    reason: str = ""
    gate: str = ""
    scripted: int = 0
    revision: int = 0

    @property
    def provider_pid(self) -> str:
        """The provider's name for it."""
        return self.pid if self.side is Side.PROVIDER else self.peer_pid

    @property
    def consumer_pid(self) -> str:
        """The consumer's name for it."""
        return self.pid if self.side is Side.CONSUMER else self.peer_pid

    @property
    def wire_state(self) -> str:
        """The state as the peer may see it: whoever knows our pid holds our request."""
        initial = self.state is TransferState.INITIAL
        return TransferState.REQUESTED.value if initial else self.state.value


class ScriptAct(StrEnum):
    """What a script does next."""

    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"
    COMPLETE = "complete"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One act of this node, taken `after_ms` once the transfer is in a state that allows it.

    `on` names the state to wait for, where more than one would allow the act.
    """

    act: ScriptAct
    after_ms: int = 0
    on: str = ""
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TransferScript:
    """What this node does, step by step, with the transfers of an agreement or dataset.

    Without steps it does nothing by itself: people act, or the peer.
    """

    name: str
    steps: tuple[ScriptStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit in progress, as the token of a call proves it."""

    transfer_pid: str
    agreement_id: str
    dataset_id: str
    version_id: str
    peer_did: str
    person_ref: str


@dataclass(frozen=True, slots=True)
class VisitAddress:
    """Where a visit is served, and what opens it."""

    endpoint: str
    token: str = field(repr=False)
    expires_at: str = ""


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How long the token of a visit lives, and how early it is renewed."""

    token_seconds: int = 900
    renew_before_seconds: int = 60
