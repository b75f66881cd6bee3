"""A negotiation, and what ends in the moment in which it is decided."""

from dataclasses import replace

import pytest

from lib.dsp_nodes import HOSPITAL, RESEARCHER, STEWARD, make_pair, pump
from lib.interleaving import act_after
from tidegate.catalogue.model import OfferState
from tidegate.connector.negotiation.errors import OfferNotOpenError
from tidegate.connector.negotiation.strategy import MANUAL


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def withdraw(hospital, offer):
    return lambda: hospital.shelf.offers.update(
        {offer.id: replace(offer, state=OfferState.WITHDRAWN)}
    )


def test_an_offer_withdrawn_while_the_rules_judge_is_not_agreed_to(monkeypatch, pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER)
    act_after(monkeypatch, hospital.rules, "assess", withdraw(hospital, offer))

    pump(*pair)

    one = hospital.negotiation.list_negotiations()[0]
    assert ("REQUESTED", "person", "offer_withdrawn") == (one.state, one.waiting, one.reason_code)
    assert () == hospital.policy.list_agreements()


def test_an_offer_withdrawn_while_a_person_agrees_is_not_agreed_to(monkeypatch, pair):
    hospital, faculty = pair
    offer = hospital.publish()
    hospital.negotiation.set_strategy(offer.id, MANUAL, by=STEWARD)
    faculty.knows(hospital, offer)
    faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER)
    pump(*pair)
    one = hospital.negotiation.list_negotiations()[0]
    act_after(monkeypatch, hospital.rules, "assess", withdraw(hospital, offer))

    with pytest.raises(OfferNotOpenError):
        hospital.negotiation.approve(one.pid, by=STEWARD)

    assert "" == hospital.negotiation.get(one.pid).pending
