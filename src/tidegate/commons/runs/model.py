"""A run: one person's wish to de-identify a version, and how far it is. States are a table."""

from enum import StrEnum

from tidegate.kernel.machine import Machine, Move
from tidegate.kernel.values import dataclass

MOST_TRIES = 3
"""Times a run is begun: a table that ends its process each time is not tried for ever."""


class RunState(StrEnum):
    """Where a run stands; while it waits it may be worked on, as its progress tells."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


RUN_LIFE: Machine[RunState] = Machine(
    "run",
    RunState.WAITING,
    (
        Move("finish", RunState.WAITING, RunState.DONE, "node"),
        Move("refuse", RunState.WAITING, RunState.REFUSED, "node"),
        Move("cancel", RunState.WAITING, RunState.CANCELLED, "steward"),
    ),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked, by whom, and what became of it."""

    id: str
    version_id: str
    project_id: str
    recipe: str
    """The whole recipe, as canonical JSON."""
    asked_by: str
    """`person:…`: who asked, and as whom it is done."""
    asked_at: str
    state: RunState = RunState.WAITING
    ended_at: str = ""
    code: str = ""
    """Why it was refused, as a code and in words."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is: `done` of 100, the step it is at, how often it was begun."""

    done: int = 0
    step: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its progress, as doors show it."""

    run: Run
    progress: RunProgress
