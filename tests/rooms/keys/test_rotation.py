"""A new identity key: the one before verifies for a while, and what the file holds survives."""

import pytest
from joserfc.jwk import RSAKey

from tidegate.keys.rules import holds, new_key, payload_of, public_members, read_key, sign
from tidegate.keys.service import (
    create_key_file,
    open_key_file,
    replace_key_file,
    retired,
    rotated,
)

UNTIL = "2026-03-03T09:00:00.000Z"


def test_a_rotated_ring_is_kept_and_opened_with_its_former_keys(tmp_path):
    path = tmp_path / "node.json"
    first = create_key_file(path, "words")

    second = rotated(rotated(first, "EdDSA", UNTIL), "ES256", UNTIL)
    replace_key_file(path, "words", second)
    opened = open_key_file(path, "words")

    assert second.identity_public_jwk() == opened.identity_public_jwk()
    assert ["Ed25519", "P-256"] == [each.jwk["crv"] for each in opened.former_keys()]
    assert first.identity_kid == opened.former_keys()[1].jwk["kid"]
    assert first.evidence_fingerprint == opened.evidence_fingerprint
    assert first.derive("vault") == opened.derive("vault")
    assert 0o600 == path.stat().st_mode & 0o777
    assert [path] == list(tmp_path.iterdir())


def test_no_private_half_of_a_former_key_is_kept(tmp_path):
    ring = rotated(create_key_file(tmp_path / "node.json", "words"), "EdDSA", UNTIL)

    assert all("d" not in each.jwk for each in ring.former_keys())


def test_former_keys_are_retired_when_their_time_is_over(tmp_path):
    ring = rotated(create_key_file(tmp_path / "node.json", "words"), "ES256", UNTIL)

    kept, over = retired(ring, "2026-03-03T08:59:59.999Z")
    assert (1, 0) == (len(kept.former_keys()), len(over))
    kept, over = retired(ring, UNTIL)
    assert (0, 1) == (len(kept.former_keys()), len(over))


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_what_a_key_signs_holds_with_its_public_half_alone(algorithm):
    key, other = new_key(algorithm), new_key(algorithm)
    public = public_members(key.as_dict(private=False))

    token = sign(key, {"kid": "k"}, b"content")

    assert holds(token, algorithm, public)
    assert b"content" == payload_of(token)
    assert not holds(token, algorithm, public_members(other.as_dict(private=False)))
    assert not holds(token, "HS256", public)
    assert not holds(token[:-6] + "AAAAAA", algorithm, public)
    assert not holds("a.b.c", algorithm, public)
    assert not holds(token, algorithm, {**public, "x": "AA"})


def test_a_public_key_signs_nothing_and_other_kinds_are_not_read():
    public = read_key(public_members(new_key("EdDSA").as_dict(private=False)))

    with pytest.raises(TypeError):
        sign(public, {}, b"x")
    with pytest.raises(ValueError, match="neither"):
        read_key(RSAKey.generate_key(2048).as_dict(private=False))
