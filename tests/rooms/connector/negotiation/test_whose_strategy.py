"""A strategy is for one institution's dataset: another's of the same id is answered as usual."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lib.dsp_nodes import HOSPITAL, RESEARCHER, STEWARD, make_pair, pump
from tidegate.catalogue.errors import DatasetAmbiguousError
from tidegate.connector.negotiation.strategy import REFUSE, WAIT

CLINIC = SimpleNamespace(did="did:web:localhost%3A6999")


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def negotiated(pair) -> str:
    """Ask the hospital for its dataset; return where the negotiation stands at the faculty."""
    hospital, faculty = pair
    one = faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER)
    pump(hospital, faculty)
    return faculty.negotiation.get(one.pid).state.value


def test_what_is_set_for_one_peers_dataset_answers_no_other_peer(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    faculty.knows(CLINIC, offer)
    faculty.negotiation.set_strategy(f"{CLINIC.did}#ds_1", WAIT, by=STEWARD)

    assert faculty.negotiation.find_strategy(f"{HOSPITAL}#ds_1") is None
    assert "FINALIZED" == negotiated(pair)


def test_what_is_set_for_a_peers_dataset_answers_that_peer(pair):
    hospital, faculty = pair
    faculty.knows(hospital, hospital.publish())
    faculty.negotiation.set_strategy(f"{HOSPITAL}#ds_1", WAIT, by=STEWARD)

    assert "AGREED" == negotiated(pair)


def test_an_id_alone_will_do_where_one_peer_has_it_and_is_refused_where_several_have(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    service = faculty.negotiation
    service.set_strategy("ds_1", WAIT, by=STEWARD)
    assert [f"{HOSPITAL}#ds_1"] == [one.subject for one in service.list_strategies()]
    assert WAIT == service.find_strategy("ds_1") == service.find_strategy(f"{HOSPITAL}#ds_1")

    faculty.knows(CLINIC, offer)

    for ask in (
        lambda: service.set_strategy("ds_1", REFUSE, by=STEWARD),
        lambda: service.clear_strategy("ds_1", by=STEWARD),
        lambda: service.find_strategy("ds_1"),
    ):
        with pytest.raises(DatasetAmbiguousError, match="6999"):
            ask()
    assert WAIT == service.find_strategy(f"{HOSPITAL}#ds_1")


def test_a_peers_dataset_named_as_our_offer_gets_nothing_of_it(pair):
    hospital, faculty = pair
    ours = faculty.publish(7)
    bait = replace(ours, dataset_id=ours.id, id="offer_bait")
    faculty.knows(hospital, bait)

    faculty.negotiation.set_strategy(ours.id, WAIT, by=STEWARD)

    assert [ours.id] == [one.subject for one in faculty.negotiation.list_strategies()]
    assert faculty.negotiation.find_strategy(f"{HOSPITAL}#{ours.id}") is None
