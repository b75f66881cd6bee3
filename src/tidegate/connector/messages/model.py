"""A message as it is kept: which way it went, how often it was tried, what became of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tidegate.kernel.values import dataclass


class Side(StrEnum):
    """Which of the two participants somebody is in a process."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> "Side":
        """The side across the wire."""
        return Side.PROVIDER if self is Side.CONSUMER else Side.CONSUMER


def subject_of(publisher: str, dataset_id: str) -> str:
    """Name a peer's dataset, for a strategy or a script: its id alone is the peer's own word.

    So no peer is answered as another was meant to be, nor as one of our offers, by using its id.
    """
    return f"{publisher}#{dataset_id}"


class Direction(StrEnum):
    """Which way a message went."""

    IN = "in"
    OUT = "out"


class MessageState(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    ACKNOWLEDGED = "acknowledged"
    ABANDONED = "abandoned"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message of a negotiation or transfer.

    `code` of a queued message tells how the last try ended: empty (not tried, or no answer was
    seen), `too_early`, `unproven`, `unable`, `refused`.
    """

    id: str
    process: str
    position: int
    direction: Direction
    type: str
    action: str
    message_id: str
    body: Mapping[str, Any]
    state: MessageState
    attempts: int
    created_at: str
    changed_at: str
    code: str = ""
    outcome: str = ""

    @property
    def may_have_arrived(self) -> bool:
        """Whether the peer may hold this message although it never said so."""
        return self.state is MessageState.QUEUED and self.code in {"", "no_answer"}


_BRIEF = frozenset({"too_early", "unproven"})
"""What ends a try and passes soon, if it passes."""


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How patiently messages are delivered; `pacing` is for peers that need time between them."""

    first_delay: float = 0.3
    longest_delay: float = 60.0
    attempts: int = 12
    early_attempts: int = 6
    pacing: float = 0.0

    def delay_before(self, attempt: int) -> float:
        """Return the seconds to wait after that many tries."""
        return min(self.first_delay * 2.0 ** max(attempt - 1, 0), self.longest_delay)

    def gives_up(self, code: str, attempts: int) -> bool:
        """Tell whether a message that failed so often, last with that code, is given up."""
        if code == "refused":
            return True
        return attempts >= (self.early_attempts if code in _BRIEF else self.attempts)
