"""The gate over the whole story: everything done opens it, and every undoing shuts it."""

import pytest

from lib import partners_world as story
from lib.partners_world import AUTHORITY, CORA, COURSE, DATASET, FACULTY, HOSPITAL, REX
from tidegate.access.errors import PersonNotFoundError
from tidegate.access.model import Role, person_ref
from tidegate.partners.errors import GateClosedError, NotPartyError
from tidegate.partners.model import GateQuestion


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space, story.prepare, story.open_gate)
    yield world
    world.close()


@pytest.fixture
def permit(world):
    return world.hospital.applications.list_permits()[0]


def refusal(world, person=REX, **changes):
    with pytest.raises(GateClosedError) as refused:
        world.hospital.gate.check(story.agreement(**changes), person)
    return refused.value.code


def test_everything_done_opens_the_gate(world, permit):
    facts = world.hospital.gate.check(story.agreement(), REX, now=world.clock.now())

    assert (permit.id, permit.project_id) == (facts.permit_id, facts.project_id)


def test_the_gate_is_open_at_the_consumer_too(world, permit):
    facts = world.faculty.gate.check(story.agreement("consumer"), REX)

    assert permit.id == facts.permit_id
    assert "mech" not in facts.rule_inputs


def test_a_permit_of_one_provider_opens_nothing_of_another_with_the_same_dataset_id(world, permit):
    asked = GateQuestion(AUTHORITY.did, FACULTY.did, DATASET, (story.HMB,), REX)

    for house in (world.faculty, world.hospital):
        assert ("", ()) == (house.gate.facts(asked).permit_id, house.gate.facts(asked).variables)


def test_the_facts_speak_the_words_of_the_rule_pack(world, permit):
    inputs = world.hospital.gate.check(story.agreement(), REX).rule_inputs

    assert inputs == {
        "provider": {
            "seat": "CN-GBA9",
            "cred_ok": True,
            "ciio": False,
            "foreign_controlled": False,
        },
        "recipient": {
            "seat": "HK",
            "cred_ok": True,
            "foreign_controlled": False,
            "control_test": "cn_controlled",
        },
        "mech": {
            "kind": "gba_sc_hk",
            "valid": True,
            "in_scope": True,
            "filed": True,
            "workdays_since_effect": 20,
        },
        "pipia": {"done_before_transfer": True, "covers_3": True, "retention_years": 3},
        "consent": {
            "separate": True,
            "names_recipient": True,
            "covers_cross_border": True,
            "guardian": False,
        },
        "cum": {"sensitive": 0, "nonsensitive": 0},
        "permit": {"purposes": ("DUO:0000007",), "live": True, "people": (REX,), "years": 1},
        "person": {"training_ok": True},
        "ethics": {"all_sites": True, "covers_dataset": True, "expired": False},
        "approvals": {"data_security_committee": False},
    }


def test_before_an_agreement_the_permit_says_for_whom(world, permit):
    question = GateQuestion(HOSPITAL.did, FACULTY.did, DATASET, (story.HMB,))

    assert (REX,) == world.hospital.gate.facts(question).people
    assert world.hospital.gate.find_refusal(question) is None


def test_a_question_is_refused_with_the_first_reason(world):
    question = GateQuestion(AUTHORITY.did, FACULTY.did, DATASET, (story.HMB,))

    assert "partnership_missing" == world.hospital.gate.find_refusal(question).code


def test_facts_do_not_judge(world):
    question = GateQuestion(HOSPITAL.did, FACULTY.did, "ds_other", (story.HMB,))

    inputs = world.hospital.gate.facts(question).rule_inputs

    assert not inputs["mech"]["in_scope"]
    assert {"permit", "ethics", "pipia", "consent", "approvals"}.isdisjoint(inputs)


def test_a_refusal_is_in_the_evidence(world, permit):
    assert "training_missing" == refusal(world, CORA)

    assert "gate.refused" in world.hospital.events()


def test_a_revoked_member_is_shut_out(world, permit):
    world.authority.space.revoke_member(FACULTY.did, "breach", by=story.OPERATOR)
    world.deliver()

    assert "member_revoked" == refusal(world)


def test_an_ended_partnership_shuts_the_gate(world, permit):
    (partnership,) = world.faculty.partnerships.list_partnerships()
    world.faculty.partnerships.end(partnership.id, "programme over", by=story.LEGAL)
    world.deliver()

    assert "partnership_not_active" == refusal(world)


def test_revoked_training_shuts_the_gate_at_the_partner(world, permit):
    for training in world.faculty.training.list_trainings(REX):
        world.faculty.training.revoke(training.id, "cheated", by=story.TRAINER)
    world.deliver()

    assert "training_missing" == refusal(world)


def test_a_person_who_left_the_study_is_refused(world, permit):
    story.open_gate(world, people=(REX, CORA))
    world.faculty.projects.change(permit.project_id, people=(REX,), by=story.RESEARCHER)
    world.deliver()

    assert "project_person_outside" == refusal(world, CORA)


def test_a_closed_study_shuts_the_gate(world, permit):
    world.faculty.projects.close(permit.project_id, "done", by=story.RESEARCHER)
    world.deliver()

    assert "project_closed" == refusal(world)


def test_an_ended_permit_shuts_the_gate(world, permit):
    world.hospital.applications.end_permit(permit.id, "misuse", by=story.COMMITTEE)
    world.deliver()

    assert "permit_ended" == refusal(world)


def test_time_alone_shuts_the_gate(world, permit):
    world.clock.advance(days=366)

    assert "training_missing" == refusal(world)


def test_an_ended_mechanism_shuts_the_gate(world, permit):
    (mechanism,) = world.hospital.instruments.list_mechanisms()
    world.hospital.instruments.end_mechanism(mechanism.id, "clause changed", by=story.LEGAL)

    assert "mechanism_missing" == refusal(world)


def test_counted_exports_appear_in_the_inputs(world, permit):
    hospital = world.hospital
    with hospital.ground.journal.write(by="system:lab", did="export.counted", to="query:1") as tx:
        hospital.instruments.count_export(
            tx,
            recipient=FACULTY.did,
            dataset_id=DATASET,
            people=17_549,
            population=17_549,
            sensitive=True,
        )

    inputs = hospital.gate.check(story.agreement(), REX).rule_inputs

    assert {"sensitive": 17_549, "nonsensitive": 0} == inputs["cum"]
    assert inputs["pipia"]["done_before_transfer"]


def test_an_institution_needs_no_partnership_with_itself(world, permit):
    own = story.agreement(assignee=HOSPITAL.did)

    assert "project_missing" == refusal(world, assignee=own.assignee)


# Vouching for people


@pytest.fixture
def rex(world):
    access = world.faculty.access
    operator, _token = access.make_first_operator("Olga")
    return access.add_person(
        "Rex", "rex@example.org", frozenset({Role.RESEARCHER}), by=operator.as_actor()
    )


def test_a_person_another_node_vouches_for_is_admitted(world, permit):
    agreement = story.agreement()
    trainings = world.faculty.training.list_trainings(REX)
    world.clock.advance(days=1)
    assertion = _assertion(REX, trainings, permit.project_id)

    assert permit.id == world.hospital.gate.admit(agreement, assertion)


def test_an_assertion_carries_what_the_person_is(world, permit, rex):
    who = person_ref(FACULTY.did, rex.id)
    world.faculty.training.issue(who, COURSE, story.LATER, by=story.TRAINER)

    assertion = world.faculty.gate.assertion_of(who, story.agreement("consumer"))

    assert ("Rex", who, permit.project_id) == (
        assertion.name,
        assertion.person_ref,
        assertion.project_id,
    )
    assert (COURSE,) == tuple(one.course for one in assertion.trainings)


def test_training_an_assertion_certifies_is_kept(world, permit, rex):
    who = person_ref(FACULTY.did, rex.id)
    world.faculty.training.issue(who, COURSE, story.LATER, by=story.TRAINER)
    assertion = world.faculty.gate.assertion_of(who, story.agreement("consumer"))

    with pytest.raises(GateClosedError) as refused:
        world.hospital.gate.admit(story.agreement(), assertion)

    assert "project_person_outside" == refused.value.code
    assert assertion.trainings == world.hospital.training.list_trainings(who)


def test_nobody_vouches_for_anothers_people(world, permit):
    with pytest.raises(NotPartyError):
        world.hospital.gate.assertion_of(REX, story.agreement("consumer"))
    with pytest.raises(NotPartyError):
        world.hospital.gate.admit(story.agreement(assignee=HOSPITAL.did), _assertion(REX, (), ""))
    with pytest.raises(PersonNotFoundError):
        world.faculty.gate.assertion_of(REX, story.agreement("consumer"))


def test_a_disabled_person_is_vouched_for_no_more(world, permit, rex):
    world.faculty.access.disable_person(
        rex.id, "left", by=world.faculty.access.list_people()[0].as_actor()
    )
    from tidegate.partners.errors import TrainingInvalidError

    with pytest.raises(TrainingInvalidError):
        world.faculty.gate.assertion_of(person_ref(FACULTY.did, rex.id), story.agreement())


def _assertion(who, trainings, project_id):
    from tidegate.partners.model import PersonAssertion

    return PersonAssertion(who, "Rex", FACULTY.did, tuple(trainings), project_id)
