"""What the parts of signaling share: the ground, the ways out, and the planes inside."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from tidegate.audit.journal import Journal
from tidegate.connector.dataplane.model import ControlPlane, DataPlane
from tidegate.connector.http.model import Answer
from tidegate.connector.http.service import Stream
from tidegate.connector.identity.model import Speaker
from tidegate.connector.messages.delivery import AnswerGate
from tidegate.connector.signaling.model import Manners
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Agreement


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

    def find_agreement(self, agreement_id: str) -> Agreement | None:
        """Return an agreement, or None."""
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

    `inside` are the planes of this node itself; `find_version` names the version of a dataset
    that is served now, or raises. `gate` holds back what a plane tells of a flow while its answer
    to a call about that flow is still being taken in.
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
    find_version: Callable[[str], str]
    inside: tuple[DataPlane, ...] = ()
    context: str = "tidegate"
    loopback: bool = False
    manners: Manners = field(default_factory=Manners)
    gate: AnswerGate = field(default_factory=AnswerGate)
