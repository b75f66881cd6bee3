"""Agreements through the service: recorded once, counted, changed by both sides."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from lib.ground import make_ground
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.db.tables.audit import audit_leaf
from tidegate.db.tables.policy import policy_agreement
from tidegate.kernel.errors import ConflictError
from tidegate.policy import store
from tidegate.policy.errors import (
    AgreementChangeRefusedError,
    AgreementCorruptError,
    AgreementExistsError,
    AgreementNotFoundError,
    PolicyInvalidError,
    PolicyUnenforceableError,
    UseWithheldError,
)
from tidegate.policy.model import AgreementState, Policy, Rule
from tidegate.policy.service import PolicyService
from unit.policy.policies import FACULTY, HOSPITAL, agreement, good_facts, story_policy

STEWARD = Actor("person:per_1", "Steward", frozenset({Role.STEWARD}))
RESEARCHER = Actor("person:per_2", "Researcher", frozenset({Role.RESEARCHER}))
HANDLER = {"agreement.ended": ("watch",), "agreement.suspended": ("watch",)}


@pytest.fixture
def ground(tmp_path):
    made = make_ground(tmp_path, did=HOSPITAL, subscriptions=HANDLER)
    yield made
    made.close()


@pytest.fixture
def policy(ground):
    return PolicyService(ground.journal, ground.clock, self_did=HOSPITAL)


def record(ground, service, /, **changes):
    with ground.journal.write(by="system:t", did="agreement.signed", to="negotiation:1") as tx:
        return service.record_agreement(tx, agreement(**changes))


def message(change, **changes):
    body = {
        "agreement": agreement().id,
        "change": change,
        "reason": "r",
        "at": "2026-03-02T08:00:00Z",
    }
    return body | changes


def sent(ground):
    return [payload["kind"] for handler, payload in ground.tasks() if handler == "peer.send"]


def test_a_recorded_agreement_is_sealed_and_found(ground, policy):
    recorded = record(ground, policy)

    assert policy.get_agreement(recorded.id) == recorded
    assert recorded.purposes == ("DUO:0000006",)
    assert len(recorded.digest) == 64
    assert policy.list_agreements() == policy.list_agreements(dataset_id="ds_1") == (recorded,)
    assert policy.list_agreements(dataset_id="ds_2") == ()
    assert recorded.counterparty == FACULTY


def test_recording_the_same_agreement_twice_changes_nothing(ground, policy):
    assert record(ground, policy) == record(ground, policy)
    assert len(policy.list_agreements()) == 1


def test_another_agreement_of_the_same_id_is_refused(ground, policy):
    record(ground, policy)

    with pytest.raises(AgreementExistsError):
        record(ground, policy, dataset_id="ds_2")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"digest": "0" * 64}, AgreementCorruptError),
        ({"assigner": "did:web:x.example"}, AgreementChangeRefusedError),
        ({"policy": Policy((Rule("use"),), (Rule("use"),))}, PolicyUnenforceableError),
    ],
)
def test_what_cannot_be_kept_is_not_recorded(ground, policy, changes, error):
    with pytest.raises(error):
        record(ground, policy, **changes)

    assert policy.list_agreements() == ()


def test_an_unknown_agreement_is_named_as_such(policy):
    assert policy.find_agreement("urn:uuid:none") is None
    with pytest.raises(AgreementNotFoundError):
        policy.get_agreement("urn:uuid:none")


def test_a_use_inside_the_agreement_is_allowed(ground, policy):
    recorded = record(ground, policy)

    policy.check_use(recorded, good_facts(at=None, uses_so_far=None))


def test_the_clock_of_the_node_decides_when_nobody_says_the_time(ground, policy):
    recorded = record(ground, policy)
    ground.clock.advance(days=400)

    with pytest.raises(UseWithheldError, match="ended at"):
        policy.check_use(recorded, good_facts(at=None))


def test_a_use_is_checked_against_the_stored_state_not_the_handed_one(ground, policy):
    recorded = record(ground, policy)
    policy.end_agreement(recorded.id, "the study is over", by=STEWARD)

    with pytest.raises(UseWithheldError, match="the study is over"):
        policy.check_use(recorded, good_facts())


def test_a_tampered_agreement_is_found_before_performance(ground, policy):
    recorded = record(ground, policy)
    with ground.journal.write(by="system:t", did="agreement.signed", to="x:1") as tx:
        tx.connection.execute(update(policy_agreement).values(dataset_id="ds_9"))

    with pytest.raises(AgreementCorruptError):
        policy.check_use(recorded, good_facts())


def count(ground, policy, agreement_id):
    try:
        with ground.journal.write(by="system:t", did="agreement.signed", to="query:1") as tx:
            return policy.count_use(tx, agreement_id)
    except UseWithheldError:
        return None


def test_an_agreement_that_ended_is_not_in_force_inside_a_write(ground, policy):
    recorded = record(ground, policy)
    with ground.journal.write(by="system:t", did="agreement.signed", to="query:1") as tx:
        policy.check_still_in_force(tx, recorded.id)
    policy.end_agreement(recorded.id, "over", by=STEWARD)

    with (
        pytest.raises(UseWithheldError) as refusal,
        ground.journal.write(by="system:t", did="agreement.signed", to="query:2") as tx,
    ):
        policy.check_still_in_force(tx, recorded.id)

    assert "agreement_ended" == refusal.value.code


def test_many_uses_at_once_never_exceed_the_limit(ground, policy):
    recorded = record(ground, policy)

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: count(ground, policy, recorded.id), range(12)))

    assert sorted(filter(None, numbers)) == [1, 2, 3]
    assert policy.uses_so_far(recorded.id) == 3
    with pytest.raises(UseWithheldError, match="3 uses"):
        policy.check_use(recorded, good_facts(uses_so_far=None))


def test_an_unlimited_agreement_counts_without_end(ground, policy):
    recorded = record(ground, policy, policy=Policy((Rule("use"),)))

    assert [count(ground, policy, recorded.id) for _ in range(4)] == [1, 2, 3, 4]


def test_a_suspended_agreement_counts_nothing(ground, policy):
    recorded = record(ground, policy)
    policy.suspend_agreement(recorded.id, "an incident", by=STEWARD)

    assert count(ground, policy, recorded.id) is None
    assert policy.uses_so_far(recorded.id) == 0


def test_counting_under_an_unknown_agreement_is_refused(ground, policy):
    with pytest.raises(AgreementNotFoundError):
        count(ground, policy, "urn:uuid:none")


def test_suspending_and_resuming_tells_the_other_side(ground, policy):
    recorded = record(ground, policy)

    held = policy.suspend_agreement(recorded.id, "an incident", by=STEWARD)
    back = policy.resume_agreement(recorded.id, "solved", by=STEWARD)

    assert (held.state, back.state) == (AgreementState.SUSPENDED, AgreementState.ACTIVE)
    assert sent(ground) == ["agreement.suspended", "agreement.resumed"]
    assert ("watch", {"agreement": recorded.id}) in ground.tasks()


def test_only_responsible_people_change_an_agreement_and_say_why(ground, policy):
    recorded = record(ground, policy)

    with pytest.raises(RoleMissingError):
        policy.end_agreement(recorded.id, "done", by=RESEARCHER)
    with pytest.raises(PolicyInvalidError, match="reason"):
        policy.end_agreement(recorded.id, " ", by=STEWARD)
    assert policy.get_agreement(recorded.id).state is AgreementState.ACTIVE


def test_the_other_side_suspends_resumes_and_ends(ground, policy):
    recorded = record(ground, policy)
    states = []

    for change in ("suspended", "resumed", "ended"):
        policy.receive_agreement_change(FACULTY, message(change))
        states.append(policy.get_agreement(recorded.id).state.value)

    assert states == ["suspended", "active", "ended"]
    assert sent(ground) == []


@pytest.mark.parametrize("change", ["suspended", "ended"])
def test_a_message_that_arrives_twice_changes_nothing_the_second_time(ground, policy, change):
    record(ground, policy)

    policy.receive_agreement_change(FACULTY, message(change))
    before = policy.list_agreements()
    policy.receive_agreement_change(FACULTY, message(change))

    assert policy.list_agreements() == before


def test_a_message_after_the_end_changes_nothing(ground, policy):
    recorded = record(ground, policy)
    policy.end_agreement(recorded.id, "done", by=STEWARD)

    policy.receive_agreement_change(FACULTY, message("suspended"))

    assert policy.get_agreement(recorded.id).state is AgreementState.ENDED


def test_a_stranger_changes_nothing(ground, policy):
    record(ground, policy)

    with pytest.raises(AgreementChangeRefusedError, match="other side"):
        policy.receive_agreement_change("did:web:stranger.example", message("ended"))


@pytest.mark.parametrize(
    "body",
    [
        message("sold"),
        message("ended", extra="x"),
        message("ended", reason=""),
        message("ended", reason=7),
        message("ended", at="soon"),
        {},
    ],
)
def test_a_malformed_message_is_refused(ground, policy, body):
    record(ground, policy)

    with pytest.raises(Exception, match=r"four texts|unknown|RFC 3339"):
        policy.receive_agreement_change(FACULTY, body)
    assert policy.list_agreements()[0].state is AgreementState.ACTIVE


def test_agreements_whose_time_is_over_end_by_the_clock(ground, policy):
    recorded = record(ground, policy)
    policy.end_expired()
    assert policy.get_agreement(recorded.id).state is AgreementState.ACTIVE

    ground.clock.advance(days=400)
    policy.end_expired()
    policy.end_expired()

    ended = policy.get_agreement(recorded.id)
    assert (ended.state, ended.ended_reason) == (AgreementState.ENDED, "expired")
    assert sent(ground) == []


def test_a_change_that_comes_between_is_not_overwritten(ground, policy):
    recorded = record(ground, policy)
    policy.suspend_agreement(recorded.id, "an incident", by=STEWARD)

    with ground.journal.write(by="system:t", did="agreement.signed", to="x:1") as tx:
        moved = replace(recorded, state=AgreementState.ENDED, ended_at=tx.at, ended_reason="x")
        saved = store.save_state(tx.connection, moved, by="system:t", expect=recorded)

    assert saved is False


class LateReader(PolicyService):
    """Read the agreement before somebody else changed it."""

    stale = None

    def get_agreement(self, agreement_id):
        return self.stale


def test_losing_the_race_for_a_change_is_told(ground, policy):
    recorded = record(ground, policy)
    stale = policy.get_agreement(recorded.id)
    policy.suspend_agreement(recorded.id, "an incident", by=STEWARD)
    late = LateReader(ground.journal, ground.clock, self_did=HOSPITAL)
    late.stale = stale

    with pytest.raises(ConflictError, match="same moment"):
        late.end_agreement(recorded.id, "done", by=STEWARD)


def test_deletion_is_due_once_the_agreed_days_after_the_end_are_over(ground, policy):
    recorded = record(ground, policy)
    policy.end_agreement(recorded.id, "The study is over.", by=STEWARD)
    ground.clock.advance(days=30)
    in_time = policy.list_deletions_due()

    ground.clock.advance(seconds=1)

    assert in_time == ()
    assert [recorded.id] == [one.id for one in policy.list_deletions_due()]


def test_nothing_is_due_while_an_agreement_runs_or_where_no_days_were_agreed(ground, policy):
    record(ground, policy)
    open_end = story_policy(delete_within_days=None)
    ended = record(ground, policy, id="urn:uuid:2", policy=open_end)
    policy.end_agreement(ended.id, "The study is over.", by=STEWARD)

    ground.clock.advance(days=400)

    assert policy.list_deletions_due() == ()


def test_an_overdue_deletion_is_evidence_of_its_agreement(ground, policy):
    recorded = record(ground, policy)

    policy.note_deletion_overdue(recorded)

    with ground.journal.reading() as conn:
        (event,) = conn.execute(
            select(audit_leaf.c.event)
            .where(audit_leaf.c.subject == f"agreement:{recorded.id}")
            .order_by(audit_leaf.c.position.desc())
            .limit(1)
        ).one()
    assert event == "agreement.deletion_overdue"
