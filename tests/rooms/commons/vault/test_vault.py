"""The vault: what goes in comes out, and nothing else ever does."""

import io
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.commons.vault import chunks
from tidegate.commons.vault.errors import (
    KeyDestroyedError,
    KeyExistsError,
    KeyMissingError,
    ObjectCorruptError,
    ObjectMissingError,
)
from tidegate.commons.vault.service import Vault
from tidegate.kernel.errors import InvalidError
from tidegate.keys.service import create_key_file


@pytest.fixture
def small_chunks(monkeypatch):
    for module in ("chunks", "streams", "service"):
        target = __import__(f"tidegate.commons.vault.{module}", fromlist=["CHUNK"])
        if hasattr(target, "CHUNK"):
            monkeypatch.setattr(target, "CHUNK", 64)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return create_key_file(tmp_path_factory.mktemp("k") / "node.json", "a passphrase for tests")


@pytest.fixture
def vault(tmp_path, keys):
    vault = Vault(tmp_path / "vault", keys)
    vault.keys.create("ver_a")
    return vault


def put(vault, content, path="ver_a/obj_1", key="ver_a"):
    with vault.writing(path, key) as deposit:
        deposit.file.write(content)
    return deposit.stored


def get(vault, stored):
    with vault.open(stored) as file:
        return file.read()


def file_of(tmp_path, stored):
    return tmp_path / "vault" / "objects" / stored.path


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.binary(max_size=200), max_size=6))
def test_what_goes_in_in_any_pieces_comes_out_whole(vault, small_chunks, pieces):
    with vault.writing("ver_a/obj_h", "ver_a") as deposit:
        for piece in pieces:
            deposit.file.write(piece)
    whole = b"".join(pieces)

    assert whole == get(vault, deposit.stored)
    assert len(whole) == deposit.stored.size
    assert vault.check(deposit.stored)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(0, 300),
    reads=st.lists(st.tuples(st.integers(0, 320), st.integers(0, 200)), max_size=8),
)
def test_any_place_can_be_read_first(vault, small_chunks, size, reads):
    content = bytes(n % 251 for n in range(size))
    twin = io.BytesIO(content)
    stored = put(vault, content, "ver_a/obj_s")

    with vault.open(stored) as file:
        for offset, length in reads:
            twin.seek(offset)
            file.seek(offset)
            assert twin.read(length) == file.read(length)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 200])
def test_a_change_of_any_byte_is_found(vault, small_chunks, tmp_path, size):
    stored = put(vault, b"x" * size)
    file = file_of(tmp_path, stored)
    sound = file.read_bytes()

    for place in range(len(sound)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(ObjectCorruptError):
            get(vault, stored)
    file.write_bytes(sound)

    assert b"x" * size == get(vault, stored)


@pytest.mark.parametrize("cut", [1, 16, 80, 160])
def test_a_cut_object_is_found_even_if_its_record_is_cut_too(vault, small_chunks, tmp_path, cut):
    stored = put(vault, b"x" * 200)
    file = file_of(tmp_path, stored)
    file.write_bytes(file.read_bytes()[:-cut])

    with pytest.raises(ObjectCorruptError):
        get(vault, stored)
    shorter = replace(stored, size=64, cipher_size=chunks.cipher_size(64))
    file.write_bytes(file.read_bytes()[: shorter.cipher_size])
    with pytest.raises(ObjectCorruptError):
        get(vault, shorter)


def test_swapped_chunks_are_found(vault, small_chunks, tmp_path):
    stored = put(vault, bytes(range(192)))
    file = file_of(tmp_path, stored)
    raw = file.read_bytes()
    head, one, two, rest = raw[:28], raw[28:108], raw[108:188], raw[188:]
    file.write_bytes(head + two + one + rest)

    with pytest.raises(ObjectCorruptError):
        get(vault, stored)


def test_an_object_at_another_place_or_under_another_key_does_not_open(vault, tmp_path):
    stored = put(vault, b"first")
    other = put(vault, b"other", "ver_a/obj_2")
    vault.keys.create("ver_b")
    file_of(tmp_path, other).write_bytes(file_of(tmp_path, stored).read_bytes())

    with pytest.raises(ObjectCorruptError):
        get(vault, replace(stored, path="ver_a/obj_2"))
    with pytest.raises(ObjectCorruptError):
        get(vault, replace(stored, key="ver_b"))


def test_an_older_object_brought_back_is_found(vault, tmp_path):
    old = file_of(tmp_path, put(vault, b"version one")).read_bytes()
    stored = put(vault, b"version two")
    file_of(tmp_path, stored).write_bytes(old)

    assert not vault.check(stored)


def test_no_clear_byte_reaches_the_disk(vault, tmp_path):
    put(vault, b"CHAN TAI MAN" * 1000)

    files = [p for p in (tmp_path / "vault").rglob("*") if p.is_file()]
    assert not any(b"CHAN" in p.read_bytes() for p in files)


def test_a_failed_writer_publishes_nothing(vault):
    def fail():
        with vault.writing("ver_a/obj_x", "ver_a") as deposit:
            deposit.file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert () == vault.list("ver_a")


def test_what_is_still_being_written_has_no_record(vault):
    with vault.writing("ver_a/obj_x", "ver_a") as deposit, pytest.raises(ValueError, match="still"):
        _ = deposit.stored


def test_a_missing_object_is_named(vault, tmp_path):
    stored = put(vault, b"here")
    vault.delete(stored.path)
    vault.delete(stored.path)

    with pytest.raises(ObjectMissingError):
        get(vault, stored)
    with pytest.raises(ObjectMissingError):
        vault.check(stored)


def test_a_destroyed_key_opens_nothing_and_cannot_be_made_again(vault):
    stored = put(vault, b"gone soon")
    vault.keys.destroy("ver_a")
    vault.keys.destroy("ver_a")

    assert vault.keys.is_destroyed("ver_a")
    with pytest.raises(KeyDestroyedError):
        get(vault, stored)
    with pytest.raises(KeyExistsError):
        vault.keys.create("ver_a")


def test_a_changed_key_file_is_refused_at_every_byte(vault, tmp_path):
    path = tmp_path / "vault" / "keys" / "ver_a.key"
    sound = path.read_bytes()

    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 128]) + sound[place + 1 :])
        with pytest.raises(KeyMissingError):
            vault.keys.open("ver_a")


def test_a_key_file_of_another_name_is_refused(vault, tmp_path):
    folder = tmp_path / "vault" / "keys"
    (folder / "ver_z.key").write_bytes((folder / "ver_a.key").read_bytes())

    with pytest.raises(KeyMissingError):
        vault.keys.open("ver_z")


def test_a_key_that_never_was_is_missing_and_odd_names_are_refused(vault):
    with pytest.raises(KeyMissingError):
        vault.keys.open("ver_none")
    with pytest.raises(InvalidError):
        vault.keys.open("../../etc/passwd")


def test_what_a_killed_writer_left_is_swept(vault, tmp_path):
    vault.keys.create("ver_k.intake")
    put(vault, b"orphan", "ver_k/obj_1", "ver_k.intake")
    (tmp_path / "vault" / "objects" / "ver_k" / "obj_2#1").write_bytes(b"half")
    (tmp_path / "vault" / "intents" / "ver_k").touch()

    assert 2 == vault.recover(lambda folder: (frozenset(), frozenset()))
    assert () == vault.list("ver_k")
    assert vault.keys.is_destroyed("ver_k.intake")
    assert not (tmp_path / "vault" / "objects" / "ver_k" / "obj_2#1").exists()


def test_work_that_is_alive_is_left_alone(vault):
    with vault.intents.hold("ver_a"):
        put(vault, b"in progress")

        assert 0 == vault.recover(lambda folder: (frozenset(), frozenset()))

    assert ("ver_a/obj_1",) == vault.list("ver_a")


def test_recorded_sizes_that_contradict_each_other_are_refused(vault):
    stored = put(vault, b"here")

    with pytest.raises(ObjectCorruptError):
        get(vault, replace(stored, size=3))
    assert not vault.check(replace(stored, cipher_size=1))
