"""What every room of a node is handed."""

from tidegate.audit.journal import Journal
from tidegate.db.engine import Database
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing
from tidegate.settings import NodeSettings


@dataclass(frozen=True, slots=True)
class Ground:
    """The settings, the one journal, time, names and keys."""

    settings: NodeSettings
    database: Database
    journal: Journal
    clock: Clock
    ids: Ids
    keys: KeyRing

    @property
    def did(self) -> str:
        """Return this node's DID."""
        return self.settings.participant.did

    @property
    def loopback(self) -> bool:
        """Tell whether plain http on this machine is how the node speaks."""
        return self.settings.base_url.startswith("http://")
