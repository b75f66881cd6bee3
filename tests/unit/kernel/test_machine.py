"""A machine moves as its table says, and refuses everything else."""

from enum import StrEnum

import pytest

from tidegate.kernel.machine import IllegalMoveError, Machine, Move


class Gate(StrEnum):
    SHUT = "shut"
    OPEN = "open"
    GONE = "gone"


GATE = Machine(
    "gate",
    Gate.SHUT,
    (
        Move("open", Gate.SHUT, Gate.OPEN, "keeper"),
        Move("shut", Gate.OPEN, Gate.SHUT, "keeper"),
        Move("remove", Gate.SHUT, Gate.GONE, "builder"),
    ),
)


def test_a_listed_move_is_made():
    assert Gate.OPEN is GATE.step(Gate.SHUT, "open", by="keeper").target


@pytest.mark.parametrize(
    ("state", "action", "by"),
    [(Gate.SHUT, "open", "builder"), (Gate.OPEN, "open", "keeper"), (Gate.GONE, "open", "keeper")],
)
def test_an_unlisted_move_is_refused_in_words(state, action, by):
    with pytest.raises(IllegalMoveError, match=f"is {state}; {by} cannot {action}"):
        GATE.step(state, action, by=by)


def test_final_states_are_those_nothing_leaves():
    assert frozenset({Gate.GONE}) == GATE.final()


def test_the_diagram_shows_every_move():
    drawn = "\n".join(GATE.mermaid())

    assert "shut --> open: open (keeper)" in drawn
    assert "gone --> [*]" in drawn
