"""The exporter's papers, working days, and the count of people exported."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import partners_world as story
from lib.partners_world import DATASET, FACULTY, HMB, HOSPITAL, LEGAL, RESEARCHER
from tidegate.access.errors import RoleMissingError
from tidegate.kernel.errors import InvalidError
from tidegate.partners.errors import (
    InstrumentInvalidError,
    InstrumentNotFoundError,
    ProjectNotFoundError,
)
from tidegate.partners.instrument.rules import Exported, WorkCalendar, most_people
from tidegate.partners.model import GateQuestion


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space, story.set_up_study)
    yield world
    world.close()


@pytest.fixture
def instruments(world):
    return world.hospital.instruments


@pytest.fixture
def project(world):
    return world.hospital.projects.list_projects()[0]


def assess(instruments, project, **changes):
    paper = {
        "done_on": "2026-02-01",
        "covers_3": True,
        "retention_years": 3,
        "by": LEGAL,
        **changes,
    }
    return instruments.record_impact_assessment(
        project.id, paper.pop("dataset_ids", (DATASET,)), **paper
    )


def contract(instruments, **changes):
    paper = {
        "effective_on": "2026-02-02",
        "purposes": ("HMB",),
        "dataset_ids": (DATASET,),
        "by": LEGAL,
        **changes,
    }
    return instruments.record_mechanism(paper.pop("kind", "gba_sc_hk"), FACULTY.did, **paper)


def test_an_assessment_is_kept_with_its_study(instruments, project):
    assessment = assess(instruments, project)

    assert (assessment,) == instruments.list_impact_assessments(project.id)


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset_ids": ()},
        {"done_on": "2026-03-03"},
        {"done_on": "March"},
        {"retention_years": -1},
    ],
)
def test_an_unusable_assessment_is_refused(instruments, project, changes):
    with pytest.raises(InstrumentInvalidError):
        assess(instruments, project, **changes)


def test_papers_are_the_legal_offices(instruments, project):
    with pytest.raises(RoleMissingError):
        assess(instruments, project, by=RESEARCHER)
    with pytest.raises(RoleMissingError):
        contract(instruments, by=RESEARCHER)


def test_an_assessment_needs_a_known_study(instruments, project):
    with pytest.raises(ProjectNotFoundError):
        instruments.record_impact_assessment(
            "prj_x", (DATASET,), done_on="2026-02-01", covers_3=True, retention_years=3, by=LEGAL
        )


def test_a_contract_is_filed_later(instruments):
    mechanism = contract(instruments)

    filed = instruments.file_mechanism(
        mechanism.id, filed_on="2026-03-01", reference="GD-1", by=LEGAL
    )

    assert (filed,) == instruments.list_mechanisms()
    assert ((HMB,), "2026-03-01") == (filed.purposes, filed.filed_on)


def test_an_ended_contract_is_filed_no_more(instruments):
    mechanism = contract(instruments)
    instruments.end_mechanism(mechanism.id, "replaced", by=LEGAL)

    with pytest.raises(InstrumentInvalidError):
        instruments.file_mechanism(mechanism.id, filed_on="2026-03-01", reference="G", by=LEGAL)
    with pytest.raises(InstrumentNotFoundError):
        instruments.end_mechanism("mch_none", "replaced", by=LEGAL)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "none"},
        {"dataset_ids": ()},
        {"purposes": ()},
        {"purposes": ("curiosity",)},
        {"effective_on": "2026-2-2"},
        {"filed_on": "2026-03-03", "filing_reference": "GD-1"},
        {"filed_on": "2026-03-01"},
    ],
)
def test_an_unusable_mechanism_is_refused(instruments, changes):
    with pytest.raises(InvalidError):
        contract(instruments, **changes)


# Working days


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-02-02", "2026-02-02", 0),
        ("2026-02-02", "2026-02-03", 1),
        ("2026-02-06", "2026-02-09", 1),
        ("2026-02-02", "2026-02-16", 10),
        ("2026-02-03", "2026-02-02", 0),
    ],
)
def test_working_days_leave_out_weekends(start, end, days):
    calendar = WorkCalendar()

    assert days == calendar.working_days(date.fromisoformat(start), date.fromisoformat(end))


def test_holidays_are_off_and_worked_weekends_on():
    # Spring Festival 2026 on the Mainland: 15 to 23 February off, 14 and 28 February worked.
    holidays = frozenset(date(2026, 2, 15) + timedelta(days=n) for n in range(9))
    worked = frozenset({date(2026, 2, 14), date(2026, 2, 28)})
    calendar = WorkCalendar(holidays, worked)

    assert 7 == calendar.working_days(date(2026, 2, 12), date(2026, 2, 28))


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 60))
def test_working_days_add_up(start, length):
    calendar = WorkCalendar()
    middle, end = start + timedelta(days=length // 2), start + timedelta(days=length)

    parts = calendar.working_days(start, middle) + calendar.working_days(middle, end)

    assert parts == calendar.working_days(start, end)


# The ledger


SETS = st.lists(st.tuples(st.sampled_from("ab"), st.frozensets(st.integers(0, 9))), max_size=6)


@given(SETS)
def test_the_bound_never_counts_too_few(exports):
    # Every dataset holds the same ten people, so that the true union is easy to know.
    people = frozenset().union(*(found for _dataset, found in exports))

    bound = most_people(Exported(dataset, len(found), 10) for dataset, found in exports)

    assert len(people) <= bound <= 20


def count(world, people, *, recipient=FACULTY.did, dataset=DATASET, version="", sensitive=True):
    hospital = world.hospital
    with hospital.ground.journal.write(by="system:lab", did="export.counted", to="query:1") as tx:
        hospital.instruments.count_export(
            tx,
            recipient=recipient,
            dataset_id=dataset,
            version_id=version,
            people=people,
            population=100,
            sensitive=sensitive,
        )


def exported(world, *, sensitive=True):
    """Return the people exported this year, as the gate knows them."""
    known = world.hospital.gate.known(GateQuestion(HOSPITAL.did, FACULTY.did, DATASET, (HMB,)))
    return known.exported_sensitive if sensitive else known.exported_nonsensitive


def test_the_ledger_adds_up_to_the_population(world):
    count(world, 60)
    assert 60 == exported(world)
    count(world, 60)
    count(world, 60, recipient="did:web:other")
    assert 100 == exported(world)
    count(world, 30, dataset="ds_other")

    assert 130 == exported(world)
    assert 0 == exported(world, sensitive=False)


def test_two_versions_may_be_of_different_people_and_are_added_up(world):
    """Each version holds a hundred people; nothing says that they are the same."""
    for version in ("ver_1", "ver_1", "ver_2"):
        count(world, 100, version=version)

    assert 200 == exported(world)
    known = world.hospital.gate.known(GateQuestion(HOSPITAL.did, FACULTY.did, DATASET, (HMB,)))
    assert known.first_export_on is not None
    other = GateQuestion(HOSPITAL.did, FACULTY.did, DATASET[:-1], (HMB,))
    assert world.hospital.gate.known(other).first_export_on is None


def test_the_ledger_begins_anew_on_the_first_of_january_at_the_exporter(world):
    count(world, 60)

    world.clock.advance(days=303)  # 2026-12-30T08:00Z
    world.clock.advance(days=1, hours=7, minutes=59)
    assert 60 == exported(world)
    world.clock.advance(minutes=1)

    assert 0 == exported(world)


def test_an_export_holds_no_more_than_its_dataset(world):
    with pytest.raises(InstrumentInvalidError):
        count(world, 101)
