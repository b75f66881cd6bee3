"""Approvals of rows: bound to what was asked, answered by a legal officer, taken back at once."""

from dataclasses import replace

import pytest

from lib.dsp_nodes import FACULTY, HOSPITAL, STEWARD
from lib.ground import make_ground
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.audit.service import EvidenceService
from tidegate.connector.approvals import store
from tidegate.connector.approvals.errors import (
    ApprovalLapsedError,
    ApprovalPendingError,
    ApprovalRacedError,
    ApprovalReasonError,
    ApprovalRefusedError,
    ApprovalUnknownError,
)
from tidegate.connector.approvals.machine import APPROVAL, NODE, PERSON, Answer
from tidegate.connector.approvals.model import ApprovalState as S
from tidegate.connector.approvals.service import ApprovalService
from tidegate.kernel.errors import ConflictError
from tidegate.kernel.machine import IllegalMoveError
from tidegate.kernel.text import Multilingual
from tidegate.policy.model import Agreement, Decision, Finding, Outcome
from tidegate.policy.service import PolicyService, research_policy

LEGAL = Actor("person:per_law", "Law", frozenset({Role.LEGAL}))
FREE = research_policy(purposes=("DUO:0000042",), compute="", minimum_cell=0, max_uses=1)
FACTS = {"rows.approved": ("told",), "rows.withdrawn": ("told",), "rows.refused": ("told",),
         "rows.lapsed": ("told",)}  # fmt: skip


def finding(rule, missing=None):
    title = Multilingual("A filed contract", "備案合約", "备案合同")
    return Finding(rule, Outcome.NEEDS_APPROVAL, title, "Article 7", missing)


def left_to_a_person(*rules, pack="pack-1"):
    found = tuple(finding(rule) for rule in rules or ("XB-07",))
    return Decision(Outcome.NEEDS_APPROVAL, found, pack, "inputs", "dec_1")


class World:
    """A provider's ground with one agreement, and the seat and rule pack that stand now."""

    def __init__(self, folder):
        self.ground = make_ground(folder, HOSPITAL, subscriptions=FACTS)
        self.policy = PolicyService(self.ground.journal, self.ground.clock, self_did=HOSPITAL)
        self.now = ("HK", "pack-1")
        self.approvals = ApprovalService(
            self.ground.journal,
            self.ground.ids,
            agreements=self.policy,
            standing=lambda _did: self.now,
        )
        with self.ground.journal.write(by="system:t", did="agreement.signed", to="x:y") as tx:
            self.agreement = self.policy.record_agreement(
                tx,
                Agreement(
                    "agr_1", "provider", "ds_1", "ver_1", HOSPITAL, FACULTY, FREE, "offer_1",
                    "2026-03-01T00:00:00.000Z",
                ),
            )  # fmt: skip

    def ask(self, *rules, seat="HK", pack="pack-1", agreement=None):
        decision = left_to_a_person(*rules, pack=pack)
        return self.approvals.check(agreement or self.agreement, seat, decision, "urn:1")

    def asked(self, *rules):
        with pytest.raises(ApprovalPendingError):
            self.ask(*rules)
        return self.approvals.list_waiting()[-1]

    def evidence(self):
        ground = self.ground
        room = EvidenceService(ground.journal, ground.clock, ground.keys, HOSPITAL, None)
        leaves = room.timeline("agreement:agr_1")
        return [leaf.entry for leaf in leaves if leaf.entry.did.startswith("rows.")]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "node")
    yield made
    made.ground.close()


def test_a_person_is_asked_once_in_the_words_of_the_rules(world):
    one = world.asked("XB-07", "CN-02")
    with pytest.raises(ApprovalPendingError, match="CN-02, XB-07"):
        world.ask("CN-02", "XB-07")

    assert world.approvals.list_waiting() == (one,)
    assert [each.rule for each in one.rules] == ["CN-02", "XB-07"]
    assert one.rules[0].title.zh_hant == "備案合約"
    assert (one.frame.recipient, one.frame.seat, one.transfer) == (FACULTY, "HK", "urn:1")
    assert [each.did for each in world.evidence()] == ["rows.asked"]


def test_since_when_an_agreement_waits_is_told_until_the_answer(world):
    before = world.approvals.asked_since("agr_1")
    one = world.asked()

    assert (before, one.asked_at) == ("", world.approvals.asked_since("agr_1"))
    assert world.approvals.asked_since("agr_2") == ""
    world.approvals.approve(one.id, "Contract 7", by=LEGAL)
    assert world.approvals.asked_since("agr_1") == ""


def test_an_approval_is_bound_in_evidence_to_what_it_answered(world):
    one = world.approvals.approve(world.asked().id, " Contract 7 ", by=LEGAL)
    world.ask()

    entry = world.evidence()[-1]
    assert (entry.did, entry.by, entry.premis) == ("rows.approved", LEGAL.id, "poa")
    assert entry.why == {
        "approval": one.id,
        "basis": one.digest,
        "digest": world.agreement.digest,
        "version": "ver_1",
        "recipient": FACULTY,
        "seat": "HK",
        "pack": "pack-1",
        "rules": ["XB-07"],
        "reason": "Contract 7",
    }
    assert ("told", {"agreement": "agr_1"}) in world.ground.tasks()


@pytest.mark.parametrize(
    "other",
    [
        {"seat": "Mainland"},
        {"pack": "pack-2"},
        {"version_id": "ver_2"},
        {"assignee": "did:web:else"},
        {"digest": "another"},
    ],
)
def test_where_anything_it_was_bound_to_changes_it_lapses_and_is_asked_anew(world, other):
    world.approvals.approve(world.asked().id, "Contract 7", by=LEGAL)
    frame = {name: other[name] for name in ("seat", "pack") if name in other}
    changed = {name: value for name, value in other.items() if name not in frame}

    with pytest.raises(ApprovalPendingError):
        world.ask(agreement=replace(world.agreement, **changed), **frame)

    states = [each.state for each in world.approvals.list_approvals(by=STEWARD)]
    assert sorted(states) == ["asked", "lapsed"]
    with pytest.raises(ApprovalPendingError):
        world.ask()


def test_another_rule_is_another_question_and_leaves_the_first_answer_as_it_is(world):
    world.approvals.approve(world.asked().id, "Contract 7", by=LEGAL)
    with pytest.raises(ApprovalPendingError):
        world.ask("XB-07", "XB-08")

    assert world.ask() is None
    assert world.approvals.list_waiting()[0].rules[1].rule == "XB-08"


def test_a_refusal_and_a_withdrawal_tell_the_reason_until_it_is_approved_again(world):
    one = world.asked()
    world.approvals.refuse(one.id, "No contract.", by=LEGAL)
    with pytest.raises(ApprovalRefusedError, match="No contract") as refused:
        world.ask()
    assert refused.value.code == "approval_refused"

    world.approvals.approve(one.id, "Contract 7", by=LEGAL)
    world.ask()
    world.approvals.withdraw(one.id, "Contract 7 was cancelled.", by=LEGAL)
    with pytest.raises(ApprovalRefusedError, match="cancelled") as withdrawn:
        world.ask()
    assert withdrawn.value.code == "approval_withdrawn"
    world.approvals.approve(one.id, "Contract 8", by=LEGAL)
    world.ask()
    told = [each.did.removeprefix("rows.") for each in world.evidence()]
    assert told == ["asked", "refused", "approved", "withdrawn", "approved"]


def test_a_question_asked_under_rules_that_are_gone_is_not_answered_but_asked_anew(world):
    one = world.asked()
    world.now = ("HK", "pack-2")
    with pytest.raises(ApprovalLapsedError):
        world.approvals.approve(one.id, "Contract 7", by=LEGAL)

    assert world.approvals.get(one.id, by=STEWARD).state is S.LAPSED
    assert ("told", {"agreement": "agr_1"}) in world.ground.tasks()
    with pytest.raises(IllegalMoveError):
        world.approvals.refuse(one.id, "No.", by=LEGAL)


def test_only_legal_officers_answer_with_a_ground_and_while_the_agreement_is_in_force(world):
    one = world.asked()
    for act in (world.approvals.approve, world.approvals.refuse, world.approvals.withdraw):
        with pytest.raises(RoleMissingError):
            act(one.id, "Contract 7", by=STEWARD)
        with pytest.raises(ApprovalUnknownError):
            act("rap_none", "Contract 7", by=LEGAL)
    for reason in (" ", "x" * 1001):
        with pytest.raises(ApprovalReasonError):
            world.approvals.approve(one.id, reason, by=LEGAL)
    researcher = Actor("person:per_r", "R", frozenset({Role.RESEARCHER}))
    with pytest.raises(RoleMissingError):
        world.approvals.list_approvals(by=researcher)
    with pytest.raises(RoleMissingError):
        world.approvals.get(one.id, by=researcher)
    world.policy.end_agreement("agr_1", "over", by=STEWARD)
    with pytest.raises(ConflictError, match="not in force"):
        world.approvals.approve(one.id, "Contract 7", by=LEGAL)
    assert world.approvals.list_waiting() == ()


def test_questions_are_listed_by_agreement_and_state(world):
    one = world.asked()
    listed = world.approvals.list_approvals
    assert listed(agreement_id="agr_1", state="asked", by=LEGAL) == (one,)
    assert listed(agreement_id="agr_2", by=LEGAL) == listed(state="approved", by=LEGAL) == ()


def test_two_answers_at_once_do_not_both_count(world):
    one = world.asked()
    world.approvals.refuse(one.id, "No.", by=LEGAL)
    with (
        world.ground.journal.write(by="system:t", did="rows.refused", to="x:y") as tx,
        pytest.raises(ApprovalRacedError),
    ):
        store.put(tx.connection, replace(one, state=S.APPROVED), tx.at)
    assert world.approvals.get(one.id, by=LEGAL).state is S.REFUSED


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("by", [PERSON, NODE])
def test_the_machine_has_exactly_these_moves(state, answer, by):
    named = {
        (S.ASKED, Answer.APPROVE, PERSON): S.APPROVED,
        (S.ASKED, Answer.REFUSE, PERSON): S.REFUSED,
        (S.REFUSED, Answer.APPROVE, PERSON): S.APPROVED,
        (S.APPROVED, Answer.WITHDRAW, PERSON): S.WITHDRAWN,
        (S.WITHDRAWN, Answer.APPROVE, PERSON): S.APPROVED,
    }
    if answer is Answer.LAPSE and by == NODE and state is not S.LAPSED:
        named[state, answer, by] = S.LAPSED
    target = named.get((state, answer, by))
    if target is not None:
        assert APPROVAL.step(state, answer, by=by).target is target
        return
    with pytest.raises(IllegalMoveError):
        APPROVAL.step(state, answer, by=by)
