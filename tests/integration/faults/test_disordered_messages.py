"""Messages that come twice, late, early or before the answer to the one before.

Every pair of messages that can follow each other in either protocol, as the state machines have
them: both sides come to the same state, every message is taken once, and what comes at the wrong
time is answered in the type of its protocol.
"""

import json

import pytest

from lib.boundaries import (
    NEGOTIATION_MOVES,
    TRANSFER_MOVES,
    name_of,
    prepare_negotiation,
    prepare_transfer,
)
from lib.disorder import (
    NEGOTIATION_PAIRS,
    TRANSFER_PAIRS,
    answers,
    call_of,
    come_to,
    doors_of,
    is_too_early,
    other,
    readdressed,
    say,
)
from lib.dsp_nodes import make_pair
from tidegate.connector.messages import wire
from tidegate.connector.messages.read import check

pytestmark = pytest.mark.slow
ERRORS = {"negotiation": wire.ContractNegotiationError, "transfer": wire.TransferError}
ALL = {move.source for move in TRANSFER_MOVES}
BEGINNING = {"INITIAL", "REQUESTED"}  # where rows differ from visits
PAIRS = {
    "negotiation": NEGOTIATION_PAIRS,
    "Tidegate-Visit": TRANSFER_PAIRS,
    "HttpData-PULL": [one for one in TRANSFER_PAIRS if one[0].source in BEGINNING],
}
CASES = [
    pytest.param(kind, first, id=f"{kind}: {name_of(first)}")
    for kind, pairs in PAIRS.items()
    for first in dict.fromkeys(one for one, _ in pairs)
]


@pytest.fixture
def nodes(tmp_path):
    made = make_pair(tmp_path)
    yield made
    for node in made:
        node.ground.close()


def stage_of(nodes, kind):
    return prepare_negotiation(*nodes) if kind == "negotiation" else prepare_transfer(*nodes, kind)


def count(stage, pair) -> list[int]:
    """Return how often each of the two was taken at its receiver."""
    if not stage.all_of("provider") or not stage.all_of("consumer"):
        return [0, 0]
    return [stage.taken(other(move.by), move.action) for move in pair]


def check_rest(stage, doors, pair, before) -> None:
    """Both sides are where the second message leads, each was taken once, nothing is left."""
    end = [pair[1].target]
    assert (end, end) == stage.states()
    assert 0 == stage.tasks()
    assert [1, 1] == [now - was for now, was in zip(count(stage, pair), before, strict=True)]
    for door in doors.values():
        for answer in door.answers:
            check_answer(stage, answer)


def check_answer(stage, answer) -> None:
    """An acknowledgement, or the typed error of the protocol with a code and words."""
    if answer.is_ok:
        return
    assert answer.status in {400, 404}
    said = check(json.loads(json.dumps(answer.body)), ERRORS[stage.room]).document
    assert said["code"]
    assert all(said["reason"])


@pytest.mark.parametrize(("kind", "first"), CASES)
def test_both_sides_agree_however_the_wire_disorders(nodes, kind, first, subtests):
    stage = stage_of(nodes, kind)
    doors = doors_of(stage)
    for pair in (one for one in PAIRS[kind] if one[0] == first):
        for name, disorder in DISORDERS.items():
            if name in NEEDS and not NEEDS[name](stage, pair):
                continue
            with subtests.test(name, then=name_of(pair[1])):
                come_to(stage, first)
                before = count(stage, pair)

                disorder(stage, doors, *pair)

                check_rest(stage, doors, pair, before)


def everything_twice(stage, doors, first, second) -> None:
    for door in doors.values():
        door.is_double = True
    say(stage, first)
    say(stage, second)
    for door in doors.values():
        door.is_double = False


def the_first_late(stage, doors, first, second) -> None:
    """The wire holds the first; what its sender says again comes, the second comes, then it."""
    door = doors[other(first.by)]
    door.is_holding = True
    say(stage, first)
    say(stage, second)
    stood = stage.states()
    (held,) = door.held
    door.held.clear()

    late = door.take(held)
    stage.settle()

    assert late.is_ok
    assert stood == stage.states()


def both_once_more(stage, doors, first, second) -> None:
    """What was said is said again when all is over, the later one first."""
    said = []
    for move in (first, second):
        say(stage, move)
        door = doors[other(move.by)]
        said.append((door, call_of(door, move)))
    for door, call in reversed(said):
        assert door.take(call).is_ok
        stage.settle()


def the_answer_after_the_second(stage, doors, first, second) -> None:
    """The other side answers the first with a message that overtakes its acknowledgement."""
    doors[other(first.by)].is_losing = True
    say(stage, first, seconds=0)
    said = len(doors[other(second.by)].calls)
    say(stage, second, seconds=0)
    assert said < len(doors[other(second.by)].calls)
    stage.settle()


def the_second_first(stage, doors, first, second) -> None:
    """The second is said where the first has not come: refused in type, and it harms nothing."""
    say(stage, first)
    say(stage, second)
    rehearsed = call_of(doors[other(second.by)], second)
    pids = stage.pid("consumer"), stage.pid("provider")
    come_to(stage, first)
    stood = stage.states()

    early = doors[other(second.by)].take(readdressed(stage, rehearsed, pids))

    assert 400 == early.status
    check_answer(stage, early)
    assert stood == stage.states()
    say(stage, first)
    say(stage, second)


DISORDERS = {
    "everything twice": everything_twice,
    "the first late": the_first_late,
    "both once more": both_once_more,
    "the answer after the second": the_answer_after_the_second,
    "the second first": the_second_first,
}
NEEDS = {
    "the answer after the second": lambda stage, pair: answers(pair),
    "the second first": lambda stage, pair: is_too_early(
        pair, NEGOTIATION_MOVES if stage.room == "negotiation" else TRANSFER_MOVES
    ),
}


def test_the_table_holds_every_message_of_both_protocols():
    said = {(m.source, m.action, m.by) for pair in NEGOTIATION_PAIRS for m in pair}
    assert said == {(m.source, m.action, m.by) for m in NEGOTIATION_MOVES}
    said = {(m.source, m.action, m.by) for pair in TRANSFER_PAIRS for m in pair}
    assert said == {(m.source, m.action, m.by) for m in TRANSFER_MOVES}
