"""The signaling room, built: what other data planes and control planes meet of this node."""

from tidegate.catalogue.errors import VersionUnknownError
from tidegate.catalogue.service import CatalogueService
from tidegate.connector.dataplane.model import DataPlane
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.signaling.desk import Desk, Transfers
from tidegate.connector.signaling.flows import Flows
from tidegate.connector.signaling.model import BASE_PATH, Manners
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.remote import RemotePlanes
from tidegate.connector.signaling.service import SignalingService
from tidegate.kernel.ids import secret_token
from tidegate.kernel.values import dataclass
from tidegate.node.ground import Ground
from tidegate.policy.service import PolicyService

SERVED_STAGE = "stored"


@dataclass(frozen=True, slots=True)
class Signaling:
    """The parts of signaling that the transfer room is built on, and the room itself."""

    desk: Desk
    flows: Flows
    registry: Registry
    planes: RemotePlanes

    def service(self, control: Transfers) -> SignalingService:
        """Return the room, joined to the control plane of this node."""
        return SignalingService(self.desk, self.flows, self.registry, control)


def build_signaling(
    ground: Ground,
    *,
    callers: IdentityService,
    catalogue: CatalogueService,
    policy: PolicyService,
    inside: tuple[DataPlane, ...],
    manners: Manners,
) -> Signaling:
    """Build the parts of signaling.

    Planes may live at private addresses: an operator of this node names them, one by one.
    """
    wire = PeerHttp(HttpSettings(loopback=True, ca_file=ground.settings.tls_ca))

    def find_version(dataset_id: str) -> str:
        versions = catalogue.list_versions(dataset_id)
        stored = [one for one in versions if one.stage == SERVED_STAGE]
        if not stored:
            raise VersionUnknownError(
                "No version of this dataset is stored here.", code="version_unknown"
            )
        return max(stored, key=lambda one: one.number).id

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
        find_version=find_version,
        inside=inside,
        loopback=ground.loopback,
        manners=manners,
    )
    flows, registry = Flows(desk), Registry(desk)
    return Signaling(desk, flows, registry, RemotePlanes(desk, flows, registry))
