"""The people of the story, at which institution, in which roles."""

from dataclasses import dataclass
from typing import Any

from tidegate_client.client import Client
from tidegate_demo.nodes import Cast, RunningNode

CASTS = (
    Cast("authority", "Pearl River Estuary Medical Data Space Authority", "CN-GBA9", "authority"),
    Cast("faculty", "Faculty of Medicine, Hong Kong", "HK", "participant"),
    Cast("hospital", "Nansha Hospital", "CN-GBA9", "participant"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One person's part: the key of the story, the node, the name, the roles."""

    key: str
    node: str
    name: str
    roles: tuple[str, ...]


PARTS = (
    Part("keeper", "authority", "Au Ka-wai 區嘉慧", ("operator", "auditor")),
    Part("researcher", "faculty", "Dr Chan Mei-ling 陳美玲", ("researcher",)),
    Part("trainer", "faculty", "Ho Wing-sze 何詠詩", ("trainer",)),
    Part("counsel_hk", "faculty", "Lau Chi-ming 劉志明", ("legal",)),
    Part("ethics_hk", "faculty", "Prof. Wong Sau-lan 黃秀蘭", ("committee",)),
    Part("steward", "hospital", "Li Jianguo 李建国", ("steward",)),
    Part("second", "hospital", "Zhang Li 张丽", ("steward",)),
    Part("committee", "hospital", "Dr Chen Yu 陈玉", ("committee",)),
    Part("counsel_cn", "hospital", "Zhou Wen 周文", ("legal",)),
    Part("checker", "hospital", "Lin Xin 林信", ("checker",)),
    Part("auditor", "hospital", "Xu Hong 徐宏", ("auditor",)),
)


@dataclass(frozen=True, slots=True)
class Player:
    """A person at the keyboard: who they are and their own client."""

    part: Part
    id: str
    ref: str
    client: Client

    @property
    def who(self) -> str:
        """Return how the story names them."""
        return f"{self.part.name}, {', '.join(self.part.roles)}"


def bring_in(nodes: dict[str, RunningNode]) -> dict[str, Player]:
    """Add every person at their node and open a client for each."""
    players: dict[str, Player] = {}
    for part in PARTS:
        node = nodes[part.node]
        with Client(node.base_url, node.operator_token) as operator:
            email = f"{part.key}@{part.node}.example"
            person = operator.people.add(part.name, email, part.roles)
            token = operator.people.issue_token(person.id, label="demonstration")
        client = Client(node.base_url, token)
        players[part.key] = Player(part, person.id, client.people.me().person_ref, client)
    return players


def links(nodes: dict[str, RunningNode], players: dict[str, Player]) -> list[dict[str, Any]]:
    """Return a one-time sign-in link for each person."""
    made = []
    for player in players.values():
        node = nodes[player.part.node]
        with Client(node.base_url, node.operator_token) as operator:
            secret = operator.people.issue_link(player.id, minutes=24 * 60)
        made.append(
            {
                "key": player.part.key,
                "node": player.part.node,
                "name": player.part.name,
                "roles": list(player.part.roles),
                "url": f"{node.base_url}/sign-in/link/{secret}",
            }
        )
    return made
