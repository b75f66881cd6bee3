"""What the control plane and a data plane say to each other about one transfer.

The words are those of the Data Plane Signaling specification (Eclipse, state machine of data
flows), so that the plane inside this node and planes elsewhere answer alike. Every call names a
whole `Flow` and may come twice: a process killed after the call calls again, so planes answer the
same again. Calls may reach over a network: they are made from tasks, never inside a write.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from tidegate.connector.messages.model import Side
from tidegate.kernel.values import dataclass

HTTP_PULL = "HttpData-PULL"
HTTP_PUSH = "HttpData-PUSH"
HTTP_TYPE = "https://w3id.org/idsa/v4.1/HTTP"
HTTP_SINK = "HttpData"  # the type of address that Eclipse data planes send to


class DataFlowState(StrEnum):
    """The states of a data flow in Data Plane Signaling."""

    INITIALIZED = "INITIALIZED"
    PREPARING = "PREPARING"
    PREPARED = "PREPARED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


@dataclass(frozen=True, slots=True)
class Flow:
    """One transfer as a data plane needs to know it; `pid` names it between room and plane."""

    pid: str
    side: Side
    format: str
    agreement_id: str
    dataset_id: str
    version_id: str
    participant: str  # the DID of this node
    peer_did: str
    peer_pid: str = ""
    peer_address: str = ""
    person_ref: str = ""

    @property
    def is_push(self) -> bool:
        """Whether the provider sends, rather than the consumer fetching."""
        return self.format.endswith("-PUSH")


@dataclass(frozen=True, slots=True)
class PlaneAddress:
    """Where data are fetched from or sent to; its properties open it and are never kept in clear.

    On the wire this is the DataAddress of the Dataspace Protocol 2025-1.
    """

    endpoint_type: str
    endpoint: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """How a plane stands after a call.

    PREPARED or STARTED (with the address, where there is one) goes on at once; PREPARING or
    STARTING means that the plane tells the control plane later, through `ControlPlane`.
    """

    state: DataFlowState
    address: PlaneAddress | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the plane has taken the call and will tell the rest later."""
        return self.state in {DataFlowState.PREPARING, DataFlowState.STARTING}


class DataPlane(Protocol):
    """What moves data for some formats.

    A call that cannot be served now raises UnavailableError and is made again; any other
    TidegateError ends the transfer with its words.
    """

    @property
    def formats(self) -> frozenset[str]:
        """The formats this plane can serve at this moment."""
        ...

    def prepare(self, flow: Flow) -> FlowAnswer:
        """As consumer, before the request leaves: PREPARED, for a push with where to send to."""
        ...

    def start(self, flow: Flow, address: PlaneAddress | None) -> FlowAnswer:
        """As provider, before the start leaves: STARTED, for a pull with where to fetch.

        `address` is the consumer's, for a push. No byte leaves before `started`.
        """
        ...

    def started(self, flow: Flow, address: PlaneAddress | None) -> FlowAnswer:
        """On both sides, once the transfer is STARTED or is so again: bytes may move.

        `address` is the provider's as the consumer heard it, for a pull; None at the provider.
        """
        ...

    def resume(self, flow: Flow) -> FlowAnswer:
        """On the side that resumes, before its start leaves: STARTED, at a provider with where."""
        ...

    def renew(self, flow: Flow) -> PlaneAddress | None:
        """As provider of a running pull: a fresh address; None where there is nothing to renew."""
        ...

    def suspend(self, flow: Flow, reason: str) -> None:
        """Stop moving bytes for now."""
        ...

    def complete(self, flow: Flow) -> None:
        """Take note that the transfer has served its purpose."""
        ...

    def terminate(self, flow: Flow, reason: str) -> None:
        """Stop for good and clean up; also called for flows this plane has never heard of."""
        ...


class ControlPlane(Protocol):
    """What a plane tells afterwards: the transfer room. Each may be told twice."""

    def flow_prepared(self, pid: str, address: PlaneAddress | None) -> None:
        """Take note that PREPARING is over: the request may leave with this address."""
        ...

    def flow_started(self, pid: str, address: PlaneAddress | None) -> None:
        """Take note that STARTING is over: the start may leave with this address."""
        ...

    def flow_completed(self, pid: str) -> None:
        """Take note that every byte arrived and was checked: the completion may leave."""
        ...

    def flow_failed(self, pid: str, code: str, reason: str) -> None:
        """Take note that the plane gave up: the transfer ends with this reason."""
        ...


def find_plane(planes: tuple[DataPlane, ...], name: str) -> DataPlane | None:
    """Return the first plane that serves this format now, or None."""
    return next((one for one in planes if name in one.formats), None)


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """How far the bytes of one flow are, as the plane inside this node keeps it.

    `content` is the parcel that is sent or the copy that arrives; `sha256` what the whole content
    must hash to, once that is known; `total` its size, -1 while unknown; `moved` the bytes sent or
    received; `address` the sealed address of the peer. `chain` numbers the runs of the worker, so
    that a task of an earlier run does nothing; `misses` counts tries in a row without a new byte.
    """

    flow: Flow
    state: DataFlowState
    content: str = ""
    name: str = ""
    sha256: str = ""
    total: int = -1
    moved: int = 0
    address: str = ""
    chain: int = 0
    misses: int = 0
    problem: str = ""
    started_at: str = ""
    ended_at: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class PlaneSettings:
    """How long tokens live and tries last, and how much is moved before looking up again.

    The longest wait and the misses together let the other side be away for about half an hour.
    `most_bytes` is the largest copy that is taken in, `keep_free` what stays free of the disk.
    """

    token_seconds: int = 900
    renew_before_seconds: int = 60
    slice_seconds: float = 30.0
    segment_bytes: int = 64 * 1024 * 1024
    look_every_bytes: int = 16 * 1024 * 1024
    first_delay: float = 0.3
    longest_delay: float = 30.0
    most_misses: int = 60
    most_bytes: int = 1024**4
    keep_free: int = 2 * 1024**3

    def delay_after(self, misses: int) -> float:
        """Return the seconds to wait after that many tries without a new byte."""
        return min(self.first_delay * 2.0 ** max(misses - 1, 0), self.longest_delay)


@dataclass(frozen=True, slots=True)
class RowsProgress:
    """How far the rows of a transfer are, for people: bytes moved of all, and what hinders them.

    `total` is -1 while nobody knows it; `copy` names what arrived, once it is whole.
    """

    transfer: str
    state: DataFlowState
    name: str
    moved: int
    total: int
    sha256: str
    tries_without_progress: int
    problem: str
    started_at: str
    ended_at: str
    copy: str

    @property
    def percent(self) -> int:
        """Return how much has moved, in whole hundredths; 0 while the total is unknown."""
        return 0 if self.total <= 0 else min(100, self.moved * 100 // self.total)
