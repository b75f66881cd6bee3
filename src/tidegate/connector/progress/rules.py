"""What counts as stuck, and the timeline of both sides: pure.

Whose turn it is comes from the state machines themselves, so that a new move cannot be forgotten.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from tidegate.audit.model import LeafView
from tidegate.connector.messages.model import Direction, MessageRecord, MessageState, Side
from tidegate.connector.negotiation.machine import FINAL as AGREED
from tidegate.connector.negotiation.machine import NEGOTIATION
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.progress.model import (
    Kind,
    Leaf,
    Moment,
    Obstacle,
    Patience,
    Process,
    Standing,
    Stop,
    Trouble,
    Try,
)
from tidegate.connector.transfer.machine import FINAL as MOVED
from tidegate.connector.transfer.machine import TRANSFER
from tidegate.connector.transfer.model import Transfer, TransferState
from tidegate.kernel.clock import parse_iso
from tidegate.kernel.machine import Machine
from tidegate.kernel.values import dataclass
from tidegate.work.model import Task, TaskState

_MACHINES: Mapping[Kind, Machine[Any]] = {Kind.NEGOTIATION: NEGOTIATION, Kind.TRANSFER: TRANSFER}
_RESTING = frozenset({TransferState.STARTED, TransferState.SUSPENDED})
_GOOD_ENDS = frozenset({"FINALIZED", "COMPLETED"})
_SPOKEN = frozenset({MessageState.ACKNOWLEDGED, MessageState.ACCEPTED})


def process_of(one: Negotiation | Transfer) -> Process:
    """Return a negotiation or transfer as its progress is judged."""
    kind = Kind.NEGOTIATION if isinstance(one, Negotiation) else Kind.TRANSFER
    is_final = one.state in (AGREED if kind is Kind.NEGOTIATION else MOVED)
    return Process(
        kind=kind,
        pid=one.pid,
        side=one.side,
        peer_did=one.peer_did,
        state=one.state.value,
        is_final=is_final,
        changed_at=one.changed_at,
        turns=_turns(kind, one.state.value),
        pending=one.pending,
        waiting=one.waiting if isinstance(one, Negotiation) else "",
        reason=one.reason,
        reason_code=one.reason_code,
    )


def _turns(kind: Kind, state: str) -> frozenset[Side]:
    if kind is Kind.TRANSFER and state in _RESTING:
        return frozenset()
    return frozenset(
        Side(move.by)
        for move in _MACHINES[kind].moves
        if move.source == state and move.action != "terminate"
    )


def is_peers_turn(process: Process) -> bool:
    """Tell whether nothing happens before the peer says something."""
    rests = process.is_final or process.pending or process.waiting
    return not rests and process.turns == {process.side.other}


def may_take(one: Negotiation | Transfer, action: str) -> bool:
    """Tell whether this node's side can take a step of its process now, by the machine."""
    process = process_of(one)
    return any(
        (move.source, move.action, move.by) == (process.state, action, process.side.value)
        for move in _MACHINES[process.kind].moves
    )


def course(
    process: Process, moments: Sequence[Moment], *, theirs: bool = False
) -> tuple[Stop, ...]:
    """Return the states one side has been in, where it is, and the shortest way to a good end.

    The other side is where our messages and its own brought it, as far as this node knows.
    """
    told = (each.theirs if theirs else each.ours for each in moments)
    start = _MACHINES[process.kind].start.value
    known = [each for each in told if each and each != start]
    if not theirs and process.state != start:
        known.append(process.state)
    been = list(dict.fromkeys(known))
    here = been[-1] if been else start
    done = tuple(Stop(each, is_done=True) for each in been[:-1])
    ahead = () if process.is_final else _ahead(_MACHINES[process.kind], here)
    return (*done, Stop(here, is_here=True), *(Stop(each) for each in ahead))


def _ahead(machine: Machine[Any], here: str) -> tuple[str, ...]:
    """Return the shortest way from a state to an end that is no termination, by the machine."""
    ways: list[tuple[str, ...]] = [(here,)]
    for way in ways:
        if way[-1] in _GOOD_ENDS:
            return way[1:]
        ways += [
            (*way, move.target.value)
            for move in machine.moves
            if move.source == way[-1] and move.target.value not in (*way, "TERMINATED")
        ]
    return ()


# --- stuck


def standing(
    process: Process,
    messages: Iterable[MessageRecord],
    tasks: Sequence[Task],
    now: datetime,
    patience: Patience | None = None,
    *,
    asked_since: str = "",
) -> Standing:
    """Tell how a process stands: every trouble it has, the most pressing first.

    `tasks` are those of the lane of the process, waiting and parked; `asked_since` says since when
    a person has been asked about its rows.
    """
    limits = patience or Patience()
    pending = next((one for one in messages if one.id == process.pending), None)
    found = [_parked(task) for task in tasks if task.state is TaskState.PARKED]
    if not process.is_final:
        planned = [task for task in tasks if task.state is TaskState.WAITING]
        if asked_since and pending is None and process.side in process.turns:
            found.append(Obstacle(Trouble.APPROVAL, asked_since))
        else:
            found += _of_state(process, pending, planned, now, limits)
    return Standing(process, tuple(found))


def _parked(task: Task) -> Obstacle:
    return Obstacle(
        Trouble.PARKED,
        since=task.queued_at,
        words=task.problem or "",
        code=task.problem_code or "",
        tries=task.attempts,
        task=task.seq,
    )


def _of_state(
    process: Process,
    pending: MessageRecord | None,
    planned: Sequence[Task],
    now: datetime,
    limits: Patience,
) -> Iterator[Obstacle]:
    next_try = min((task.due_at for task in planned), default="")
    if process.waiting:
        yield Obstacle(
            Trouble.PERSON, process.changed_at, words=process.reason, code=process.reason_code
        )
    elif pending is not None:
        yield from _of_message(pending, next_try, now, limits)
    elif process.side in process.turns:
        if not planned and _rested(process, now) > limits.held_seconds:
            yield Obstacle(Trouble.HELD, process.changed_at)
    elif process.turns and _rested(process, now) > limits.silent_seconds:
        yield Obstacle(Trouble.SILENT, process.changed_at)


def _of_message(
    pending: MessageRecord, next_try: str, now: datetime, limits: Patience
) -> Iterator[Obstacle]:
    if pending.attempts:
        yield Obstacle(
            Trouble.FAILING,
            since=pending.created_at,
            words=pending.outcome,
            code=pending.code,
            tries=pending.attempts,
            next_try_at=next_try,
        )
    elif now - parse_iso(pending.created_at) > timedelta(seconds=limits.unsent_seconds):
        yield Obstacle(Trouble.UNSENT, pending.created_at, next_try_at=next_try)


def _rested(process: Process, now: datetime) -> float:
    return (now - parse_iso(process.changed_at)).total_seconds()


# --- the timeline


@dataclass(slots=True)
class _Sides:
    """The states of both sides while the messages are told again."""

    machine: Machine[Any]
    side: Side
    ours: str = field(init=False)
    theirs: str = field(init=False)

    def __post_init__(self) -> None:
        self.ours = self.theirs = self.machine.start.value

    def tell(self, record: MessageRecord) -> None:
        """Let a message do what it did."""
        by = self.side if record.direction is Direction.OUT else self.side.other
        target = next(
            (
                move.target.value
                for move in self.machine.moves
                if (move.source, move.action, move.by) == (self.ours, record.action, by.value)
            ),
            self.ours,
        )
        if record.state in _SPOKEN:
            self.ours = self.theirs = target
        elif record.may_have_arrived:
            self.theirs = ""


def timeline(
    process: Process,
    messages: Sequence[MessageRecord],
    tries: Mapping[str, Sequence[Try]],
    leaves: Sequence[LeafView],
) -> tuple[Moment, ...]:
    """Tell the messages of a process again, with the states they brought both sides to.

    Acts of this side alone (asking, deciding, retrying) stand between them; each line names the
    leaf of the evidence that proves it.
    """
    sides = _Sides(_MACHINES[process.kind], process.side)
    proofs = _proofs(leaves)
    told: list[Moment] = []
    for record in messages:
        sides.tell(record)
        told.append(
            Moment(
                at=record.created_at,
                ours=sides.ours,
                theirs=sides.theirs,
                message=record,
                tries=tuple(tries.get(record.id, ())),
                leaf=proofs.pop(record.message_id, None),
            )
        )
    if told and process.is_final and sides.ours != process.state:
        told[-1] = Moment(
            told[-1].at, process.state, "", told[-1].message, told[-1].tries, told[-1].leaf
        )
    return _joined(told, _alone(leaves))


def _proofs(leaves: Sequence[LeafView]) -> dict[str, Leaf]:
    """Return the leaf of each message by its id on the wire: the last one tells how it ended."""
    return {
        str(leaf.entry.why["message"]): _leaf(leaf)
        for leaf in leaves
        if leaf.entry.why.get("message")
    }


def _alone(leaves: Sequence[LeafView]) -> list[Leaf]:
    return [_leaf(leaf) for leaf in leaves if not leaf.entry.why.get("message")]


def _leaf(leaf: LeafView) -> Leaf:
    entry = leaf.entry
    return Leaf(leaf.position, leaf.hash, entry.did, entry.at, entry.by)


def _joined(told: list[Moment], alone: list[Leaf]) -> tuple[Moment, ...]:
    """Put this side's own acts between the messages, by time; they move nobody."""
    made: list[Moment] = []
    ours = theirs = ""
    rest = list(told)
    for leaf in sorted(alone, key=lambda one: (one.at, one.position)):
        while rest and rest[0].at < leaf.at:
            made.append(rest.pop(0))
            ours, theirs = made[-1].ours, made[-1].theirs
        made.append(Moment(leaf.at, ours, theirs, leaf=leaf))
    return (*made, *rest)
