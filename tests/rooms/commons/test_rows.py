"""Parcels for agreements from real tables, and copies that arrive: named anew, encrypted, ended."""

import hashlib
import io
import json
import zipfile
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest

from rooms.commons.commons_world import COMMITTEE, RESEARCHER, STEWARD
from tidegate.access.model import Participant, Seat
from tidegate.commons.errors import NotReadyError
from tidegate.commons.rows.service import ParcelGoneError, RowsService
from tidegate.deid.service import DeidService
from tidegate.kernel.errors import TidegateError, WithheldError

PROVIDER = "did:web:localhost%3A7009"


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


def read(rows, parcel):
    file = rows.open_parcel(parcel)
    content = file.read()
    file.close()
    return content


def people_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return pq.read_table(io.BytesIO(archive.read("people.parquet")))


def test_a_parcel_holds_every_table_and_the_codebook(commons, rows):
    version = commons.stored(200)
    parcel = rows.parcel_for(version, "agr_1")
    content = read(rows, parcel)

    assert hashlib.sha256(content).hexdigest() == parcel.sha256
    assert len(content) == parcel.stored.size
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"codebook.json", "people.parquet", "visits.parquet"}
        assert json.loads(archive.read("codebook.json"))["tables"]
    kept = commons.holdings.open_tables(version, by=COMMITTEE, why={})["people"]
    assert people_of(content).num_rows == kept.num_rows
    assert people_of(content).column_names == kept.column_names


def test_people_have_other_names_under_every_agreement_and_the_same_in_every_table(commons, rows):
    version = commons.stored(200)
    kept = commons.holdings.open_tables(version, by=COMMITTEE, why={})["people"]
    names = [
        set(people_of(read(rows, rows.parcel_for(version, agreement)))["person_id"].to_pylist())
        for agreement in ("agr_1", "agr_2")
    ]
    own = set(kept["person_id"].to_pylist())

    assert len(own) == len(names[0]) == len(names[1])
    assert not names[0] & names[1]
    assert not own & (names[0] | names[1])
    with zipfile.ZipFile(io.BytesIO(read(rows, rows.parcel_for(version, "agr_1")))) as archive:
        visits = pq.read_table(io.BytesIO(archive.read("visits.parquet")))
    assert set(visits["person_id"].to_pylist()) <= names[0]


def test_a_parcel_is_made_once_and_lies_encrypted(commons, rows):
    version = commons.stored(200)
    first = rows.parcel_for(version, "agr_1")

    assert rows.parcel_for(version, "agr_1") == first
    assert b"codebook.json" not in commons.raw_bytes()


def test_only_a_stored_version_with_a_signed_report_leaves(commons, rows):
    with pytest.raises(NotReadyError):
        rows.parcel_for(commons.deidentified(200), "agr_1")
    version = commons.stored(200)
    parcel = rows.parcel_for(version, "agr_1")
    commons.holdings.move_aside(version, "restrict", "complaint", by=COMMITTEE)
    with pytest.raises(NotReadyError):
        rows.open_parcel(parcel)


def test_a_parcel_ends_with_its_agreement_for_good(commons, rows):
    version = commons.stored(200)
    parcel = rows.parcel_for(version, "agr_1")
    other = rows.parcel_for(version, "agr_2")

    assert rows.drop_parcels(agreement_id="agr_1") == 1
    assert rows.drop_parcels(agreement_id="agr_1") == 0
    assert commons.vault.keys.is_destroyed(parcel.stored.key)
    assert commons.vault.list(parcel.id) == ()
    assert read(rows, other)
    assert "parcel.destroyed" in commons.events()


def while_packing(commons, act):
    """Do something once the rows are written and before their parcel is kept."""
    real = commons.vault.writing

    @contextmanager
    def writing(path, key):
        with real(path, key) as deposit:
            yield deposit
        if path.startswith("par_"):
            act()

    commons.vault.writing = writing


@pytest.mark.parametrize("what", ["agreement", "version"])
def test_what_ends_while_its_rows_are_packed_leaves_no_parcel(commons, rows, what):
    version = commons.stored(200)

    def end():
        if what == "agreement":
            commons.ended.add("agr_1")
            rows.drop_parcels(agreement_id="agr_1")
        else:
            commons.destruction.request(version, "over", by=STEWARD)
            commons.destruction.approve(version, by=COMMITTEE)
            rows.drop_parcels(version_id=version)

    while_packing(commons, end)

    with pytest.raises(TidegateError):
        rows.parcel_for(version, "agr_1")

    assert [] == [name for name in commons.vault.keys.names() if name.startswith("par_")]
    assert [] == [path for path in commons.vault.list("") if path.startswith("par_")]
    assert "parcel.made" not in commons.events()


def test_a_killed_packer_leaves_nothing_and_a_kept_parcel_stays(commons, rows):
    version = commons.stored(200)
    parcel = rows.parcel_for(version, "agr_1")
    with (commons.vault._objects._folder.parent / "intents" / parcel.id).open("w"):
        pass
    with (commons.vault._objects._folder.parent / "intents" / "par_lost").open("w"):
        pass
    commons.vault.keys.create("par_lost")
    with commons.vault.writing("par_lost/rows", "par_lost") as deposit:
        deposit.file.write(b"x")

    commons.acquisition.recover()

    assert commons.vault.list("par_lost") == ()
    assert read(rows, parcel)


def test_what_arrives_is_a_derived_copy_that_ends_with_its_agreement(commons, rows):
    arrival = rows.new_arrival()
    draft = rows.open_arrival(arrival)
    draft.write(b"rows of another hospital")
    rows.keep_arrival(
        arrival, draft, source="ds_1", agreement_id="agr_9", provider=PROVIDER, name="a.zip",
        tell=True,
    )  # fmt: skip
    derived, file = rows.open_copy(arrival, by=RESEARCHER)
    assert file.read() == b"rows of another hospital"
    file.close()
    assert (derived.agreement_id, derived.kind) == ("agr_9", "rows")
    assert b"rows of another hospital" not in commons.raw_bytes()
    assert any(handler == "peer.send" for handler, _ in commons.ground.tasks())

    commons.destruction.destroy_derived("agr_9", PROVIDER, "over")

    with pytest.raises(ParcelGoneError):
        rows.open_copy(arrival, by=RESEARCHER)
    assert commons.destruction.list_certificates("agreement:agr_9")


def test_what_arrives_after_the_end_of_its_agreement_is_not_kept(commons, rows):
    arrival = rows.new_arrival()
    draft = rows.open_arrival(arrival)
    draft.write(b"rows of another hospital")
    commons.ended.add("agr_9")
    commons.destruction.destroy_derived("agr_9", PROVIDER, "over")

    with pytest.raises(WithheldError):
        rows.keep_arrival(
            arrival, draft, source="ds_1", agreement_id="agr_9", provider=PROVIDER, name="a.zip",
            tell=True,
        )  # fmt: skip

    assert rows.find_arrival(arrival) is None
    assert () == commons.vault.list(arrival)
    assert arrival not in commons.vault.keys.names()


def test_a_copy_that_never_became_whole_is_destroyed(commons, rows):
    arrival = rows.new_arrival()
    draft = rows.open_arrival(arrival)
    draft.write(b"half")
    draft.close()

    rows.drop_arrival(arrival)

    assert commons.vault.keys.is_destroyed(arrival)
    with pytest.raises(ParcelGoneError):
        rows.open_copy(arrival, by=RESEARCHER)
