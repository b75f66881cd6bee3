"""What a folder keeps of releases names nobody without the key, and no change of it goes unseen."""

import json

import pytest

from tidegate.deid.releases.errors import (
    MembershipCorruptError,
    MembershipInvalidError,
    ReleasesBusyError,
)
from tidegate.deid.releases.folder import derive, name_of, opened, pack, read_all
from tidegate.deid.releases.memory import remember

SECRET = b"thirty-two bytes of a key, or so."
KEY = derive(SECRET)


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 3):
        kept = remember(f"{number:04d}", ["A123", "B456"], [0, number], KEY)
        packed = pack(kept, tmp_path, number, f"sha of {number}", KEY)
        (tmp_path / name_of(number)).write_bytes(packed)
    return tmp_path


def test_a_chain_is_read_as_it_was_written(folder):
    kept = read_all(folder, KEY)

    assert [1, 2, 3] == [one.number for one in kept]
    assert ["sha of 1", "sha of 2", "sha of 3"] == [one.table for one in kept]
    assert ["0001", "0002", "0003"] == [one.membership.release for one in kept]


def test_nobody_is_named(folder):
    content = (folder / "0001.release").read_bytes()

    assert b"A123" not in content
    assert KEY not in content
    assert SECRET not in content


@pytest.mark.parametrize("name", ["0001.release", "0002.release"])
def test_a_release_that_was_taken_out_shows(folder, name):
    (folder / name).unlink()

    with pytest.raises(MembershipCorruptError, match="is missing"):
        read_all(folder, KEY)


def test_two_releases_that_changed_places_show(folder):
    first, second = (folder / name_of(number) for number in (1, 2))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)

    with pytest.raises(MembershipCorruptError):
        read_all(folder, KEY)


@pytest.mark.parametrize("part", ["table", "number", "seal"])
def test_a_changed_line_shows(folder, part):
    path = folder / "0003.release"
    line, _, body = path.read_bytes().partition(b"\n")
    told = json.loads(line)
    told[part] = 3.0 if part == "number" else "0" * 32
    path.write_bytes(
        json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n" + body
    )

    with pytest.raises(MembershipCorruptError):
        read_all(folder, KEY)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"\xff\n", b'{"seal":1}\n'])
def test_what_is_no_release_is_refused(folder, content):
    (folder / "0002.release").write_bytes(content)

    with pytest.raises(MembershipCorruptError):
        read_all(folder, KEY)


def test_every_byte_is_sealed(folder):
    path = folder / "0003.release"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((MembershipCorruptError, MembershipInvalidError)):
            read_all(folder, KEY)


def test_another_key_is_told_apart_from_a_changed_file(folder):
    with pytest.raises(MembershipInvalidError) as refused:
        read_all(folder, derive(SECRET + b"!"))

    assert "membership_other_key" == refused.value.code


def test_a_short_secret_is_refused():
    with pytest.raises(MembershipInvalidError):
        derive(b"short")


def test_a_folder_is_held_by_one_run_and_must_be_there(folder):
    with opened(folder), pytest.raises(ReleasesBusyError), opened(folder):
        pass
    with pytest.raises(MembershipInvalidError), opened(folder / "none"):
        pass
