"""What the management API answers is what the SDK reads."""

import msgspec
import pytest

import tidegate_client.connector as sdk
from lib.dsp_nodes import ADA, HOSPITAL, RESEARCHER, STEWARD, agreed, make_pair, pump
from tidegate.access.errors import RoleMissingError
from tidegate.api import connector as api
from tidegate.api import transfers
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.errors import NegotiationBusyError, NegotiationRacedError
from tidegate.connector.negotiation.strategy import AUTOMATIC, PRESETS


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def over_the_wire(value, into):
    return msgspec.json.decode(msgspec.json.encode(value), type=into)


def test_negotiations_transfers_and_their_messages_are_read(pair):
    faculty = pair[1]
    agreement = agreed(*pair)
    faculty.transfer.request_visit(agreement, by=RESEARCHER)
    pump(*pair)
    one = faculty.negotiation.list_negotiations()[0]
    visit = faculty.transfer.list_transfers()[0]

    page = over_the_wire(
        api.NegotiationPage(one, faculty.negotiation.list_messages(one.pid)), sdk.NegotiationPage
    )
    other = over_the_wire(
        transfers.TransferPage(visit, faculty.transfer.list_messages(visit.pid)), sdk.TransferPage
    )

    assert (page.negotiation.agreement_id, page.negotiation.is_final) == (agreement, True)
    assert [m.action for m in page.messages] == ["request", "agree", "verify", "finalize"]
    assert (other.transfer.state, other.transfer.person_ref) == ("STARTED", ADA)


def test_reports_and_strategies_are_read(pair):
    hospital, faculty = pair
    faculty.joins(hospital)

    (report,) = over_the_wire(faculty.harvest.harvest(by=RESEARCHER), tuple[sdk.Harvest, ...])
    strategy = over_the_wire(AUTOMATIC, sdk.Strategy)

    assert (report.did, report.state) == (HOSPITAL, "good")
    assert {one.side for one in strategy.reactions} == {"provider", "consumer"}


def test_nothing_is_approved_when_the_other_side_has_the_next_word(pair):
    hospital, faculty = pair
    hospital.rules.permit = False
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    pid = faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER).pid
    with pytest.raises(NegotiationBusyError):
        faculty.negotiation.approve(pid, by=STEWARD)
    pump(*pair)

    with pytest.raises(NegotiationBusyError):
        faculty.negotiation.approve(pid, by=STEWARD)


def test_a_change_based_on_an_old_reading_is_refused(pair):
    faculty = pair[1]
    agreed(*pair)
    one = faculty.negotiation.list_negotiations(state="FINALIZED")[0]
    write = {"by": "system:test", "did": "negotiation.decided", "to": f"negotiation:{one.pid}"}
    with faculty.ground.journal.write(**write) as tx:
        store.save_negotiation(tx.connection, one)

    with pytest.raises(NegotiationRacedError), faculty.ground.journal.write(**write) as tx:
        store.save_negotiation(tx.connection, one)


def test_a_withdrawn_offer_is_not_agreed_by_a_person_either(pair):
    hospital, faculty = pair
    hospital.rules.permit = False
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER)
    pump(*pair)
    one = hospital.negotiation.list_negotiations(waiting="person")[0]
    del hospital.shelf.offers[offer.id]

    with pytest.raises(Exception, match="withdrawn meanwhile"):
        hospital.negotiation.approve(one.pid, by=STEWARD)


def test_strategies_are_listed_and_cleared(pair):
    service = pair[0].negotiation
    service.set_strategy("offer_2", PRESETS["manual"], by=STEWARD)
    service.set_strategy("offer_1", PRESETS["wait"], by=STEWARD)

    (first, second) = over_the_wire(service.list_strategies(), tuple[sdk.ChosenStrategy, ...])
    cleared = service.clear_strategy("offer_1", by=STEWARD)

    assert (first.subject, first.strategy.name, first.set_by) == ("offer_1", "wait", STEWARD.id)
    assert (second.subject, second.strategy.name) == ("offer_2", "manual")
    assert (cleared, service.find_strategy("offer_1")) == (AUTOMATIC, None)


def test_a_researcher_clears_no_strategy(pair):
    with pytest.raises(RoleMissingError):
        pair[0].negotiation.clear_strategy("offer_1", by=RESEARCHER)


def test_a_strategy_that_agrees_does_so_to_the_published_terms_alone(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    hospital.negotiation.set_strategy(offer.id, PRESETS["accept"], by=STEWARD)
    milder = {"@type": "Offer", "@id": offer.id, "target": offer.dataset_id,
              "permission": [{"action": "use"}]}  # fmt: skip

    one = faculty.negotiation.request_terms(HOSPITAL, milder, by=RESEARCHER)
    pump(*pair)

    theirs = hospital.negotiation.list_negotiations()[0]
    assert (theirs.state.value, theirs.waiting, theirs.reason_code) == (
        "REQUESTED", "person", "terms_differ",
    )  # fmt: skip
    assert faculty.negotiation.get(one.pid).agreement == {}
