"""A finished destruction is judged by the rule pack, once; the receipt stands by the version."""

from types import SimpleNamespace

import pytest

from lib.ground import make_ground
from rooms.commons.commons_world import COMMITTEE, STEWARD, make_commons
from tidegate.access.model import Actor, Participant, Role, Seat
from tidegate.connector.assessment.model import EvidenceFacts, Sources
from tidegate.connector.assessment.service import AssessmentService
from tidegate.node.endings import assess_destruction, note_overdue_deletions
from tidegate.policy.model import Outcome
from tidegate.policy.rulepack.service import RulePackService, load_shipped

SECOND = Actor("person:per_second", "Zhang Li", frozenset({Role.COMMITTEE}))


@pytest.fixture
def house(tmp_path):
    ground = make_ground(tmp_path, subscriptions={"version.destroyed": ("destruction.assess",)})
    commons, packs = make_commons(ground), load_shipped()
    rulepacks = RulePackService(
        ground.journal,
        ground.clock,
        ground.ids,
        listed=lambda: [pack.hash for pack in packs],
        packs=packs,
    )
    sources = Sources(
        facts=lambda question: None,
        is_open=lambda question: True,
        data=commons.holdings.rule_facts,
        seat_of=lambda did: Seat.CN_GBA9,
        evidence=lambda: EvidenceFacts(writable=True, chain_ok=True),
    )
    yield SimpleNamespace(
        participant=Participant(ground.did, "Nansha Hospital", Seat.CN_GBA9),
        ground=ground,
        commons=commons,
        destruction=commons.destruction,
        rulepacks=rulepacks,
        assessment=AssessmentService(rulepacks, sources, ground.clock),
        space=SimpleNamespace(find_space=lambda: "space_1"),
    )
    ground.close()


def destroyed(house):
    version = house.commons.stored(count=60)
    house.destruction.request(version, "no longer needed", by=COMMITTEE)
    house.destruction.approve(version, by=SECOND)
    return version


def judge(house):
    house.ground.run_tasks(
        destruction__assess=lambda version, **_: assess_destruction(house, version)
    )


def test_a_complete_destruction_is_allowed_and_can_be_replayed(house):
    version = destroyed(house)

    judge(house)

    (receipt,) = house.rulepacks.list_decisions(subject=f"version:{version}")
    assert Outcome.ALLOW is receipt.decision.outcome
    assert dict.fromkeys(("approved", "two_person", "verified", "cert_sent"), True) == dict(
        receipt.inputs["destroy"]
    )
    assert house.rulepacks.replay(receipt.id).inputs_hash == receipt.decision.inputs_hash


def test_a_destruction_is_judged_once(house):
    version = destroyed(house)
    judge(house)

    assess_destruction(house, version)

    assert 1 == len(house.rulepacks.list_decisions(subject=f"version:{version}"))


def test_a_version_that_lives_is_not_judged(house):
    version = house.commons.stored(count=60)

    assess_destruction(house, version)

    assert () == house.rulepacks.list_decisions(subject=f"version:{version}")


def test_a_node_in_no_space_has_no_law_to_ask(house):
    house.space = SimpleNamespace(find_space=lambda: None)
    version = destroyed(house)

    judge(house)

    assert () == house.rulepacks.list_decisions(subject=f"version:{version}")


def test_a_version_taken_out_of_use_is_announced(house, tmp_path):
    ground = make_ground(tmp_path / "other", subscriptions={"version.closed": ("lab.closed",)})
    commons = make_commons(ground)
    version = commons.stored(count=60)

    commons.holdings.move_aside(version, "suspend", "under review", by=STEWARD)
    commons.holdings.move_aside(version, "resume", "reviewed", by=STEWARD)
    commons.holdings.archive(version, by=STEWARD)

    closed = [payload["version"] for name, payload in ground.tasks() if name == "lab.closed"]
    ground.close()
    assert [version, version] == closed


def test_an_overdue_deletion_raises_one_alarm_until_the_certificate_comes():
    due = SimpleNamespace(id="urn:uuid:1", assignee="did:web:faculty")
    raised, emptied = [], set()
    house = SimpleNamespace(
        policy=SimpleNamespace(
            list_deletions_due=lambda: (due,),
            note_deletion_overdue=lambda one: raised.append(
                SimpleNamespace(entry=SimpleNamespace(did="agreement.deletion_overdue"))
            ),
        ),
        evidence=SimpleNamespace(timeline=lambda subject: tuple(raised)),
        destruction=SimpleNamespace(is_emptied=lambda one, holder: one in emptied),
    )

    counts = [note_overdue_deletions(house), note_overdue_deletions(house)]
    raised.clear()
    emptied.add(due.id)

    assert [1, 0] == counts
    assert 0 == note_overdue_deletions(house)
