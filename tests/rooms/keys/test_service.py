"""The key file opens with its passphrase only, and shows every change."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tidegate.keys.errors import KeyFileCorruptError, PassphraseWrongError
from tidegate.keys.service import create_key_file, open_key_file


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "keys" / "node.json"
    return path, create_key_file(path, "correct horse")


def test_the_same_keys_come_out(made):
    path, ring = made

    opened = open_key_file(path, "correct horse")

    assert ring.evidence_fingerprint == opened.evidence_fingerprint
    assert ring.identity_public_jwk() == opened.identity_public_jwk()
    assert ring.derive("vault") == opened.derive("vault")


def test_another_passphrase_opens_nothing(made):
    with pytest.raises(PassphraseWrongError):
        open_key_file(made[0], "wrong")


@pytest.mark.parametrize("name", ["salt", "nonce", "sealed"])
def test_a_changed_file_opens_nothing(made, tmp_path, name):
    document = json.loads(made[0].read_text())
    document[name] = ("B" if document[name][0] == "A" else "A") + document[name][1:]
    changed = tmp_path / "node.json"
    changed.write_text(json.dumps(document))

    with pytest.raises(PassphraseWrongError):
        open_key_file(changed, "correct horse")


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"form":"other","salt":"","nonce":"","sealed":""}']
)
def test_something_else_is_no_key_file(tmp_path, content):
    path = tmp_path / "node.json"
    path.write_text(content)

    with pytest.raises(KeyFileCorruptError):
        open_key_file(path, "correct horse")


def test_a_key_file_is_never_overwritten_and_is_the_owners_alone(made):
    with pytest.raises(FileExistsError):
        create_key_file(made[0], "again")

    assert made[0].stat().st_mode & 0o777 == 0o600


def test_purposes_have_keys_of_their_own(made):
    assert made[1].derive("vault") != made[1].derive("tokens")


def test_evidence_signatures_verify(made):
    ring = made[1]

    Ed25519PublicKey.from_public_bytes(ring.evidence_public).verify(ring.sign_evidence(b"x"), b"x")


def test_the_public_identity_holds_no_private_part(made):
    assert {"kty", "crv", "x", "y", "kid"} == set(made[1].identity_public_jwk())
