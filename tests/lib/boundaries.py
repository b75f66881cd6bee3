"""Every place where a node can die around one message, and every message of both protocols.

The messages are read from the state machines, so that one added there is tested here at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select

from lib.dsp_nodes import (
    FACULTY,
    HOSPITAL,
    POLICY,
    RESEARCHER,
    STEWARD,
    Crashing,
    DspNode,
    agreed,
    pump,
)
from tidegate.access.model import Actor
from tidegate.connector.messages.model import Direction, MessageState, Side
from tidegate.connector.negotiation.machine import NEGOTIATION
from tidegate.connector.negotiation.model import Strategy
from tidegate.connector.transfer.machine import TRANSFER
from tidegate.db.tables.audit import audit_leaf
from tidegate.db.tables.work import work_task
from tidegate.kernel.failpoint import arm, disarm
from tidegate.kernel.machine import Move
from tidegate.policy.service import to_message_offer

LONG = 600.0  # seconds of the nodes' clock in which everything must have come to rest
QUIET = Strategy("quiet", ())
C, P = Side.CONSUMER.value, Side.PROVIDER.value


@dataclass
class Stage:
    """Two nodes and where one process stands on each."""

    hospital: DspNode
    faculty: DspNode
    room: str = "negotiation"
    agreement: str = ""
    format: str = ""
    earlier: frozenset[str] = frozenset()
    round: int = 0
    known: dict[str, str] = field(default_factory=dict)

    def begin(self) -> "Stage":
        """Start over with a process of its own; what went before is not looked at any more."""
        both = (one.pid for side in (C, P) for one in self._every(side))
        self.earlier, self.round, self.known = frozenset(both), self.round + 1, {}
        return self

    @property
    def researcher(self) -> Actor:
        """A person of this round: a visit that is open is not asked for again."""
        return replace(RESEARCHER, id=f"person:per_{self.round}")

    def node(self, side: str) -> DspNode:
        return self.hospital if side == Side.PROVIDER.value else self.faculty

    def other(self, side: str) -> DspNode:
        return self.faculty if side == Side.PROVIDER.value else self.hospital

    def desk(self, side: str):
        return getattr(self.node(side), self.room)

    def _every(self, side: str):
        desk = self.desk(side)
        return desk.list_negotiations() if self.room == "negotiation" else desk.list_transfers()

    def all_of(self, side: str):
        return [one for one in self._every(side) if one.pid not in self.earlier]

    def pid(self, side: str) -> str:
        """Return the one process of this round; `states` sees whether another came later."""
        if side not in self.known:
            (one,) = self.all_of(side)
            self.known[side] = one.pid
        return self.known[side]

    def states(self) -> tuple[list[str], list[str]]:
        """Return the states at consumer and provider: one each, if nothing is lost or double."""
        return tuple(
            [one.state.value for one in self.all_of(side)] for side in ("consumer", "provider")
        )

    def settle(self, seconds: float = LONG) -> None:
        pump(self.hospital, self.faculty, seconds=seconds)

    def tasks(self) -> int:
        count = 0
        for node in (self.hospital, self.faculty):
            with node.ground.database.reading() as conn:
                known = work_task.c.handler.in_(set(node.handlers) - node.held)
                count += conn.execute(select(func.count()).where(known)).scalar_one()
        return count

    def leaves(self, side: str, event: str) -> int:
        """Return how often a node's evidence says this of the process."""
        node, subject = self.node(side), f"{self.room}:{self.pid(side)}"
        with node.ground.database.reading() as conn:
            query = select(func.count()).where(
                audit_leaf.c.subject == subject, audit_leaf.c.event == event
            )
            return conn.execute(query).scalar_one()

    def taken(self, side: str, action: str) -> int:
        """Return how often a node took a message of this step from its peer."""
        return sum(
            (one.direction, one.action, one.state) == (Direction.IN, action, MessageState.ACCEPTED)
            for one in self.desk(side).list_messages(self.pid(side))
        )


# --- where somebody dies


@dataclass
class Trouble:
    """What goes wrong around the next message: made, seen to happen, and mended."""

    happened: Callable[[], bool]
    mend: Callable[[], object] = lambda: None


Break = Callable[[Stage, str], Trouble]


def _kill_at(point: str, time: int = 1) -> Break:
    def prepare(stage: Stage, side: str) -> Trouble:
        crash = Crashing(time)
        arm(f"{stage.room}.{point}", crash)
        return Trouble(lambda: crash.seen >= time)

    return prepare


def _away(stage: Stage, side: str) -> Trouble:
    network, base = stage.hospital.network, stage.other(side).base
    network.down.add(base)
    refused = network.refused
    return Trouble(lambda: network.refused > refused, lambda: network.down.discard(base))


def _die_before_answering(stage: Stage, side: str) -> Trouble:
    network, receiver = stage.hospital.network, stage.other(side)
    network.lose_next_answer = True
    network.on_lost_answer = receiver.restart
    return Trouble(lambda: not network.lose_next_answer)


BOUNDARIES: dict[str, Break] = {
    "the sender dies before it sends": _kill_at("before_send"),
    "the receiver is away": _away,
    "the receiver dies before it commits": _kill_at("before_commit"),
    "the receiver dies after its commit, before it answers": _die_before_answering,
    "the sender dies after the answer, before it commits": _kill_at("after_send"),
    "the sender dies in its commit": _kill_at("before_commit", 2),
    "the sender dies before its task is forgotten": _kill_at("deliver.done"),
}


def break_at(stage: Stage, boundary: str, side: str, act: Callable[[], object]) -> None:
    """Let `side` say something with the trouble of `boundary` around it; wait for rest."""
    trouble = BOUNDARIES[boundary](stage, side)
    act()
    stage.settle(20.0)
    assert trouble.happened(), "the boundary was never passed"
    trouble.mend()
    stage.settle()
    disarm()


# --- every message


def terms_of() -> dict:
    offer = to_message_offer(POLICY, "x", "ds_1")
    return {name: offer[name] for name in offer if name[0] != "@" and name != "target"}


def negotiation_act(stage: Stage, move: Move) -> Callable[[], object]:
    """Return what a person does so that this message is sent."""
    desk = stage.desk(move.by)
    if move.source == "INITIAL" and move.action == "request":
        return lambda: desk.request(HOSPITAL, "ds_1", by=RESEARCHER)
    if move.source == "INITIAL" and move.action == "offer":
        return lambda: desk.offer_to(FACULTY, "offer_1", by=STEWARD)
    if move.action in {"offer", "request"}:
        return lambda: desk.counter(stage.pid(move.by), terms_of(), by=STEWARD)
    if move.action == "terminate":
        return lambda: desk.terminate(stage.pid(move.by), "No more.", by=STEWARD)
    return lambda: desk.approve(stage.pid(move.by), by=STEWARD)


_TO: dict[str, tuple[str, ...]] = {
    "INITIAL": (),
    "REQUESTED": ("request",),
    "OFFERED": ("request", "offer"),
    "ACCEPTED": ("request", "offer", "accept"),
    "AGREED": ("request", "agree"),
    "VERIFIED": ("request", "agree", "verify"),
}


def negotiate_to(stage: Stage, state: str) -> None:
    """Bring a negotiation to a state without any trouble."""
    now = "INITIAL"
    for action in _TO[state]:
        move = next(m for m in NEGOTIATION.moves if (m.source, m.action) == (now, action))
        negotiation_act(stage, move)()
        stage.settle(20.0)
        now = move.target
    assert state == "INITIAL" or stage.states() == ([state], [state])


def prepare_negotiation(hospital: DspNode, faculty: DspNode) -> Stage:
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    hospital.negotiation.set_strategy(offer.id, QUIET, by=STEWARD)
    faculty.negotiation.set_strategy(offer.dataset_id, QUIET, by=STEWARD)
    return Stage(hospital, faculty)


def prepare_transfer(hospital: DspNode, faculty: DspNode, name: str) -> Stage:
    return Stage(hospital, faculty, "transfer", agreed(hospital, faculty), name)


def ask_for_transfer(stage: Stage):
    desk = stage.desk(C)
    if stage.format.startswith("HttpData"):
        return desk.request_rows(stage.agreement, stage.format, by=stage.researcher)
    return desk.request_visit(stage.agreement, by=stage.researcher)


def transfer_act(stage: Stage, move: Move) -> Callable[[], object]:
    """Return what a person, or the provider by itself, does so that this message is sent."""
    desk, by = stage.desk(move.by), stage.researcher if move.by == C else STEWARD
    acts = {
        ("request", "INITIAL"): lambda: ask_for_transfer(stage),
        ("start", "REQUESTED"): lambda: release(stage),
        ("start", "SUSPENDED"): lambda: desk.resume(stage.pid(move.by), by=by),
        ("suspend", "STARTED"): lambda: desk.suspend(stage.pid(move.by), "Hold.", by=by),
        ("complete", "STARTED"): lambda: desk.complete(stage.pid(move.by), by=by),
    }
    if move.action != "terminate":
        return acts[move.action, move.source]

    def terminate() -> None:
        desk.terminate(stage.pid(move.by), "No more.", by=by)
        release(stage)  # the provider's own reaction finds the termination on its way

    return terminate


def hold(stage: Stage) -> None:
    """Let the provider leave requests alone for now."""
    stage.hospital.held = {"transfer.react"}


def release(stage: Stage) -> None:
    stage.hospital.held = set()


def transfer_to(stage: Stage, state: str, by: str) -> None:
    """Bring a transfer to a state; where it is suspended, the side that acts next did that."""
    if state == "INITIAL":
        return
    hold(stage)
    ask_for_transfer(stage)
    stage.settle(20.0)
    if state != "REQUESTED":
        release(stage)
        stage.settle(20.0)
    if state == "SUSPENDED":
        move = next(m for m in TRANSFER.moves if (m.action, m.by) == ("suspend", by))
        transfer_act(stage, move)()
        stage.settle(20.0)
    assert stage.states() == ([state], [state])


def said_moves(machine) -> list[Move]:
    """Return every move that is made by a message; a process ended before its opening is not."""
    return [m for m in machine.moves if (m.source, m.action) != ("INITIAL", "terminate")]


NEGOTIATION_MOVES, TRANSFER_MOVES = said_moves(NEGOTIATION), said_moves(TRANSFER)


def name_of(move: Move) -> str:
    return f"{move.by} {move.action} in {move.source}".lower()
