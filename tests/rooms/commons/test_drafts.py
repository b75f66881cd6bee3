"""Objects that arrive in pieces: encrypted from the first byte, found again after a kill."""

import hashlib

import pytest

from lib.ground import make_ground
from tidegate.commons.errors import KeyMissingError
from tidegate.commons.vault.chunks import CHUNK, HEADER, TAG
from tidegate.commons.vault.service import Vault

PLACE = "der_1/content"


@pytest.fixture
def vault(tmp_path):
    ground = make_ground(tmp_path / "node")
    made = Vault(tmp_path / "vault", ground.keys)
    made.keys.create("der_1")
    yield made
    ground.close()


def noise(size):
    return (hashlib.sha256(b"noise").digest() * (size // 32 + 1))[:size]


def file_of(vault):
    return vault._drafts / "der_1_content"


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])
def test_what_is_written_is_what_is_read(vault, size):
    content = noise(size)
    draft = vault.draft(PLACE, "der_1")
    for start in range(0, size, 700_001):
        draft.write(content[start : start + 700_001])
    stored = draft.finish()

    assert draft.sha256 == hashlib.sha256(content).hexdigest()
    assert vault.check(stored)
    with vault.open(stored) as file:
        assert file.read() == content
    assert not file_of(vault).exists()


def test_a_killed_draft_goes_on_behind_its_last_whole_chunk(vault):
    content = noise(3 * CHUNK + 5)
    first = vault.draft(PLACE, "der_1")
    first.write(content[: 2 * CHUNK + 77])
    first.close()

    second = vault.draft(PLACE, "der_1")
    assert second.size == 2 * CHUNK
    second.write(content[second.size :])
    stored = second.finish()

    assert second.sha256 == hashlib.sha256(content).hexdigest()
    with vault.open(stored) as file:
        assert file.read() == content
    assert vault.check(stored)


@pytest.mark.parametrize("place", [HEADER + 3, HEADER + CHUNK + TAG + 9])
def test_a_draft_whose_bytes_changed_goes_on_before_them(vault, place):
    draft = vault.draft(PLACE, "der_1")
    draft.write(noise(2 * CHUNK + 1))
    draft.close()
    raw = bytearray(file_of(vault).read_bytes())
    raw[place] ^= 1
    file_of(vault).write_bytes(raw)

    again = vault.draft(PLACE, "der_1")

    assert again.size == (place - HEADER) // (CHUNK + TAG) * CHUNK
    again.close()


def test_nothing_lies_in_clear_on_the_disk(vault, tmp_path):
    draft = vault.draft(PLACE, "der_1")
    draft.write(b"p-patient-name" * 200_000)
    draft.close()

    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"p-patient-name" not in everything


def test_a_dropped_draft_is_gone_and_needs_its_key_to_begin(vault):
    vault.draft(PLACE, "der_1").close()
    vault.drop_draft(PLACE)
    vault.drop_draft(PLACE)
    assert not file_of(vault).exists()
    with pytest.raises(KeyMissingError):
        vault.draft("der_2/content", "der_2")
