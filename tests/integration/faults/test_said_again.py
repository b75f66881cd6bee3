"""Every message of both protocols said again under another id, where it was taken and later.

Answered as the first time while nothing else was said, refused in type afterwards; never taken
twice.
"""

import json
import uuid

import pytest

from lib.boundaries import (
    NEGOTIATION_MOVES,
    TRANSFER_MOVES,
    name_of,
    prepare_negotiation,
    prepare_transfer,
)
from lib.disorder import call_of, come_to, doors_of, other, pairs_of, say
from lib.dsp_nodes import make_pair
from tidegate.connector.messages.model import Direction

pytestmark = pytest.mark.slow
MOVES = {
    "negotiation": NEGOTIATION_MOVES,
    "Tidegate-Visit": TRANSFER_MOVES,
    "HttpData-PULL": TRANSFER_MOVES,
}
CASES = [
    pytest.param(kind, move, id=f"{kind}: {name_of(move)}")
    for kind, moves in MOVES.items()
    for move in moves
]
OUT_OF_TURN = {
    ("OFFERED", "request"),  # other terms, asked for twice: DSP 2025-1 refuses the second
    ("STARTED", "suspend"),  # the start in between may be on its way
}


@pytest.fixture
def nodes(tmp_path):
    made = make_pair(tmp_path)
    yield made
    for node in made:
        node.ground.close()


def said(stage, kind, move):
    """Have a message said; return the receiver's door and the call under another id."""
    doors = doors_of(stage)
    come_to(stage, move)
    say(stage, move)
    door = doors[other(move.by)]
    return door, call_of(door, move)


def under_another_id(call, **changed):
    method, path, raw, token = call
    return (
        method,
        path,
        json.dumps(json.loads(raw) | {"@id": uuid.uuid4().urn} | changed).encode(),
        token,
    )


def stage_of(nodes, kind):
    return prepare_negotiation(*nodes) if kind == "negotiation" else prepare_transfer(*nodes, kind)


def seen(stage, side):
    """Return what may not change: both states, what was taken, and the evidence."""
    node = stage.node(side)
    taken = [
        (one.action, one.state)
        for one in stage.desk(side).list_messages(stage.pid(side))
        if one.direction is Direction.IN
    ]
    with node.ground.database.reading() as conn:
        leaves = conn.exec_driver_sql("select count(*) from audit_leaf").scalar()
    return stage.states(), taken, leaves


@pytest.mark.parametrize(("kind", "move"), CASES)
def test_a_message_said_again_at_once_changes_nothing(nodes, kind, move):
    stage = stage_of(nodes, kind)
    door, call = said(stage, kind, move)
    before = seen(stage, other(move.by))

    answers = [door.take(under_another_id(call)) for _ in range(2)]
    stage.settle()

    if (move.source, move.action) in OUT_OF_TURN:
        assert {one.status for one in answers} == {400}
        assert before[0] == stage.states()
        return
    assert all(one.is_ok for one in answers), [one.body for one in answers]
    assert before == seen(stage, other(move.by))


def ends(following, move, kind):
    """Tell whether a message may not come any more, even as a new one, once another followed."""
    return not any(
        (one.source, one.action, one.by) == (following.target, move.action, move.by)
        for one in MOVES[kind]
    )


@pytest.mark.parametrize(("kind", "move"), CASES)
def test_a_message_said_again_after_the_next_one_is_refused(nodes, kind, move):
    following = [two for one, two in pairs_of(MOVES[kind]) if one == move and ends(two, move, kind)]
    assert following or move.target in {"FINALIZED", "COMPLETED", "TERMINATED"}
    if not following:
        return
    stage = stage_of(nodes, kind)
    door, call = said(stage, kind, move)
    say(stage, following[0])
    states = stage.states()

    late = door.take(under_another_id(call))
    stage.settle()

    assert states == stage.states()
    assert late.is_ok == (move.action == "request" and kind != "negotiation")
