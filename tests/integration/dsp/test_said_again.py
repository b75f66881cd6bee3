"""The race with a connector that writes its step after our answer, played over real HTTP.

Our next message comes before the peer has stored its own step: it answers 409, loses the step, and
says the same again under another id, as Eclipse EDC does.
"""

import uuid
from functools import partial

import pytest

from lib.dsp_peer import ADDRESS, NEGOTIATION, TRANSFER, bench, document
from tidegate_tck import dsp
from tidegate_tck.dsp_scenarios import agreement_of, dataset_of, offer_of

BUSY = (409, document("ContractNegotiationError", reason=["It cannot be taken now."]))
LONG = 20.0
PLACES = {"agree": "agreement", "start": "start"}


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    with bench(tmp_path_factory.mktemp("race"), partial(dsp.profile, pause_ms=20)) as one:
        yield one


def anew(said):
    return said | {"@id": uuid.uuid4().urn}


def post(talk, word, said):
    return talk.post(f"{talk.theirs}/{PLACES[word]}", said)


def loses_its_step(talk):
    """Have the peer answer 409 from now on, until it has stored its step."""
    talk.peer.answers = [BUSY] * 5


def has_stored(talk):
    talk.peer.answers.clear()


def asked_by_the_node(lossy, test):
    """Return the talk in which the node asked the peer for a contract."""
    talk = lossy.talk(NEGOTIATION, "provider")
    dataset = dataset_of(test)
    lossy.trigger("negotiations", offerId=f"offer{dataset}", datasetId=dataset)
    talk.asked()
    loses_its_step(talk)
    return talk


def asks_the_node(lossy):
    """Return the talk in which the peer asked the node for a contract, and the answer."""
    talk = lossy.talk(NEGOTIATION, "consumer")
    dataset = dataset_of("CN_01_04")
    return talk, lambda: talk.request_contract(dataset, offer_of(dataset))


def ends_finalized(talk):
    has_stored(talk)
    talk.reaches("VERIFIED", LONG)
    assert talk.tell("finalize").status_code == 200
    assert talk.state() == "FINALIZED"


def test_an_agreement_said_again_is_verified_once_the_peer_has_it(lossy):
    talk = asked_by_the_node(lossy, "CN_C_01_04")
    said = talk.said("agree")
    assert post(talk, "agree", said).status_code == 200
    early = talk.hear("verify")

    again = post(talk, "agree", anew(said))

    assert again.status_code == 200, again.text
    ends_finalized(talk)
    assert {early.body["@id"]} == {one.body["@id"] for one in talk.peer.heard}


def test_an_agreement_made_anew_is_the_one_that_holds(lossy):
    talk = asked_by_the_node(lossy, "CN_C_01_04")
    assert talk.tell("agree").status_code == 200
    talk.hear("verify")
    newer = talk.said("agree")
    newer["agreement"]["timestamp"] = "2026-11-01T10:00:01Z"

    again = post(talk, "agree", newer)

    assert again.status_code == 200, again.text
    ends_finalized(talk)
    held = lossy.node.house.negotiation.get(talk.theirs)
    assert held.agreement == newer["agreement"]
    assert lossy.node.house.policy.find_agreement(held.agreement_id) is not None


def test_an_agreement_on_other_terms_is_refused_however_the_race_stands(lossy):
    talk = asked_by_the_node(lossy, "CN_C_01_04")
    said = talk.said("agree")
    post(talk, "agree", said)
    talk.hear("verify")
    other = said["agreement"] | {"permission": [{"action": "use"}, {"action": "use"}]}

    again = post(talk, "agree", anew(said) | {"agreement": other})

    assert (again.status_code, again.json()["code"]) == (400, "illegal_move")
    ends_finalized(talk)


def test_a_verification_said_again_is_finalized_once_the_peer_has_it(lossy):
    talk, ask = asks_the_node(lossy)
    ask()
    talk.hear("agree")
    talk.reaches("AGREED")
    loses_its_step(talk)
    assert talk.tell("verify").status_code == 200
    talk.hear("finalize")

    again = talk.tell("verify")

    assert again.status_code == 200, again.text
    has_stored(talk)
    talk.reaches("FINALIZED", LONG)
    assert talk.tell("verify").status_code == 400


def test_a_request_said_again_finds_the_negotiation_that_was_opened(lossy):
    talk, ask = asks_the_node(lossy)
    loses_its_step(talk)
    opened = ask().json()
    talk.hear("agree")

    again = ask()

    assert (again.status_code, again.json()["providerPid"]) == (201, opened["providerPid"])
    has_stored(talk)
    talk.reaches("AGREED", LONG)


def test_a_start_said_again_with_a_fresh_address_is_completed_once_the_peer_has_it(lossy):
    talk = lossy.talk(TRANSFER, "provider")
    lossy.trigger("transfers", agreementId=agreement_of("TP_C_02_02"), format="HttpData-PULL")
    talk.asked()
    loses_its_step(talk)
    assert talk.tell("start").status_code == 200
    talk.hear("complete")
    fresh = {"dataAddress": ADDRESS | {"endpoint": "http://localhost:9/fresh"}}

    again = post(talk, "start", talk.said("start") | fresh)

    assert again.status_code == 200, again.text
    has_stored(talk)
    talk.reaches("COMPLETED", LONG)


def test_a_transfer_asked_for_again_is_started_once_the_peer_has_it(lossy):
    talk = lossy.talk(TRANSFER, "consumer")
    loses_its_step(talk)
    opened = talk.request_transfer(agreement_of("TP_02_02")).json()
    talk.hear("start")

    again = talk.request_transfer(agreement_of("TP_02_02"))

    assert again.json()["providerPid"] == opened["providerPid"]
    has_stored(talk)
    talk.reaches("STARTED", LONG)
    assert [talk.tell(word).status_code for word in ("complete", "complete", "start")] == [
        200,
        200,
        400,
    ]
