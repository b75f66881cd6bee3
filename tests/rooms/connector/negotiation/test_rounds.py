"""Terms that go to and fro: strategies stop after a few rounds, and so does every negotiation."""

import pytest

from lib.dsp_nodes import HOSPITAL, POLICY, RESEARCHER, STEWARD, make_pair, pump
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.incoming import MOST_ROUNDS
from tidegate.connector.negotiation.model import Act, Reaction, Strategy
from tidegate.connector.negotiation.reactions import MOST_ROUNDS_ALONE
from tidegate.connector.negotiation.strategy import WAIT
from tidegate.policy.errors import PolicyInvalidError

OURS = {"permission": [{"action": "use"}]}


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def stubborn(side, *states):
    """Return a strategy that answers everything with its own terms."""
    return Strategy(
        "stubborn", tuple(Reaction(side, state, Act.COUNTER, offer=OURS) for state in states)
    )


def test_two_stubborn_strategies_end_before_two_people(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    provider = stubborn(Side.PROVIDER, "REQUESTED", "COUNTERED")
    hospital.negotiation.set_strategy(offer.id, provider, by=STEWARD)
    faculty.negotiation.set_strategy("ds_1", stubborn(Side.CONSUMER, "OFFERED"), by=STEWARD)

    faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER)
    pump(*pair)

    (there,) = hospital.negotiation.list_negotiations(waiting="person")
    assert (there.reason_code, there.rounds) == ("rounds_exhausted", MOST_ROUNDS_ALONE)
    requests = [one for one in hospital.negotiation.list_messages(there.pid)
                if one.action == "request"]  # fmt: skip
    assert len(requests) == MOST_ROUNDS_ALONE


def test_a_negotiation_takes_no_other_terms_after_many_rounds(pair):
    hospital, faculty = pair
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    hospital.negotiation.set_strategy(offer.id, WAIT, by=STEWARD)
    one = faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER)
    pump(*pair)
    (there,) = hospital.negotiation.list_negotiations()

    for _ in range(MOST_ROUNDS - 1):
        hospital.negotiation.counter(there.pid, POLICY.terms(), by=STEWARD)
        pump(*pair)
        faculty.negotiation.counter(one.pid, OURS, by=STEWARD)
        pump(*pair)
    hospital.negotiation.counter(there.pid, POLICY.terms(), by=STEWARD)
    pump(*pair)
    assert hospital.negotiation.get(there.pid).rounds == MOST_ROUNDS
    faculty.negotiation.counter(one.pid, OURS, by=STEWARD)
    pump(*pair)

    refused = [one for one in hospital.negotiation.list_messages(there.pid)
               if one.code == "rounds_exhausted"]  # fmt: skip
    assert len(refused) == 1
    assert faculty.negotiation.get(one.pid).state.value == "TERMINATED"


def test_a_strategy_that_would_propose_what_nobody_can_keep_is_refused_when_it_is_set(pair):
    strange = {
        "permission": [
            {"action": "use", "constraint": [
                {"leftOperand": "urn:moon:phase", "operator": "eq", "rightOperand": "full"}]}
        ]
    }  # fmt: skip
    strategy = Strategy("moon", (Reaction(Side.PROVIDER, "REQUESTED", Act.COUNTER, offer=strange),))

    with pytest.raises(PolicyInvalidError):
        pair[0].negotiation.set_strategy("offer_1", strategy, by=STEWARD)
