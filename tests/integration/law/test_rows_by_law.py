"""Rows between two whole nodes: the rules of law leave them to a person, who says what happens."""

import hashlib
import io
import zipfile

import pytest

from lib.story import hidden
from tidegate_client.errors import NodeError

pytestmark = pytest.mark.slow

GROUND = "Storage agreement 7, signed by both offices."


def test_rows_wait_for_the_legal_officer_and_then_arrive_whole(world):
    agreement = world.agree()
    pid = world.fetch(agreement)

    question = world.question(agreement)

    assert [rule.rule for rule in question.rules] == ["XB-19"]
    assert (question.frame.recipient, question.frame.seat) == (world.faculty.did, "HK")
    assert question.frame.version_id == world.version
    world.both_at(pid, "REQUESTED")
    receipt = world["counsel_cn"].decisions.get(question.receipt)
    assert receipt.decision.outcome == "needs_approval"
    assert receipt.inputs["flow"]["mode"] == "row_transfer"
    assert world["researcher"].rows.progress(pid).moved == 0
    with pytest.raises(NodeError):
        world["counsel_cn"].rows.progress(world.mirror(pid).pid)

    world["counsel_cn"].rows.approve(question.id, GROUND)
    done = world["researcher"].rows.wait(pid, seconds=60)

    assert done.state == "COMPLETED"
    content = b"".join(world["researcher"].rows.read(pid))
    moved = world["researcher"].rows.progress(pid)
    sent = world["counsel_cn"].rows.progress(world.mirror(pid).pid)
    assert hashlib.sha256(content).hexdigest() == moved.sha256 == sent.sha256
    assert len(content) == moved.moved == moved.total == sent.total
    whole = b"".join(_members(content))
    assert b"Nobody" not in whole
    acts = [did for did, _ in world.leaves("auditor_cn", f"agreement:{agreement}")]
    assert acts == ["agreement.signed", "rows.asked", "rows.approved", "agreement.use_counted"]
    for key, own, act in (
        ("auditor_cn", world.mirror(pid).pid, "flow.read"),
        ("auditor_hk", pid, "flow.completed"),
    ):
        world.until(lambda: act in dict(world.leaves(key, f"transfer:{own}")), act)  # noqa: B023


def test_the_inbox_shows_the_question_and_takes_the_answer(world):
    agreement = world.agree()
    pid = world.fetch(agreement)
    question = world.question(agreement)

    with world.browser(world.hospital, "Zhou") as browser:
        shown = browser.get("/inbox").text
        answer = f"/rows-approvals/{question.id}/approve"
        assert answer in shown
        assert "XB-19" in shown
        said = browser.post(answer, data={**hidden(shown), "reason": GROUND})
        assert said.url.path == "/inbox"
        assert answer not in said.text

    assert world["researcher"].rows.wait(pid, seconds=60).state == "COMPLETED"
    (approved,) = world.asked_about(agreement, "approved")
    assert approved.reason == GROUND


def test_only_a_legal_officer_answers(world):
    agreement = world.agree()
    world.fetch(agreement)
    question = world.question(agreement)

    for key in ("steward", "committee", "auditor_cn"):
        with pytest.raises(NodeError) as refused:
            world[key].rows.approve(question.id, GROUND)
        assert refused.value.status == 403

    assert world.question(agreement).state == "asked"


def test_a_refusal_ends_the_request_with_its_ground_on_both_sides(world):
    agreement = world.agree()
    pid = world.fetch(agreement)
    question = world.question(agreement)

    world["counsel_cn"].rows.refuse(question.id, "No office signed for storage.")
    for one in world.both_at(pid, "TERMINATED"):
        assert one.reason_code == "approval_refused"
        assert "XB-19" in one.reason
        assert "No office signed for storage." in one.reason
    assert "rows.refused" in dict(world.leaves("auditor_cn", f"agreement:{agreement}"))
    again = world["researcher"].rows.wait(world.fetch(agreement), seconds=60)
    assert again.reason_code == "approval_refused"


def test_a_withdrawal_stops_what_runs_and_stands_in_the_evidence_of_both(world):
    agreement = world.agree()
    with world.slow_faculty():
        pid = world.fetch(agreement)
        question = world.question(agreement)
        world["counsel_cn"].rows.approve(question.id, GROUND)
        world.until(
            lambda: world["researcher"].rows.progress(pid).problem == "disk_low", "a started fetch"
        )
        world.both_at(pid, "STARTED")

        world["counsel_cn"].rows.withdraw(question.id, "The storage agreement was cancelled.")
        both = world.both_at(pid, "TERMINATED")

    assert ["approval_withdrawn"] * 2 == [one.reason_code for one in both]
    withdrawn = dict(world.leaves("auditor_cn", f"agreement:{agreement}"))["rows.withdrawn"]
    assert withdrawn["reason"] == "The storage agreement was cancelled."
    for key, own in (("auditor_cn", world.mirror(pid).pid), ("auditor_hk", pid)):
        subject = f"transfer:{own}"
        world.until(lambda: "flow.stopped" in dict(world.leaves(key, subject)), "the plane's stop")  # noqa: B023
        told = dict(world.leaves(key, subject))
        assert told["transfer.terminated"]["reason"] == "approval_withdrawn"
        assert told["flow.stopped"]["state"] == "TERMINATED"
    with pytest.raises(NodeError):
        b"".join(world["researcher"].rows.read(pid))
    again = world["researcher"].rows.wait(world.fetch(agreement), seconds=60)
    assert again.reason_code == "approval_withdrawn"
    assert "The storage agreement was cancelled." in again.reason


def test_an_approval_counts_for_its_own_agreement_alone(world):
    first, second = world.agree(), world.agree()
    one = world.fetch(first)
    world["counsel_cn"].rows.approve(world.question(first).id, GROUND)
    assert world["researcher"].rows.wait(one, seconds=60).state == "COMPLETED"

    other = world.fetch(second)

    asked = world.question(second)
    (approved,) = world.asked_about(first, "approved")
    world.both_at(other, "REQUESTED")
    assert asked.frame.agreement_digest != approved.frame.agreement_digest


def test_an_approval_lifts_nothing_that_the_law_forbids(world):
    agreement = world.agree()
    pid = world.fetch(agreement)
    world["counsel_cn"].rows.approve(world.question(agreement).id, GROUND)
    assert world["researcher"].rows.wait(pid, seconds=60).state == "COMPLETED"

    with world.consent_without_border():
        over = world["researcher"].rows.wait(world.fetch(agreement), seconds=60)
        asked = world.ask()
        unsigned = world.final(asked)

    assert (over.state, over.reason_code) == ("TERMINATED", "rules_deny")
    assert "XB-12" in over.reason
    assert (unsigned.state, unsigned.reason_code) == ("TERMINATED", "deny")
    assert "XB-12" in unsigned.reason
    again = world["researcher"].rows.wait(world.fetch(agreement), seconds=60)
    assert again.state == "COMPLETED"


def test_a_request_that_waits_is_refused_when_the_law_has_come_to_forbid_it(world):
    agreement = world.agree()
    pid = world.fetch(agreement)
    question = world.question(agreement)

    with world.consent_without_border():
        world["counsel_cn"].rows.approve(question.id, GROUND)
        over = world["researcher"].rows.wait(pid, seconds=60)

    assert (over.state, over.reason_code) == ("TERMINATED", "rules_deny")
    assert "XB-12" in over.reason


def _members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return [file.read(name) for name in file.namelist()]
