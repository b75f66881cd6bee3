"""The other nodes and what is stuck with them: checkups, progress, sending again."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tidegate_client.transport import Transport


class Words(msgspec.Struct, frozen=True):
    """A sentence in three languages."""

    en: str = ""
    zh_hant: str = ""
    zh_hans: str = ""


class Finding(msgspec.Struct, frozen=True):
    """What one step of a checkup found: `ok`, `failed` or `skipped`, and what to do."""

    step: str
    result: str
    code: str
    name: Words
    said: Words
    advice: Words


class Checkup(msgspec.Struct, frozen=True):
    """Every step of the examination of one peer."""

    did: str
    at: str
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether no step failed."""
        return all(one.result != "failed" for one in self.findings)


class Obstacle(msgspec.Struct, frozen=True):
    """One trouble of a process: `failing`, `unsent`, `person`, `held`, `silent` or `parked`."""

    trouble: str
    since: str
    words: str = ""
    code: str = ""
    tries: int = 0
    next_try_at: str = ""


class Process(msgspec.Struct, frozen=True):
    """The negotiation or transfer that is spoken of."""

    kind: str
    pid: str
    side: str
    peer_did: str
    state: str


class Standing(msgspec.Struct, frozen=True):
    """How a process stands; without obstacles it goes on by itself."""

    process: Process
    obstacles: tuple[Obstacle, ...] = ()


class Moment(msgspec.Struct, frozen=True):
    """One line of a timeline: the states of both sides after a message or an act here."""

    at: str
    ours: str
    theirs: str
    message: Mapping[str, Any] | None = None
    tries: tuple[Mapping[str, Any], ...] = ()
    leaf: Mapping[str, Any] | None = None


class Progress(msgspec.Struct, frozen=True):
    """How a negotiation stands on both sides."""

    standing: Standing
    timeline: tuple[Moment, ...]


class Hastened(msgspec.Struct, frozen=True):
    """How many tasks run now instead of later."""

    tasks: int


class Peers:
    """What is known of the other nodes, and what does not go on with them."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def examine(self, did: str) -> Checkup:
        """Examine step by step why a node can or cannot be reached and trusted."""
        return self._http.post("/peers/checkups", {"did": did}, Checkup)

    def list_stuck(self) -> tuple[Standing, ...]:
        """Return the negotiations and transfers that do not go on by themselves."""
        return self._http.get("/stuck", tuple[Standing, ...])

    def progress(self, negotiation: str) -> Progress:
        """Return how a negotiation stands on both sides."""
        return self._http.get(f"/negotiations/{quote(negotiation, safe=':')}/progress", Progress)

    def retry(self, negotiation: str) -> int:
        """Send the waiting message of a negotiation now; return how many tasks run for it."""
        path = f"/negotiations/{quote(negotiation, safe=':')}/retry"
        return self._http.post(path, {}, Hastened).tasks
