"""Tasks: what was promised inside a write and is done after it."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.values import dataclass

Handler = Callable[..., None]
"""Called with the task's payload as keywords; idempotent, since it may run more than once."""

FIRST_DELAY = 0.3
LONGEST_DELAY = 300.0
ATTEMPTS = 14  # about half an hour of trying before a person is asked


class TaskState(StrEnum):
    """Where a task stands; a done task is gone."""

    WAITING = "waiting"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Task:
    """One promise: which handler runs with which ids, in which lane."""

    seq: int
    handler: str
    lane: str
    payload: Mapping[str, str]
    state: TaskState
    attempts: int
    queued_at: str
    due_at: str
    problem_code: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job that runs `first` seconds after the start and then `every` seconds after it ended."""

    name: str
    every: float
    run: Callable[[], None]
    first: float | None = None  # as long as `every` unless told


def delay_before(attempt: int) -> float:
    """Return the seconds to wait after `attempt` earlier tries: doubling, at most five minutes."""
    return min(FIRST_DELAY * 2.0**attempt, LONGEST_DELAY)


def is_worth_retrying(problem: Exception, attempts: int) -> bool:
    """Tell whether another try may succeed: trouble that passes does, most refusals do not."""
    if isinstance(problem, TidegateError) and not isinstance(problem, UnavailableError):
        return attempts < problem.tries
    return attempts < ATTEMPTS
