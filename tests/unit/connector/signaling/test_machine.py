"""The table of the data flow's machine, held against the specification's words."""

import pytest

from tidegate.connector.dataplane.model import DataFlowState as S
from tidegate.connector.signaling.machine import CONTROL, DATA, DATA_FLOW, FINAL, Signal
from tidegate.kernel.machine import IllegalMoveError


def test_what_is_over_stays_over():
    assert {S.COMPLETED, S.TERMINATED} == FINAL


@pytest.mark.parametrize("state", [one for one in S if one not in FINAL])
def test_any_flow_that_is_not_over_can_be_terminated_by_the_control_plane(state):
    assert DATA_FLOW.step(state, Signal.TERMINATE, by=CONTROL).target is S.TERMINATED
    with pytest.raises(IllegalMoveError):
        DATA_FLOW.step(state, Signal.TERMINATE, by=DATA)


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("by", [CONTROL, DATA])
def test_every_move_that_the_specification_does_not_name_is_illegal(state, signal, by):
    named = {
        (S.INITIALIZED, Signal.PREPARE, CONTROL): S.PREPARED,
        (S.INITIALIZED, Signal.PREPARE_LATER, CONTROL): S.PREPARING,
        (S.PREPARING, Signal.PREPARED, DATA): S.PREPARED,
        (S.INITIALIZED, Signal.START, CONTROL): S.STARTED,
        (S.INITIALIZED, Signal.START_LATER, CONTROL): S.STARTING,
        (S.STARTING, Signal.STARTED, DATA): S.STARTED,
        (S.PREPARED, Signal.STARTED, CONTROL): S.STARTED,
        (S.STARTED, Signal.SUSPEND, CONTROL): S.SUSPENDED,
        (S.SUSPENDED, Signal.RESUME, CONTROL): S.STARTED,
        (S.STARTED, Signal.COMPLETE, CONTROL): S.COMPLETED,
        (S.STARTED, Signal.COMPLETE, DATA): S.COMPLETED,
    }
    if signal is Signal.TERMINATE:
        return
    target = named.get((state, signal, by))
    if target is not None:
        assert DATA_FLOW.step(state, signal, by=by).target is target
        return
    with pytest.raises(IllegalMoveError):
        DATA_FLOW.step(state, signal, by=by)
