"""What an examination uses: the rooms of this node, and the system's ways to look and knock."""

from collections.abc import Callable
from typing import Protocol

from tidegate.connector.checkup.probe import Knock
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.wallet.service import WalletService
from tidegate.connector.progress.model import Standing
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass
from tidegate.partners.model import Member, Space
from tidegate.work.model import Task


class Membership(Protocol):
    """What the space says of its members."""

    def find_space(self) -> Space | None:
        """Return the space this node belongs to."""
        ...

    def find_member(self, did: str) -> Member | None:
        """Return a member by its DID."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What an examination uses: the node's own rooms, and how it looks up names and knocks.

    `stuck` lists what does not go on, `parked` the parked tasks; `resolve` and `knock` are the
    system's.
    """

    did: str
    base: str
    clock: Clock
    http: PeerHttp
    settings: HttpSettings
    identity: IdentityService
    wallet: WalletService
    space: Membership
    stuck: Callable[[], tuple[Standing, ...]]
    parked: Callable[[], tuple[Task, ...]]
    resolve: Callable[[str, int], tuple[str, ...]]
    knock: Callable[..., Knock]
