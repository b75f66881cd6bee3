"""Every stage × action × actor either moves as the table says or is refused."""

import itertools

import pytest

from tidegate.commons.lifecycle import LIFECYCLE, READABLE, stage_before
from tidegate.commons.model import Holding, Stage
from tidegate.commons.vault.model import StoredObject
from tidegate.kernel.machine import IllegalMoveError

ACTIONS = sorted({move.action for move in LIFECYCLE.moves})
ACTORS = sorted({move.by for move in LIFECYCLE.moves} | {"researcher"})
ALLOWED = {(move.source, move.action, move.by, move.target) for move in LIFECYCLE.moves}
BACK = {(Stage.RESTRICTED, "unrestrict"), (Stage.QUARANTINED, "release")}


@pytest.mark.parametrize("stage", tuple(Stage))
def test_a_step_moves_as_the_table_says_or_is_refused(stage):
    for action, by, to in itertools.product(ACTIONS, ACTORS, Stage):
        if (stage, action, by, to) in ALLOWED:
            assert to == LIFECYCLE.step(stage, action, by=by, to=to).target
        else:
            with pytest.raises(IllegalMoveError):
                LIFECYCLE.step(stage, action, by=by, to=to)


@pytest.mark.parametrize("stage", tuple(Stage))
def test_a_step_that_could_end_in_two_stages_is_refused_unless_it_says_in_which(stage):
    for action, by in itertools.product(ACTIONS, ACTORS):
        targets = [to for *known, to in ALLOWED if known == [stage, action, by]]
        assert len(targets) <= 1 + ((stage, action) in BACK)
        if len(targets) == 1:
            assert targets == [LIFECYCLE.step(stage, action, by=by).target]
        else:
            with pytest.raises(IllegalMoveError):
                LIFECYCLE.step(stage, action, by=by)


@pytest.mark.parametrize(
    ("stage", "kept", "manifest", "back"),
    [
        (Stage.RESTRICTED, Stage.ARCHIVED, True, Stage.ARCHIVED),
        (Stage.RESTRICTED, Stage.STORED, True, Stage.STORED),  # recalled before it was restricted
        (Stage.QUARANTINED, Stage.STORED, False, Stage.STORED),
        (Stage.SUSPENDED, None, True, Stage.STORED),  # only what is stored was ever suspended
        (Stage.RESTRICTED, None, True, Stage.ARCHIVED),  # put aside before it was written down
        (Stage.QUARANTINED, None, False, Stage.STORED),
        (Stage.STORED, None, True, None),
        (Stage.ARCHIVED, None, True, None),
    ],
)
def test_what_was_put_aside_comes_back_to_where_it_stood(stage, kept, manifest, back):
    stored = StoredObject("p", "k", 1, 2, "0" * 64) if manifest else None
    holding = Holding("ver_1", "ds_1", stage, 1, "", "", manifest=stored, aside_from=kept)
    assert back is stage_before(holding)


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
