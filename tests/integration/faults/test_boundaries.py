"""A node killed around any message of either protocol, in either role: both sides converge.

In process, so that the whole table runs: the messages are those of the state machines, the places
those of `lib.boundaries`. Real processes are killed in `test_killed_processes.py`.
"""

import pytest

from lib.boundaries import (
    BOUNDARIES,
    NEGOTIATION_MOVES,
    TRANSFER_MOVES,
    break_at,
    hold,
    name_of,
    negotiate_to,
    negotiation_act,
    prepare_negotiation,
    prepare_transfer,
    release,
    transfer_act,
    transfer_to,
)
from lib.dsp_nodes import STEWARD, make_pair, pump
from tidegate.access.model import person_ref
from tidegate.connector.negotiation.model import Step as NegotiationStep
from tidegate.connector.negotiation.outgoing import event_of as negotiation_event
from tidegate.connector.transfer.model import VISIT_FORMAT
from tidegate.connector.transfer.model import Step as TransferStep
from tidegate.connector.transfer.outgoing import event_of as transfer_event
from tidegate.kernel.failpoint import disarm

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path):
    nodes = make_pair(tmp_path)
    yield nodes
    disarm()
    for node in nodes:
        node.ground.close()


def check_converged(stage, move, event, before) -> None:
    """Both sides hold the same one process, the step was taken once, and nothing is left to do."""
    receiver = "provider" if move.by == "consumer" else "consumer"
    assert stage.states() == ([move.target], [move.target])
    assert 0 == stage.tasks()
    assert 1 == stage.taken(receiver, move.action) - before.get(receiver, 0)
    for side in ("consumer", "provider"):
        (one,) = stage.all_of(side)
        assert "" == one.pending
        assert 1 == stage.leaves(side, event) - before.get(event, 0)


def count_before(stage, move, event) -> dict[str, int]:
    """Count what a process says and proves already: an offer or a start may come again."""
    receiver = "provider" if move.by == "consumer" else "consumer"
    if move.source == "INITIAL":
        return {}
    return {
        receiver: stage.taken(receiver, move.action),
        event: stage.leaves(move.by, event),
    }


@pytest.mark.parametrize("move", NEGOTIATION_MOVES, ids=name_of)
def test_a_negotiation_converges(pair, move, subtests):
    stage, event = prepare_negotiation(*pair), negotiation_event(NegotiationStep(move.action))
    for boundary in BOUNDARIES:
        with subtests.test(boundary):
            negotiate_to(stage.begin(), move.source)
            before = count_before(stage, move, event)

            break_at(stage, boundary, move.by, negotiation_act(stage, move))

            check_converged(stage, move, event, before)

    ours, theirs = (node.policy.list_agreements() for node in pair)
    assert [one.digest for one in ours] == [one.digest for one in theirs]
    assert len(ours) == (len(BOUNDARIES) if move.target == "FINALIZED" else 0)


def check_transfer(stage, move, subtests) -> None:
    event = transfer_event(TransferStep(move.action))
    for boundary in BOUNDARIES:
        with subtests.test(boundary):
            release(stage)
            transfer_to(stage.begin(), move.source, move.by)
            hold(stage)
            before = count_before(stage, move, event)

            break_at(stage, boundary, move.by, transfer_act(stage, move))

            check_converged(stage, move, event, before)
            if (stage.format, move.target) == (VISIT_FORMAT, "STARTED"):
                check_opens(stage)


def check_opens(stage) -> None:
    """Whatever died: the token the consumer holds is the one that opens the visit."""
    person = person_ref(stage.faculty.did, stage.researcher.person_id)
    token = stage.faculty.transfer.visit_address(stage.agreement, person).token
    visit = stage.hospital.transfer.visit_for_token(token)
    assert visit.transfer_pid == stage.pid("provider")


@pytest.mark.parametrize("move", TRANSFER_MOVES, ids=name_of)
def test_a_visit_converges(pair, move, subtests):
    check_transfer(prepare_transfer(*pair, "Tidegate-Visit"), move, subtests)


@pytest.mark.parametrize("kind", ["HttpData-PULL", "HttpData-PUSH"])
@pytest.mark.parametrize("move", TRANSFER_MOVES[:3], ids=name_of)
def test_a_transfer_of_rows_converges(pair, kind, move, subtests):
    check_transfer(prepare_transfer(*pair, kind), move, subtests)


ARRIVED = ["it never left", "it arrived and the answer was lost"]


@pytest.mark.parametrize("opening", ARRIVED)
@pytest.mark.parametrize("side", ["consumer", "provider"])
def test_a_negotiation_ended_before_its_opening_is_acknowledged_ends_on_both_sides(
    pair, side, opening
):
    stage = prepare_negotiation(*pair)
    move = next(m for m in NEGOTIATION_MOVES if (m.source, m.by) == ("INITIAL", side))
    check_ended_early(stage, negotiation_act(stage, move), (side, STEWARD), opening)


@pytest.mark.parametrize("opening", ARRIVED)
@pytest.mark.parametrize("kind", ["Tidegate-Visit", "HttpData-PULL"])
def test_a_transfer_ended_before_its_opening_is_acknowledged_ends_on_both_sides(
    pair, kind, opening
):
    stage = prepare_transfer(*pair, kind)
    asking = transfer_act(stage, TRANSFER_MOVES[0])
    check_ended_early(stage.begin(), asking, ("consumer", stage.researcher), opening)


def check_ended_early(stage, act, who, opening) -> None:
    network, (side, person) = stage.hospital.network, who
    if opening == ARRIVED[0]:
        network.down.add(stage.other(side).base)
    else:
        network.lose_next_answer = True
        network.on_lost_answer = lambda: network.down.add(stage.other(side).base)
    act()
    pump(stage.hospital, stage.faculty)

    stage.desk(side).terminate(stage.pid(side), "A mistake.", by=person)
    pump(stage.hospital, stage.faculty, seconds=5)
    network.down.clear()
    stage.settle()

    assert (["TERMINATED"], ["TERMINATED"]) == stage.states()
    assert 0 == stage.tasks()


@pytest.mark.parametrize("side", ["consumer", "provider"])
def test_a_termination_is_not_lost_to_what_the_peer_says_at_the_same_time(pair, side):
    stage = prepare_negotiation(*pair)
    negotiate_to(stage.begin(), "REQUESTED" if side == "consumer" else "AGREED")
    network, mine, theirs = stage.hospital.network, stage.node(side), stage.other(side)
    network.down.add(theirs.base)
    mine.negotiation.terminate(stage.pid(side), "No.", by=STEWARD)
    pump(*pair)
    other = "provider" if side == "consumer" else "consumer"
    stage.desk(other).approve(stage.pid(other), by=STEWARD)
    pump(*pair)
    assert 1 == stage.taken(side, "agree" if side == "consumer" else "verify")

    network.down.clear()
    stage.settle()

    assert (["TERMINATED"], ["TERMINATED"]) == stage.states()


@pytest.mark.parametrize("side", ["consumer", "provider"])
def test_a_suspension_of_both_at_once_is_lifted_only_by_both(pair, side):
    stage = prepare_transfer(*pair, "Tidegate-Visit")
    transfer_to(stage.begin(), "STARTED", side)
    other = "provider" if side == "consumer" else "consumer"
    network, theirs = stage.hospital.network, stage.other(side)
    people = {"consumer": stage.researcher, "provider": STEWARD}
    network.down.add(theirs.base)
    stage.desk(side).suspend(stage.pid(side), "Hold.", by=people[side])
    pump(*pair)
    stage.desk(other).suspend(stage.pid(other), "Hold too.", by=people[other])
    pump(*pair)
    network.down.clear()
    stage.settle()
    assert (["SUSPENDED"], ["SUSPENDED"]) == stage.states()

    stage.desk(other).resume(stage.pid(other), by=people[other])
    stage.settle()

    assert ["STARTED"] not in stage.states()
