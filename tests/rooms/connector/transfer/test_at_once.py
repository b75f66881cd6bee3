"""Two things that happen to a transfer in the same moment: one is done, the other looks again."""

import pytest
from sqlalchemy import select

from lib.dsp_nodes import ADA, HOSPITAL, RESEARCHER, STEWARD, agreed, make_pair, pump
from lib.interleaving import act_after
from tidegate.connector.dataplane.model import HTTP_PULL
from tidegate.connector.transfer import store, visits
from tidegate.connector.transfer.errors import TransferRacedError
from tidegate.db.tables.connector import connector_token


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


@pytest.fixture
def visit(pair):
    """An agreement with a started visit: (agreement id, transfer pid at the hospital)."""
    hospital, faculty = pair
    agreement = agreed(hospital, faculty)
    faculty.transfer.request_visit(agreement, by=RESEARCHER)
    pump(*pair)
    return agreement, hospital.transfer.list_transfers()[0].pid


def tokens(node):
    """Return when the tokens that this node keeps end, of those that have not ended."""
    now = node.ground.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    with node.ground.database.reading() as conn:
        ends = conn.execute(select(connector_token.c.expires_at)).scalars()
        return [each for each in ends if each[:19] > now]


@pytest.mark.parametrize("stop", ["suspend", "terminate"])
def test_a_visit_stopped_while_its_token_is_renewed_has_no_token(monkeypatch, pair, visit, stop):
    hospital, faculty = pair
    _, own = visit
    peer = hospital.identity.authenticate(faculty.identity.token_for(HOSPITAL))
    act_after(
        monkeypatch,
        hospital.door,
        "admit",
        lambda: getattr(hospital.transfer, stop)(own, "No more.", by=STEWARD),
    )

    with pytest.raises(TransferRacedError):
        hospital.transfer.renew(peer, own)

    assert [] == tokens(hospital)


def test_a_token_that_comes_after_the_visit_has_ended_is_not_kept(monkeypatch, pair, visit):
    hospital, faculty = pair
    agreement, own = visit
    for node in pair:
        node.ground.clock.advance(seconds=901)

    def end():
        hospital.transfer.terminate(own, "No more.", by=STEWARD)
        pump(*pair)

    act_after(monkeypatch, visits, "judge", end)

    with pytest.raises(TransferRacedError):
        faculty.transfer.visit_address(agreement, ADA)

    assert [] == tokens(faculty)


@pytest.mark.parametrize("what", ["visit", "rows"])
def test_a_person_who_asks_twice_at_once_has_asked_once(monkeypatch, pair, what):
    _, faculty = pair
    agreement = agreed(*pair)

    def ask():
        if what == "visit":
            return faculty.transfer.request_visit(agreement, by=RESEARCHER)
        return faculty.transfer.request_rows(agreement, HTTP_PULL, by=RESEARCHER)

    first = act_after(monkeypatch, store, "find_visit", ask)

    with pytest.raises(TransferRacedError):
        ask()

    assert [first[0].pid] == [one.pid for one in faculty.transfer.list_transfers()]
    assert first[0].pid == ask().pid


@pytest.mark.parametrize("who", ["the agreement", "a person"])
def test_a_suspension_takes_no_termination_back_that_is_on_its_way(pair, visit, who):
    hospital, _ = pair
    agreement, own = visit
    hospital.transfer.terminate(own, "No more.", by=STEWARD)

    if who == "the agreement":
        hospital.transfer.on_agreement_suspended(agreement)
    else:
        with pytest.raises(TransferRacedError):
            hospital.transfer.suspend(own, "A pause.", by=STEWARD)
    pump(*pair)

    found = [one for node in pair for one in node.transfer.list_transfers()]
    assert [("TERMINATED", "No more.")] * 2 == [(one.state.value, one.reason) for one in found]
