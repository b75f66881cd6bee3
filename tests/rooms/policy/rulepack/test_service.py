"""Decisions leave receipts that can be made again, by packs the space has listed."""

import json

import pytest
from sqlalchemy import text

from lib.ground import make_ground
from tidegate.access.model import system_actor
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.policy.errors import (
    DecisionCorruptError,
    DecisionNotFoundError,
    RulepackUnlistedError,
)
from tidegate.policy.model import Outcome
from tidegate.policy.rulepack.service import shipped_hashes
from unit.policy.rulepack.packs import pack, rule, service

BY = system_actor("test")
INPUTS = {"x": {"ok": False, "risk": 0.04}, "y": {"people": ["b", "a"]}}


@pytest.fixture
def ground(tmp_path):
    made = make_ground(tmp_path)
    yield made
    made.close()


def forge(ground, statement, **values):
    """Change stored bytes as somebody with the disk could, around the journal."""
    with ground.database.migrating() as connection:
        for trigger in (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            .scalars()
            .all()
        ):
            connection.execute(text(f'DROP TRIGGER "{trigger}"'))
        connection.execute(text(statement), values)


def test_a_decision_is_kept_and_replayed_equal(ground):
    rulepacks = service(ground, pack())

    made = rulepacks.decide(INPUTS, by=BY, to="agreement:1")

    assert made.outcome is Outcome.DENY
    assert rulepacks.replay(made.receipt_id) == made
    receipt = rulepacks.get_receipt(made.receipt_id)
    assert (receipt.subject, receipt.decided_by) == ("agreement:1", "system:test")
    assert receipt.inputs["x"]["risk"] == "0.04"


def test_an_actor_may_be_named_by_its_id(ground):
    rulepacks = service(ground, pack())

    made = rulepacks.decide(INPUTS, by="node:did:web:x.example", to="agreement:1")

    assert rulepacks.get_receipt(made.receipt_id).decided_by == "node:did:web:x.example"


def test_an_old_decision_is_replayed_by_the_pack_of_its_day(ground):
    old, new = pack(), pack(rule(requires="always"), version="2")
    made = service(ground, old).decide(INPUTS, by=BY, to="agreement:1")
    ground.clock.advance(days=1000)

    later = service(ground, old, new, listed=[new.hash])

    assert later.active_pack() == new
    assert later.replay(made.receipt_id) == made


def test_the_newest_listed_pack_judges(ground):
    old, new = pack(), pack(version="2")

    assert service(ground, new, old).active_pack() == new
    assert service(ground, new, old, listed=[old.hash]).active_pack() == old


@pytest.mark.parametrize(("old", "new"), [("2026.9", "2026.10"), ("1.2", "1.10.1"), ("9", "10")])
def test_the_newest_pack_is_told_by_numbers_and_not_by_letters(ground, old, new):
    older, newer = pack(version=old), pack(version=new)

    assert service(ground, newer, older).active_pack() == newer


def test_a_pack_the_space_has_not_listed_judges_nothing(ground):
    rulepacks = service(ground, pack(), listed=["0" * 64])

    with pytest.raises(RulepackUnlistedError, match="lists no rule pack"):
        rulepacks.decide(INPUTS, by=BY, to="agreement:1")
    assert rulepacks.documents() == ()


def test_a_decision_of_a_pack_no_longer_held_cannot_be_replayed(ground):
    made = service(ground, pack()).decide(INPUTS, by=BY, to="agreement:1")

    with pytest.raises(RulepackUnlistedError, match="no longer holds"):
        service(ground, pack(version="2")).replay(made.receipt_id)


def test_an_unknown_decision_is_named_as_such(ground):
    with pytest.raises(DecisionNotFoundError):
        service(ground, pack()).replay("dec_none")


def test_decisions_are_listed_newest_first_by_subject(ground):
    rulepacks = service(ground, pack())
    made = []
    for subject in ("agreement:1", "agreement:2", "agreement:1"):
        made.append(rulepacks.decide(INPUTS, by=BY, to=subject).receipt_id)
        ground.clock.advance(seconds=1)

    assert [one.id for one in rulepacks.list_decisions()] == made[::-1]
    assert [one.id for one in rulepacks.list_decisions(subject="agreement:1")] == [made[2], made[0]]


def test_the_evidence_of_a_decision_names_the_agreement_it_was_made_under(ground):
    rulepacks = service(ground, pack())
    under = {**INPUTS, "contract": {"id": "urn:uuid:1"}}

    rulepacks.decide(under, by=BY, to="query:1")
    rulepacks.decide(INPUTS, by=BY, to="query:2")

    with ground.journal.reading() as connection:
        leaves = connection.execute(text("SELECT body FROM audit_leaf ORDER BY position")).scalars()
        named = [json.loads(leaf)["why"].get("agreement") for leaf in leaves]
    assert named == ["urn:uuid:1", None]


def test_a_forged_receipt_is_found_by_its_hash(ground):
    rulepacks = service(ground, pack())
    made = rulepacks.decide(INPUTS, by=BY, to="agreement:1")
    forge(ground, "UPDATE audit_attachment SET body = :body", body=b"{}")

    with pytest.raises(DecisionCorruptError, match="not the one"):
        rulepacks.replay(made.receipt_id)


def test_a_receipt_with_another_outcome_does_not_follow_from_its_inputs(ground):
    rulepacks = service(ground, pack())
    made = rulepacks.decide(INPUTS, by=BY, to="agreement:1")
    with ground.journal.reading() as connection:
        body = connection.execute(text("SELECT body FROM audit_attachment")).scalar_one()
    lie = canonical_json(json.loads(body) | {"outcome": "allow", "findings": []})
    digest = sha256_hex(lie)
    forge(ground, "UPDATE audit_attachment SET body = :body, sha256 = :new", body=lie, new=digest)
    forge(ground, "UPDATE policy_decision SET receipt_sha256 = :new", new=digest)

    with pytest.raises(DecisionCorruptError, match="does not follow"):
        rulepacks.replay(made.receipt_id)


def test_bundles_carry_listed_packs_as_bytes_of_their_name(ground):
    (body,) = service(ground, pack()).documents()

    assert sha256_hex(body) == pack().hash


def test_rules_are_explained_from_the_active_pack(ground):
    assert service(ground, pack()).explain("A-01").source == "Act 1"


def test_an_authority_lists_the_shipped_packs_by_hash():
    assert all(len(one) == 64 for one in shipped_hashes())
