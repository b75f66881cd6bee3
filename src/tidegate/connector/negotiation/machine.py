"""The state machine of a negotiation.

Source: Dataspace Protocol 2025-1, contract negotiation protocol, state machine; either side may
terminate in any state that is not final. A state is reached when the receiver committed the
message and, at the sender, when the receiver acknowledged it.
"""

from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import NegotiationState as S
from tidegate.connector.negotiation.model import Step
from tidegate.kernel.machine import Machine, Move

_C, _P = Side.CONSUMER.value, Side.PROVIDER.value

_FORWARD = (
    (Step.REQUEST, S.INITIAL, S.REQUESTED, _C),
    (Step.OFFER, S.INITIAL, S.OFFERED, _P),
    (Step.OFFER, S.REQUESTED, S.OFFERED, _P),
    (Step.AGREE, S.REQUESTED, S.AGREED, _P),
    (Step.REQUEST, S.OFFERED, S.REQUESTED, _C),
    (Step.ACCEPT, S.OFFERED, S.ACCEPTED, _C),
    (Step.AGREE, S.ACCEPTED, S.AGREED, _P),
    (Step.VERIFY, S.AGREED, S.VERIFIED, _C),
    (Step.FINALIZE, S.VERIFIED, S.FINALIZED, _P),
)

OPEN = (S.INITIAL, S.REQUESTED, S.OFFERED, S.ACCEPTED, S.AGREED, S.VERIFIED)

NEGOTIATION: Machine[S] = Machine(
    name="negotiation",
    start=S.INITIAL,
    moves=tuple(Move(step.value, source, target, by) for step, source, target, by in _FORWARD)
    + tuple(
        Move(Step.TERMINATE.value, source, S.TERMINATED, by) for source in OPEN for by in (_C, _P)
    ),
)

FINAL = NEGOTIATION.final()


def may_step(state: S, step: str, *, by: Side) -> bool:
    """Tell whether that side can take this step now."""
    return any((m.source, m.action, m.by) == (state, step, by.value) for m in NEGOTIATION.moves)
