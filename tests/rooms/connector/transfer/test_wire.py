"""Transfers when things go wrong: lost answers, repeats, strangers, wrong order, giving up."""

import json

import pytest

from lib.dsp_nodes import (
    ADA,
    FACULTY,
    HOSPITAL,
    RESEARCHER,
    STEWARD,
    STRANGER,
    agreed,
    make_pair,
    pump,
)
from tidegate.connector.dataplane.errors import TokenSealedError
from tidegate.connector.dataplane.tokens import open_token, seal_token
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import document
from tidegate.connector.messages.model import MessageState
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire import TransferError, TransferProcess
from tidegate.connector.transfer import store
from tidegate.connector.transfer.address import without_secrets
from tidegate.connector.transfer.errors import (
    TransferRacedError,
    VisitPendingError,
    VisitWithheldError,
)
from tidegate.kernel.machine import IllegalMoveError


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def start(pair):
    """Start a visit; return the agreement and both sides' transfers."""
    hospital, faculty = pair
    agreement = agreed(*pair)
    pid = faculty.transfer.request_visit(agreement, by=RESEARCHER).pid
    pump(*pair, seconds=30)
    return agreement, hospital.transfer.list_transfers()[0], faculty.transfer.get(pid)


def say(node, pid, place, kind, one, sender, **more):
    said = document(
        kind, "urn:uuid:m", providerPid=one.provider_pid, consumerPid=one.consumer_pid, **more
    )
    return node.network.post(
        f"{node.base}/dsp/2025-1/transfers/{pid}/{place}",
        said,
        authorization=f"Bearer {sender}>{node.did}",
    )


def test_trouble_that_passes_is_tried_through(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    hospital.network.answers_instead = [Answer(503), Answer(404)]

    pid = faculty.transfer.request_visit(agreement, by=RESEARCHER).pid
    pump(*pair, seconds=30)

    assert faculty.transfer.get(pid).state.value == "STARTED"
    assert faculty.transfer.list_messages(pid)[0].attempts == 3


def test_a_lost_answer_is_made_good_by_the_start(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    pid = faculty.transfer.request_visit(agreement, by=RESEARCHER).pid
    hospital.network.lose_next_answer = True

    pump(*pair)

    assert faculty.transfer.get(pid).state.value == "STARTED"
    token = faculty.transfer.visit_address(agreement, ADA).token
    assert hospital.transfer.visit_for_token(token).agreement_id == agreement


def test_a_provider_that_never_answers_ends_the_visit_with_the_reason(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    hospital.network.down.add(hospital.base)

    pid = faculty.transfer.request_visit(agreement, by=RESEARCHER).pid
    pump(*pair, seconds=3600)

    one = faculty.transfer.get(pid)
    assert (one.state.value, one.reason_code) == ("TERMINATED", "undeliverable")
    with pytest.raises(VisitWithheldError, match="given up"):
        faculty.transfer.visit_address(agreement, ADA)


def test_a_refused_start_terminates_both_sides(pair):
    hospital, faculty = pair
    agreement = agreed(*pair)
    faculty.transfer.request_visit(agreement, by=RESEARCHER)
    faculty.step()
    hospital.step()
    hospital.network.answers_instead = [Answer(400, {}, {"reason": ["No."]})]

    pump(*pair)

    assert hospital.transfer.list_transfers()[0].state.value == "TERMINATED"
    assert faculty.transfer.list_transfers()[0].state.value == "TERMINATED"


def test_every_message_can_be_repeated_without_effect(pair):
    hospital, faculty = pair
    _, _, ours = start(pair)
    nodes = {hospital.base: hospital, faculty.base: faculty}
    sent = [(u, s) for m, u, s, _ in hospital.network.log if m == "POST" and "/transfers/" in u]

    statuses = []
    for url, said in sent:
        node = nodes[url.partition("/dsp")[0]]
        sender = FACULTY if node is hospital else HOSPITAL
        answer = node.network.post(url, said, authorization=f"Bearer {sender}>{node.did}")
        statuses.append(answer.status)
    pump(*pair)

    assert statuses == [201, 200]
    assert len(hospital.transfer.list_transfers()) == 1
    assert faculty.transfer.get(ours.pid).state.value == "STARTED"


def test_another_request_under_a_used_pid_is_refused(pair):
    hospital, _ = pair
    start(pair)
    said = next(s for _, u, s, _ in hospital.network.log if u.endswith("/transfers/request"))

    answer = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/transfers/request",
        said | {"format": "HttpData-PULL"},
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )

    assert (answer.status, answer.body["code"]) == (400, "pid_in_use")


def test_messages_that_may_not_come_are_typed_400_and_kept(pair):
    hospital, faculty = pair
    _, theirs, ours = start(pair)

    early = say(faculty, ours.pid, "start", "TransferStartMessage", ours, HOSPITAL)
    odd = say(hospital, theirs.pid, "start", "TransferStartMessage", theirs, FACULTY)

    assert check(odd.body, TransferError).message.provider_pid == theirs.pid
    assert (early.status, odd.status) == (400, 400)
    kept = hospital.transfer.list_messages(theirs.pid)
    assert kept[-1].state is MessageState.REFUSED


def test_a_visit_resumed_without_an_address_is_refused(pair):
    hospital, faculty = pair
    _, theirs, ours = start(pair)
    hospital.transfer.suspend(theirs.pid, "Wait.", by=STEWARD)
    pump(*pair)

    answer = say(faculty, ours.pid, "start", "TransferStartMessage", ours, HOSPITAL)

    assert (answer.status, answer.body["code"]) == (400, "address_missing")


def test_pids_of_others_are_404_and_ones_own_are_read(pair):
    hospital, _ = pair
    _, theirs, _ = start(pair)
    place = f"{hospital.base}/dsp/2025-1/transfers/{theirs.pid}"

    own = hospital.network.get(place, authorization=f"Bearer {FACULTY}>{HOSPITAL}")
    other = hospital.network.get(place, authorization=f"Bearer {STRANGER}>{HOSPITAL}")
    renewal = hospital.network.post(
        f"{place}/renewal", {}, authorization=f"Bearer {STRANGER}>{HOSPITAL}"
    )

    assert check(own.body, TransferProcess).message.state == "STARTED"
    assert (other.status, renewal.status) == (404, 404)


def test_pids_that_do_not_belong_together_are_refused(pair):
    hospital, _ = pair
    _, theirs, _ = start(pair)
    mixed = document(
        "TransferSuspensionMessage", "urn:uuid:m", providerPid=theirs.pid, consumerPid="urn:uuid:x"
    )

    answer = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/transfers/{theirs.pid}/suspension",
        mixed,
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )

    assert (answer.status, answer.body["code"]) == (400, "pid_mismatch")


def test_a_finished_visit_cannot_be_stopped_again_and_a_new_one_may_begin(pair):
    _, faculty = pair
    agreement, _, ours = start(pair)
    faculty.transfer.complete(ours.pid, by=RESEARCHER)
    pump(*pair)
    with pytest.raises(IllegalMoveError):
        faculty.transfer.terminate(ours.pid, "Again.", by=RESEARCHER)

    address = faculty.transfer.request_visit(agreement, by=RESEARCHER)

    assert address.pid != ours.pid


def test_waiting_for_a_visit_ends_when_the_provider_stays_silent(pair):
    _, faculty = pair
    agreement = agreed(*pair)

    with pytest.raises(VisitPendingError):
        faculty.transfer.open_visit(agreement, by=RESEARCHER, seconds=0.05)


def test_a_change_based_on_an_old_reading_is_refused(pair):
    hospital, _ = pair
    _, theirs, _ = start(pair)
    write = {"by": "system:test", "did": "transfer.decided", "to": f"transfer:{theirs.pid}"}
    with hospital.ground.journal.write(**write) as tx:
        store.save_transfer(tx.connection, theirs)

    with pytest.raises(TransferRacedError), hospital.ground.journal.write(**write) as tx:
        store.save_transfer(tx.connection, theirs)


def test_a_sealed_token_opens_only_with_its_key_and_for_its_transfer():
    sealed = seal_token(b"k" * 32, "t1", "secret")

    assert open_token(b"k" * 32, "t1", sealed) == "secret"
    for key, transfer in ((b"x" * 32, "t1"), (b"k" * 32, "t2")):
        with pytest.raises(TokenSealedError):
            open_token(key, transfer, sealed)


@pytest.mark.parametrize(
    "address",
    [
        {"endpointProperties": [{"@type": "EndpointProperty", "name": "token", "value": "s3cret"}]},
        {"endpointProperties": [{"name": "authType", "value": "bearer", "urn:more": "s3cret"}]},
        {"endpointProperties": ["s3cret"]},
        {"endpoint": "https://a.example/rows?sig=s3cret"},
        {"endpoint": "https://user:s3cret@a.example/rows"},
        {"endpoint": "https://s3cret@a.example"},
        {"urn:x:authorization": "s3cret"},
        {"edc:properties": {"token": ["s3cret"]}},
    ],
    ids=str,
)
def test_a_message_is_kept_without_what_opens_data_wherever_it_stands(address):
    plain = {"@type": "DataAddress", "endpointType": "urn:t", "endpoint": "https://a.example/rows"}
    said = {"@id": "urn:m", "dataAddress": {**plain, **address}}

    kept = json.dumps(without_secrets(said))

    assert "s3cret" not in kept
    assert "a.example" in kept
    assert "s3cret" in json.dumps(said)
    assert without_secrets({"dataAddress": plain})["dataAddress"] == plain


def finalized_here_first(pair, act):
    """Have the consumer act when it holds the agreement and the provider cannot know it yet."""
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    one = faculty.negotiation.request(hospital.did, offer.dataset_id, by=RESEARCHER)
    carry = hospital.network.post

    def post(url, body, **more):
        answer = carry(url, body, **more)
        if body.get("eventType") == "FINALIZED":
            hospital.network.post = carry
            act(faculty.negotiation.get(one.pid).agreement_id)
        return answer

    hospital.network.post = post
    pump(*pair)
    return faculty.negotiation.get(one.pid).agreement_id


def test_a_visit_asked_for_at_the_moment_of_the_agreement_is_opened(pair):
    hospital, faculty = pair
    asked = []

    def ask(agreement):
        assert hospital.policy.find_agreement(agreement) is None
        asked.append(faculty.transfer.request_visit(agreement, by=RESEARCHER).pid)
        pump(faculty)
        assert faculty.transfer.get(asked[0]).state.value == "INITIAL"

    agreement = finalized_here_first(pair, ask)
    pump(*pair, seconds=30)

    assert hospital.policy.find_agreement(agreement) is not None
    assert faculty.transfer.get(asked[0]).state.value == "STARTED"
    asking = [one for one in hospital.network.log if one[1].endswith("/transfers/request")]
    assert [503, 201] == [status for *_, status in asking]


def test_an_agreement_on_its_way_to_another_is_none_of_a_strangers(pair):
    hospital, _ = pair
    answers = []

    def ask(agreement):
        said = document(
            "TransferRequestMessage", "urn:uuid:m", consumerPid="urn:uuid:c",
            agreementId=agreement, format="Tidegate-Visit", callbackAddress="http://localhost:7004",
        )  # fmt: skip
        url = f"{hospital.base}/dsp/2025-1/transfers/request"
        token = f"Bearer {STRANGER}>{hospital.did}"
        answers.append(hospital.network.call("POST", url, said, token))

    finalized_here_first(pair, ask)

    assert [(400, "agreement_unknown")] == [(one.status, one.body["code"]) for one in answers]
