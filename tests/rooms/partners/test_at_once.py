"""Two things said of members, courses, studies and permits at once: what ended stays so."""

from dataclasses import replace

import pytest

from lib import partners_world as story
from lib.interleaving import act_after
from lib.partners_world import (
    AUTHORITY,
    COMMITTEE,
    CORA,
    COURSE,
    FACULTY,
    LATER,
    LEGAL,
    OPERATOR,
    RESEARCHER,
    REX,
    TRAINER,
)
from tidegate.access.model import Seat
from tidegate.partners.application import service as applications
from tidegate.partners.errors import (
    ApplicationRefusedError,
    MemberKnownError,
    MemberRevokedError,
    SpaceKnownError,
    TrainingInvalidError,
)
from tidegate.partners.model import ApplicationState, MemberState, ProjectState, SpaceProfile
from tidegate.partners.project import store as project_store
from tidegate.partners.records import ChangedMeanwhileError, to_plain
from tidegate.partners.space import store as space_store
from tidegate.partners.space.service import RevocationMessage, space_document
from tidegate.partners.training import store as training_store

NEWCOMER = "did:web:new.example.org"
REVOKED = to_plain(RevocationMessage(FACULTY.did, "Left.", "2026-03-02T09:00:00Z"))


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space, story.prepare)
    yield world
    world.close()


# --- members


def test_a_member_revoked_while_an_older_list_is_taken_over_stays_revoked(monkeypatch, world):
    space = world.hospital.space
    older = [
        replace(one, name="The Faculty") for one in space.list_members() if one.did == FACULTY.did
    ]
    act_after(
        monkeypatch,
        space_store,
        "find_member",
        lambda: space.receive_member_revoked(AUTHORITY.did, REVOKED),
    )

    assert 0 == space.put_members(older, sender=AUTHORITY.did)
    assert MemberState.REVOKED is space.get_member(FACULTY.did).state


def test_a_membership_is_revoked_once(monkeypatch, world):
    space = world.authority.space
    act_after(
        monkeypatch,
        space_store,
        "get_member",
        lambda: space.revoke_member(FACULTY.did, "The first reason.", by=OPERATOR),
    )

    with pytest.raises(MemberRevokedError):
        space.revoke_member(FACULTY.did, "The second reason.", by=OPERATOR)

    assert "The first reason." == space.get_member(FACULTY.did).revoked_reason


def test_two_codes_shown_at_once_by_one_institution_admit_it_once(monkeypatch, world):
    space = world.authority.space
    codes = [space.invite("New Clinic", Seat.HK, by=OPERATOR) for _ in range(2)]

    def admit(code):
        return space.admit(
            code,
            did=NEWCOMER,
            name="New Clinic",
            seat=Seat.HK,
            evidence_public=world.faculty.evidence_public,
        )

    def admit_and_revoke():
        admit(codes[1])
        space.revoke_member(NEWCOMER, "A mistake.", by=OPERATOR)

    act_after(monkeypatch, space_store, "find_member", admit_and_revoke)

    with pytest.raises(MemberKnownError):
        admit(codes[0])

    assert MemberState.REVOKED is space.get_member(NEWCOMER).state


def test_a_node_that_joins_two_spaces_at_once_is_in_the_first(monkeypatch, tmp_path, world):
    house = story.make_house(world, tmp_path / "new", replace(FACULTY, did=NEWCOMER))
    other = world.authority.space.new_space("Another", SpaceProfile.LOOPBACK, keys={})
    document = space_document(world.authority.space.get_space())
    act_after(
        monkeypatch,
        space_store,
        "find_space",
        lambda: house.space.remember_space(document, by=OPERATOR),
    )

    with pytest.raises(SpaceKnownError):
        house.space.remember_space(space_document(other), by=OPERATOR)

    assert document["space"] == house.space.get_space().id


# --- courses


def test_a_course_taken_back_while_an_older_statement_is_kept_stays_taken_back(monkeypatch, world):
    home, away = world.faculty.training, world.hospital.training
    stated = home.issue(story.ref(FACULTY, LEGAL), COURSE, LATER, by=TRAINER)

    def state_and_revoke():
        away.remember((stated,), sender=FACULTY.did)
        home.revoke(stated.id, "An error.", by=TRAINER)
        world.deliver()

    act_after(monkeypatch, training_store, "find_training", state_and_revoke)
    away.remember((stated,), sender=FACULTY.did)

    assert [True] == [one.revoked_at is not None for one in away.list_trainings(stated.person_ref)]


def test_a_course_is_taken_back_once(monkeypatch, world):
    home = world.faculty.training
    stated = home.list_trainings(REX)[0]

    def revoke():
        home.revoke(stated.id, "An error.", by=TRAINER)
        world.clock.advance(seconds=60)

    act_after(monkeypatch, training_store, "get_training", revoke)

    with pytest.raises(TrainingInvalidError):
        home.revoke(stated.id, "An error.", by=TRAINER)

    assert 1 == world.faculty.events().count("training.revoked")


# --- studies


def test_a_study_closed_while_it_is_changed_stays_closed(monkeypatch, world):
    projects = world.faculty.projects
    study = projects.list_projects()[0]
    act_after(
        monkeypatch,
        project_store,
        "get_project",
        lambda: projects.close(study.id, "Done.", by=RESEARCHER),
    )

    with pytest.raises(ChangedMeanwhileError):
        projects.change(study.id, people=(REX,), by=RESEARCHER)

    assert ProjectState.CLOSED is projects.get_project(study.id).state


def test_a_study_changed_while_it_is_closed_keeps_the_change(monkeypatch, world):
    projects = world.faculty.projects
    study = projects.list_projects()[0]
    act_after(
        monkeypatch,
        project_store,
        "get_project",
        lambda: projects.change(study.id, people=(REX,), by=RESEARCHER),
    )

    with pytest.raises(ChangedMeanwhileError):
        projects.close(study.id, "Done.", by=RESEARCHER)

    assert (REX,) == projects.get_project(study.id).people


def test_a_study_heard_to_be_closed_is_not_opened_by_what_was_said_before(monkeypatch, world):
    home, away = world.faculty.projects, world.hospital.projects
    study = home.list_projects()[0]
    older = home.change(study.id, people=(CORA, REX), by=RESEARCHER)
    closed = home.close(study.id, "Done.", by=RESEARCHER)
    plain = [to_plain(replace(one, ethics=(), legal_basis=())) for one in (older, closed)]
    looks = []

    def close_meanwhile(conn, key, find=project_store.find_project):
        found = find(conn, key)
        looks.append(key)
        if len(looks) == 2:  # the first look asks whose study it is
            away.receive_project(FACULTY.did, plain[1])
        return found

    monkeypatch.setattr(project_store, "find_project", close_meanwhile)
    away.receive_project(FACULTY.did, plain[0])

    assert ProjectState.CLOSED is away.get_project(study.id).state


# --- permits


def test_no_permit_is_granted_once_a_course_was_taken_back(monkeypatch, world):
    study = world.faculty.projects.list_projects()[0]
    application = story.apply(world, study)
    world.deliver()
    held = world.faculty.training.list_trainings(REX)[0]

    def revoke():
        world.faculty.training.revoke(held.id, "An error.", by=TRAINER)
        world.deliver()

    act_after(monkeypatch, applications, "find_obstacle", revoke)

    with pytest.raises(ApplicationRefusedError):
        world.hospital.applications.approve(application.id, "Fits.", by=COMMITTEE)

    decided = world.hospital.applications.get_application(application.id)
    assert ApplicationState.SUBMITTED is decided.state
