"""The examination of peers, built from the rooms it looks into."""

from tidegate.connector.checkup.desk import Tools
from tidegate.connector.checkup.probe import knock, look_up
from tidegate.connector.checkup.service import CheckupService
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.wallet.service import WalletService
from tidegate.connector.progress.service import ProgressService
from tidegate.kernel.values import dataclass
from tidegate.node.ground import Ground
from tidegate.partners.space.service import SpaceService
from tidegate.work.service import WorkService


@dataclass(frozen=True, slots=True)
class Looked:
    """The rooms an examination looks into."""

    http: PeerHttp
    identity: IdentityService
    wallet: WalletService
    space: SpaceService
    progress: ProgressService
    work: WorkService


def build_checkup(ground: Ground, rooms: Looked) -> CheckupService:
    """Build the examination of peers."""
    settings = HttpSettings(loopback=ground.loopback, ca_file=ground.settings.tls_ca)
    return CheckupService(
        Tools(
            did=ground.did,
            base=ground.settings.base_url,
            clock=ground.clock,
            http=rooms.http,
            settings=settings,
            identity=rooms.identity,
            wallet=rooms.wallet,
            space=rooms.space,
            stuck=rooms.progress.list_stuck,
            parked=rooms.work.all_parked,
            resolve=look_up,
            knock=knock,
        )
    )
