"""A node killed at any message boundary: after restart both sides hold the same, once."""

import pytest

from lib.dsp_nodes import (
    ADA,
    HOSPITAL,
    RESEARCHER,
    STEWARD,
    Crashing,
    agreed,
    make_pair,
    pump,
)
from tidegate.kernel.failpoint import arm, disarm

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    disarm()
    hospital.ground.close()
    faculty.ground.close()


POINTS = ("before_send", "after_send", "before_commit")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("time", [1, 2, 3, 4])
def test_a_negotiation_converges(pair, point, time):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    arm(f"negotiation.{point}", Crashing(time))

    pid = faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER).pid
    pump(*pair, seconds=60)

    (theirs,) = hospital.negotiation.list_negotiations()
    assert (theirs.state.value, faculty.negotiation.get(pid).state.value) == ("FINALIZED",) * 2
    ours, seen = hospital.policy.list_agreements(), faculty.policy.list_agreements()
    assert [one.digest for one in ours] == [one.digest for one in seen]
    assert len(ours) == 1


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("time", [1, 2, 3])
def test_a_visit_converges(pair, point, time):
    hospital, faculty = pair
    agreement = agreed(*pair)
    arm(f"transfer.{point}", Crashing(time))

    faculty.transfer.request_visit(agreement, by=RESEARCHER)
    pump(*pair, seconds=60)

    (theirs,) = hospital.transfer.list_transfers()
    assert theirs.state.value == "STARTED"
    token = faculty.transfer.visit_address(agreement, ADA).token
    assert hospital.transfer.visit_for_token(token).transfer_pid == theirs.pid


@pytest.mark.parametrize("point", POINTS)
def test_a_termination_converges(pair, point):
    hospital, faculty = pair
    hospital.rules.permit = False
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    pid = faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER).pid
    pump(*pair)
    (theirs,) = hospital.negotiation.list_negotiations()
    arm(f"negotiation.{point}", Crashing(1))

    hospital.negotiation.terminate(theirs.pid, "No.", by=STEWARD)
    pump(*pair, seconds=60)

    assert hospital.negotiation.get(theirs.pid).state.value == "TERMINATED"
    assert faculty.negotiation.get(pid).state.value == "TERMINATED"
