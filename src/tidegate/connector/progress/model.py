"""How a process stands: its messages as a timeline of both sides, and what keeps it from going on.

"Stuck" is any trouble at all: something failed, somebody must act, or nobody has for too long.
"""

from enum import StrEnum

from tidegate.connector.messages.model import MessageRecord, Side
from tidegate.kernel.values import dataclass


class Kind(StrEnum):
    """Which protocol a process follows."""

    NEGOTIATION = "negotiation"
    TRANSFER = "transfer"


class Trouble(StrEnum):
    """Why a process does not go on by itself."""

    FAILING = "failing"  # our message was tried and not acknowledged
    UNSENT = "unsent"  # our message waits to be sent for too long
    PERSON = "person"  # somebody here must decide
    APPROVAL = "approval"  # a legal officer here was asked whether the rows may leave
    HELD = "held"  # it is our turn, and no strategy takes it
    SILENT = "silent"  # it is the peer's turn, and it says nothing
    PARKED = "parked"  # a task of this process was put aside


class NextAct(StrEnum):
    """What a person can do about a trouble."""

    RETRY = "retry"  # send the message again now
    DECIDE = "decide"  # go on, refuse or counter
    ANSWER = "answer"  # answer the question about the rows (a legal officer)
    RESUME = "resume"  # let the parked task run again (an operator)
    ASK_PEER = "ask_peer"  # ask the peer how the process stands there
    EXAMINE = "examine"  # find out why the peer cannot be reached
    TERMINATE = "terminate"  # end it, with a reason


NEXT_ACTS: dict[Trouble, tuple[NextAct, ...]] = {
    Trouble.FAILING: (NextAct.RETRY, NextAct.EXAMINE, NextAct.TERMINATE),
    Trouble.UNSENT: (NextAct.RETRY, NextAct.TERMINATE),
    Trouble.PERSON: (NextAct.DECIDE, NextAct.TERMINATE),
    Trouble.APPROVAL: (NextAct.ANSWER, NextAct.TERMINATE),
    Trouble.HELD: (NextAct.DECIDE, NextAct.TERMINATE),
    Trouble.SILENT: (NextAct.ASK_PEER, NextAct.EXAMINE, NextAct.TERMINATE),
    Trouble.PARKED: (NextAct.RESUME, NextAct.TERMINATE),
}
"""The one table from a trouble to what can be done about it, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process may rest before that counts as trouble, in seconds."""

    unsent_seconds: float = 60.0
    held_seconds: float = 60.0
    silent_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Process:
    """A negotiation or transfer as far as its progress is concerned.

    `turns` are the sides that can take it further by a step other than ending it; none where the
    state is one to rest in.
    """

    kind: Kind
    pid: str
    side: Side
    peer_did: str
    state: str
    is_final: bool
    changed_at: str
    turns: frozenset[Side] = frozenset()
    pending: str = ""
    waiting: str = ""
    reason: str = ""
    reason_code: str = ""

    @property
    def subject(self) -> str:
        """The name of the process in the evidence."""
        return f"{self.kind.value}:{self.pid}"


@dataclass(frozen=True, slots=True)
class Try:
    """One try to deliver a message that failed, with its reason."""

    number: int
    at: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One trouble of a process: since when, in which words, and what to do.

    `tries` counts the failed tries, `next_try_at` says when the node tries again by itself, and
    `task` names the parked task.
    """

    trouble: Trouble
    since: str
    words: str = ""
    code: str = ""
    tries: int = 0
    next_try_at: str = ""
    task: int = 0

    @property
    def acts(self) -> tuple[NextAct, ...]:
        """What can be done about it, the likeliest first."""
        return NEXT_ACTS[self.trouble]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a process stands now."""

    process: Process
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def is_stuck(self) -> bool:
        """Whether it does not go on by itself, or not as it should."""
        return bool(self.obstacles)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where the evidence of an act is: its number in the log and its hash."""

    position: int
    hash: str
    event: str
    at: str
    by: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline: a message between the sides, or an act on this side alone.

    `ours` and `theirs` are the states of the two sides after it, as far as this node knows;
    `theirs` is empty where it cannot know. `tries` holds the failed tries only.
    """

    at: str
    ours: str
    theirs: str
    message: MessageRecord | None = None
    tries: tuple[Try, ...] = ()
    leaf: Leaf | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One state on the way of a side: behind it, where it is, or still ahead."""

    state: str
    is_done: bool = False
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class PeerSays:
    """What the peer answered when it was asked how a process stands.

    `is_forgotten` where it answered that there is no such process.
    """

    state: str
    words: str
    agrees: bool
    is_forgotten: bool = False
