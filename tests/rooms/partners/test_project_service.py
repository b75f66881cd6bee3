"""Studies: set up by their lead, known at their sites, approved by others."""

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
    HOSPITAL,
    LATER,
    LEGAL,
    RESEARCHER,
    REX,
)
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Role
from tidegate.kernel.errors import InvalidError
from tidegate.partners.errors import (
    NotLeadError,
    NotPartyError,
    OwnMatterError,
    ProjectClosedError,
    ProjectInvalidError,
    ProjectNotFoundError,
)
from tidegate.partners.model import ProjectState
from tidegate.partners.records import LARGEST_RECORD, RecordInvalidError, to_plain


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space, story.set_up_study)
    yield world
    world.close()


@pytest.fixture
def projects(world):
    return world.faculty.projects


@pytest.fixture
def theirs(world):
    return world.hospital.projects


@pytest.fixture
def project(projects):
    return projects.list_projects()[0]


def ethics(service, project, **changes):
    given = {
        "covers_datasets": (DATASET,),
        "covers_cross_border": True,
        "expires": LATER,
        "by": COMMITTEE,
        **changes,
    }
    return service.record_ethics(project.id, given.pop("reference", "IRB-1"), **given)


def test_a_site_knows_the_study(theirs, project):
    assert project == theirs.get_project(project.id)
    assert (FACULTY.did, HOSPITAL.did) == project.sites
    assert REX == project.lead


def test_a_change_reaches_the_sites(world, projects, theirs, project):
    projects.change(project.id, people=(REX,), dataset_ids=(DATASET, "ds_2"), by=RESEARCHER)
    world.deliver()

    known = theirs.get_project(project.id)
    assert (2, (REX,), (DATASET, "ds_2")) == (known.revision, known.people, known.dataset_ids)


def test_an_older_revision_is_passed_by(world, projects, theirs, project):
    projects.change(project.id, people=(REX,), by=RESEARCHER)
    world.deliver()

    theirs.receive_project(FACULTY.did, to_plain(project))

    assert 2 == theirs.get_project(project.id).revision


def test_only_the_lead_changes_a_study(projects, project):
    with pytest.raises(NotLeadError):
        projects.change(project.id, people=(), by=COLLEAGUE)
    with pytest.raises(NotLeadError):
        projects.close(project.id, "bored", by=COLLEAGUE)


def test_a_closed_study_is_closed_everywhere(world, projects, theirs, project):
    projects.close(project.id, "done", by=RESEARCHER)
    world.deliver()

    assert ProjectState.CLOSED is theirs.get_project(project.id).state
    with pytest.raises(ProjectClosedError):
        projects.change(project.id, by=RESEARCHER)
    with pytest.raises(ProjectClosedError):
        ethics(theirs, project)


def test_only_a_researcher_sets_up_a_study(projects):
    with pytest.raises(RoleMissingError):
        projects.create("T", DS, "Plan", by=LEGAL)


@pytest.mark.parametrize(
    ("title", "purpose", "plan", "more"),
    [
        (" ", DS, "Plan", {}),
        ("T", "curiosity", "Plan", {}),
        ("T", DS, "", {}),
        ("T", DS, "x" * 20_001, {}),
        ("T", DS, "Plan", {"people": ("rex",)}),
        ("T", DS, "Plan", {"sites": ("did:web:unknown",)}),
    ],
)
def test_an_incomplete_study_is_refused(projects, title, purpose, plan, more):
    with pytest.raises(ProjectInvalidError):
        projects.create(title, purpose, plan, by=RESEARCHER, **more)


def test_an_unknown_study_is_not_found(projects):
    with pytest.raises(ProjectNotFoundError):
        projects.get_project("prj_none")


# Ethics and law


def test_an_approval_reaches_the_other_sites(world, projects, theirs, project):
    approval = ethics(theirs, project)
    world.deliver()

    assert (approval,) == projects.get_project(project.id).ethics


def test_only_a_committee_approves(theirs, project):
    with pytest.raises(RoleMissingError):
        ethics(theirs, project, by=LEGAL)


def test_nobody_approves_their_own_study(projects, project):
    both = replace(COLLEAGUE, roles=frozenset({Role.COMMITTEE}))

    with pytest.raises(OwnMatterError):
        ethics(projects, project, by=both)


@pytest.mark.parametrize(
    "changes",
    [{"reference": " "}, {"covers_datasets": ()}, {"expires": "2026-03-02T08:00:00Z"}],
)
def test_an_approval_says_what_and_until_when(theirs, project, changes):
    with pytest.raises(ProjectInvalidError):
        ethics(theirs, project, **changes)


def test_a_site_reports_its_own_approvals_only(world, projects, theirs, project):
    approval = ethics(theirs, project)

    with pytest.raises(NotPartyError):
        projects.receive_ethics(AUTHORITY.did, to_plain(approval))


def test_the_legal_office_records_a_basis(theirs, project):
    basis = theirs.record_legal_basis(project.id, DATASET, "consent", by=LEGAL)

    assert (basis,) == theirs.get_project(project.id).legal_basis
    with pytest.raises(RoleMissingError):
        theirs.record_legal_basis(project.id, DATASET, "consent", by=COMMITTEE)
    with pytest.raises(InvalidError):
        theirs.record_legal_basis(project.id, DATASET, "a hunch", by=LEGAL)


# What others may say


def test_a_study_is_described_by_its_home(theirs, project):
    with pytest.raises(NotPartyError):
        theirs.receive_project(AUTHORITY.did, to_plain(replace(project, revision=9)))


def test_a_study_cannot_change_hands(theirs, project):
    taken = replace(
        project, home=AUTHORITY.did, lead=f"{AUTHORITY.did}#per_eve", revision=9, people=(CORA,)
    )

    with pytest.raises(NotPartyError):
        theirs.receive_project(AUTHORITY.did, to_plain(taken))


def test_a_description_in_another_form_is_refused(theirs, project):
    with pytest.raises(ProjectInvalidError):
        theirs.receive_project(FACULTY.did, to_plain(replace(project, purpose="DS", revision=9)))
    with pytest.raises(ProjectInvalidError):
        theirs.receive_project(
            FACULTY.did,
            to_plain(replace(project, lead=f"{HOSPITAL.did}#per_x", revision=9)),
        )


@pytest.mark.parametrize("deceit", ["\x00", "\x1b[2J", "\u202e", "\u2066", "\x85"])
def test_characters_that_deceive_who_reads_are_refused(projects, deceit):
    with pytest.raises(RecordInvalidError):
        projects.create(f"Li{deceit}ver", "HMB", "Plan", by=RESEARCHER)
    with pytest.raises(RecordInvalidError):
        projects.create("Liver", "HMB", "Plan", dataset_ids=(f"d{deceit}s",), by=RESEARCHER)


def test_lines_and_chinese_blanks_in_a_plan_are_kept(projects):
    plan = "一、保存\u3000五年\n二、刪除\r\n\t三"
    assert plan == projects.create("Liver", "HMB", plan, by=RESEARCHER).data_management_plan


def test_a_study_too_long_to_keep_is_refused_without_repeating_it(projects):
    before = projects.list_projects()
    with pytest.raises(RecordInvalidError) as refusal:
        projects.create("x" * LARGEST_RECORD, "HMB", "Plan", by=RESEARCHER)

    assert 500 > len(refusal.value.message)
    assert before == projects.list_projects()


@pytest.mark.parametrize("key", ["..\\applications\\x\\decide?", "../x", ".", "a b", "", "x" * 401])
def test_a_study_whose_id_means_another_address_is_not_taken_in(world, project, theirs, key):
    said = to_plain(replace(project, id=key, ethics=(), legal_basis=()))
    with pytest.raises(RecordInvalidError):
        theirs.receive_project(FACULTY.did, said)
