"""What the parts of signaling share: the ground, the ways out, and the planes inside."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from tidegate.audit.journal import Journal, Tx
from tidegate.connector.dataplane.model import ControlPlane, DataPlane
from tidegate.connector.http.model import Answer
from tidegate.connector.http.service import Stream
from tidegate.connector.identity.model import Speaker
from tidegate.connector.messages.delivery import AnswerGate
from tidegate.connector.signaling.model import DataFlow, Manners, Plane
from tidegate.connector.signaling.wire import DataFlowMessage
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.partners.model import PersonAssertion
from tidegate.policy.model import Agreement, AgreementState


class PlaneWire(Protocol):
    """The way to planes that an operator registered: also to addresses inside the network."""

    def call(
        self,
        method: str,
        url: str,
        body: object = None,
        *,
        authorization: str = "",
        seconds: float | None = None,
    ) -> Answer:
        """Call a plane once; any status comes back as an answer."""
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Any = None,
        content: Any = None,
    ) -> AbstractContextManager[Stream]:
        """Call and read the answer in pieces, inside the block."""
        ...


class Keys(Protocol):
    """Where the key that seals secrets comes from."""

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for that purpose."""
        ...


class Agreements(Protocol):
    """Where agreements are kept."""

    def record_agreement(self, tx: Tx, agreement: Agreement) -> Agreement:
        """Record a signed agreement in the caller's write; the same one twice changes nothing."""
        ...

    def find_agreement(self, agreement_id: str) -> Agreement | None:
        """Return an agreement, or None."""
        ...


class Crossing(Protocol):
    """Who decides whether rows may cross under an agreement: the same as for our own transfers."""

    def check_open(self, agreement: Agreement, person: PersonAssertion | None) -> str:
        """Raise unless version, policy and gate let rows out; return the permit."""
        ...

    def let_out(
        self,
        agreement: Agreement,
        person: PersonAssertion | None,
        transfer: str,
        *,
        counted: bool = False,
    ) -> str:
        """`check_open`, and the rules of law with a receipt; return the permit."""
        ...

    def count(self, tx: Tx, agreement_id: str) -> None:
        """Count one use in the caller's write; raise when none is left."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The agreement a hosted flow is under, and the version of the dataset it lets out."""

    version_id: str
    agreement: Agreement | None = None


class Hosting(Protocol):
    """Who decides whether hosted flows may move bytes; each raises a TidegateError with why not."""

    def check_counterparty(self, did: str) -> None:
        """Raise unless data may move to or from this participant at all."""
        ...

    def take_in(self, by: Plane, said: DataFlowMessage) -> Taken:
        """As provider: return what a flow is under, before it is opened."""
        ...

    def keep(self, tx: Tx, taken: Taken) -> None:
        """Keep what was taken in, in the write that opens the flow."""
        ...

    def let_out(self, one: DataFlow, *, counted: bool) -> str:
        """As provider: decide, with a receipt, whether rows may leave now."""
        ...

    def check_open(self, one: DataFlow) -> None:
        """As provider of a running flow: raise unless it may go on."""
        ...

    def count(self, tx: Tx, one: DataFlow) -> None:
        """As provider: count one use in the caller's write."""
        ...

    def state_of(self, one: DataFlow) -> AgreementState | None:
        """Return how the agreement of a flow stands; None where there is none."""
        ...


class Transfers(ControlPlane, Protocol):
    """The transfer room: the control plane of the flows that are this node's own."""

    def check_read(self, pid: str) -> object:
        """Decide whether rows of a transfer may leave now; raise why not."""
        ...

    def is_flowing(self, pid: str) -> bool:
        """Tell whether bytes of a transfer may move at this moment."""
        ...


class Callers(Protocol):
    """Who proves DIDs, and remembers which tokens were used."""

    def identify(self, authorization: str | None) -> Speaker:
        """Return the DID behind an Authorization header; raise where it proves none."""
        ...

    def is_first_use(self, issuer: str, jti: str, until: datetime) -> bool:
        """Remember a token until it expires; tell whether it was never seen before."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared ground. `base` is the address of this node's signaling door.

    `inside` are the planes of this node itself. `gate` holds back what a plane tells of a flow
    while its answer to a call about that flow is still being taken in.
    """

    journal: Journal
    clock: Clock
    ids: Ids
    did: str
    base: str
    wire: PlaneWire
    keys: Keys
    token: Callable[[], str]
    agreements: Agreements
    callers: Callers
    inside: tuple[DataPlane, ...] = ()
    context: str = "tidegate"
    loopback: bool = False
    manners: Manners = field(default_factory=Manners)
    gate: AnswerGate = field(default_factory=AnswerGate)
