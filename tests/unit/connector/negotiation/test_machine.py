"""Every state x step x side of a negotiation either moves as DSP 2025-1 says or is refused."""

import itertools

import pytest

from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.machine import FINAL, NEGOTIATION
from tidegate.connector.negotiation.model import NegotiationState as S
from tidegate.connector.negotiation.model import Step
from tidegate.kernel.machine import IllegalMoveError

# DSP 2025-1, contract negotiation protocol, state machine figure; termination from either side.
ALLOWED = {
    (S.INITIAL, Step.REQUEST, Side.CONSUMER): S.REQUESTED,
    (S.INITIAL, Step.OFFER, Side.PROVIDER): S.OFFERED,
    (S.REQUESTED, Step.OFFER, Side.PROVIDER): S.OFFERED,
    (S.REQUESTED, Step.AGREE, Side.PROVIDER): S.AGREED,
    (S.OFFERED, Step.REQUEST, Side.CONSUMER): S.REQUESTED,
    (S.OFFERED, Step.ACCEPT, Side.CONSUMER): S.ACCEPTED,
    (S.ACCEPTED, Step.AGREE, Side.PROVIDER): S.AGREED,
    (S.AGREED, Step.VERIFY, Side.CONSUMER): S.VERIFIED,
    (S.VERIFIED, Step.FINALIZE, Side.PROVIDER): S.FINALIZED,
} | {
    (state, Step.TERMINATE, side): S.TERMINATED
    for state in set(S) - {S.FINALIZED, S.TERMINATED}
    for side in Side
}


@pytest.mark.parametrize(("state", "step", "side"), [*itertools.product(S, Step, Side)])
def test_step(state, step, side):
    if (state, step, side) in ALLOWED:
        target = NEGOTIATION.step(state, step.value, by=side.value).target
        assert target == ALLOWED[state, step, side]
    else:
        with pytest.raises(IllegalMoveError):
            NEGOTIATION.step(state, step.value, by=side.value)


def test_only_finalized_and_terminated_are_final():
    assert {S.FINALIZED, S.TERMINATED} == FINAL
