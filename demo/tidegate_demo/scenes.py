"""What the chapters share: the nodes, the people, and what the story has made so far."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tidegate_client.client import Client
from tidegate_demo.narrator import Narrator
from tidegate_demo.nodes import DemoError, RunningNode, Stage
from tidegate_demo.people import Player

PATIENCE = 60.0  # seconds to wait for a message between nodes on one machine, retries included


@dataclass(slots=True)
class Scene:
    """Where the story stands."""

    narrator: Narrator
    stage: Stage
    nodes: dict[str, RunningNode]
    players: dict[str, Player]
    dataset: str = ""
    version: str = ""
    offer: str = ""
    project: str = ""
    agreement: str = ""
    results: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Player:
        """Return one of the people."""
        return self.players[key]

    def did(self, key: str) -> str:
        """Return an institution's DID."""
        return self.nodes[key].did

    def operator(self, key: str) -> Client:
        """Return a client of a node's operator; use it as a context."""
        return Client(self.nodes[key].base_url, self.nodes[key].operator_token)

    def decided(self, what: str, key: str, why: str = "") -> None:
        """Tell a decision of one of the people."""
        self.narrator.decided(what, by=self.players[key].who, why=why)

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for a message to arrive; raise DemoError if it does not in time."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise DemoError(
                    f"Waited {PATIENCE:.0f} s for {what}; see the logs in var/demo."
                    f"{self.stage.complaints()}"
                )
            time.sleep(0.03)

    def save(self, name: str, document: Any) -> None:
        """Write a document into the place of the story."""
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        (self.stage.place / name).write_text(text, encoding="utf-8")

    @staticmethod
    def day(moment: datetime) -> str:
        """Write a date."""
        return moment.date().isoformat()

    @staticmethod
    def moment(moment: datetime) -> str:
        """Write a moment as RFC 3339."""
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
