"""A full disk: said in words, nothing half done, and all goes on once there is room."""

import errno
import secrets

import pytest

from lib.full_disk import full_beyond
from rooms.commons.commons_world import COMMITTEE, RESEARCHER, STEWARD
from tidegate.access.model import Participant, Seat
from tidegate.commons.acquisition.sources import FileSource
from tidegate.commons.model import Stage
from tidegate.commons.rows.service import RowsService
from tidegate.commons.vault import keyfiles
from tidegate.commons.vault.errors import KeyDestroyedError, StorageUnwritableError
from tidegate.commons.vault.room import is_full, unwritable
from tidegate.deid.service import DeidService
from tidegate.kernel.errors import UnavailableError

SMALL = 2048  # bytes: keys and marks fit, objects do not
NOISE = 6000  # rows of noise that no compression makes smaller than ROOM
ROOM = 2 * 1024**2  # bytes: the database and its log fit


def kept(commons) -> tuple:
    """Everything the vault has: keys that open, objects whole or half, all by name."""
    files = (commons.ground.home / "vault" / "objects").rglob("*")
    return commons.vault.keys.names(), sorted(str(one) for one in files if one.is_file())


def noise(place):
    lines = ["person_id,age,note"]
    lines += [f"P{n:05d},{20 + n % 60},{secrets.token_hex(400)}" for n in range(NOISE)]
    path = place / "noise.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_acquisition_leaves_nothing_and_is_whole_when_done_again(commons, tmp_path):
    path, before = noise(tmp_path), kept(commons)
    describe = commons.acquisition.read_descriptor
    given = ([FileSource(path)], describe({}, title="Noise", roles=("person_id=person_key",)))

    with full_beyond(ROOM), pytest.raises(StorageUnwritableError, match="Make room") as refused:
        commons.acquisition.acquire(*given, by=STEWARD)

    assert "disk_full" == refused.value.code
    assert before == kept(commons)
    assert () == commons.holdings.list_holdings()
    assert "version.acquisition_refused" in commons.events()

    report = commons.acquisition.acquire(*given, by=STEWARD)
    assert (NOISE, NOISE, 0) == (report.received, report.accepted, report.quarantined)


def test_an_upload_leaves_neither_bytes_nor_a_key(commons):
    before = kept(commons)

    with full_beyond(ROOM), pytest.raises(StorageUnwritableError, match="Make room") as refused:
        commons.acquisition.receive_upload("a.csv", [b"x" * ROOM] * 2, by=STEWARD)

    assert "disk_full" == refused.value.code
    assert before == kept(commons)
    assert commons.acquisition.receive_upload("a.csv", [b"a,b\n1,2\n"], by=STEWARD).stored


def test_a_deidentification_leaves_the_version_as_it_was(commons):
    version = commons.classified()
    before, recipe = kept(commons), commons.deidentification.default_recipe(version)

    with full_beyond(SMALL), pytest.raises(StorageUnwritableError, match="Make room"):
        commons.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)

    keys, objects = kept(commons)
    assert objects == before[1]
    assert set(keys) <= {*before[0], version}
    assert Stage.CLASSIFIED == commons.holdings.get_holding(version).stage
    commons.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)
    commons.sign(version)
    commons.holdings.store(version, by=STEWARD)
    assert commons.holdings.check_fixity(version, by=STEWARD)


def test_storing_and_archiving_happen_whole_or_not_at_all(commons):
    version = commons.deidentified()
    commons.sign(version)
    before = kept(commons)
    with full_beyond(SMALL), pytest.raises(UnavailableError, match="did not happen"):
        commons.holdings.store(version, by=STEWARD)
    assert (Stage.DEIDENTIFIED, before) == (
        commons.holdings.get_holding(version).stage,
        kept(commons),
    )
    commons.holdings.store(version, by=STEWARD)

    with full_beyond(SMALL), pytest.raises(UnavailableError):
        commons.holdings.archive(version, by=STEWARD)
    assert Stage.STORED == commons.holdings.get_holding(version).stage
    assert commons.holdings.open_tables(version, by=STEWARD, why={})
    assert Stage.ARCHIVED == commons.holdings.archive(version, by=STEWARD).stage


def test_a_parcel_of_rows_is_packed_whole_or_not_at_all(commons):
    ground, version = commons.ground, commons.stored(200)
    rows = RowsService(
        ground.journal, ground.clock, ground.ids, vault=commons.vault,
        deid=DeidService(ground.keys), catalogue=commons.catalogue,
        participant=Participant(ground.did, "Nansha Hospital", Seat.CN_GBA9),
        check_agreement=commons.ended.check,
    )  # fmt: skip
    before = kept(commons)

    with full_beyond(SMALL), pytest.raises(StorageUnwritableError, match="Make room"):
        rows.parcel_for(version, "agr_1")

    assert before == kept(commons)
    file = rows.open_parcel(rows.parcel_for(version, "agr_1"))
    assert file.read(2) == b"PK"
    file.close()


def test_a_result_is_kept_whole_or_not_at_all(commons):
    before = kept(commons)
    words = {
        "source": "ds_x", "agreement_id": "urn:uuid:1", "provider": "did:web:nansha.example",
        "kind": "result", "name": "q_1", "by": RESEARCHER,
    }  # fmt: skip

    for content in ([b"x" * 3 * ROOM], [b"few bytes"]):
        limit = ROOM if len(content[0]) > ROOM else SMALL
        with full_beyond(limit), pytest.raises(UnavailableError):
            commons.destruction.keep_derived(content, **words)
        assert before == kept(commons)
        assert () == commons.destruction.list_derived()

    derived = commons.destruction.keep_derived([b"few bytes"], **words)
    assert b"few bytes" == commons.destruction.open_derived(derived.id, by=RESEARCHER)


def test_a_destruction_that_finds_a_full_disk_is_finished_when_there_is_room(commons):
    version = commons.stored()
    commons.destruction.request(version, "purpose fulfilled", by=STEWARD)

    with full_beyond(SMALL), pytest.raises(UnavailableError):
        commons.destruction.approve(version, by=COMMITTEE)
    assert Stage.STORED == commons.holdings.get_holding(version).stage

    commons.destruction.approve(version, by=COMMITTEE)
    assert Stage.DESTROYED == commons.holdings.get_holding(version).stage
    assert () == commons.vault.list(version)


def test_a_key_is_destroyed_on_a_disk_that_takes_not_even_its_mark(commons, monkeypatch):
    keys, folder = commons.vault.keys, commons.ground.home / "vault" / "keys"
    keys.create("ver_x")
    wrapped = (folder / "ver_x.key").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keyfiles, "write_durably", full)
    keys.destroy("ver_x")
    monkeypatch.undo()

    assert keys.is_destroyed("ver_x")
    with pytest.raises(KeyDestroyedError):
        keys.open("ver_x")
    assert not [one for one in folder.iterdir() if wrapped[8:] in one.read_bytes()]
    assert "ver_x" not in keys.names()


@pytest.mark.parametrize(
    ("problem", "full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError("Generic LocalFileSystem error: No space left on device (os error 28)"), True),
        (OSError(errno.EROFS, "x"), False),
        (OSError("Input/output error (os error 5)"), False),
    ],
)
def test_a_full_disk_is_told_from_one_that_fails(problem, full):
    assert full == is_full(problem)
    assert ("disk_full" if full else "disk_unwritable") == unwritable(problem).code
