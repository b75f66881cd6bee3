"""Every state x step x side of a transfer either moves as DSP 2025-1 says or is refused."""

import itertools

import pytest

from tidegate.connector.messages.model import Side
from tidegate.connector.transfer.machine import FINAL, TRANSFER
from tidegate.connector.transfer.model import Step
from tidegate.connector.transfer.model import TransferState as S
from tidegate.kernel.machine import IllegalMoveError

BOTH = tuple(Side)
ALLOWED = {
    (S.INITIAL, Step.REQUEST, Side.CONSUMER): S.REQUESTED,
    (S.REQUESTED, Step.START, Side.PROVIDER): S.STARTED,
} | {
    (source, step, side): target
    for source, step, target in (
        (S.INITIAL, Step.TERMINATE, S.TERMINATED),
        (S.REQUESTED, Step.TERMINATE, S.TERMINATED),
        (S.STARTED, Step.SUSPEND, S.SUSPENDED),
        (S.STARTED, Step.COMPLETE, S.COMPLETED),
        (S.STARTED, Step.TERMINATE, S.TERMINATED),
        (S.SUSPENDED, Step.START, S.STARTED),
        (S.SUSPENDED, Step.TERMINATE, S.TERMINATED),
    )
    for side in BOTH
}


@pytest.mark.parametrize(("state", "step", "side"), [*itertools.product(S, Step, Side)])
def test_step(state, step, side):
    if (state, step, side) in ALLOWED:
        assert TRANSFER.step(state, step.value, by=side.value).target == ALLOWED[state, step, side]
    else:
        with pytest.raises(IllegalMoveError):
            TRANSFER.step(state, step.value, by=side.value)


def test_only_completed_and_terminated_are_final():
    assert {S.COMPLETED, S.TERMINATED} == FINAL
