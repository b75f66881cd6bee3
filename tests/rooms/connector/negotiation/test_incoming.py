"""What a peer may not do: repeat, reorder, replay, change, or speak of what is not its own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.dsp_nodes import FACULTY, HOSPITAL, RESEARCHER, STEWARD, STRANGER, make_pair, pump
from tidegate.connector.messages.compose import document
from tidegate.connector.messages.model import MessageState
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire import ContractNegotiation, ContractNegotiationError
from tidegate.connector.negotiation import incoming
from tidegate.connector.negotiation.strategy import MANUAL


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def requested(pair, strategy=None):
    """Bring a negotiation to the state the strategy leaves it in; return the provider's view."""
    hospital, faculty = pair
    offer = hospital.publish()
    if strategy is not None:
        hospital.negotiation.set_strategy(offer.id, strategy, by=STEWARD)
    faculty.knows(hospital, offer)
    faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER)
    pump(*pair)
    return hospital.negotiation.list_negotiations()[0]


def say(node, pid, place, message, sender=FACULTY):
    return node.network.post(
        f"{node.base}/dsp/2025-1/negotiations/{pid}/{place}",
        message,
        authorization=f"Bearer {sender}>{node.did}",
    )


def paired(one, kind, **more):
    return document(
        kind, "urn:uuid:m", providerPid=one.provider_pid, consumerPid=one.consumer_pid, **more
    )


def opening(hospital):
    """Return the request that opened the negotiation, as it came over the wire."""
    return next(said for _, url, said, _ in hospital.network.log if url.endswith("/request"))


def test_the_same_request_again_finds_the_same_negotiation(pair):
    hospital, _ = pair
    one = requested(pair)

    again = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/negotiations/request",
        opening(hospital),
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )

    assert (again.status, again.body["providerPid"]) == (201, one.pid)
    assert len(hospital.negotiation.list_negotiations()) == 1


def test_another_request_under_a_used_pid_is_refused(pair):
    hospital, _ = pair
    requested(pair)

    again = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/negotiations/request",
        opening(hospital) | {"@id": "urn:uuid:other"},
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )

    assert (again.status, again.body["code"]) == (400, "pid_in_use")


def test_a_peer_has_only_so_many_negotiations_open(pair, monkeypatch):
    hospital, _ = pair
    one = requested(pair, MANUAL)
    monkeypatch.setattr(incoming, "MOST_OPEN", 1)
    address = f"{hospital.base}/dsp/2025-1/negotiations/request"
    fresh = opening(hospital) | {"@id": "urn:uuid:fresh", "consumerPid": "urn:uuid:fresh-pid"}

    refused = hospital.network.post(address, fresh, authorization=f"Bearer {FACULTY}>{HOSPITAL}")
    hospital.negotiation.terminate(one.pid, "no longer needed", by=STEWARD)
    pump(*pair)
    taken = hospital.network.post(address, fresh, authorization=f"Bearer {FACULTY}>{HOSPITAL}")

    assert (refused.status, refused.body["code"]) == (503, "too_many_negotiations")
    assert taken.status == 201


def test_a_replay_by_somebody_else_opens_nothing_here(pair):
    hospital, _ = pair
    requested(pair)

    again = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/negotiations/request",
        opening(hospital),
        authorization=f"Bearer {STRANGER}>{HOSPITAL}",
    )

    assert (again.status, again.body["code"]) == (400, "callback_foreign")


def test_every_message_of_a_finished_negotiation_can_be_repeated_without_effect(pair):
    hospital, faculty = pair
    one = requested(pair)
    nodes = {hospital.base: hospital, faculty.base: faculty}
    sent = [(url, said) for method, url, said, _ in hospital.network.log if method == "POST"]

    statuses = []
    for url, said in sent:
        node = nodes[url.partition("/dsp")[0]]
        sender = FACULTY if node is hospital else HOSPITAL
        answer = node.network.post(url, said, authorization=f"Bearer {sender}>{node.did}")
        statuses.append(answer.status)
    pump(*pair)

    assert statuses == [201, 200, 200, 200]
    assert hospital.negotiation.get(one.pid).state.value == "FINALIZED"
    assert len(hospital.policy.list_agreements()) == 1


def test_messages_out_of_order_are_400_typed_and_change_nothing(pair):
    hospital, _ = pair
    one = requested(pair, MANUAL)
    early = [
        ("agreement/verification", paired(one, "ContractAgreementVerificationMessage")),
        ("events", paired(one, "ContractNegotiationEventMessage", eventType="ACCEPTED")),
        ("events", paired(one, "ContractNegotiationEventMessage", eventType="FINALIZED")),
    ]

    for place, message in early:
        answer = say(hospital, one.pid, place, message)
        refusal = check(answer.body, ContractNegotiationError).message
        assert (answer.status, refusal.provider_pid) == (400, one.pid)

    assert hospital.negotiation.get(one.pid).state.value == "REQUESTED"
    kept = hospital.negotiation.list_messages(one.pid)
    assert [m.state for m in kept].count(MessageState.REFUSED) == 3


def test_a_terminated_negotiation_stays_terminated(pair):
    hospital, _ = pair
    one = requested(pair, MANUAL)
    hospital.negotiation.terminate(one.pid, "No.", by=STEWARD)
    pump(*pair)

    message = paired(one, "ContractNegotiationTerminationMessage")
    answer = say(hospital, one.pid, "termination", message)

    assert answer.status == 400
    assert hospital.negotiation.get(one.pid).reason == "No."


def test_the_pids_of_others_are_404_for_reading_and_writing(pair):
    hospital, _ = pair
    one = requested(pair, MANUAL)
    message = paired(one, "ContractNegotiationTerminationMessage")

    wrote = say(hospital, one.pid, "termination", message, sender=STRANGER)
    read = hospital.network.get(
        f"{hospital.base}/dsp/2025-1/negotiations/{one.pid}",
        authorization=f"Bearer {STRANGER}>{HOSPITAL}",
    )

    assert (wrote.status, read.status) == (404, 404)
    assert hospital.negotiation.get(one.pid).state.value == "REQUESTED"


def test_the_peer_reads_the_state(pair):
    hospital, _ = pair
    one = requested(pair)

    answer = hospital.network.get(
        f"{hospital.base}/dsp/2025-1/negotiations/{one.pid}",
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )

    assert check(answer.body, ContractNegotiation).message.state == "FINALIZED"


def test_pids_that_do_not_belong_together_are_refused(pair):
    hospital, _ = pair
    one = requested(pair, MANUAL)
    message = paired(one, "ContractNegotiationTerminationMessage") | {"consumerPid": "urn:uuid:x"}

    answer = say(hospital, one.pid, "termination", message)

    assert (answer.status, answer.body["code"]) == (400, "pid_mismatch")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"assigner": STRANGER}, "agreement_parties"),
        ({"assignee": STRANGER}, "agreement_parties"),
        ({"target": "ds_9"}, "agreement_target"),
        ({"permission": [{"action": "use"}]}, "agreement_terms"),
        ({"obligation": [{"action": "use"}]}, "agreement_terms"),
    ],
)
def test_an_agreement_that_is_not_what_was_offered_is_refused(pair, change, code):
    faculty = pair[1]
    one = requested(pair, MANUAL)
    agreement = {
        **{k: v for k, v in one.offer.items() if k not in {"@id", "@type"}},
        "@id": "urn:uuid:a",
        "@type": "Agreement",
        "assigner": HOSPITAL,
        "assignee": FACULTY,
        "timestamp": "2026-03-02T08:00:00Z",
    } | change

    message = paired(one, "ContractAgreementMessage", agreement=agreement)
    answer = say(faculty, one.peer_pid, "agreement", message, sender=HOSPITAL)

    assert (answer.status, answer.body["code"]) == (400, code)
    assert faculty.negotiation.get(one.peer_pid).state.value == "REQUESTED"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
PLACES = ("request", "offers", "agreement", "agreement/verification", "events", "termination")


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    place=st.sampled_from(PLACES),
    field=st.sampled_from(["@context", "@type", "@id", "providerPid", "consumerPid", "offer",
                           "agreement", "eventType", "code", "reason"]),
    value=JSON,
)  # fmt: skip
def test_whatever_a_peer_sends_is_answered_with_a_typed_document(pair, place, field, value):
    hospital, _ = pair
    known = hospital.negotiation.list_negotiations()
    one = known[0] if known else requested(pair, MANUAL)
    kinds = {
        "request": "ContractRequestMessage", "offers": "ContractOfferMessage",
        "agreement": "ContractAgreementMessage",
        "agreement/verification": "ContractAgreementVerificationMessage",
        "events": "ContractNegotiationEventMessage",
        "termination": "ContractNegotiationTerminationMessage",
    }  # fmt: skip
    message = paired(one, kinds[place], offer=dict(one.offer)) | {field: value}

    answer = say(hospital, one.pid, place, message)

    assert answer.status in {200, 400}
    assert answer.body["@type"] in {"ContractNegotiation", "ContractNegotiationError"}


@pytest.mark.parametrize("pid", ["a\x00b", "a\x7fb", "\u202ex"])
def test_a_pid_that_is_not_seen_names_nothing(pair, pid):
    hospital, _ = pair
    for room in ("negotiations", "transfers", "catalog/datasets"):
        answer = hospital.network.get(
            f"{hospital.base}/dsp/2025-1/{room}/{pid}",
            authorization=f"Bearer {FACULTY}>{HOSPITAL}",
        )
        assert (answer.status, answer.body["code"]) == (404, "pid_unknown")


def test_terms_of_a_peer_reach_no_reason_whole_or_with_hidden_characters(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER)
    pump(faculty)
    action = "a\x00\u202e" + "x" * 100_000
    said = opening(hospital) | {"@id": "urn:uuid:2", "consumerPid": "urn:uuid:2"}
    terms = said["offer"] | {"permission": [{"action": action}]}

    hospital.network.post(
        f"{hospital.base}/dsp/2025-1/negotiations/request",
        said | {"offer": terms},
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )
    pump(*pair)

    one = next(n for n in hospital.negotiation.list_negotiations() if n.peer_pid == "urn:uuid:2")
    assert one.reason_code == "action_unknown"
    assert len(one.reason) <= 4000
    assert one.reason.isprintable()
