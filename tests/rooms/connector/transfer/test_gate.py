"""Visits end when what let them in ends: a permit, a training, a partnership, a person's place."""

import pytest

from lib.dsp_nodes import ADA, RESEARCHER, STEWARD, agreed, make_pair, pump
from tidegate.connector.transfer.errors import VisitRefusedError, VisitWithheldError
from tidegate.kernel import failpoint


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


@pytest.fixture
def visit(pair):
    """An agreement with a started visit: (agreement id, transfer pid at the faculty)."""
    hospital, faculty = pair
    agreement = agreed(hospital, faculty)
    one = faculty.transfer.request_visit(agreement, by=RESEARCHER)
    pump(*pair)
    return agreement, one.pid


def sent(node, kind):
    """Count the messages of a kind that a node queued for its newest transfer."""
    pid = node.transfer.list_transfers()[0].pid
    return [one.type for one in node.transfer.list_messages(pid)].count(kind)


def test_a_token_opens_the_visit_before_the_start_is_acknowledged(pair):
    hospital, faculty = pair
    agreement, opened = agreed(*pair), []

    def visit_at_once():
        mirror = hospital.transfer.list_transfers()
        if mirror and mirror[0].state.value == "REQUESTED" and mirror[0].pending:
            token = faculty.transfer.visit_address(agreement, ADA).token
            opened.append(hospital.transfer.visit_for_token(token).person_ref)

    failpoint.arm("transfer.after_send", visit_at_once)
    faculty.transfer.request_visit(agreement, by=RESEARCHER)
    pump(*pair)
    failpoint.disarm()

    assert [ADA] == opened


def test_a_visit_goes_on_while_its_gate_opens(pair, visit):
    assert 0 == pair[0].transfer.on_gate_moved()
    assert "STARTED" == pair[1].transfer.get(visit[1]).state.value


def test_a_visit_whose_gate_closed_ends_and_both_sides_read_the_reason(pair, visit):
    hospital, faculty = pair
    token = faculty.transfer.visit_address(visit[0], ADA).token
    hospital.door.refusal = "The permit was ended: the study is over."

    ended = hospital.transfer.on_gate_moved()

    with pytest.raises(VisitRefusedError):
        hospital.transfer.visit_for_token(token)
    pump(*pair)
    assert 1 == ended
    assert "TERMINATED" == hospital.transfer.list_transfers()[0].state.value
    with pytest.raises(VisitWithheldError, match="the study is over"):
        faculty.transfer.visit_address(visit[0], ADA)


def test_a_visit_that_is_ending_is_not_ended_again(pair, visit):
    hospital = pair[0]
    hospital.door.refusal = "The permit was ended."

    ended = [hospital.transfer.on_gate_moved() for _ in range(2)]

    assert [1, 0] == ended
    assert 1 == sent(hospital, "TransferTerminationMessage")


def test_a_visit_that_the_gate_has_yet_to_judge_is_left_to_it(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    faculty.transfer.request_visit(agreement, by=RESEARCHER)
    faculty.step()
    hospital.door.refusal = "The permit was ended."

    assert 0 == hospital.transfer.on_gate_moved()


def test_what_a_suspended_agreement_holds_is_left_to_the_agreement(pair, visit):
    hospital = pair[0]
    hospital.policy.suspend_agreement(visit[0], "Under review.", by=STEWARD)
    hospital.door.refusal = "The permit was ended."

    assert 0 == hospital.transfer.on_gate_moved()


def test_a_person_shut_out_at_home_ends_their_visits_at_the_provider(pair, visit):
    hospital, faculty = pair

    faculty.transfer.on_person_disabled("per_ada", ADA)
    faculty.transfer.on_person_disabled("per_ada", ADA)
    pump(*pair)

    assert "TERMINATED" == hospital.transfer.list_transfers()[0].state.value
    assert "person_disabled" == faculty.transfer.get(visit[1]).reason_code
    assert 1 == sent(faculty, "TransferTerminationMessage")


def test_a_person_shut_out_ends_nobody_elses_visit(pair, visit):
    pair[1].transfer.on_person_disabled("per_eve", "did:web:other#per_eve")
    pump(*pair)

    assert "STARTED" == pair[1].transfer.get(visit[1]).state.value
