"""How processes stand and why peers can or cannot be reached: stuck, progress, checkups."""

from tidegate.api.kit import Call, Operation
from tidegate.connector.checkup.model import Checkup
from tidegate.connector.progress.model import Moment, Standing
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class ExaminePeer:
    """The DID of the node to examine."""

    did: str


@dataclass(frozen=True, slots=True)
class ProgressPage:
    """How a negotiation stands, and every message with the states of both sides."""

    standing: Standing
    timeline: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Hastened:
    """How many tasks run now instead of later."""

    tasks: int


def examine_peer(call: Call[ExaminePeer]) -> Checkup:
    """Examine a peer step by step; a broken peer is an answer, not an error."""
    return call.house.checkup.examine(call.body.did, by=call.actor)


def list_stuck(call: Call[None]) -> tuple[Standing, ...]:
    """Return the negotiations and transfers that do not go on by themselves."""
    return call.house.progress.list_stuck()


def show_progress(call: Call[None]) -> ProgressPage:
    """Return how a negotiation stands on both sides."""
    one = call.house.negotiation.get(call.path["pid"])
    progress = call.house.progress
    return ProgressPage(progress.standing(one), progress.timeline(one))


def retry_now(call: Call[None]) -> Hastened:
    """Send the waiting message of a negotiation now."""
    one = call.house.negotiation.get(call.path["pid"])
    return Hastened(call.house.progress.retry_now(one, by=call.actor))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/peers/checkups",
        examine_peer,
        takes=ExaminePeer,
        gives=Checkup,
        summary="Examine why a peer can or cannot be reached and trusted",
    ),
    Operation(
        "GET",
        "/stuck",
        list_stuck,
        gives=tuple[Standing, ...],
        summary="List the negotiations and transfers that are stuck",
    ),
    Operation(
        "GET",
        "/negotiations/{pid}/progress",
        show_progress,
        gives=ProgressPage,
        summary="Show how a negotiation stands on both sides",
    ),
    Operation(
        "POST",
        "/negotiations/{pid}/retry",
        retry_now,
        gives=Hastened,
        summary="Send the waiting message of a negotiation now",
    ),
)
