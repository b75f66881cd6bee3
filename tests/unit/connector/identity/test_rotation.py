"""Peers follow a rotated key: unknown kids are looked up anew, the key before serves a while."""

import pytest

from lib.space_world import make_node
from tidegate.access.model import Seat
from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.connector.identity import jose
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


def test_what_the_key_before_signed_holds_until_its_time_is_over(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    old, faculty = restarted(fresh_world, tmp_path, "ES256")
    listed = faculty.identity.did_document()["verificationMethod"]
    assert 2 == len(listed)
    assert faculty.did == hospital.identity.identify(old.identity.token_with(hospital.did)).did

    fresh_world.clock.advance(hours=25)
    hospital.identity.forget_peer(faculty.did)

    assert 1 == len(faculty.identity.did_document()["verificationMethod"])
    with pytest.raises(PeerUnauthenticatedError):
        hospital.identity.identify(old.identity.token_with(hospital.did))
