"""Visits between two nodes: started by the gate, stopped by people, peers and agreements."""

import pytest
from sqlalchemy import select

from lib.dsp_nodes import ADA, FACULTY, HOSPITAL, RESEARCHER, STEWARD, agreed, make_pair, pump
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.connector.messages.wire import CONTEXT
from tidegate.connector.transfer.errors import (
    TransferBusyError,
    TransferRequestRefusedError,
    VisitPendingError,
    VisitRefusedError,
    VisitWithheldError,
)
from tidegate.db.schema import METADATA


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


def mirror(hospital):
    return hospital.transfer.list_transfers()[0]


def states(pair, pid):
    return mirror(pair[0]).state.value, pair[1].transfer.get(pid).state.value


def visit_request(faculty, agreement):
    """Write a request for a visit, as a peer's own connector would."""
    signed = faculty.identity.sign_person(faculty.door.assertion_of(ADA, None), HOSPITAL)
    return {
        "@context": [CONTEXT],
        "@type": "TransferRequestMessage",
        "consumerPid": "urn:uuid:1",
        "agreementId": agreement,
        "format": "Tidegate-Visit",
        "callbackAddress": faculty.base + "/dsp/2025-1",
        "dataAddress": {
            "@type": "DataAddress",
            "endpointType": "https://w3id.org/tidegate/visit",
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": "assertion", "value": signed}
            ],
        },
    }


def test_a_visit_starts_and_its_token_opens_it(pair, visit):
    hospital, faculty = pair
    agreement, pid = visit

    address = faculty.transfer.visit_address(agreement, ADA)
    found = hospital.transfer.visit_for_token(address.token)

    assert states(pair, pid) == ("STARTED", "STARTED")
    assert address.endpoint == f"{hospital.base}/visit/{mirror(hospital).pid}"
    assert (found.agreement_id, found.peer_did, found.person_ref) == (agreement, FACULTY, ADA)
    assert found.version_id == "ver_1"


def test_asking_again_while_a_visit_is_open_returns_that_one(pair, visit):
    agreement, pid = visit

    assert pair[1].transfer.request_visit(agreement, by=RESEARCHER).pid == pid


def test_before_the_provider_answers_the_address_is_pending(pair):
    agreement = agreed(*pair)
    pair[1].transfer.request_visit(agreement, by=RESEARCHER)

    with pytest.raises(VisitPendingError):
        pair[1].transfer.visit_address(agreement, ADA)


def test_the_gate_refuses_and_the_researcher_reads_the_reason(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    hospital.door.refusal = "The training course-1 is missing."
    one = faculty.transfer.request_visit(agreement, by=RESEARCHER)
    pump(*pair)

    assert states(pair, one.pid) == ("TERMINATED", "TERMINATED")
    with pytest.raises(VisitWithheldError, match="training course-1 is missing"):
        faculty.transfer.visit_address(agreement, ADA)


def test_no_token_or_assertion_stands_in_any_row_of_either_node(pair, visit):
    faculty = pair[1]
    token = faculty.transfer.visit_address(visit[0], ADA).token
    signed = faculty.identity.sign_person(faculty.door.assertion_of(ADA, None), HOSPITAL)

    for node in pair:
        with node.ground.database.reading() as conn:
            rows = [row for table in METADATA.sorted_tables for row in conn.execute(select(table))]
        text = " ".join(str(value) for row in rows for value in row)
        assert token not in text
        assert signed not in text.replace("\\", "")


def test_a_token_ends_and_is_renewed_through_the_gate(pair, visit):
    hospital, faculty = pair
    first = faculty.transfer.visit_address(visit[0], ADA)
    for node in pair:
        node.ground.clock.advance(seconds=901)
    with pytest.raises(VisitRefusedError):
        hospital.transfer.visit_for_token(first.token)

    second = faculty.transfer.visit_address(visit[0], ADA)

    assert hospital.transfer.visit_for_token(second.token).person_ref == ADA
    assert hospital.door.admitted == 2


def test_renewal_is_refused_when_the_gate_has_closed(pair, visit):
    hospital, faculty = pair
    hospital.door.refusal = "The permit has ended."
    for node in pair:
        node.ground.clock.advance(seconds=901)

    with pytest.raises(VisitWithheldError, match="permit has ended"):
        faculty.transfer.visit_address(visit[0], ADA)


def test_a_token_nobody_gave_opens_nothing(pair, visit):
    with pytest.raises(VisitRefusedError):
        pair[0].transfer.visit_for_token("guess")


def test_when_the_agreement_ends_the_token_is_dead_at_once_and_the_transfer_ends(pair, visit):
    hospital, faculty = pair
    agreement, pid = visit
    token = faculty.transfer.visit_address(agreement, ADA).token
    hospital.policy.end_agreement(agreement, "The study is over.", by=STEWARD)

    with pytest.raises(VisitWithheldError):
        hospital.transfer.visit_for_token(token)
    hospital.transfer.on_agreement_ended(agreement)
    with pytest.raises(VisitWithheldError, match=r"agreement is ended \(The study is over"):
        hospital.transfer.visit_for_token(token)
    pump(*pair)
    with pytest.raises(VisitWithheldError, match="agreement is ended"):
        hospital.transfer.visit_for_token(token)

    assert states(pair, pid) == ("TERMINATED", "TERMINATED")
    assert faculty.transfer.get(pid).reason_code == "agreement_ended"


def test_a_token_of_a_visit_that_stopped_stays_dead_when_the_visit_goes_on(pair, visit):
    hospital, faculty = pair
    agreement, pid = visit
    first = faculty.transfer.visit_address(agreement, ADA).token
    hospital.policy.suspend_agreement(agreement, "A question.", by=STEWARD)
    hospital.transfer.on_agreement_suspended(agreement)
    pump(*pair)
    hospital.policy.resume_agreement(agreement, "It is answered.", by=STEWARD)
    hospital.transfer.on_agreement_resumed(agreement)
    pump(*pair)

    second = faculty.transfer.visit_address(agreement, ADA).token

    assert states(pair, pid) == ("STARTED", "STARTED")
    assert hospital.transfer.visit_for_token(second).person_ref == ADA
    with pytest.raises(VisitRefusedError):
        hospital.transfer.visit_for_token(first)


def test_both_sides_may_end_at_once_and_still_agree(pair, visit):
    agreement, pid = visit
    for node in pair:
        node.transfer.on_agreement_ended(agreement)

    pump(*pair, seconds=10)

    assert states(pair, pid) == ("TERMINATED", "TERMINATED")


def test_a_suspended_agreement_suspends_and_a_resumed_one_resumes(pair, visit):
    hospital, faculty = pair
    agreement, pid = visit
    hospital.policy.suspend_agreement(agreement, "Under review.", by=STEWARD)
    hospital.transfer.on_agreement_suspended(agreement)
    pump(*pair)
    assert states(pair, pid) == ("SUSPENDED", "SUSPENDED")

    hospital.policy.resume_agreement(agreement, "Reviewed.", by=STEWARD)
    hospital.transfer.on_agreement_resumed(agreement)
    pump(*pair)

    assert states(pair, pid) == ("STARTED", "STARTED")
    token = faculty.transfer.visit_address(agreement, ADA).token
    assert hospital.transfer.visit_for_token(token).agreement_id == agreement


def test_the_consumer_cannot_resume_what_the_provider_holds(pair, visit):
    hospital, faculty = pair
    hospital.transfer.suspend(mirror(hospital).pid, "Wait.", by=STEWARD)
    pump(*pair)

    with pytest.raises(TransferBusyError):
        faculty.transfer.resume(visit[1], by=RESEARCHER)


def test_a_suspended_visit_is_not_evaded_by_asking_for_another(pair, visit):
    hospital, faculty = pair
    agreement, pid = visit
    hospital.transfer.suspend(mirror(hospital).pid, "Wait.", by=STEWARD)
    pump(*pair)

    again = faculty.transfer.request_visit(agreement, by=RESEARCHER)
    answer = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/transfers/request",
        visit_request(faculty, agreement),
        authorization=faculty.identity.token_for(HOSPITAL),
    )

    assert again.pid == pid
    assert (answer.status, answer.body["code"]) == (400, "visit_held")


def test_the_consumer_suspends_resumes_and_completes(pair, visit):
    hospital, faculty = pair
    agreement, pid = visit
    faculty.transfer.suspend(pid, "Lunch.", by=RESEARCHER)
    pump(*pair)
    assert states(pair, pid) == ("SUSPENDED", "SUSPENDED")
    faculty.transfer.resume(pid, by=RESEARCHER)
    pump(*pair)
    assert hospital.transfer.visit_for_token(faculty.transfer.visit_address(agreement, ADA).token)

    faculty.transfer.complete(pid, by=RESEARCHER)
    pump(*pair)

    assert states(pair, pid) == ("COMPLETED", "COMPLETED")


def test_an_agreement_nobody_signed_cannot_be_visited(pair):
    with pytest.raises(TransferRequestRefusedError):
        pair[1].transfer.request_visit("urn:uuid:none", by=RESEARCHER)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "AmazonS3-PULL"}, "format_unsupported"),
        ({"format": "Tidegate-visit"}, "format_unsupported"),
        ({"agreementId": "urn:uuid:other"}, "agreement_unknown"),
        ({"dataAddress": {"@type": "DataAddress", "endpointType": "x"}}, "assertion_missing"),
        ({"callbackAddress": "http://localhost:9999/dsp"}, "callback_foreign"),
    ],
)
def test_a_request_the_provider_cannot_serve_is_refused_with_a_typed_error(pair, change, code):
    hospital, faculty = pair
    agreement = agreed(*pair)
    message = visit_request(faculty, agreement) | change

    answer = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/transfers/request",
        message,
        authorization=faculty.identity.token_for(HOSPITAL),
    )

    assert (answer.status, answer.body["@type"], answer.body["code"]) == (
        400,
        "TransferError",
        code,
    )


@pytest.mark.parametrize("act", ["suspend", "terminate", "complete", "resume"])
def test_a_researcher_does_not_touch_the_visit_of_another(pair, visit, act):
    hospital, faculty = pair
    eve = Actor("person:per_eve", "Eve", frozenset({Role.RESEARCHER}))
    more = () if act in {"complete", "resume"} else ("Mine now.",)

    for side, pid in ((faculty, visit[1]), (hospital, mirror(hospital).pid)):
        with pytest.raises(RoleMissingError):
            getattr(side.transfer, act)(pid, *more, by=eve)
    assert states(pair, visit[1]) == ("STARTED", "STARTED")
