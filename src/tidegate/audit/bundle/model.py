"""What a verification found: flaws, remarks, and the life of each dataset version."""

from collections.abc import Mapping

from tidegate.kernel.canonical import Json
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with a member, or with the container itself."""

    member: str
    problem: str


@dataclass(frozen=True, slots=True)
class LogSummary:
    """One node's log: its length, and by whom how much of it was witnessed."""

    did: str
    name: str
    leaves: int
    subjects: int
    checkpoints: int
    witnessed: int
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """One act in the life of a version, and where it stands in which log."""

    at: str
    node: str
    position: int
    event: str
    premis: str | None
    by: str
    subject: str
    number: int
    why: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that ever happened to one dataset version, over all logs."""

    version: str
    events: tuple[LifeEvent, ...]
    keeper: str = ""
    """The node that keeps the version: another node may use the same id for data of its own."""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on a bundle. Without a trust file nothing in it can be authenticated."""

    space: str = ""
    exporter: str = ""
    at: str = ""
    is_authenticated: bool = False
    members: int = 0
    logs: tuple[LogSummary, ...] = ()
    lives: tuple[Life, ...] = ()
    remarks: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0 for verified, 1 for flawed, 2 for consistent but unauthenticated."""
        if self.flaws:
            return 1
        return 0 if self.is_authenticated else 2

    @property
    def verdict(self) -> str:
        """Return the verdict in words."""
        return ("verified", "flawed", "consistent, but unauthenticated")[self.exit_code]
