"""Transfers of rows: what planes are told, what they may answer, and what decides first."""

import json

import pytest
from sqlalchemy import select

from lib.dsp_nodes import HOSPITAL, RESEARCHER, STEWARD, agreed, make_pair, pump
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH, HTTP_TYPE, PlaneAddress
from tidegate.connector.messages.wire import CONTEXT
from tidegate.connector.transfer.errors import RowsWithheldError, TransferRequestRefusedError
from tidegate.db.schema import METADATA
from tidegate.kernel.errors import UnavailableError
from tidegate.partners.errors import GateClosedError


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def ask(pair, name=HTTP_PULL, agreement=""):
    agreement = agreement or agreed(*pair)
    one = pair[1].transfer.request_rows(agreement, name, by=RESEARCHER)
    pump(*pair)
    return agreement, one.pid


def mirror(hospital):
    return hospital.transfer.list_transfers()[0]


def states(pair, pid):
    return mirror(pair[0]).state.value, pair[1].transfer.get(pid).state.value


def test_a_pull_starts_with_the_address_the_providers_plane_gave(pair):
    hospital, faculty = pair
    _, pid = ask(pair)

    assert states(pair, pid) == ("STARTED", "STARTED")
    assert faculty.plane.told == ["prepare", "started"]
    assert hospital.plane.told == ["start", "started"]
    heard = faculty.plane.heard[-1]
    assert (heard.endpoint_type, heard.endpoint) == (HTTP_TYPE, "http://localhost:9/start")
    assert heard.properties["authorization"] == "secret-start"
    assert hospital.crossing.counted == 1


def test_a_push_starts_with_the_address_the_consumers_plane_gave(pair):
    hospital, faculty = pair
    _, pid = ask(pair, HTTP_PUSH)

    assert states(pair, pid) == ("STARTED", "STARTED")
    assert hospital.plane.heard[0].endpoint == "http://localhost:9/prepare"
    assert hospital.plane.heard[0].properties["authorization"] == "secret-prepare"
    assert faculty.plane.heard[-1] is None


def test_a_plane_that_takes_its_time_is_waited_for_on_both_sides(pair):
    hospital, faculty = pair
    hospital.plane.waits = faculty.plane.waits = True
    _, pid = ask(pair)
    assert faculty.transfer.get(pid).state == "INITIAL"

    faculty.transfer.flow_prepared(pid, None)
    pump(*pair)
    assert states(pair, pid) == ("REQUESTED", "REQUESTED")

    address = PlaneAddress(HTTP_TYPE, "http://localhost:9/later", {"authorization": "x"})
    hospital.transfer.flow_started(mirror(hospital).pid, address)
    hospital.transfer.flow_started(mirror(hospital).pid, address)
    pump(*pair)
    assert states(pair, pid) == ("STARTED", "STARTED")
    assert faculty.plane.heard[-1].endpoint == "http://localhost:9/later"


def test_a_finished_plane_completes_the_transfer_once(pair):
    hospital, faculty = pair
    _, pid = ask(pair)
    faculty.transfer.flow_completed(pid)
    pump(*pair)
    faculty.transfer.flow_completed(pid)

    assert states(pair, pid) == ("COMPLETED", "COMPLETED")
    assert hospital.plane.told[-1] == faculty.plane.told[-1] == "complete"


def test_a_plane_that_gives_up_ends_the_transfer_with_its_words(pair):
    hospital, faculty = pair
    _, pid = ask(pair)
    faculty.transfer.flow_failed(pid, "content_changed", "The bytes are not what was promised.")
    pump(*pair)

    assert states(pair, pid) == ("TERMINATED", "TERMINATED")
    assert mirror(hospital).reason == "The bytes are not what was promised."


def test_trouble_that_passes_is_tried_again_and_other_trouble_ends_it(pair):
    hospital, faculty = pair
    hospital.plane.trouble = UnavailableError("busy")
    agreement = agreed(*pair)
    pid = faculty.transfer.request_rows(agreement, HTTP_PULL, by=RESEARCHER).pid
    pump(*pair, seconds=3)
    assert states(pair, pid) == ("REQUESTED", "REQUESTED")

    hospital.plane.trouble = GateClosedError("The disk is full of sand.")
    pump(*pair, seconds=3)
    assert states(pair, pid) == ("TERMINATED", "TERMINATED")
    assert faculty.transfer.get(pid).reason == "The disk is full of sand."


def test_a_consumers_plane_that_refuses_ends_what_the_peer_never_heard_of(pair):
    hospital, faculty = pair
    faculty.plane.trouble = GateClosedError("No room here.")
    _, pid = ask(pair)

    assert faculty.transfer.get(pid).state == "TERMINATED"
    assert hospital.transfer.list_transfers() == ()


def test_suspension_and_resumption_reach_both_planes(pair):
    hospital, faculty = pair
    _, pid = ask(pair)
    own = mirror(hospital).pid
    hospital.transfer.suspend(own, "audit", by=STEWARD)
    pump(*pair)
    assert states(pair, pid) == ("SUSPENDED", "SUSPENDED")
    assert hospital.plane.told[-1] == faculty.plane.told[-1] == "suspend"

    hospital.transfer.resume(own, by=STEWARD)
    pump(*pair)
    assert states(pair, pid) == ("STARTED", "STARTED")
    assert faculty.plane.heard[-1].endpoint == "http://localhost:9/resume"


def test_an_ended_agreement_ends_its_transfers_and_their_flows(pair):
    hospital = pair[0]
    agreement, pid = ask(pair)
    hospital.policy.end_agreement(agreement, "over", by=STEWARD)
    assert not hospital.transfer.is_flowing(mirror(hospital).pid)
    hospital.transfer.on_agreement_ended(agreement)
    pump(*pair)

    assert states(pair, pid) == ("TERMINATED", "TERMINATED")
    assert "terminate" in hospital.plane.told


def test_the_crossing_refuses_at_the_provider(pair):
    hospital, faculty = pair
    hospital.crossing.refusal = "The policy keeps rows in place."
    _, pid = ask(pair)

    assert states(pair, pid) == ("TERMINATED", "TERMINATED")
    assert faculty.transfer.get(pid).reason == "The policy keeps rows in place."
    assert "start" not in hospital.plane.told


def test_the_crossing_refuses_at_the_consumer_before_anything_is_sent(pair):
    faculty = pair[1]
    faculty.crossing.refusal = "The policy keeps rows in place."
    agreement = agreed(*pair)

    with pytest.raises(GateClosedError, match="in place"):
        faculty.transfer.request_rows(agreement, HTTP_PULL, by=RESEARCHER)
    assert faculty.transfer.list_transfers() == ()


def test_a_closing_gate_ends_a_running_transfer(pair):
    hospital, faculty = pair
    _, pid = ask(pair)
    hospital.crossing.refusal = "The permit has ended."

    assert hospital.transfer.on_gate_moved() == 1
    pump(*pair)
    assert faculty.transfer.get(pid).reason == "The permit has ended."


def test_every_read_is_decided_again(pair):
    hospital, _ = pair
    ask(pair)
    own = mirror(hospital).pid
    assert hospital.transfer.check_read(own).pid == own
    hospital.crossing.refusal = "Not any more."
    with pytest.raises(GateClosedError):
        hospital.transfer.check_read(own)
    hospital.crossing.refusal = ""
    hospital.transfer.suspend(own, "audit", by=STEWARD)
    with pytest.raises(RowsWithheldError):
        hospital.transfer.check_read(own)


def test_a_format_no_plane_serves_is_refused_on_both_sides(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    with pytest.raises(RowsWithheldError, match="No data plane"):
        faculty.transfer.request_rows(agreement, "AmazonS3-PULL", by=RESEARCHER)

    peer = hospital.identity.authenticate(faculty.identity.token_for(HOSPITAL))
    asked = {
        "@context": [CONTEXT],
        "@type": "TransferRequestMessage",
        "consumerPid": "urn:c",
        "agreementId": agreement,
        "format": "AmazonS3-PULL",
        "callbackAddress": faculty.base + "/dsp/2025-1",
    }
    with pytest.raises(TransferRequestRefusedError, match="HttpData-PULL") as refused:
        hospital.transfer.receive_request(peer, json.dumps(asked).encode())
    assert refused.value.code == "format_unsupported"


def test_renewal_asks_the_crossing_and_the_plane(pair):
    hospital, faculty = pair
    ask(pair)
    peer = hospital.identity.authenticate(faculty.identity.token_for(HOSPITAL))
    own = mirror(hospital).pid

    told = hospital.transfer.renew(peer, own)
    assert told["dataAddress"]["endpoint"] == "http://localhost:9/renewed"

    hospital.crossing.refusal = "Not any more."
    with pytest.raises(GateClosedError):
        hospital.transfer.renew(peer, own)


@pytest.mark.parametrize("name", [HTTP_PULL, HTTP_PUSH])
def test_nothing_that_opens_data_stands_in_clear_in_any_row(pair, name):
    ask(pair, name)
    for node in pair:
        with node.ground.database.reading() as conn:
            rows = [row for table in METADATA.sorted_tables for row in conn.execute(select(table))]
        text = " ".join(str(value) for row in rows for value in row)
        assert "secret-" not in text


def waiting(pair):
    """Have a pull asked for that waits for a person at the provider."""
    pair[0].crossing.pending = True
    ask(pair)
    return mirror(pair[0])


def test_a_request_waits_while_a_person_is_asked_and_starts_once_they_approved(pair):
    hospital, faculty = pair
    one = waiting(pair)
    assert (one.state, one.pending) == ("REQUESTED", "")

    hospital.crossing.pending = False
    hospital.transfer.on_rows_answered(one.agreement_id)
    pump(*pair)

    assert mirror(hospital).state == "STARTED"
    assert faculty.transfer.get(one.consumer_pid).state == "STARTED"


@pytest.mark.parametrize("fact", ["on_rows_answered", "on_rows_withdrawn"])
def test_a_request_that_waited_ends_with_the_reason_of_the_person_who_refused(pair, fact):
    hospital, faculty = pair
    one = waiting(pair)

    hospital.crossing.pending, hospital.crossing.refusal = False, "Not without a contract."
    getattr(hospital.transfer, fact)(one.agreement_id)
    pump(*pair)

    told = faculty.transfer.get(one.consumer_pid)
    assert (told.state, told.reason) == ("TERMINATED", "Not without a contract.")


def test_a_withdrawn_approval_ends_what_runs_once(pair):
    hospital, faculty = pair
    agreement, pid = ask(pair)

    hospital.transfer.on_rows_withdrawn(agreement)
    hospital.transfer.on_rows_withdrawn(agreement)
    pump(*pair)
    hospital.transfer.on_rows_withdrawn(agreement)

    assert states(pair, pid) == ("TERMINATED", "TERMINATED")
    assert faculty.transfer.get(pid).reason_code == "approval_withdrawn"
    assert hospital.plane.told[-1] == "terminate"


def test_an_answer_changes_nothing_of_what_runs_and_nothing_at_the_consumer(pair):
    hospital, faculty = pair
    agreement, pid = ask(pair)

    hospital.transfer.on_rows_answered(agreement)
    faculty.transfer.on_rows_withdrawn(agreement)
    pump(*pair)

    assert states(pair, pid) == ("STARTED", "STARTED")


def test_a_held_transfer_of_rows_is_not_walked_around_by_asking_again(pair):
    hospital, faculty = pair
    agreement, pid = ask(pair)
    hospital.transfer.suspend(mirror(hospital).pid, "audit", by=STEWARD)
    pump(*pair)

    again = faculty.transfer.request_rows(agreement, HTTP_PULL, by=RESEARCHER)
    answer = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/transfers/request",
        {
            "@context": [CONTEXT],
            "@type": "TransferRequestMessage",
            "@id": "urn:uuid:11111111-1111-4111-8111-111111111111",
            "agreementId": agreement,
            "consumerPid": "urn:uuid:22222222-2222-4222-8222-222222222222",
            "format": HTTP_PULL,
            "callbackAddress": f"{faculty.base}/dsp/2025-1",
        },
        authorization=faculty.identity.token_for(HOSPITAL),
    )

    assert again.pid == pid
    assert (answer.status, answer.body["code"]) == (400, "rows_held")
    assert states(pair, pid) == ("SUSPENDED", "SUSPENDED")
