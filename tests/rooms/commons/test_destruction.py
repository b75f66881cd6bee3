"""Destruction: two people, no way back, a certificate anybody can check."""

import json
import shutil

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from lib.ground import make_ground
from rooms.commons.commons_world import COMMITTEE, RESEARCHER, STEWARD, make_commons
from tidegate.access.errors import RoleMissingError
from tidegate.commons.destruction.certificates import (
    CertificateForgedError,
    CertificateRefusedError,
)
from tidegate.commons.errors import (
    HoldingUnknownError,
    KeyDestroyedError,
    NotReadyError,
    SecondPersonError,
)
from tidegate.commons.model import CopyState, DestructionState, Stage
from tidegate.kernel import failpoint
from tidegate.kernel.errors import CorruptError, InvalidError, WithheldError
from tidegate.kernel.machine import IllegalMoveError

PROVIDER = "did:web:nansha.example"


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoint.disarm()


class KilledError(BaseException):
    """The process stops here."""


def _kill():
    raise KilledError


def destroy(commons, version):
    commons.destruction.request(version, "purpose fulfilled", by=STEWARD)
    return commons.destruction.approve(version, by=COMMITTEE)


def test_destruction_takes_two_people_and_their_roles(commons):
    version = commons.stored()
    with pytest.raises(NotReadyError):
        commons.destruction.approve(version, by=COMMITTEE)
    with pytest.raises(RoleMissingError):
        commons.destruction.request(version, "x", by=RESEARCHER)
    with pytest.raises(InvalidError):
        commons.destruction.request(version, "x" * 401, by=STEWARD)
    commons.destruction.request(version, "x", by=STEWARD)
    with pytest.raises(NotReadyError):
        commons.destruction.request(version, "again", by=STEWARD)
    with pytest.raises(SecondPersonError):
        commons.destruction.approve(version, by=STEWARD)

    commons.destruction.approve(version, by=COMMITTEE)

    assert Stage.DESTROYED == commons.holdings.get_holding(version).stage
    assert DestructionState.DONE == commons.destruction.find(version).state
    with pytest.raises(IllegalMoveError):
        commons.destruction.request(version, "once more", by=STEWARD)


def test_nothing_can_be_read_afterwards_and_the_tombstone_stays(commons):
    version = commons.stored()
    stored = commons.holdings.get_holding(version).tables[0].stored
    certificate = destroy(commons, version)
    assert () == commons.holdings.get_holding(version).objects()

    with pytest.raises(KeyDestroyedError):
        commons.vault.open(stored)
    with pytest.raises(NotReadyError):
        commons.holdings.open_tables(version, by=STEWARD, why={})
    assert () == commons.vault.list(version)
    (stone,) = commons.catalogue.list_tombstones()
    assert (version, certificate.id) == (stone.version_id, stone.certificate_id)
    assert "destroyed" == commons.catalogue.get_version(version).stage


def test_the_certificate_is_signed_by_the_node_and_says_who_and_how(commons, ground):
    certificate = destroy(commons, commons.stored())
    key = ECKey.import_key(ground.keys.identity_public_jwk())
    signed = jws.deserialize_compact(certificate.jws, key, algorithms=["ES256"])
    body = json.loads(signed.payload)

    assert (STEWARD.id, COMMITTEE.id) == (body["requested_by"], body["approved_by"])
    assert ground.did == body["issuer"]
    assert "decryption refused for 4 of 4 objects" == body["verification"]
    assert "cryptographic erase" in body["method"]


def test_restoring_an_old_backup_of_database_and_objects_does_not_bring_data_back(
    tmp_path, ground, commons
):
    version = commons.stored()
    with ground.database.reading() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copytree(ground.home / "vault" / "objects", backup / "objects")
    for file in ground.home.glob("node.db*"):
        shutil.copy(file, backup / file.name)
    destroy(commons, version)
    ground.close()

    shutil.rmtree(ground.home / "vault" / "objects")
    shutil.copytree(backup / "objects", ground.home / "vault" / "objects")
    for file in ground.home.glob("node.db*"):
        file.unlink()
    for file in backup.glob("node.db*"):
        shutil.copy(file, ground.home / file.name)
    again = _reopened(ground)
    restored = make_commons(again)

    assert Stage.STORED == restored.holdings.get_holding(version).stage
    with pytest.raises(KeyDestroyedError):
        restored.holdings.open_tables(version, by=STEWARD, why={})
    again.close()


def _reopened(ground):
    """The same node after a restart: its own keys, the database as it is on the disk."""
    from tidegate.keys.service import open_key_file

    sealed = ground.home / "keys" / "node.json"
    kept = sealed.read_bytes()
    sealed.unlink()
    again = make_ground(ground.home, ground.did)
    sealed.write_bytes(kept)
    again.keys = open_key_file(sealed, "a passphrase for tests")
    return again


@pytest.mark.parametrize("place", ["destroy.approved", "destroy.key", "destroy.commit"])
def test_a_kill_after_the_approval_is_carried_out_at_the_next_start(commons, ground, place):
    version = commons.stored()
    commons.destruction.request(version, "x", by=STEWARD)
    failpoint.arm(place, _kill)
    with pytest.raises(KilledError):
        commons.destruction.approve(version, by=COMMITTEE)
    failpoint.disarm()

    again = make_commons(ground)
    again.destruction.recover()

    assert Stage.DESTROYED == again.holdings.get_holding(version).stage
    assert 1 == len(again.destruction.list_certificates(f"version:{version}"))
    assert 0 == again.destruction.recover()


def test_an_object_that_still_opens_stops_the_certificate(commons, ground, monkeypatch):
    version = commons.stored()
    commons.destruction.request(version, "x", by=STEWARD)
    kept = (ground.home / "vault" / "keys" / f"{version}.key").read_bytes()

    def restore():
        for mark in (ground.home / "vault" / "keys").glob("*.destroyed"):
            mark.unlink()
        (ground.home / "vault" / "keys" / f"{version}.key").write_bytes(kept)

    failpoint.arm("destroy.key", restore)
    with pytest.raises(CorruptError, match="still be decrypted"):
        commons.destruction.approve(version, by=COMMITTEE)

    assert () == commons.destruction.list_certificates()


def keep(commons, name="km.json", agreement="urn:uuid:1"):
    return commons.destruction.keep_derived(
        [b"curve ", b"points"],
        source="ds_theirs",
        agreement_id=agreement,
        provider=PROVIDER,
        kind="release",
        name=name,
        by=RESEARCHER,
    )


def test_a_derived_copy_is_kept_encrypted_and_reported_to_its_provider(commons, ground):
    derived = keep(commons)

    assert b"curve points" == commons.destruction.open_derived(derived.id, by=RESEARCHER)
    assert b"curve points" not in commons.raw_bytes()
    (handler, payload) = ground.tasks()[0]
    assert ("peer.send", "derived.reported") == (handler, payload["kind"])


def test_a_result_that_comes_after_the_end_of_its_agreement_is_not_kept(commons):
    """Everything made under it was destroyed and certified; nothing would come back for this."""
    commons.ended.add("urn:uuid:1")
    commons.destruction.destroy_derived("urn:uuid:1", PROVIDER, "the agreement ended")

    with pytest.raises(WithheldError):
        keep(commons)

    assert () == commons.destruction.list_derived(agreement_id="urn:uuid:1")
    assert [] == [name for name in commons.vault.keys.names() if name.startswith("der_")]


def test_at_the_end_of_an_agreement_derived_copies_go_and_the_provider_is_told(commons, ground):
    derived = keep(commons)
    first = commons.destruction.destroy_derived("urn:uuid:1", PROVIDER, "the agreement ended")
    again = commons.destruction.destroy_derived("urn:uuid:1", PROVIDER, "the agreement ended")

    assert first == again
    with pytest.raises(KeyDestroyedError):
        commons.destruction.open_derived(derived.id, by=RESEARCHER)
    sent = [p for _, p in ground.tasks() if p["kind"] == "destruction.certified"]
    assert [PROVIDER] == [p["to"] for p in sent]
    assert commons.vault.keys.is_destroyed(derived.id)


def test_an_agreement_is_emptied_once_its_copies_are_gone_and_certified(commons, ground):
    keep(commons)
    before = commons.destruction.is_emptied("urn:uuid:1", ground.did)

    commons.destruction.destroy_derived("urn:uuid:1", PROVIDER, "the agreement ended")

    assert not before
    assert commons.destruction.is_emptied("urn:uuid:1", ground.did)
    keep(commons)
    assert not commons.destruction.is_emptied("urn:uuid:1", ground.did)


def test_nobody_but_the_consumer_certifies_that_an_agreement_is_emptied(tmp_path, commons):
    other_ground = make_ground(tmp_path / "other", did="did:web:other.example")
    other = make_commons(other_ground)
    commons.destruction._resolve_key = lambda did, kid: other_ground.keys.identity_public_jwk()
    planted = other.destruction.destroy_derived("urn:uuid:3", "did:web:x.example", "ended")

    commons.destruction.receive_certificate(other_ground.did, {"certificate": planted.jws})

    assert not commons.destruction.is_emptied("urn:uuid:3", "did:web:faculty.example")
    assert commons.destruction.is_emptied("urn:uuid:3", other_ground.did)
    other_ground.close()


@pytest.mark.parametrize("content", [b"no json", b"\xff", b"[" * 100_000])
def test_a_certificate_that_signs_no_json_is_refused(commons, ground, content):
    commons.destruction._resolve_key = lambda did, kid: ground.keys.identity_public_jwk()
    header = {"alg": "ES256", "kid": ground.keys.identity_kid}
    token = jws.serialize_compact(header, content, ground.keys.identity_key(), algorithms=["ES256"])

    with pytest.raises((CertificateRefusedError, CertificateForgedError)):
        commons.destruction.receive_certificate(ground.did, {"certificate": token})


def test_a_kill_while_derived_copies_go_is_finished_by_the_next_try(commons):
    keep(commons)
    failpoint.arm("destroy.derived", _kill)
    with pytest.raises(KilledError):
        commons.destruction.destroy_derived("urn:uuid:1", PROVIDER, "ended")
    failpoint.disarm()

    certificate = commons.destruction.destroy_derived("urn:uuid:1", PROVIDER, "ended")

    assert "decryption refused for 1 of 1 objects" == certificate.body["verification"]


def test_the_provider_learns_of_copies_and_of_their_end(tmp_path, commons, ground):
    peer_ground = make_ground(tmp_path / "peer", did="did:web:faculty.example")
    peer = make_commons(peer_ground)
    commons.destruction._resolve_key = lambda did, kid: peer_ground.keys.identity_public_jwk()
    derived = peer.destruction.keep_derived(
        [b"x"],
        source="ds_ours",
        agreement_id="urn:uuid:2",
        provider=ground.did,
        kind="model",
        name="m",
        by=RESEARCHER,
    )
    report = {
        "id": derived.id,
        "kind": "model",
        "name": "m",
        "holder": peer_ground.did,
        "source": "ds_ours",
        "agreement": "urn:uuid:2",
        "state": "held",
    }
    commons.destruction.receive_derived(peer_ground.did, report)
    commons.destruction.receive_derived(peer_ground.did, report)
    certificate = peer.destruction.destroy_derived("urn:uuid:2", ground.did, "ended")

    for _ in range(2):
        commons.destruction.receive_certificate(peer_ground.did, {"certificate": certificate.jws})

    (copy,) = commons.destruction.list_derived(source="ds_ours")
    assert (CopyState.DESTROYED, certificate.id) == (copy.state, copy.certificate_id)
    assert 1 == len(commons.destruction.list_certificates("agreement:urn:uuid:2"))
    peer_ground.close()


def test_what_a_peer_may_not_say_is_refused(commons, ground):
    certificate = destroy(commons, commons.stored())
    forged = certificate.jws[:-4] + ("AAAA" if certificate.jws[-4:] != "AAAA" else "BBBB")

    with pytest.raises(CertificateForgedError):
        commons.destruction.receive_certificate(ground.did, {"certificate": forged})
    with pytest.raises(CertificateForgedError):
        commons.destruction.receive_certificate(ground.did, {"certificate": "not.a.jws"})
    with pytest.raises(CertificateRefusedError):
        commons.destruction.receive_certificate(PROVIDER, {"certificate": certificate.jws})
    with pytest.raises(CertificateRefusedError):
        commons.destruction.receive_certificate(PROVIDER, {})
    with pytest.raises(CertificateRefusedError):
        commons.destruction.receive_derived(PROVIDER, {"id": "x"})
    names = ("id", "kind", "name", "holder", "source", "agreement", "state")
    with pytest.raises(CertificateRefusedError):
        commons.destruction.receive_derived(PROVIDER, dict.fromkeys(names, "x"))


def test_a_copy_nobody_keeps_here_is_not_found(commons):
    with pytest.raises(HoldingUnknownError):
        commons.destruction.open_derived("der_none", by=RESEARCHER)


def test_copies_of_a_peers_dataset_of_the_same_id_are_not_certified_with_ours(commons):
    version = commons.stored()
    ours = commons.holdings.get_holding(version).dataset_id
    kept = commons.destruction.keep_derived(
        [b"a curve of theirs"], source=ours, agreement_id="urn:uuid:9", provider=PROVIDER,
        kind="result", name="q_9", by=RESEARCHER,
    )  # fmt: skip

    destroy(commons, version)

    (given,) = commons.destruction.list_certificates(f"version:{version}")
    assert kept.id not in json.dumps(given.body)
    assert b"a curve of theirs" == commons.destruction.open_derived(kept.id, by=RESEARCHER)


def test_holders_of_copies_are_told_when_the_source_is_destroyed(commons, ground):
    version = commons.stored()
    commons.destruction.receive_derived(
        PROVIDER,
        {
            "id": "der_peer",
            "kind": "release",
            "name": "r",
            "holder": PROVIDER,
            "source": version,
            "agreement": "urn:uuid:3",
            "state": "held",
        },
    )
    certificate = destroy(commons, version)

    assert "der_peer" == certificate.body["derived"][0]["id"]
    assert [PROVIDER] == [p["to"] for _, p in ground.tasks() if "to" in p]
