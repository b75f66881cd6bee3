"""`tidegate rows` on approvals, at a home that no process serves."""

import json

import pytest
from click.testing import CliRunner

from lib.nodes import make_home
from tidegate.access.model import Role, system_actor
from tidegate.cli.dataset_commands import acting
from tidegate.cli.rows_commands import rows
from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.kernel.machine import IllegalMoveError
from tidegate.kernel.text import Multilingual
from tidegate.policy.errors import RulepackUnlistedError
from tidegate.policy.model import Agreement, Decision, Finding, Outcome
from tidegate.policy.service import research_policy

FREE = research_policy(compute="", minimum_cell=0)
TITLE = Multilingual("A contract is needed.")


@pytest.fixture
def home(tmp_path):
    return make_home(tmp_path / "home")


@pytest.fixture
def asked(home):
    """Return (the approval asked for, a legal officer), both by id."""
    with acting(home, "") as (house, _):
        olga = house.access.add_person(
            "Olga", "olga@example.org", frozenset({Role.OPERATOR}), by=system_actor("init")
        )
        legal = house.access.add_person(
            "Law", "law@example.org", frozenset({Role.LEGAL}), by=olga.as_actor()
        ).id
        agreement = Agreement(
            "agr_1", "provider", "ds_1", "ver_1", house.participant.did, "did:web:other", FREE,
            "offer_1", "2026-03-01T00:00:00.000Z",
        )  # fmt: skip
        with house.approvals._journal.write(by="system:t", did="agreement.signed", to="x:y") as tx:
            agreement = house.policy.record_agreement(tx, agreement)
        found = (Finding("HK-1", Outcome.NEEDS_APPROVAL, TITLE, "s.33"),)
        decision = Decision(Outcome.NEEDS_APPROVAL, found, "pack", "inputs", "dec_1")
        with pytest.raises(ApprovalPendingError) as pending:
            house.approvals.check(agreement, "HK", decision, "urn:1")
    return pending.value.details["approval"], legal


def run(home, command, *rest, person):
    return CliRunner().invoke(
        rows, [command, *rest, "--home", str(home), "--as", person], catch_exceptions=False
    )


def states(home, person, *more):
    said = run(home, "approvals", *more, person=person).output.splitlines()
    return [json.loads(line)["state"] for line in said]


def test_a_legal_officer_lists_refuses_and_cannot_take_back_what_was_not_given(home, asked):
    approval, legal = asked
    assert states(home, legal) == states(home, legal, "--state", "asked") == ["asked"]

    assert 0 == run(home, "refuse", approval, "No contract.", person=legal).exit_code

    assert states(home, legal) == ["refused"]
    with pytest.raises(IllegalMoveError):
        run(home, "withdraw", approval, "Never given.", person=legal)


def test_nothing_is_approved_where_no_rule_pack_is_in_force(home, asked):
    approval, legal = asked

    with pytest.raises(RulepackUnlistedError):
        run(home, "approve", approval, "Contract 7.", person=legal)

    assert states(home, legal) == ["asked"]
