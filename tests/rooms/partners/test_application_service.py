"""Asking for access, deciding, and ending what was granted, over two nodes."""

import json
from dataclasses import replace

import pytest

from lib import partners_world as story
from lib.partners_world import (
    AUTHORITY,
    COLLEAGUE,
    COMMITTEE,
    CORA,
    DATASET,
    DS,
    FACULTY,
    HMB,
    HOSPITAL,
    LEGAL,
    RESEARCHER,
    REX,
    apply,
)
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Role
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.machine import IllegalMoveError
from tidegate.partners.application import rules
from tidegate.partners.errors import (
    ApplicationInvalidError,
    ApplicationNotFoundError,
    ApplicationRefusedError,
    NotPartyError,
    OwnMatterError,
    PermitNotFoundError,
    ProjectClosedError,
    TrainingInvalidError,
)
from tidegate.partners.model import ApplicationState, PermitState
from tidegate.partners.records import to_plain


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space, story.prepare)
    yield world
    world.close()


@pytest.fixture
def ours(world):
    return world.faculty.applications


@pytest.fixture
def theirs(world):
    return world.hospital.applications


@pytest.fixture
def project(world):
    return world.faculty.projects.list_projects()[0]


@pytest.fixture
def submitted(world, project):
    application = apply(world, project)
    world.deliver()
    return application


@pytest.fixture
def permit(world, theirs, submitted):
    permit = theirs.approve(submitted.id, "Sound plan.", by=COMMITTEE)
    world.deliver()
    return permit


def refused_code(world, project, **changes):
    with pytest.raises(ApplicationRefusedError) as refused:
        apply(world, project, **changes)
    return refused.value.code


# Applying


def test_an_application_reaches_the_provider(theirs, submitted):
    assert submitted == theirs.get_application(submitted.id)
    assert (submitted,) == theirs.list_applications()


def test_an_application_carries_the_training_of_its_people(world, submitted):
    known = world.hospital.training.list_trainings(REX)

    assert world.faculty.training.list_trainings(REX) == known


def test_a_revocation_that_overtakes_the_application_stands_against_it(world, theirs, project):
    application = apply(world, project)
    for training in world.faculty.training.list_trainings(REX):
        overtaking = {"training": training.id, "reason": "cheated"}
        world.hospital.training.receive_revoked(FACULTY.did, overtaking)
    world.deliver()

    assert ApplicationState.REFUSED is theirs.get_application(application.id).state


def test_without_training_an_application_is_refused_at_once(world, project):
    world.clock.advance(days=365)

    assert "training_missing" == refused_code(world, project)
    assert () == world.faculty.applications.list_applications()
    assert "application.refused" == world.faculty.events()[-1]


def test_the_training_of_every_named_person_counts(world, ours):
    study = story.set_up_study(world, (REX, f"{FACULTY.did}#per_new"))

    with pytest.raises(ApplicationRefusedError) as refused:
        apply(world, study, people=(REX, f"{FACULTY.did}#per_new"))

    assert f"{FACULTY.did}#per_new" == refused.value.details["person"]


def test_the_training_of_the_applicant_counts_too(world, project):
    for training in world.faculty.training.list_trainings(CORA):
        world.faculty.training.revoke(training.id, "cheated", by=story.TRAINER)

    assert "training_missing" == refused_code(world, project, by=COLLEAGUE)


def test_without_a_partnership_an_application_is_refused_at_once(world, project):
    (partnership,) = world.faculty.partnerships.list_partnerships()
    world.faculty.partnerships.end(partnership.id, "over", by=LEGAL)

    assert "partnership_missing" == refused_code(world, project)


def test_a_revoked_provider_gets_no_application(world, project):
    world.authority.space.revoke_member(HOSPITAL.did, "breach", by=story.OPERATOR)
    world.deliver()

    assert "provider_not_member" == refused_code(world, project)


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": ()},
        {"purposes": (HMB,)},
        {"purposes": ("curiosity",)},
        {"months": 0},
        {"months": 121},
        {"people": ()},
        {"people": (f"{FACULTY.did}#per_stranger",)},
        {"variables": ("",)},
        {"variables": tuple(f"v{n}" for n in range(501))},
    ],
)
def test_an_unusable_application_is_refused(world, project, changes):
    with pytest.raises(ApplicationInvalidError):
        apply(world, project, **changes)


def test_a_dataset_must_be_of_the_study(world, ours, project):
    with pytest.raises(ApplicationInvalidError) as refused:
        ours.submit(
            project.id,
            "ds_other",
            HOSPITAL.did,
            people=(REX,),
            purposes=(DS,),
            months=1,
            by=RESEARCHER,
        )

    assert "dataset_outside_study" == refused.value.code


def test_only_people_of_the_study_apply(world, project):
    with pytest.raises(ApplicationInvalidError):
        apply(world, project, by=story.actor("eve", Role.RESEARCHER))
    with pytest.raises(RoleMissingError):
        apply(world, project, by=LEGAL)


def test_an_institution_applies_for_its_own_people(world):
    guest = f"{HOSPITAL.did}#per_guest"
    study = story.set_up_study(world, (REX, guest))

    with pytest.raises(ApplicationInvalidError, match="own people"):
        apply(world, study, people=(guest,))


def test_an_application_brings_its_study_to_a_provider_that_is_no_site(world, theirs):
    study = world.faculty.projects.create(
        "Narrow", DS, "Plan", by=RESEARCHER, dataset_ids=(DATASET,)
    )
    approval = world.faculty.projects.record_ethics(
        study.id,
        "IRB-2",
        covers_datasets=(DATASET,),
        covers_cross_border=True,
        expires=story.LATER,
        by=COMMITTEE,
    )

    apply(world, study)
    world.deliver()

    assert (approval,) == world.hospital.projects.get_project(study.id).ethics


def test_a_closed_study_applies_no_more(world, project):
    world.faculty.projects.close(project.id, "done", by=RESEARCHER)

    with pytest.raises(ProjectClosedError):
        apply(world, project)


def test_a_site_does_not_apply_for_anothers_study(theirs, project):
    with pytest.raises(NotPartyError):
        theirs.submit(
            project.id,
            DATASET,
            HOSPITAL.did,
            people=(REX,),
            purposes=(DS,),
            months=1,
            by=RESEARCHER,
        )


# Deciding


def test_an_approval_gives_both_nodes_the_permit(ours, theirs, submitted, permit):
    assert permit == ours.get_permit(permit.id) == theirs.find_permit_of(submitted.id)
    assert ApplicationState.APPROVED is ours.get_application(submitted.id).state
    assert ((REX,), (DS,), DATASET) == (permit.people, permit.purposes, permit.dataset_id)
    assert "2027-03-02T08:00:00.000Z" == permit.valid_until


def test_a_permit_can_be_shorter_than_asked_never_longer(theirs, submitted):
    with pytest.raises(ApplicationInvalidError):
        theirs.approve(submitted.id, "Sound.", by=COMMITTEE, months=13)

    permit = theirs.approve(submitted.id, "Sound.", by=COMMITTEE, months=6)

    assert "2026-09-02T08:00:00.000Z" == permit.valid_until


def test_a_refusal_comes_back_with_its_reason(world, ours, theirs, submitted):
    theirs.refuse(submitted.id, "The plan says nothing of children.", by=COMMITTEE)
    world.deliver()

    refused = ours.get_application(submitted.id)
    assert ApplicationState.REFUSED is refused.state
    assert "The plan says nothing of children." == refused.reason
    assert () == ours.list_permits()


def test_a_decision_needs_reasons_and_a_committee(theirs, submitted):
    for decide in (theirs.approve, theirs.refuse):
        with pytest.raises(ApplicationInvalidError):
            decide(submitted.id, " ", by=COMMITTEE)
        with pytest.raises(RoleMissingError):
            decide(submitted.id, "Yes.", by=LEGAL)


def test_nobody_decides_twice(theirs, submitted, permit):
    with pytest.raises(IllegalMoveError):
        theirs.refuse(submitted.id, "On second thought.", by=COMMITTEE)


def test_the_applicants_side_does_not_decide(ours, submitted):
    with pytest.raises(NotPartyError):
        ours.approve(submitted.id, "Ours is fine.", by=COMMITTEE)


def test_nobody_decides_on_their_own_application(ours, submitted):
    both = replace(RESEARCHER, roles=frozenset({Role.COMMITTEE}))

    with pytest.raises(OwnMatterError):
        ours.approve(submitted.id, "Mine is fine.", by=both)
    assert not rules.may_decide(both, REX, submitted)
    assert rules.may_decide(COMMITTEE, "did:web:x#per_carl", submitted)


def test_training_lost_while_waiting_stops_the_approval(world, theirs, submitted):
    for training in world.faculty.training.list_trainings(REX):
        world.faculty.training.revoke(training.id, "cheated", by=story.TRAINER)
    world.deliver()

    with pytest.raises(ApplicationRefusedError):
        theirs.approve(submitted.id, "Sound.", by=COMMITTEE)


def test_the_provider_screens_again(world, theirs, project):
    application = apply(world, project)
    (partnership,) = world.hospital.partnerships.list_partnerships()
    world.hospital.partnerships.end(partnership.id, "over", by=LEGAL)
    world.deliver()

    assert ApplicationState.REFUSED is theirs.get_application(application.id).state
    assert (
        ApplicationState.REFUSED is world.faculty.applications.get_application(application.id).state
    )


def test_an_institution_decides_on_its_own_data(world):
    faculty = world.faculty
    study = faculty.projects.create("Own", DS, "Plan", by=RESEARCHER, dataset_ids=("ds_own",))
    application = faculty.applications.submit(
        study.id,
        "ds_own",
        FACULTY.did,
        people=(REX,),
        purposes=(DS,),
        months=1,
        by=RESEARCHER,
    )

    permit = faculty.applications.approve(application.id, "Fine.", by=COMMITTEE)

    assert permit == faculty.applications.find_permit_of(application.id)
    assert FACULTY.did == permit.grantee
    ended = faculty.applications.end_permit(permit.id, "done", by=COMMITTEE)
    assert PermitState.ENDED is ended.state


# Withdrawing and ending


def test_a_withdrawn_application_ends_its_permit_at_both(world, ours, theirs, submitted, permit):
    ours.withdraw(submitted.id, "no longer needed", by=RESEARCHER)
    world.deliver()

    for side in (ours, theirs):
        assert ApplicationState.WITHDRAWN is side.get_application(submitted.id).state
        assert PermitState.ENDED is side.get_permit(permit.id).state


def test_a_decision_crossing_a_withdrawal_leaves_no_permit(world, ours, theirs, submitted):
    theirs.approve(submitted.id, "Sound.", by=COMMITTEE)
    ours.withdraw(submitted.id, "no longer needed", by=RESEARCHER)
    world.deliver()

    assert () == ours.list_permits()
    assert PermitState.ENDED is theirs.list_permits()[0].state


def test_only_the_applicant_or_the_lead_withdraws(ours, submitted):
    with pytest.raises(NotPartyError):
        ours.withdraw(submitted.id, "envy", by=COLLEAGUE)


def test_an_ended_permit_is_ended_at_both(world, ours, theirs, permit):
    theirs.end_permit(permit.id, "misuse", by=COMMITTEE)
    world.deliver()

    assert PermitState.ENDED is ours.get_permit(permit.id).state
    with pytest.raises(IllegalMoveError):
        theirs.end_permit(permit.id, "again", by=COMMITTEE)


def test_only_the_grantor_ends_a_permit(ours, permit):
    with pytest.raises(NotPartyError):
        ours.end_permit(permit.id, "tired", by=COMMITTEE)
    with pytest.raises(RoleMissingError):
        ours.end_permit(permit.id, "tired", by=LEGAL)


def test_what_does_not_exist_is_not_found(ours):
    with pytest.raises(ApplicationNotFoundError):
        ours.get_application("app_none")
    with pytest.raises(PermitNotFoundError):
        ours.get_permit("prm_none")


# What others may say


@pytest.fixture
def message(world, project):
    apply(world, project)
    (message,) = world.faculty.pending("application.submitted")
    return message


def test_an_application_comes_from_the_one_who_asks(world, message):
    with pytest.raises(NotPartyError):
        world.hospital.applications.receive_submitted(AUTHORITY.did, message)
    with pytest.raises(NotPartyError):
        world.authority.applications.receive_submitted(FACULTY.did, message)


def test_another_institution_cannot_take_an_applications_id(world, theirs, message):
    world.deliver()
    apply_id = message["application"]["id"]
    stolen = json.loads(json.dumps(message).replace(FACULTY.did, AUTHORITY.did))
    stolen["application"]["project"]["id"] = "prj_other"
    stolen["application"]["project"]["ethics"] = []

    with pytest.raises(NotPartyError):
        theirs.receive_submitted(AUTHORITY.did, stolen)

    assert FACULTY.did == theirs.get_application(apply_id).grantee


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "approved"},
        {"decided_by": "me"},
        {"months": 999},
        {"purposes": ["DS"]},
        {"people": [f"{HOSPITAL.did}#per_x"]},
    ],
)
def test_a_doctored_application_is_refused(world, message, changes):
    doctored = {**message, "application": {**message["application"], **changes}}

    with pytest.raises(InvalidError):
        world.hospital.applications.receive_submitted(FACULTY.did, doctored)


def test_training_of_others_cannot_be_slipped_in(world, message):
    (training,) = message["trainings"]
    doctored = {**message, "trainings": [{**training, "issuer": HOSPITAL.did}]}

    with pytest.raises(TrainingInvalidError):
        world.hospital.applications.receive_submitted(FACULTY.did, doctored)


@pytest.mark.parametrize("expires", ["2027-01-01T08:00:00+08:00", "never"])
def test_an_approval_that_would_end_late_or_never_cannot_be_slipped_in(world, message, expires):
    project = message["application"]["project"]
    ethics = [{**one, "expires_at": expires} for one in project["ethics"]]
    doctored = {
        **message,
        "application": {**message["application"], "project": {**project, "ethics": ethics}},
    }

    with pytest.raises(InvalidError, match="UTC"):
        world.hospital.applications.receive_submitted(FACULTY.did, doctored)


def test_a_legal_basis_cannot_be_slipped_in(world, message):
    basis = to_plain(world.hospital.projects.list_projects()[0].legal_basis[0])
    project = {**message["application"]["project"], "legal_basis": [basis]}
    doctored = {**message, "application": {**message["application"], "project": project}}

    with pytest.raises(ApplicationInvalidError):
        world.hospital.applications.receive_submitted(FACULTY.did, doctored)


@pytest.fixture
def decision(world, theirs, submitted):
    theirs.approve(submitted.id, "Sound.", by=COMMITTEE)
    (decision,) = world.hospital.pending("application.decided")
    return decision


def test_a_decision_comes_from_the_provider(world, decision):
    with pytest.raises(NotPartyError):
        world.faculty.applications.receive_decided(AUTHORITY.did, decision)


@pytest.mark.parametrize(
    "changes",
    [
        {"people": [CORA]},
        {"dataset_id": "ds_other"},
        {"purposes": [HMB]},
        {"variables": ["secret"]},
        {"valid_until": "2046-03-02T08:00:00.000Z"},
        {"valid_until": "2026-01-01T00:00:00.000Z"},
    ],
)
def test_a_permit_grants_no_more_than_was_asked(world, decision, changes):
    doctored = {**decision, "permit": {**decision["permit"], **changes}}

    with pytest.raises(ApplicationInvalidError):
        world.faculty.applications.receive_decided(HOSPITAL.did, doctored)


@pytest.mark.parametrize("changes", [{"permit": None}, {"state": "refused"}])
def test_a_yes_comes_with_a_permit_and_a_no_without(world, decision, changes):
    with pytest.raises(ApplicationInvalidError):
        world.faculty.applications.receive_decided(HOSPITAL.did, {**decision, **changes})


def test_a_third_party_ends_nothing(world, submitted, permit):
    withdrawal = {"application": submitted.id, "reason": "x"}
    ending = {"permit": permit.id, "reason": "x", "ended_at": "2026-03-02T08:00:00.000Z"}

    with pytest.raises(NotPartyError):
        world.hospital.applications.receive_withdrawn(AUTHORITY.did, withdrawal)
    with pytest.raises(NotPartyError):
        world.faculty.applications.receive_permit_ended(AUTHORITY.did, ending)


@pytest.mark.parametrize(
    ("stamp", "months", "moved"),
    [
        ("2026-01-31T08:00:00.000Z", 1, "2026-02-28T08:00:00.000Z"),
        ("2024-01-31T08:00:00.000Z", 1, "2024-02-29T08:00:00.000Z"),
        ("2026-12-02T08:00:00.000Z", 1, "2027-01-02T08:00:00.000Z"),
        ("2026-03-02T08:00:00.000Z", 120, "2036-03-02T08:00:00.000Z"),
    ],
)
def test_months_move_by_the_calendar(stamp, months, moved):
    assert moved == rules.add_months(stamp, months)
