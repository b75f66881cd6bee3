"""A consumer asks for other terms than the published ones: no strategy agrees to that by itself."""

import pytest

from lib.dsp_nodes import HOSPITAL, RESEARCHER, STEWARD, countering, make_pair, pump
from tidegate.connector.negotiation.strategy import (
    ACCEPT,
    AUTOMATIC,
    MANUAL,
    OFFER_FIRST,
    REFUSE,
)
from tidegate.policy.errors import AttestationUnacceptedError, PolicyInvalidError
from tidegate.policy.service import from_odrl, research_policy

UNTIL = "2027-01-01T00:00:00Z"
PUBLISHED = research_policy(purposes=("DUO:0000007",), until=UNTIL, max_uses=100)
STRICTER = research_policy(purposes=("DUO:0000007",), until=UNTIL, max_uses=10)
LOOSER = research_policy(purposes=("DUO:0000007",), until=UNTIL, max_uses=1000)
MIDDLE = research_policy(purposes=("DUO:0000007",), until=UNTIL, max_uses=500)
ASKED = [STRICTER, LOOSER]


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def ask(pair, strategy, terms):
    """Ask for those terms; return both sides' views once nothing moves by itself."""
    hospital, faculty = pair
    offer = hospital.publish(policy=PUBLISHED)
    hospital.negotiation.set_strategy(offer.id, strategy, by=STEWARD)
    faculty.knows(hospital, offer)
    faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER, terms=terms.terms())
    pump(*pair)
    return views(pair)


def views(pair):
    return tuple(node.negotiation.list_negotiations()[0] for node in pair)


def agreed_policy(node):
    one = node.negotiation.list_negotiations()[0]
    return node.policy.get_agreement(one.agreement_id).policy


@pytest.mark.parametrize("terms", ASKED)
@pytest.mark.parametrize("strategy", [AUTOMATIC, ACCEPT, MANUAL])
def test_whatever_the_strategy_a_person_decides_about_other_terms(pair, strategy, terms):
    there, here = ask(pair, strategy, terms)

    assert (there.state.value, there.waiting) == ("REQUESTED", "person")
    assert from_odrl(dict(there.offer)) == terms
    assert (there.offer_id, here.offer_id) == ("offer_1", "offer_1")


@pytest.mark.parametrize("terms", ASKED)
def test_what_a_person_agrees_to_is_exactly_what_was_asked_for(pair, terms):
    hospital, faculty = pair
    there, _ = ask(pair, MANUAL, terms)

    hospital.negotiation.approve(there.pid, by=STEWARD)
    pump(*pair)

    assert [one.state.value for one in views(pair)] == ["FINALIZED", "FINALIZED"]
    assert agreed_policy(hospital) == agreed_policy(faculty) == terms


def test_the_provider_answers_with_other_terms_and_the_consumer_decides(pair):
    hospital, faculty = pair
    there, here = ask(pair, AUTOMATIC, LOOSER)

    hospital.negotiation.counter(there.pid, MIDDLE.terms(), by=STEWARD)
    pump(*pair)
    assert (views(pair)[1].state.value, views(pair)[1].waiting) == ("OFFERED", "person")
    faculty.negotiation.approve(here.pid, by=STEWARD)
    pump(*pair)
    if views(pair)[0].waiting:
        hospital.negotiation.approve(there.pid, by=STEWARD)
        pump(*pair)

    assert [one.state.value for one in views(pair)] == ["FINALIZED", "FINALIZED"]
    assert agreed_policy(hospital) == agreed_policy(faculty) == MIDDLE


@pytest.mark.parametrize(
    ("strategy", "offered"),
    [(OFFER_FIRST, PUBLISHED), (countering(MIDDLE.terms()), MIDDLE)],
)
def test_a_strategy_that_offers_says_its_own_terms_whatever_was_asked(pair, strategy, offered):
    there, here = ask(pair, strategy, LOOSER)

    assert [there.state.value, here.state.value] == ["OFFERED", "OFFERED"]
    assert from_odrl(dict(here.offer)) == offered


def test_a_strategy_that_refuses_refuses_other_terms_too(pair):
    there, here = ask(pair, REFUSE, STRICTER)

    assert [there.state.value, here.state.value] == ["TERMINATED", "TERMINATED"]


def test_the_published_terms_in_other_words_are_no_other_terms(pair):
    ask(pair, AUTOMATIC, PUBLISHED)

    assert [one.state.value for one in views(pair)] == ["FINALIZED", "FINALIZED"]


def test_terms_this_node_could_not_keep_are_not_asked_for(pair):
    hospital, faculty = pair
    offer = hospital.publish(policy=PUBLISHED)
    faculty.knows(hospital, offer)
    strange = {"leftOperand": "urn:moon:phase", "operator": "eq", "rightOperand": "full"}

    with pytest.raises(PolicyInvalidError):
        faculty.negotiation.request(
            HOSPITAL, offer.dataset_id, by=RESEARCHER,
            terms={"permission": [{"action": "use", "constraint": [strange]}]},
        )  # fmt: skip


def test_what_rests_on_a_word_alone_is_accepted_by_name_in_other_terms_as_well(pair):
    hospital, faculty = pair
    offer = hospital.publish(policy=PUBLISHED)
    faculty.knows(hospital, offer)
    terms = research_policy(
        purposes=("DUO:0000007",), until=UNTIL, max_uses=10, delete_within_days=30
    ).terms()

    with pytest.raises(AttestationUnacceptedError, match="delete-within"):
        faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER, terms=terms)
    one = faculty.negotiation.request(
        HOSPITAL, offer.dataset_id, by=RESEARCHER, terms=terms, accepts=("delete-within",)
    )

    assert one.offer_id == offer.id
