"""A wire that disorders messages: twice, late, or with the answer lost; and messages said early.

The pairs of messages that can follow each other are read from the state machines.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from lib.boundaries import (
    NEGOTIATION_MOVES,
    TRANSFER_MOVES,
    Stage,
    hold,
    negotiate_to,
    negotiation_act,
    release,
    transfer_act,
    transfer_to,
)
from lib.dsp_nodes import STEWARD, DspNode
from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.http.model import Answer
from tidegate.kernel.machine import Move

Call = tuple[str, str, bytes, str]
Pair = tuple[Move, Move]


@dataclass
class Door:
    """A node's door behind a wire that may hold, repeat and lose what passes."""

    node: DspNode
    is_double: bool = False
    is_losing: bool = False  # the answer of the next message
    is_holding: bool = False  # the next message
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    held: list[Call] = field(default_factory=list)

    def answer(self, *call) -> Answer:
        """Answer as the node does, after what the wire does to the call."""
        if self.is_holding:
            self.is_holding = False
            self.held.append(call)
            raise PeerUnreachableError("Nobody answered in time.")
        found = self.take(call)
        if self.is_double:
            assert _seen(found) == _seen(self.take(call)), "a repeated message is answered alike"
        if self.is_losing:
            self.is_losing = False
            raise PeerUnreachableError("The answer was lost.")
        return found

    def take(self, call: Call) -> Answer:
        """Let a call arrive now."""
        self.calls.append(call)
        self.answers.append(self.node.answer(*call))
        return self.answers[-1]

    def restart(self) -> None:
        self.node.restart()


def _seen(answer: Answer) -> tuple:
    """Return what must be alike; the first opening alone is 201 of something made."""
    return answer.is_ok, answer.body


def doors_of(stage: Stage) -> dict[str, Door]:
    """Put doors of this kind before both nodes; return each by the side behind it."""
    network, made = stage.hospital.network, {}
    for side in ("consumer", "provider"):
        node = stage.node(side)
        made[side] = network.nodes[node.base] = Door(node)
    return made


def other(side: str) -> str:
    return "provider" if side == "consumer" else "consumer"


# --- what follows what


def _follows(first: Move, second: Move) -> bool:
    resumes = (first.action, second.action) == ("suspend", "start")
    return first.target == second.source and not (resumes and first.by != second.by)


def pairs_of(moves: list[Move]) -> list[Pair]:
    return [(one, two) for one in moves for two in moves if _follows(one, two)]


NEGOTIATION_PAIRS, TRANSFER_PAIRS = pairs_of(NEGOTIATION_MOVES), pairs_of(TRANSFER_MOVES)


def answers(pair: Pair) -> bool:
    """Tell whether the second message is the other side's."""
    return pair[0].by != pair[1].by


def is_too_early(pair: Pair, moves: list[Move]) -> bool:
    """Tell whether the second may not come where the first has not come; its receiver is known."""
    first, second = pair
    now = (first.source, second.action, second.by)
    return first.source != "INITIAL" and now not in {(m.source, m.action, m.by) for m in moves}


# --- bringing it about


def come_to(stage: Stage, first: Move) -> None:
    """Begin a process of its own and bring it to where the first message is said."""
    if stage.room == "negotiation":
        negotiate_to(stage.begin(), first.source)
        return
    release(stage)
    for one in stage.all_of("provider"):  # rows held by their provider are not asked for again
        if one.state == "SUSPENDED":
            stage.desk("provider").terminate(one.pid, "Over.", by=STEWARD)
            stage.settle()
    transfer_to(stage.begin(), first.source, first.by)
    hold(stage)


def act_of(stage: Stage, move: Move) -> Callable[[], object]:
    return (negotiation_act if stage.room == "negotiation" else transfer_act)(stage, move)


def say(stage: Stage, move: Move, seconds: float = 20.0) -> None:
    """Have a message said and let this much time pass."""
    act_of(stage, move)()
    stage.settle(seconds)


def call_of(door: Door, move: Move, place: int = -1) -> Call:
    """Return the last call of this door, which carried the message of a move."""
    found = [one for one in door.calls if one[0] == "POST"][place]
    assert found[2], f"{move.action} was not said"
    return found


def readdressed(stage: Stage, call: Call, before: tuple[str, str]) -> Call:
    """Return a call of an earlier process (its consumer's and provider's pid) for the present."""
    method, path, raw, token = call
    now = stage.pid("consumer"), stage.pid("provider")
    text = raw.decode()
    for old, new in zip(before, now, strict=True):
        text, path = text.replace(old, new), path.replace(old, new)
    said = {**json.loads(text), "@id": "urn:uuid:11111111-1111-4111-8111-111111111111"}
    return method, path, json.dumps(said).encode(), token
