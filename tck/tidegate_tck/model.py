"""What a kit's profile is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from tidegate.kernel.ids import Ids, RandomIds
from tidegate.node.build import Node
from tidegate.node.fittings import PLAIN, Fittings
from tidegate.settings import NodeRole


@dataclass(frozen=True, slots=True)
class Place:
    """Where node and kit meet: the base URLs of both."""

    node: str
    kit: str

    @property
    def node_did(self) -> str:
        """The DID of the node under test."""
        return did_of(self.node)

    @property
    def kit_did(self) -> str:
        """The DID of the kit's own host."""
        return did_of(self.kit)

    @property
    def node_port(self) -> int:
        """The port the node listens on."""
        return urlsplit(self.node).port or 80

    @property
    def kit_port(self) -> int:
        """The port the kit listens on."""
        return urlsplit(self.kit).port or 80


@dataclass(frozen=True, slots=True)
class Profile:
    """How a node is fitted and filled for one run of a kit, and what the kit is told of it.

    `settings` are the kit's own properties. `seed` fills the fresh node, through the services of
    its rooms; while it runs, the node names new things by `ids`.
    """

    settings: Mapping[str, str]
    fittings: Fittings = PLAIN
    seed: Callable[[Node], None] = lambda _node: None
    ids: Ids = field(default_factory=RandomIds)
    role: NodeRole = NodeRole.PARTICIPANT


def did_of(base_url: str) -> str:
    """Return the did:web of a host."""
    return "did:web:" + quote(urlsplit(base_url).netloc, safe=".-")


def common_settings(place: Place) -> dict[str, str]:
    """Return what every kit is told: where it listens, and how it is called back."""
    return {
        "dataspacetck.debug": "false",
        "dataspacetck.host": "0.0.0.0",  # noqa: S104 - the kit's own wish; it runs on this machine
        "dataspacetck.port": str(place.kit_port),
        "dataspacetck.callback.address": place.kit,
    }
