"""Negotiations between two nodes, from request to agreement, in both roles."""

import json
from dataclasses import replace

import pytest

from lib.dsp_nodes import (
    FACULTY,
    HOSPITAL,
    POLICY,
    RESEARCHER,
    STEWARD,
    countering,
    make_pair,
    pump,
)
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.catalogue.model import OfferState
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import document
from tidegate.connector.messages.errors import ProcessUnknownError
from tidegate.connector.messages.model import MessageState, Side
from tidegate.connector.negotiation.errors import (
    NegotiationWithheldError,
    OfferNotOpenError,
    StrategyInvalidError,
)
from tidegate.connector.negotiation.model import Act, Reaction, Strategy
from tidegate.connector.negotiation.strategy import MANUAL, REFUSE, WAIT
from tidegate.kernel.machine import IllegalMoveError
from tidegate.policy.errors import AttestationUnacceptedError
from tidegate.policy.model import Outcome
from tidegate.policy.service import research_policy, to_message_offer, to_offer


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def ask(hospital, faculty, *, offer=None):
    offer = offer or hospital.publish()
    faculty.knows(hospital, offer)
    return faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER).pid


def mirror(hospital):
    return hospital.negotiation.list_negotiations()[0]


def states(hospital, faculty, pid):
    return mirror(hospital).state.value, faculty.negotiation.get(pid).state.value


def test_a_request_for_a_published_offer_ends_in_the_same_agreement_on_both_sides(pair):
    hospital, faculty = pair

    pid = ask(hospital, faculty)
    pump(*pair)

    assert states(*pair, pid) == ("FINALIZED", "FINALIZED")
    ours = hospital.policy.list_agreements()[0]
    theirs = faculty.policy.list_agreements()[0]
    assert (ours.id, ours.digest, ours.role) == (theirs.id, theirs.digest, "provider")
    assert (ours.assigner, ours.assignee, ours.policy) == (HOSPITAL, FACULTY, POLICY)


def test_terms_that_rest_on_a_word_are_accepted_by_name_or_nothing_is_asked(pair):
    hospital, faculty = pair
    faculty.knows(hospital, hospital.publish(policy=research_policy(delete_within_days=30)))

    with pytest.raises(AttestationUnacceptedError, match="delete-within"):
        faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER)
    assert () == faculty.negotiation.list_negotiations()

    faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER, accepts=["delete-within"])
    assert 1 == len(faculty.negotiation.list_negotiations())


def test_a_person_who_agrees_names_what_rests_on_the_other_sides_word(pair):
    hospital, faculty = pair
    hospital.rules.permit = False
    faculty.knows(hospital, hospital.publish(policy=research_policy(delete_within_days=30)))
    faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER, accepts=["delete-within"])
    pump(*pair)
    pid = mirror(hospital).pid

    with pytest.raises(AttestationUnacceptedError, match="delete-within"):
        hospital.negotiation.approve(pid, by=STEWARD)
    hospital.negotiation.approve(pid, by=STEWARD, accepts=["delete-within"])
    pump(*pair)

    assert mirror(hospital).state.value == "FINALIZED"


def test_every_message_is_kept_on_both_sides_in_order(pair):
    hospital, faculty = pair

    pid = ask(hospital, faculty)
    pump(*pair)

    kept = [(m.direction.value, m.action) for m in faculty.negotiation.list_messages(pid)]
    assert kept == [("out", "request"), ("in", "agree"), ("out", "verify"), ("in", "finalize")]
    assert [m.action for m in hospital.negotiation.list_messages(mirror(hospital).pid)] == [
        "request", "agree", "verify", "finalize",
    ]  # fmt: skip


def test_without_a_permit_the_provider_waits_for_a_person_and_says_why(pair):
    hospital, faculty = pair
    hospital.rules.permit = False

    pid = ask(hospital, faculty)
    pump(*pair)

    assert states(*pair, pid) == ("REQUESTED", "REQUESTED")
    assert (mirror(hospital).waiting, mirror(hospital).reason_code) == ("person", "permit_missing")


def test_a_person_approves_what_waits(pair):
    hospital, faculty = pair
    hospital.rules.outcome = Outcome.NEEDS_APPROVAL
    pid = ask(hospital, faculty)
    pump(*pair)

    hospital.negotiation.approve(mirror(hospital).pid, by=STEWARD)
    pump(*pair)

    assert states(*pair, pid) == ("FINALIZED", "FINALIZED")
    assert mirror(hospital).assessment.outcome == "needs_approval"


@pytest.mark.parametrize("outcome", [Outcome.DENY, Outcome.DEFAULT_DENY, Outcome.NEEDS_FILING])
def test_no_person_can_lift_what_the_rules_do_not_allow(pair, outcome):
    hospital, faculty = pair
    hospital.rules.permit = False
    ask(hospital, faculty)
    pump(*pair)
    hospital.rules.outcome = outcome

    with pytest.raises(NegotiationWithheldError):
        hospital.negotiation.approve(mirror(hospital).pid, by=STEWARD)


def test_a_denied_request_is_terminated_and_both_sides_know_the_reason(pair):
    hospital, faculty = pair
    hospital.rules.outcome = Outcome.DEFAULT_DENY

    pid = ask(hospital, faculty)
    pump(*pair)

    assert states(*pair, pid) == ("TERMINATED", "TERMINATED")
    assert faculty.negotiation.get(pid).reason_code == "default_deny"


def test_terms_that_differ_from_the_published_ones_wait_for_a_person(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    wider = replace(offer, policy=research_policy(until="2028-01-01T00:00:00Z"))

    pid = ask(hospital, faculty, offer=wider)
    pump(*pair)

    assert mirror(hospital).reason_code == "terms_differ"
    assert faculty.negotiation.get(pid).state.value == "REQUESTED"


def test_the_agreement_says_the_published_words_when_the_peer_spelled_them_otherwise(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    said = json.loads(
        json.dumps(to_message_offer(offer.policy, offer.id, offer.dataset_id)).replace(
            '"http://www.w3.org/ns/odrl/2/', '"odrl:'
        )
    )
    said.pop("profile")

    pid = faculty.negotiation.request_terms(
        HOSPITAL, said, by=RESEARCHER, accepts=("record-use",)
    ).pid
    pump(hospital, faculty)

    (there,) = hospital.negotiation.list_negotiations()
    assert states(hospital, faculty, pid) == ("FINALIZED", "FINALIZED")
    assert there.agreement["permission"] == to_offer(offer.policy, offer.id)["permission"]
    assert there.agreement["profile"] == to_offer(offer.policy, offer.id)["profile"]


def test_terms_this_node_cannot_keep_are_refused_in_words_and_nobody_is_asked(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    foreign = {"leftOperand": "https://example.org/x", "operator": "eq", "rightOperand": "y"}
    body = document(
        "ContractRequestMessage",
        "urn:uuid:1",
        consumerPid="urn:uuid:2",
        callbackAddress=f"{faculty.base}/dsp/2025-1",
        offer={
            "@type": "Offer",
            "@id": offer.id,
            "target": offer.dataset_id,
            "permission": [{"action": "use", "constraint": [foreign]}],
        },
    )
    hospital.network.post(
        f"{hospital.base}/dsp/2025-1/negotiations/request",
        body,
        authorization=f"Bearer {FACULTY}>{HOSPITAL}",
    )
    pump(hospital, seconds=30)

    (there,) = hospital.negotiation.list_negotiations()
    assert (there.waiting, there.reason_code) == ("", "left_operand_unknown")
    assert "https://example.org/x" in there.reason


def test_an_offer_that_could_not_be_read_whole_cannot_be_asked_for_and_that_is_said(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    known = faculty.shelf.records[offer.dataset_id, HOSPITAL]
    faculty.shelf.records[offer.dataset_id, HOSPITAL] = replace(
        known, dataset=replace(known.dataset, offers=(), unreadable_offers=1)
    )

    with pytest.raises(OfferNotOpenError) as refused:
        faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER)
    assert refused.value.code == "offer_unreadable"


def test_a_withdrawn_offer_is_refused_and_the_request_ends_with_the_reason(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    hospital.shelf.offers[offer.id] = replace(offer, state=OfferState.WITHDRAWN)

    pid = ask(hospital, faculty, offer=offer)
    pump(*pair)

    one = faculty.negotiation.get(pid)
    assert (one.state.value, one.reason_code) == ("TERMINATED", "undeliverable")
    assert "There is no such offer" in one.reason


def test_a_dataset_nobody_harvested_cannot_be_asked_for(pair):
    with pytest.raises(OfferNotOpenError):
        pair[1].negotiation.request(HOSPITAL, "ds_9", by=RESEARCHER)


def test_a_counter_offer_of_the_provider_is_accepted_by_a_person_of_the_consumer(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    narrow = research_policy(until="2026-06-01T00:00:00Z", max_uses=3)
    hospital.negotiation.set_strategy(offer.id, countering(narrow.terms()), by=STEWARD)
    pid = ask(hospital, faculty, offer=offer)
    pump(*pair)
    assert faculty.negotiation.get(pid).waiting == "person"

    faculty.negotiation.approve(pid, by=STEWARD)
    pump(*pair)

    assert states(*pair, pid) == ("FINALIZED", "FINALIZED")
    assert faculty.policy.list_agreements()[0].policy == narrow


def test_a_counter_request_of_the_consumer_waits_at_the_provider(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    narrow = research_policy(until="2026-06-01T00:00:00Z")
    hospital.negotiation.set_strategy(offer.id, countering(narrow.terms()), by=STEWARD)
    pid = ask(hospital, faculty, offer=offer)
    pump(*pair)

    faculty.negotiation.counter(
        pid, research_policy(until="2026-09-01T00:00:00Z").terms(), by=STEWARD
    )
    pump(*pair)

    assert states(*pair, pid) == ("REQUESTED", "REQUESTED")
    assert (mirror(hospital).waiting, mirror(hospital).rounds) == ("person", 2)


@pytest.mark.parametrize(
    ("strategy", "state", "waiting"),
    [(MANUAL, "REQUESTED", "person"), (REFUSE, "TERMINATED", ""), (WAIT, "REQUESTED", "")],
)
def test_the_strategy_of_the_offer_decides(pair, strategy, state, waiting):
    hospital, faculty = pair
    offer = hospital.publish()
    hospital.negotiation.set_strategy(offer.id, strategy, by=STEWARD)

    ask(hospital, faculty, offer=offer)
    pump(*pair)

    assert (mirror(hospital).state.value, mirror(hospital).waiting) == (state, waiting)


def test_a_strategy_pauses_before_it_acts(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    later = Reaction(Side.PROVIDER, "OFFERED", Act.REFUSE, after_ms=5000)
    first = Reaction(Side.PROVIDER, "REQUESTED", Act.OFFER)
    hospital.negotiation.set_strategy(offer.id, Strategy("late", (first, later)), by=STEWARD)
    pid = ask(hospital, faculty, offer=offer)
    pump(*pair)
    assert states(*pair, pid) == ("OFFERED", "OFFERED")

    pump(*pair, seconds=6)

    assert states(*pair, pid) == ("TERMINATED", "TERMINATED")


def test_a_strategy_whose_act_cannot_follow_is_refused(pair):
    wrong = Strategy("wrong", (Reaction(Side.PROVIDER, "REQUESTED", Act.VERIFY),))

    with pytest.raises(StrategyInvalidError):
        pair[0].negotiation.set_strategy("offer_1", wrong, by=STEWARD)


def test_a_provider_may_offer_unasked_and_the_consumer_accept(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    hospital.negotiation.offer_to(FACULTY, offer.id, by=STEWARD)
    pump(*pair)
    theirs = faculty.negotiation.list_negotiations()[0]
    assert (theirs.state.value, theirs.waiting) == ("OFFERED", "person")

    faculty.negotiation.approve(theirs.pid, by=STEWARD)
    pump(*pair)

    assert states(*pair, theirs.pid) == ("FINALIZED", "FINALIZED")


def test_either_side_may_terminate_and_the_other_learns_why(pair):
    hospital, faculty = pair
    hospital.rules.permit = False
    pid = ask(hospital, faculty)
    pump(*pair)

    faculty.negotiation.terminate(pid, "The study was cancelled.", by=RESEARCHER)
    pump(*pair)

    assert states(*pair, pid) == ("TERMINATED", "TERMINATED")
    assert mirror(hospital).reason == "The study was cancelled."


def test_what_is_finalized_cannot_be_terminated(pair):
    pid = ask(*pair)
    pump(*pair)

    with pytest.raises(IllegalMoveError):
        pair[1].negotiation.terminate(pid, "Too late.", by=RESEARCHER)


def test_a_message_too_early_is_tried_again(pair):
    hospital, faculty = pair
    hospital.network.answers_instead = [Answer(404), Answer(503), Answer(404)]

    pid = ask(hospital, faculty)
    pump(*pair, seconds=30)

    assert states(*pair, pid) == ("FINALIZED", "FINALIZED")
    assert faculty.negotiation.list_messages(pid)[0].attempts == 4


def test_an_offer_the_peer_does_not_know_any_more_ends_the_negotiation_at_once(pair):
    hospital, faculty = pair
    words = {"@type": "ContractNegotiationError", "code": "404", "reason": ["Not found"]}
    hospital.network.answers_instead = [Answer(404, {}, words)]

    pid = ask(hospital, faculty)
    pump(*pair)

    one = faculty.negotiation.get(pid)
    assert (one.state.value, one.reason_code) == ("TERMINATED", "undeliverable")
    assert "It says: Not found" in one.reason
    assert faculty.negotiation.list_messages(pid)[0].attempts == 1


def test_a_peer_that_never_answers_ends_the_negotiation_with_a_visible_reason(pair):
    hospital, faculty = pair
    hospital.network.down.add(hospital.base)

    pid = ask(hospital, faculty)
    pump(*pair, seconds=3600)

    one = faculty.negotiation.get(pid)
    assert (one.state.value, one.reason_code) == ("TERMINATED", "undeliverable")
    assert "given up; tries: 12" in one.reason
    assert faculty.negotiation.list_messages(pid)[0].state is MessageState.ABANDONED


def test_a_refused_agreement_terminates_both_sides(pair):
    hospital, faculty = pair
    pid = ask(hospital, faculty)
    hospital.network.answers_instead = []
    faculty.step()
    hospital.step()
    hospital.network.answers_instead = [Answer(400, {}, {"reason": ["No."]})]
    pump(*pair)

    assert states(*pair, pid) == ("TERMINATED", "TERMINATED")
    assert "It says: No." in faculty.negotiation.get(pid).reason


def test_the_next_message_of_the_peer_acknowledges_ours(pair):
    hospital, faculty = pair
    pid = ask(hospital, faculty)
    hospital.network.lose_next_answer = True

    pump(*pair, seconds=0)

    assert states(*pair, pid) == ("FINALIZED", "FINALIZED")
    first = faculty.negotiation.list_messages(pid)[0]
    assert first.outcome == "Acknowledged by the peer's next message."


def test_a_stranger_sees_no_negotiation(pair):
    hospital, faculty = pair
    ask(hospital, faculty)
    pump(*pair)
    stranger = replace(
        hospital.identity.authenticate(f"Bearer {FACULTY}>{HOSPITAL}"), did="did:web:elsewhere"
    )

    with pytest.raises(ProcessUnknownError):
        hospital.negotiation.show(stranger, mirror(hospital).pid)


def test_a_researcher_does_not_end_the_negotiation_of_another(pair):
    hospital, faculty = pair
    pid = ask(hospital, faculty)
    eve = Actor("person:per_eve", "Eve", frozenset({Role.RESEARCHER}))

    with pytest.raises(RoleMissingError):
        faculty.negotiation.terminate(pid, "Mine instead.", by=eve)
