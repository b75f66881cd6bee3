"""Peers follow a rotated key; the key before proves nobody any more."""

import pytest

from lib.space_world import make_node
from tidegate.access.model import Seat
from tidegate.connector.errors import (
    CredentialInvalidError,
    PeerUnauthenticatedError,
    PeerUnreachableError,
)
from tidegate.connector.identity import jose
from tidegate.keys.rules import new_key
from tidegate.keys.service import rotated

UNTIL = "2026-03-03T09:00:00.000Z"


def restarted(world, tmp_path, algorithm):
    """Start the faculty again with a rotated key, in the place of what was there."""
    old = world.nodes[1]
    ring = rotated(old.ground.keys, algorithm, UNTIL)
    old.ground.close()
    content = (old.ground.home / "node.db").read_bytes()
    world.nodes[1] = make_node(
        tmp_path / algorithm, world.wire, 7401, "Faculty", Seat.HK, world.clock,
        saved=(ring, content),
    )  # fmt: skip
    return old, world.nodes[1]


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_peer_that_cached_the_document_meets_the_new_key(fresh_world, tmp_path, algorithm):
    hospital = fresh_world.nodes[2]
    before = fresh_world.nodes[1].identity.token_for(hospital.did)
    hospital.identity.authenticate(before)

    _, faculty = restarted(fresh_world, tmp_path, algorithm)
    fresh_world.clock.advance(seconds=61)
    peer = hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert "Faculty" == peer.name
    assert algorithm == jose.read(faculty.identity.token_with(hospital.did)[7:]).algorithm


def test_the_key_before_proves_nobody_any_more_although_its_document_was_cached(
    fresh_world, tmp_path
):
    hospital = fresh_world.nodes[2]
    hospital.identity.authenticate(fresh_world.nodes[1].identity.token_for(hospital.did))

    old, faculty = restarted(fresh_world, tmp_path, "ES256")
    fresh_world.clock.advance(seconds=2)
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    with pytest.raises(PeerUnauthenticatedError) as refusal:
        hospital.identity.identify(old.identity.token_with(hospital.did))
    assert "key_not_allowed" == refusal.value.code


def test_members_that_are_told_drop_the_document_at_once(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    hospital.identity.resolve_did(fresh_world.nodes[1].did)
    old, faculty = restarted(fresh_world, tmp_path, "ES256")
    hospital.identity.identify(old.identity.token_with(hospital.did))  # by the cached document

    hospital.identity.receive_keys_changed(faculty.did, {"key": "any"})

    with pytest.raises(PeerUnauthenticatedError):
        hospital.identity.identify(old.identity.token_with(hospital.did))


def test_a_statement_of_the_key_before_holds_until_its_time_is_over(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    old, faculty = restarted(fresh_world, tmp_path, "ES256")
    assert 2 == len(faculty.identity.did_document()["verificationMethod"])
    hospital.identity.forget_peer(faculty.did)

    def said_by_the_key_before():
        return old.identity.sign({"aud": hospital.did}, seconds=60, typ="said")

    claims = hospital.identity.verify_signed(said_by_the_key_before(), faculty.did, typ="said")
    assert faculty.did == claims["iss"]
    fresh_world.clock.advance(hours=25)

    assert 1 == len(faculty.identity.did_document()["verificationMethod"])
    with pytest.raises(CredentialInvalidError):
        hospital.identity.verify_signed(said_by_the_key_before(), faculty.did, typ="said")


def test_names_of_keys_there_never_were_cost_one_look_in_a_while(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    hospital.identity.resolve_did(faculty.did)
    fresh_world.clock.advance(seconds=2)
    looks = sum("did.json" in call for call in fresh_world.wire.calls)

    for number in range(20):
        with pytest.raises(PeerUnauthenticatedError):
            hospital.identity.identify(f"Bearer {unknown_key(faculty, hospital.did, number)}")

    assert looks + 1 == sum("did.json" in call for call in fresh_world.wire.calls)


def test_a_look_that_fails_costs_nobody_the_document_that_is_known(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    hospital.identity.resolve_did(faculty.did)
    fresh_world.clock.advance(seconds=2)
    fresh_world.wire.down.add("localhost:7401")

    with pytest.raises(PeerUnreachableError):
        hospital.identity.identify(f"Bearer {unknown_key(faculty, hospital.did, 1)}")

    assert faculty.did == hospital.identity.resolve_did(faculty.did).id
    hospital.identity.identify(faculty.identity.token_with(hospital.did))


def unknown_key(node, audience, number):
    """Return a token of a node that names a key it never had."""
    token = jose.read(node.identity.token_with(audience).removeprefix("Bearer "))
    return jose.sign(new_key("ES256"), f"{node.did}#none-{number}", token.claims)
