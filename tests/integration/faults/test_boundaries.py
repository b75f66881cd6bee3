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
from lib.dsp_nodes import make_pair
from tidegate.connector.negotiation.model import Step as NegotiationStep
from tidegate.connector.negotiation.outgoing import event_of as negotiation_event
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


@pytest.mark.parametrize("move", TRANSFER_MOVES, ids=name_of)
def test_a_visit_converges(pair, move, subtests):
    check_transfer(prepare_transfer(*pair, "Tidegate-Visit"), move, subtests)


@pytest.mark.parametrize("kind", ["HttpData-PULL", "HttpData-PUSH"])
@pytest.mark.parametrize("move", TRANSFER_MOVES[:3], ids=name_of)
def test_a_transfer_of_rows_converges(pair, kind, move, subtests):
    check_transfer(prepare_transfer(*pair, kind), move, subtests)
