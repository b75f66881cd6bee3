"""Two acts on a version in the same moment: both are done whole, or the second is told to look."""

import threading

import pytest

from lib.interleaving import act_after
from rooms.commons.commons_world import COMMITTEE, GENERAL, STEWARD, people_csv
from rooms.commons.test_rows import PROVIDER
from tidegate.access.model import Actor, Participant, Role, Seat
from tidegate.commons import store
from tidegate.commons.errors import FileRefusedError, HoldingChangedError, NotReadyError
from tidegate.commons.model import Stage
from tidegate.commons.rows.service import ParcelGoneError, RowsService
from tidegate.deid.releases.errors import ReleaseRefusedError
from tidegate.deid.service import DeidService
from tidegate.kernel import failpoint
from tidegate.kernel.machine import IllegalMoveError

OTHER_STEWARD = Actor("person:per_ed", "Ed Steward", frozenset({Role.STEWARD}))


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoint.disarm()


@pytest.fixture
def rows(commons):
    ground = commons.ground
    return RowsService(
        ground.journal,
        ground.clock,
        ground.ids,
        vault=commons.vault,
        deid=DeidService(ground.keys),
        catalogue=commons.catalogue,
        participant=Participant(ground.did, "Nansha Hospital", Seat.CN_GBA9),
        check_agreement=commons.ended.check,
    )


def act_at(place, act):
    """Have `act` happen once, when the work passes `place`."""
    happened = []

    def once():
        if not happened:
            happened.append(None)
            happened[0] = act()

    failpoint.arm(place, once)
    return happened


def test_a_classification_approved_while_another_is_proposed_stays(monkeypatch, commons):
    version = commons.acquire_people().version
    approved = commons.classification.propose(version, GENERAL, by=STEWARD)
    act_after(monkeypatch, store, "get_holding", lambda: commons.approve_classification(version))

    with pytest.raises(IllegalMoveError):
        commons.classification.propose(version, GENERAL, by=OTHER_STEWARD)

    found = commons.classification.find(version)
    assert (COMMITTEE.id, approved.proposal) == (found.approved_by, found.proposal)


def test_a_destruction_is_requested_once(monkeypatch, commons):
    version = commons.stored()
    first = act_after(
        monkeypatch,
        store,
        "find_destruction",
        lambda: commons.destruction.request(version, "No longer needed.", by=STEWARD),
    )

    with pytest.raises(NotReadyError):
        commons.destruction.request(version, "Not any more.", by=COMMITTEE)

    assert first[0] == commons.destruction.find(version)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda commons, version: commons.holdings.check_fixity(version),
        lambda commons, version: commons.holdings.move_aside(
            version, "suspend", "A doubt.", by=STEWARD
        ),
    ],
    ids=["fixity is checked", "it is suspended"],
)
def test_a_destruction_that_was_approved_is_carried_out_whatever_happens(commons, meanwhile):
    version = commons.stored()
    commons.destruction.request(version, "No longer needed.", by=STEWARD)
    act_at("destroy.commit", lambda: meanwhile(commons, version))

    certificate = commons.destruction.approve(version, by=COMMITTEE)

    assert Stage.DESTROYED is commons.holdings.get_holding(version).stage
    assert (certificate,) == commons.destruction.list_certificates(f"version:{version}")
    assert "version.quarantined" not in commons.events()


@pytest.mark.parametrize("place", ["store.intake", "vault.keys"])
def test_fixity_checked_while_the_intake_goes_keeps_no_version_from_being_stored(
    monkeypatch, commons, place
):
    version = commons.deidentified()
    commons.sign(version)
    if place == "store.intake":
        act_at(place, lambda: commons.holdings.check_fixity(version))
    else:
        act_after(
            monkeypatch, commons.vault, "delete", lambda: commons.holdings.check_fixity(version)
        )

    stored = commons.holdings.store(version, by=STEWARD)

    assert (Stage.STORED, ()) == (stored.stage, stored.intake)
    assert stored.stage is commons.holdings.get_holding(version).stage
    assert commons.holdings.check_fixity(version)


def test_an_object_that_is_gone_with_its_key_still_there_is_a_failure(commons):
    version = commons.stored()
    table = commons.holdings.get_holding(version).tables[0]
    commons.vault.delete(table.stored.path)

    assert not commons.holdings.check_fixity(version)
    assert Stage.QUARANTINED is commons.holdings.get_holding(version).stage


def test_two_who_ask_for_a_parcel_at_once_get_the_same(commons, rows):
    version = commons.stored()
    first = act_at("rows.packed", lambda: rows.parcel_for(version, "agr_1"))

    second = rows.parcel_for(version, "agr_1")

    assert first[0] == second == rows.parcel_for(version, "agr_1")
    assert 1 == commons.events().count("parcel.made")
    assert [second.stored.path] == list(commons.vault.list(second.id))


def test_a_copy_dropped_while_it_is_kept_is_not_kept(commons, rows):
    arrival = rows.new_arrival()
    draft = rows.open_arrival(arrival)
    draft.write(b"rows")
    act_at("rows.published", lambda: rows.drop_arrival(arrival))

    with pytest.raises(ParcelGoneError):
        rows.keep_arrival(
            arrival,
            draft,
            source="ds_theirs",
            agreement_id="agr_2",
            provider=PROVIDER,
            name="theirs.zip",
            tell=True,
        )

    assert rows.find_arrival(arrival) is None
    assert () == commons.vault.list(arrival)


def test_two_versions_deidentified_at_once_are_held_against_each_other(commons):
    first = commons.acquire_people(200)
    second = commons.acquisition.acquire(
        [commons.write("people.csv", people_csv(190))],
        commons.acquisition.read_descriptor({}, title="Liver cohort"),
        by=STEWARD,
        dataset_id=first.dataset,
    )
    for version in (first.version, second.version):
        commons.classification.propose(version, GENERAL, by=STEWARD)
        commons.approve_classification(version)

    def deidentify(version):
        recipe = commons.deidentification.default_recipe(version)
        return commons.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)

    act_at("deidentify.commit", lambda: deidentify(second.version))

    with pytest.raises(HoldingChangedError):  # each is safe alone
        deidentify(first.version)
    with pytest.raises(ReleaseRefusedError):  # and both together are not
        deidentify(first.version)

    assert commons.holdings.get_holding(first.version).report is None


def test_uploads_acquired_twice_at_once_are_one_dataset(commons):
    content = people_csv(50).encode()
    upload = commons.acquisition.receive_upload("people.csv", [content], by=STEWARD)
    descriptor = commons.acquisition.read_descriptor({}, title="Liver cohort")

    def acquire():
        return commons.acquisition.acquire_uploads([upload.id], descriptor, by=STEWARD)

    second, refused = [], []

    def acquire_too():
        try:
            second.append(acquire())
        except FileRefusedError as problem:
            refused.append(problem.code)

    other = threading.Thread(target=acquire_too)
    act_at("acquire.commit", other.start)
    first = acquire()
    other.join()

    assert ([], ["upload_unknown"]) == (second, refused)
    assert [first.version] == [one.version_id for one in commons.holdings.list_holdings()]
