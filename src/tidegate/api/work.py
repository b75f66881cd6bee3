"""The parked tasks over the management API."""

from tidegate.api.kit import Call, Operation
from tidegate.kernel.values import dataclass
from tidegate.work.model import Task


@dataclass(frozen=True, slots=True)
class Discard:
    """Give a parked task up, saying why."""

    reason: str


def list_parked(call: Call[None]) -> tuple[Task, ...]:
    """List the tasks that wait for a person."""
    return call.house.work.list_parked(by=call.actor)


def retry_task(call: Call[None]) -> None:
    """Let a parked task run again."""
    call.house.work.retry(int(call.path["seq"]), by=call.actor)


def discard_task(call: Call[Discard]) -> None:
    """Give a parked task up."""
    call.house.work.discard(int(call.path["seq"]), call.body.reason, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/tasks/parked", list_parked, gives=tuple[Task, ...], summary="Parked tasks"),
    Operation("POST", "/tasks/{seq:int}/retry", retry_task, summary="Retry a parked task"),
    Operation(
        "POST", "/tasks/{seq:int}/discard", discard_task, takes=Discard, summary="Give a task up"
    ),
)
