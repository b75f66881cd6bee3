"""Courses passed, said by the institution that knows, and taken back everywhere."""

import pytest

from lib import partners_world as story
from lib.partners_world import COURSE, FACULTY, HOSPITAL, LATER, REX, TRAINER
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Role
from tidegate.kernel.errors import InvalidError
from tidegate.partners.errors import OwnMatterError, TrainingInvalidError, TrainingNotFoundError
from tidegate.partners.model import PersonAssertion, TrainingCredential
from tidegate.partners.records import to_plain
from tidegate.partners.training import rules


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space, story.sign_partnership)
    yield world
    world.close()


@pytest.fixture
def training(world):
    return world.faculty.training


@pytest.fixture
def issued(training):
    return training.issue(REX, COURSE, LATER, by=TRAINER)


def test_a_trainer_certifies_a_course(training, issued):
    assert (issued,) == training.list_trainings(REX)
    assert (issued,) == training.list_trainings()


def test_only_a_trainer_certifies(training):
    with pytest.raises(RoleMissingError):
        training.issue(REX, COURSE, LATER, by=story.LEGAL)


def test_nobody_certifies_themselves(training):
    both = story.actor("tom", Role.TRAINER, Role.RESEARCHER)

    with pytest.raises(OwnMatterError):
        training.issue(story.ref(FACULTY, both), COURSE, LATER, by=both)


@pytest.mark.parametrize(
    ("person", "course", "expires"),
    [
        (f"{HOSPITAL.did}#per_x", COURSE, LATER),
        (REX, " ", LATER),
        (REX, COURSE, "2026-03-02T08:00:00Z"),
        (REX, COURSE, "2026-03-03"),
    ],
)
def test_an_unusable_credential_is_refused(training, person, course, expires):
    with pytest.raises(InvalidError):
        training.issue(person, course, expires, by=TRAINER)


def test_a_revocation_reaches_partners_that_know_the_credential(world, training, issued):
    world.hospital.training.remember((issued,), sender=FACULTY.did)

    training.revoke(issued.id, "cheated", by=TRAINER)
    world.deliver()

    (known,) = world.hospital.training.list_trainings(REX)
    assert known.revoked_at


def test_a_revoked_credential_stays_revoked(world, training, issued):
    world.hospital.training.remember((issued,), sender=FACULTY.did)
    training.revoke(issued.id, "cheated", by=TRAINER)
    world.deliver()

    world.hospital.training.remember((issued,), sender=FACULTY.did)

    assert world.hospital.training.list_trainings(REX)[0].revoked_at
    with pytest.raises(TrainingInvalidError):
        training.revoke(issued.id, "again", by=TRAINER)


def test_a_revocation_that_comes_before_the_first_statement_holds(world, training, issued):
    training.revoke(issued.id, "cheated", by=TRAINER)
    world.deliver()
    assert () == world.hospital.training.list_trainings(REX)
    assert 1 == world.hospital.events().count("training.revoked")  # though delivered twice

    world.hospital.training.remember((issued,), sender=FACULTY.did)

    (known,) = world.hospital.training.list_trainings(REX)
    assert known.revoked_at
    at = story.LATER[:4] + "-01-01T00:00:00.000Z"
    assert ((REX, COURSE),) == rules.find_missing((known,), (REX,), (COURSE,), at)


def test_nobody_revokes_beforehand_what_another_institution_will_state(world, issued):
    early = {"training": issued.id, "reason": "envy"}
    world.hospital.training.receive_revoked(story.AUTHORITY.did, early)

    world.hospital.training.remember((issued,), sender=FACULTY.did)

    (known,) = world.hospital.training.list_trainings(REX)
    assert known.revoked_at is None


def test_a_credential_stated_while_its_revocation_is_taken_in_is_revoked(world, issued):
    hospital = world.hospital.training
    write, journal = hospital.journal.write, hospital.journal

    def after_a_statement(**words):
        journal.write = write
        hospital.remember((issued,), sender=FACULTY.did)
        return write(**words)

    journal.write = after_a_statement
    hospital.receive_revoked(FACULTY.did, {"training": issued.id, "reason": "cheated"})

    assert hospital.list_trainings(REX)[0].revoked_at


@pytest.mark.parametrize("unfit", ["", "a b", "x" * 401])
def test_a_revocation_of_what_can_be_no_credential_is_refused_and_leaves_nothing(world, unfit):
    before = world.hospital.events()
    with pytest.raises(InvalidError):
        world.hospital.training.receive_revoked(FACULTY.did, {"training": unfit, "reason": ""})
    assert before == world.hospital.events()


def test_an_unknown_credential_is_not_found(training):
    with pytest.raises(TrainingNotFoundError):
        training.revoke("trn_none", "cheated", by=TRAINER)


def test_an_institution_speaks_of_its_own_people_only(world, issued):
    with pytest.raises(TrainingInvalidError):
        world.hospital.training.remember((issued,), sender=story.AUTHORITY.did)
    world.hospital.training.remember((issued,), sender=FACULTY.did)
    with pytest.raises(TrainingInvalidError):
        world.hospital.training.receive_revoked(
            story.AUTHORITY.did, {"training": issued.id, "reason": "envy"}
        )


def credential(**changes):
    fields = {
        "id": "trn_1",
        "person_ref": REX,
        "course": COURSE,
        "issued_at": "2026-01-01T00:00:00.000Z",
        "expires_at": "2027-01-01T00:00:00.000Z",
        "issuer": FACULTY.did,
    }
    return TrainingCredential(**{**fields, **changes})


@pytest.mark.parametrize(
    ("assertion", "reason"),
    [
        (PersonAssertion(REX, "Rex", HOSPITAL.did, (), ""), "own people"),
        (
            PersonAssertion(
                REX, "Rex", FACULTY.did, (credential(person_ref=f"{FACULTY.did}#per_y"),), ""
            ),
            "another",
        ),
        (
            PersonAssertion(REX, "Rex", FACULTY.did, (credential(issuer=HOSPITAL.did),), ""),
            "own people",
        ),
        (
            PersonAssertion(
                REX, "Rex", FACULTY.did, (credential(expires_at="2025-01-01T00:00:00.000Z"),), ""
            ),
            "end after",
        ),
        *(
            (PersonAssertion(REX, "Rex", FACULTY.did, (credential(**{name: moment}),), ""), "UTC")
            for name, moment in (
                ("expires_at", "2027-01-01T08:00:00+08:00"),
                ("expires_at", "never"),
                ("issued_at", "1"),
                ("revoked_at", "not yet"),
            )
        ),
    ],
)
def test_an_assertion_about_others_is_refused(assertion, reason):
    with pytest.raises(TrainingInvalidError, match=reason):
        rules.check_assertion(assertion)


@pytest.mark.parametrize(
    ("training", "at", "missing"),
    [
        (credential(), "2026-01-01T00:00:00.000Z", ()),
        (credential(), "2026-12-31T23:59:59.999Z", ()),
        (credential(), "2027-01-01T00:00:00.000Z", ((REX, COURSE),)),
        (credential(), "2025-12-31T23:59:59.999Z", ((REX, COURSE),)),
        (
            credential(revoked_at="2026-02-01T00:00:00.000Z"),
            "2026-03-01T00:00:00.000Z",
            ((REX, COURSE),),
        ),
        (credential(course="Other"), "2026-03-01T00:00:00.000Z", ((REX, COURSE),)),
    ],
)
def test_a_course_counts_within_its_time(training, at, missing):
    assert missing == rules.find_missing((training,), (REX,), (COURSE,), at)


def test_a_credential_survives_the_wire():
    from tidegate.partners.records import from_plain

    assert credential() == from_plain(to_plain(credential()), TrainingCredential)
