"""Evidence over a change of the authority's key: who verifies it with which trust file."""

import json
from dataclasses import replace

import pytest

from lib.evidence_world import (
    AUTHORITY,
    FACULTY,
    HOSPITAL,
    credential,
    export_all,
    live,
    make_world,
)
from tidegate.audit.authority.model import Cause, sign_succession
from tidegate.audit.authority.rules import next_succession
from tidegate.audit.bundle.service import verify_files
from tidegate.audit.trust import read_space_file, write_space_file
from tidegate.keys.rules import sign_raw
from tidegate.keys.service import rotated

AT = "2026-03-01T12:00:00.000Z"  # the credentials of the world are dated four hours before
THEFT = "2026-03-01T07:00:00.000Z"


def with_succession(world, *, until="", forged=False):
    """Return the trust file after a change of the authority's key, and the authority's new keys."""
    before = world[AUTHORITY].ground.keys
    after = rotated(before, "ES256", AT)
    jwk = tuple(sorted((n, str(v)) for n, v in after.identity_public_jwk().items()))
    cause = Cause.COMPROMISED if until else Cause.PLANNED
    made = next_succession(world.trust.keys(), jwk, at=AT, cause=cause, until=until)
    signed = sign_succession(
        made,
        evidence=world[FACULTY if forged else AUTHORITY].ground.keys.sign_evidence,
        before=lambda data: sign_raw(before.identity_key(), data),
        after=lambda data: sign_raw(after.identity_key(), data),
    )
    return write_space_file(replace(world.trust, successions=(signed,))), after


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "world")
    live(made)
    yield made
    made.close()


def verified(world, tmp_path, trust):
    """Export what the world holds now, and verify it with a trust file."""
    bundle, file = tmp_path / "all.tgev", tmp_path / "space.json"
    if not bundle.exists():
        export_all(world, bundle)
    file.write_bytes(trust)
    return verify_files(bundle, file)


def flaws_of(report):
    return " ".join(f"{flaw.member}: {flaw.problem}" for flaw in report.flaws)


def reissued(world, keys):
    """Have every node hold a credential signed with these keys of the authority."""
    for did, node in world.nodes.items():
        fresh = credential(did, node.ground.keys.evidence_public, keys)
        node.evidence._surroundings = replace(
            node.evidence._surroundings, credentials=lambda fresh=fresh: (fresh,)
        )


@pytest.mark.parametrize("holds", ["the first file", "the file of today"])
def test_a_bundle_over_a_planned_change_verifies_with_any_trust_file(world, tmp_path, holds):
    old = world.space_bytes
    world.space_bytes, after = with_succession(world)
    reissued(world, after)

    trust = old if holds == "the first file" else world.space_bytes
    report = verified(world, tmp_path, trust)

    assert ("verified", ()) == (report.verdict, report.flaws)


def test_a_bundle_of_before_verifies_with_the_file_of_today(world, tmp_path):
    report = verified(world, tmp_path, with_succession(world)[0])

    assert ("verified", ()) == (report.verdict, report.flaws)


def test_credentials_of_the_stolen_key_are_refused_from_when_it_was_stolen(world, tmp_path):
    report = verified(world, tmp_path, with_succession(world, until=THEFT)[0])

    assert "flawed" == report.verdict
    assert "former key" in flaws_of(report)


def test_credentials_of_a_key_stolen_later_verify_with_a_remark(world, tmp_path):
    trust, _ = with_succession(world, until="2026-03-01T09:00:00.000Z")

    report = verified(world, tmp_path, trust)

    assert "verified" == report.verdict
    assert any("compromised" in remark for remark in report.remarks)


def test_a_forged_history_in_a_bundle_is_found(world, tmp_path):
    honest = world.space_bytes
    world.space_bytes, attacker = with_succession(world, forged=True)
    reissued(world, attacker)

    with pytest.raises(Exception, match="succession"):
        verified(world, tmp_path, honest)


def test_a_forged_history_put_into_a_finished_bundle_is_found(world, tmp_path, monkeypatch):
    honest = world.space_bytes
    world.space_bytes, attacker = with_succession(world, forged=True)
    reissued(world, attacker)
    monkeypatch.setattr("tidegate.audit.service._write_verified", _unverified)

    report = verified(world, tmp_path, honest)

    assert "flawed" == report.verdict
    assert "space.json" in flaws_of(report)
    assert "does not have the authority's keys" in flaws_of(report)


def test_a_history_that_was_cut_is_found_by_the_authoritys_log(world, tmp_path, monkeypatch):
    trust, _ = with_succession(world)
    (signed,) = read_space_file(trust).successions
    world[AUTHORITY].ground.journal._events.update({"space.key_changed": None})
    world[AUTHORITY].act(
        "space.key_changed", "space:x", number=1, succession=signed.succession.sha256
    )
    monkeypatch.setattr("tidegate.audit.service._write_verified", _unverified)

    report = verified(world, tmp_path, world.space_bytes)

    assert "it was cut" in flaws_of(report)
    assert AUTHORITY in flaws_of(report)
    (tmp_path / "all.tgev").unlink()
    world.space_bytes = trust
    assert () == verified(world, tmp_path, trust).flaws


def test_two_histories_that_differ_are_told(world, tmp_path):
    one, _ = with_succession(world)
    world.space_bytes, _ = with_succession(world)

    report = verified(world, tmp_path, one)

    assert "differ at number 1" in flaws_of(report)


def test_a_trust_file_with_a_history_survives_reading_and_writing(world):
    file, _ = with_succession(world)

    assert file == write_space_file(read_space_file(file))
    assert "history" in json.loads(file)["keys"]
    assert world[HOSPITAL].did not in file.decode()


def _unverified(path, data):
    """Write a bundle as somebody does who wants to deceive: without looking at it first."""
    path.write_bytes(data)
