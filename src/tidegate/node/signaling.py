"""The signaling room, built: what other data planes and control planes meet of this node."""

from collections.abc import Callable

from tidegate.connector.dataplane.model import DataPlane
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.signaling.desk import Desk, Hosting, Transfers
from tidegate.connector.signaling.flows import Flows
from tidegate.connector.signaling.model import BASE_PATH, Manners
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.remote import RemotePlanes
from tidegate.connector.signaling.service import SignalingService
from tidegate.kernel.ids import secret_token
from tidegate.kernel.values import dataclass
from tidegate.node.ground import Ground
from tidegate.policy.service import PolicyService


@dataclass(frozen=True, slots=True)
class Signaling:
    """The parts of signaling that the transfer room is built on, and the room itself."""

    desk: Desk
    flows: Flows
    registry: Registry
    planes: RemotePlanes
    hosting: Hosting

    def service(self, control: Transfers) -> SignalingService:
        """Return the room, joined to the control plane of this node."""
        return SignalingService(self.desk, self.flows, self.registry, control, self.hosting)


def build_signaling(
    ground: Ground,
    *,
    callers: IdentityService,
    policy: PolicyService,
    inside: tuple[DataPlane, ...],
    manners: Manners,
    judge: Callable[[Desk, Registry], Hosting],
) -> Signaling:
    """Build the parts of signaling.

    Planes may live at private addresses: an operator of this node names them, one by one.
    `judge` makes who decides about hosted flows.
    """
    wire = PeerHttp(HttpSettings(loopback=True, ca_file=ground.settings.tls_ca))

    desk = Desk(
        journal=ground.journal,
        clock=ground.clock,
        ids=ground.ids,
        did=ground.did,
        base=f"{ground.settings.base_url}{BASE_PATH}",
        wire=wire,
        keys=ground.keys,
        token=secret_token,
        agreements=policy,
        callers=callers,
        inside=inside,
        loopback=ground.loopback,
        manners=manners,
    )
    flows, registry = Flows(desk), Registry(desk)
    planes = RemotePlanes(desk, flows, registry)
    return Signaling(desk, flows, registry, planes, judge(desk, registry))
