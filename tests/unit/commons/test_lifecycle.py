"""Every stage × action × actor either moves as the table says or is refused."""

import itertools

import pytest

from tidegate.commons.lifecycle import LIFECYCLE, READABLE
from tidegate.commons.model import Stage
from tidegate.kernel.machine import IllegalMoveError

ACTIONS = sorted({move.action for move in LIFECYCLE.moves})
ACTORS = sorted({move.by for move in LIFECYCLE.moves} | {"researcher"})
ALLOWED = {(move.source, move.action, move.by): move.target for move in LIFECYCLE.moves}


@pytest.mark.parametrize("stage", tuple(Stage))
def test_a_step_moves_as_the_table_says_or_is_refused(stage):
    for action, by in itertools.product(ACTIONS, ACTORS):
        if (stage, action, by) in ALLOWED:
            assert ALLOWED[stage, action, by] == LIFECYCLE.step(stage, action, by=by).target
        else:
            with pytest.raises(IllegalMoveError):
                LIFECYCLE.step(stage, action, by=by)


def test_every_stage_is_reachable():
    assert set(Stage) == {LIFECYCLE.start, *(move.target for move in LIFECYCLE.moves)}


def test_only_destruction_is_final():
    assert {Stage.DESTROYED} == LIFECYCLE.final()


def test_no_move_is_written_twice():
    assert len(ALLOWED) == len(LIFECYCLE.moves)


def test_destruction_is_never_a_stewards_alone():
    assert {"approver"} == {move.by for move in LIFECYCLE.moves if move.action == "destroy"}


def test_rows_open_only_while_stored():
    assert {Stage.STORED} == READABLE
