"""The management API and the SDK say the same about agreements, decisions and rules."""

from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette

from lib.ground import make_ground
from lib.space_world import Wire
from tidegate.access.model import Actor, Role
from tidegate.api.kit import routes
from tidegate.api.policy import OPERATIONS
from tidegate.policy.service import PolicyService
from tidegate_client.errors import NodeError
from tidegate_client.policy import Agreements, Decisions, Rules
from tidegate_client.transport import Transport
from unit.policy.policies import FACULTY, HOSPITAL, agreement
from unit.policy.rulepack.packs import pack, rule, service

STEWARD = Actor("person:per_1", "Steward", frozenset({Role.STEWARD}))
RESEARCHER = Actor("person:per_2", "Researcher", frozenset({Role.RESEARCHER}))


@pytest.fixture
def house(tmp_path):
    ground = make_ground(tmp_path, did=HOSPITAL)
    policy = PolicyService(ground.journal, ground.clock, self_did=HOSPITAL)
    with ground.journal.write(by="system:t", did="agreement.signed", to="x:1") as tx:
        policy.record_agreement(tx, agreement())
    access = SimpleNamespace(actor_for_token={"token": STEWARD, "other": RESEARCHER}.get)
    yield SimpleNamespace(
        policy=policy, rulepacks=service(ground, pack(rule(valid_to="2030-01-01"))), access=access
    )
    ground.close()


@pytest.fixture
def http(house):
    app = Starlette(routes=routes(house, OPERATIONS))
    app.state.house = house
    wire = Wire()
    wire.apps["node"] = app
    with httpx.Client(transport=wire) as client:
        yield Transport("http://node", "token", http=client)


def test_an_agreement_is_shown_in_words_and_odrl(http):
    found = Agreements(http)

    (one,) = found.list()

    assert found.list(dataset="ds_2") == ()
    assert found.get(one.id) == one
    assert (one.state, one.uses, one.assignee) == ("active", 0, FACULTY)
    assert one.odrl["@type"] == "Agreement"
    assert {term.enforcement for term in one.terms} == {"enforced", "human-checked", "attested"}


def test_an_agreement_is_suspended_resumed_and_ended(http):
    agreements = Agreements(http)
    name = agreement().id

    states = [
        agreements.suspend(name, "an incident").state,
        agreements.resume(name, "solved").state,
        agreements.end(name, "the study is over").state,
    ]

    assert states == ["suspended", "active", "ended"]
    with pytest.raises(NodeError, match="is ended"):
        agreements.suspend(name, "again")


def test_a_decision_is_listed_shown_and_replayed(http, house):
    made = house.rulepacks.decide({"x": {}}, by=STEWARD, to="agreement:1")
    decisions = Decisions(http)

    (one,) = decisions.list(subject="agreement:1")

    assert decisions.list() == (one,)
    assert decisions.get(made.receipt_id) == one
    assert decisions.replay(made.receipt_id) == one.decision
    assert (one.decision.outcome, one.decision.findings[0].missing) == ("default_deny", "x.ok")


def test_rules_are_listed_and_explained(http):
    rules = Rules(http)

    (listed,) = rules.list_packs()

    assert listed.is_active
    assert rules.explain("A-01") == listed.rules[0]
    assert (listed.rules[0].inputs, listed.rules[0].valid_to) == (("x.ok",), "2030-01-01")


def test_decisions_are_read_by_those_who_answer_for_them(http, house):
    made = house.rulepacks.decide({}, by=STEWARD, to="agreement:1")
    app = Starlette(routes=routes(house, OPERATIONS))
    app.state.house = house
    wire = Wire()
    wire.apps["node"] = app
    with httpx.Client(transport=wire) as client:
        others = Decisions(Transport("http://node", "other", http=client))
        for read in (
            others.list,
            lambda: others.get(made.receipt_id),
            lambda: others.replay(made.receipt_id),
        ):
            with pytest.raises(NodeError) as refusal:
                read()
            assert refusal.value.status == 403
