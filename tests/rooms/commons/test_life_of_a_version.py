"""Classification, de-identification, storing, archiving: two people where two are needed."""

from dataclasses import replace

import pytest

from rooms.commons.commons_world import (
    COMMITTEE,
    GENERAL,
    RESEARCHER,
    STEWARD,
    make_commons,
    people_csv,
)
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.audit.store import list_subject_leaves
from tidegate.commons.errors import (
    HoldingUnknownError,
    KeyDestroyedError,
    NotReadyError,
    ProposalChangedError,
    ReportChangedError,
    SecondPersonError,
)
from tidegate.commons.model import Stage
from tidegate.deid.errors import RecipeInvalidError
from tidegate.kernel import failpoint
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.machine import IllegalMoveError

CONSOLE = Actor("system:console", "console", frozenset({Role.STEWARD, Role.OPERATOR}))


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoint.disarm()


class KilledError(BaseException):
    """The process stops here."""


def _kill():
    raise KilledError


def stage(commons, version):
    held = commons.holdings.get_holding(version).stage
    assert held.value == commons.catalogue.get_version(version).stage
    return held


def test_a_classification_takes_two_people(commons):
    version = commons.acquire_people().version
    with pytest.raises(NotReadyError):
        commons.classification.approve(version, "", by=COMMITTEE)
    with pytest.raises(SecondPersonError):
        commons.classification.propose(version, GENERAL, by=CONSOLE)
    commons.classification.propose(version, GENERAL, by=STEWARD)

    for actor, refusal in (
        (STEWARD, SecondPersonError),
        (CONSOLE, SecondPersonError),
        (RESEARCHER, RoleMissingError),
    ):
        with pytest.raises(refusal):
            commons.approve_classification(version, by=actor)
    approved = commons.approve_classification(version)

    assert (STEWARD.id, COMMITTEE.id) == (approved.proposed_by, approved.approved_by)
    assert approved == commons.catalogue.get_version(version).classification
    assert Stage.CLASSIFIED == stage(commons, version)


def refusal_of(commons, version):
    last = commons.ground.journal.read(list_subject_leaves, (f"version:{version}",))[-1].entry
    assert "version.proposal_refused" == last.did
    return last.why["reason"], last.why["named"], last.by


def test_nobody_approves_another_classification_than_the_one_that_was_read(commons):
    room, version = commons.classification, commons.acquire_people().version
    read = room.propose(version, GENERAL, by=STEWARD)
    room.propose(version, replace(GENERAL, level=1, sensitive=False), by=STEWARD)

    with pytest.raises(ProposalChangedError):
        room.approve(version, read.proposal, by=COMMITTEE)
    assert Stage.ACQUIRED == commons.holdings.get_holding(version).stage
    assert refusal_of(commons, version) == ("proposal_changed", read.proposal, COMMITTEE.id)
    with pytest.raises(ProposalChangedError):
        room.approve(version, "Chan Tai Man, A123456(3)", by=COMMITTEE)
    assert refusal_of(commons, version) == ("proposal_changed", "", COMMITTEE.id)

    again = room.propose(version, GENERAL, by=STEWARD)
    assert read.proposal == again.proposal == room.get(version, by=COMMITTEE).proposal
    room.approve(version, read.proposal, by=COMMITTEE)
    said = commons.ground.journal.read(list_subject_leaves, (f"version:{version}",))[-1].entry
    assert ("version.classified", read.proposal) == (said.did, said.why["proposal"])


def test_a_proposal_that_changes_while_it_is_approved_is_not(commons):
    room, version = commons.classification, commons.acquire_people().version
    read = room.propose(version, GENERAL, by=STEWARD)
    lower = replace(GENERAL, level=1)
    step = room._catalogue.get_version

    def meanwhile(asked):
        room.propose(version, lower, by=STEWARD)
        return step(asked)

    room._catalogue.get_version = meanwhile
    try:
        with pytest.raises(ProposalChangedError):
            room.approve(version, read.proposal, by=COMMITTEE)
    finally:
        del room._catalogue.get_version
    assert refusal_of(commons, version) == ("proposal_changed", read.proposal, COMMITTEE.id)
    assert Stage.ACQUIRED == stage(commons, version)


def test_who_neither_proposes_nor_approves_reads_no_proposal(commons):
    version = commons.acquire_people().version
    commons.classification.propose(version, GENERAL, by=STEWARD)

    with pytest.raises(RoleMissingError):
        commons.classification.get(version, by=RESEARCHER)
    for ask in (
        commons.classification.get,
        lambda one, by: commons.classification.approve(one, "", by=by),
    ):
        with pytest.raises(HoldingUnknownError):
            ask("ver_unknown", by=COMMITTEE)


def test_an_attempt_to_approve_ones_own_work_is_evidence(commons):
    version = commons.deidentified()

    with pytest.raises(SecondPersonError):
        commons.sign(version, by=STEWARD)

    assert "version.approval_refused" == commons.events()[-1]


def test_a_classification_the_law_does_not_know_is_refused(commons):
    version = commons.acquire_people().version

    for wrong in ({"cn_class": "secret"}, {"level": 6}, {"hgr": "some"}, {"important_status": ""}):
        with pytest.raises(InvalidError):
            commons.classification.propose(version, replace(GENERAL, **wrong), by=STEWARD)


def test_nothing_is_stored_before_its_risk_is_signed_by_another(commons):
    version = commons.deidentified()
    with pytest.raises(NotReadyError):
        commons.holdings.store(version, by=STEWARD)
    with pytest.raises(SecondPersonError):
        commons.sign(version, by=STEWARD)

    signed = commons.sign(version)

    assert COMMITTEE.id == signed.signed_by
    with pytest.raises(NotReadyError):
        commons.sign(version)


def test_the_report_that_was_read_is_signed_and_no_other(commons):
    version = commons.classified()
    rooms = commons.deidentification
    read = rooms.deidentify(version, rooms.default_recipe(version), "prj_liver", by=STEWARD)
    again = rooms.deidentify(version, rooms.default_recipe(version, 14), "prj_liver", by=STEWARD)

    for other in (read.id, "", again.recipe_digest):
        with pytest.raises(ReportChangedError):
            rooms.sign_risk_report(version, other, by=COMMITTEE)
    assert "" == rooms.find_report(version).signed_by

    assert again.id == rooms.sign_risk_report(version, again.id, by=COMMITTEE).id


def test_a_reason_too_long_to_keep_moves_nothing(commons):
    version = commons.stored()

    with pytest.raises(InvalidError):
        commons.holdings.move_aside(version, "suspend", "x" * 401, by=STEWARD)

    assert Stage.STORED == commons.holdings.get_holding(version).stage


def test_what_is_stored_identifies_nobody(commons):
    version = commons.stored()
    tables = commons.holdings.open_tables(version, by=STEWARD, why={"purpose": "test"})
    text = repr({name: table.to_pylist() for name, table in tables.items()})

    assert ["person_id", "age", "sex", "bmi", "seen"] == tables["people"].column_names
    assert not any(mark in text for mark in ("Chan Tai Man", "P00001", "9123", "A100"))
    keys = set(tables["people"]["person_id"].to_pylist())
    assert set(tables["visits"]["person_id"].to_pylist()) <= keys


def test_the_report_counts_what_left_and_what_stayed(commons):
    version = commons.stored()
    report = commons.deidentification.find_report(version)

    assert all(t.rows_in == t.rows_out + t.suppressed for t in report.tables)
    assert report.k_achieved >= 10
    assert f"1/{report.k_achieved}" == report.risk_max
    assert ("people.name", "people.hkid") == report.removed
    assert report.scrubbed > 0


def test_the_published_codebook_is_measured_on_what_was_written(commons):
    version = commons.stored()
    people = commons.catalogue.get_version(version).codebook.find_table("people")

    assert ["person_id", "age", "sex", "bmi", "seen"] == [c.name for c in people.columns]
    assert "person_id" == people.person_key
    assert all(c.categories == () for c in people.columns if c.role == "person_key")


def test_the_intake_key_is_destroyed_once_the_version_is_stored(commons):
    version = commons.deidentified()
    commons.sign(version)
    intake = commons.holdings.get_holding(version).intake[0].stored
    commons.holdings.store(version, by=STEWARD)

    assert commons.vault.keys.is_destroyed(f"{version}.intake")
    with pytest.raises(KeyDestroyedError):
        commons.vault.open(intake)
    assert () == commons.holdings.get_holding(version).intake
    assert "version.intake_key_destroyed" in commons.events()


def test_a_kill_between_storing_and_destroying_the_intake_is_finished_later(commons, ground):
    version = commons.deidentified()
    commons.sign(version)
    failpoint.arm("store.intake", _kill)
    with pytest.raises(KilledError):
        commons.holdings.store(version, by=STEWARD)
    failpoint.disarm()

    again = make_commons(ground)

    assert 1 == again.holdings.finish_interrupted()
    assert again.vault.keys.is_destroyed(f"{version}.intake")
    assert 0 == again.holdings.finish_interrupted()


def test_a_kill_while_deidentifying_leaves_the_version_as_it_was(commons, ground):
    version = commons.classified()
    recipe = commons.deidentification.default_recipe(version)
    failpoint.arm("deidentify.commit", _kill)
    with pytest.raises(KilledError):
        commons.deidentification.deidentify(version, recipe, "prj", by=STEWARD)
    failpoint.disarm()

    again = make_commons(ground)
    again.acquisition.recover()

    assert Stage.CLASSIFIED == stage(again, version)
    again.deidentification.deidentify(version, recipe, "prj", by=STEWARD)
    assert Stage.DEIDENTIFIED == stage(again, version)


def test_deidentifying_again_replaces_tables_and_report(commons):
    version = commons.deidentified()
    first = commons.holdings.get_holding(version)
    recipe = commons.deidentification.read_recipe(version, {"k": 12})
    commons.deidentification.deidentify(version, recipe, "prj_other", by=STEWARD)
    second = commons.holdings.get_holding(version)

    assert second.report.id != first.report.id
    assert second.report.k_asked == 12
    assert first.tables[0].stored.path not in commons.vault.list(version)


def test_versions_of_a_dataset_keep_the_names_of_their_people(commons):
    first = commons.deidentified()
    dataset = commons.holdings.get_holding(first).dataset_id
    sources = [commons.write("people.csv", people_csv(200))]
    descriptor = commons.acquisition.read_descriptor({}, title="Again", roles=())
    second = commons.acquisition.acquire(
        sources, descriptor, by=STEWARD, dataset_id=dataset
    ).version
    commons.classification.propose(second, GENERAL, by=STEWARD)
    commons.approve_classification(second)
    recipe = commons.deidentification.default_recipe(second)

    with pytest.raises(NotReadyError, match="use the same project"):
        commons.deidentification.deidentify(second, recipe, "prj_other", by=STEWARD)
    commons.deidentification.deidentify(second, recipe, "prj_liver", by=STEWARD)


def test_a_risk_above_its_threshold_cannot_be_signed(commons):
    version = commons.classified()
    document = {"k": 2, "threshold": "1/50"}
    recipe = commons.deidentification.read_recipe(version, document)
    commons.deidentification.deidentify(version, recipe, "prj", by=STEWARD)

    with pytest.raises(NotReadyError, match="above the threshold"):
        commons.sign(version)


def test_a_recipe_that_keeps_an_identifier_is_refused(commons):
    version = commons.classified()
    document = {"columns": {"people.name": {"role": "other", "action": "keep"}}}
    recipe = commons.deidentification.read_recipe(version, document)

    with pytest.raises(RecipeInvalidError):
        commons.deidentification.deidentify(version, recipe, "prj", by=STEWARD)


def test_rows_open_only_while_stored_and_each_opening_is_evidence(commons):
    version = commons.deidentified()
    with pytest.raises(NotReadyError):
        commons.holdings.open_tables(version, by=STEWARD, why={})
    commons.sign(version)
    commons.holdings.store(version, by=STEWARD)
    commons.holdings.open_tables(version, by=STEWARD, why={"agreement": "urn:x"})

    assert "version.opened" == commons.events()[-1]
    with pytest.raises(HoldingUnknownError):
        commons.holdings.open_tables("ver_none", by=STEWARD, why={})


def test_an_archived_version_is_checked_described_and_recalled(commons):
    version = commons.stored()
    archived = commons.holdings.archive(version, by=STEWARD)

    assert Stage.ARCHIVED == stage(commons, version)
    with commons.vault.open(archived.manifest) as file:
        assert b'"package":"AIP"' in file.read()
    assert 0 == commons.holdings.check_all_fixity()
    commons.holdings.move_aside(version, "recall", "needed again", by=STEWARD)
    commons.holdings.archive(version, by=STEWARD)
    assert Stage.ARCHIVED == stage(commons, version)


def test_a_changed_object_puts_the_version_into_quarantine(commons, ground):
    version = commons.stored()
    path = commons.holdings.get_holding(version).tables[0].stored.path
    file = ground.home / "vault" / "objects" / path
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(NotReadyError):
        commons.holdings.archive(version, by=STEWARD)

    assert Stage.QUARANTINED == stage(commons, version)
    assert not commons.holdings.check_fixity(version, by=STEWARD)
    file.unlink()
    assert not commons.holdings.check_fixity(version)


def test_side_moves_take_their_roles(commons):
    version = commons.stored()
    with pytest.raises(RoleMissingError):
        commons.holdings.move_aside(version, "restrict", "court order", by=STEWARD)
    with pytest.raises(NotReadyError):
        commons.holdings.move_aside(version, "explode", "", by=STEWARD)
    commons.holdings.move_aside(version, "restrict", "court order", by=COMMITTEE)

    assert Stage.RESTRICTED == stage(commons, version)
    with pytest.raises(IllegalMoveError):
        commons.holdings.move_aside(version, "suspend", "", by=STEWARD)
    assert "restricted" == commons.holdings.rule_facts(version)["dataset"]["state"]


@pytest.mark.parametrize(
    ("away", "back", "by"),
    [("restrict", "unrestrict", COMMITTEE), ("quarantine", "release", STEWARD)],
)
@pytest.mark.parametrize("archived", [True, False])
def test_what_was_put_aside_comes_back_to_where_it_stood(commons, away, back, by, archived):
    version = commons.stored()
    commons.holdings.archive(version, by=STEWARD)
    if not archived:
        commons.holdings.move_aside(version, "recall", "needed again", by=STEWARD)
    before = stage(commons, version)

    commons.holdings.move_aside(version, away, "complaint", by=by)
    assert before == commons.holdings.get_holding(version).aside_from
    commons.holdings.move_aside(version, back, "settled", by=by)

    holding = commons.holdings.get_holding(version)
    assert (before, None) == (holding.stage, holding.aside_from)
    assert before == commons.catalogue.get_version(version).stage
    said = commons.ground.journal.read(list_subject_leaves, (f"version:{version}",))[-1].entry
    assert before == said.why["stage"]
    if archived:
        with pytest.raises(NotReadyError):
            commons.holdings.open_tables(version, by=STEWARD, why={})


def test_an_archived_version_whose_object_changed_is_archived_after_its_release(commons, ground):
    version = commons.stored()
    commons.holdings.archive(version, by=STEWARD)
    path = commons.holdings.get_holding(version).tables[0].stored.path
    file = ground.home / "vault" / "objects" / path
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert 1 == commons.holdings.check_all_fixity()
    file.write_bytes(content)

    commons.holdings.move_aside(version, "release", "brought back from a copy", by=COMMITTEE)

    assert Stage.ARCHIVED == stage(commons, version)
    assert commons.holdings.check_fixity(version, by=STEWARD)


def test_the_rules_hear_what_is_known_and_nothing_else(commons, ground):
    version = commons.acquire_people().version
    before = commons.holdings.rule_facts(version)
    assert "level" not in before["dataset"]
    assert {"report": False} == before["deid"]

    stored = commons.holdings.rule_facts(commons.stored())

    wanted = {"origin": "CN", "cn_class": "general", "level": 3, "deid_ok": True}
    assert wanted.items() <= stored["dataset"].items()
    assert False is stored["dataset"]["has_under14"]
    assert stored["deid"]["residual_risk"] <= stored["deid"]["threshold"]
    assert stored["deid"]["author"] != stored["deid"]["checker"]
    ground.clock.advance(days=4000)
    assert commons.holdings.rule_facts(version)["dataset"]["past_retention"]


def test_a_risk_equal_to_its_threshold_is_within_it_for_the_rules_too(commons):
    version = commons.stored()
    held = commons.holdings.get_holding(version)
    exact = replace(held, report=replace(held.report, risk_max="1/11", threshold="1/11"))
    above = replace(held, report=replace(held.report, risk_max="1/10", threshold="1/11"))
    classification = commons.catalogue.get_version(version).classification

    for holding, is_within in ((exact, True), (above, False)):
        facts = commons.deidentification.rule_facts(holding, classification)
        assert is_within is (facts["residual_risk"] <= facts["threshold"])


def test_no_identifier_is_on_the_disk_in_the_clear_at_any_time(commons):
    version = commons.acquire_people().version
    acquired = commons.raw_bytes()
    commons.classification.propose(version, GENERAL, by=STEWARD)

    assert not any(mark in acquired for mark in (b"Chan Tai Man", b"P00001", b"9123 45"))
