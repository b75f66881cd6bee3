"""The state machine of a transfer.

Source: Dataspace Protocol 2025-1, transfer process protocol, state machine. A provider starts; both
may resume what is suspended.
"""

from tidegate.connector.messages.model import Side
from tidegate.connector.transfer.model import Step
from tidegate.connector.transfer.model import TransferState as S
from tidegate.kernel.machine import Machine, Move

_C, _P = Side.CONSUMER.value, Side.PROVIDER.value

_MOVES = (
    (Step.REQUEST, S.INITIAL, S.REQUESTED, (_C,)),
    (Step.TERMINATE, S.INITIAL, S.TERMINATED, (_C, _P)),
    (Step.START, S.REQUESTED, S.STARTED, (_P,)),
    (Step.TERMINATE, S.REQUESTED, S.TERMINATED, (_C, _P)),
    (Step.SUSPEND, S.STARTED, S.SUSPENDED, (_C, _P)),
    (Step.COMPLETE, S.STARTED, S.COMPLETED, (_C, _P)),
    (Step.TERMINATE, S.STARTED, S.TERMINATED, (_C, _P)),
    (Step.START, S.SUSPENDED, S.STARTED, (_C, _P)),
    (Step.TERMINATE, S.SUSPENDED, S.TERMINATED, (_C, _P)),
)

TRANSFER: Machine[S] = Machine(
    name="transfer",
    start=S.INITIAL,
    moves=tuple(
        Move(step.value, source, target, by)
        for step, source, target, actors in _MOVES
        for by in actors
    ),
)

FINAL = TRANSFER.final()


def may_step(state: S, step: str, *, by: Side) -> bool:
    """Tell whether that side can take this step now."""
    return any((m.source, m.action, m.by) == (state, step, by.value) for m in TRANSFER.moves)
