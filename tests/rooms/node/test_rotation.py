"""Rotating a node's identity key from the command line's point of view."""

import fcntl
from datetime import timedelta

import pytest

from lib.ground import ManualClock
from lib.nodes import make_home
from tidegate.access.model import Actor
from tidegate.kernel.clock import SystemClock, iso
from tidegate.kernel.failpoint import arm, disarm
from tidegate.keys.service import staged_key_file
from tidegate.node.build import open_node
from tidegate.node.lock import AlreadyServedError, home_held
from tidegate.node.rotation import (
    RotationRefusedError,
    retire_former,
    rotate_home,
    settle_rotation,
)
from tidegate.partners.model import SpaceProfile
from tidegate.settings import NodeRole, read_settings

BY = Actor("system:cli", "cli")


class KilledError(BaseException):
    """Stands for the death of the process: nothing of the product catches it."""


def die():
    raise KilledError


def events_of(node):
    return [
        leaf.entry.did
        for leaf in node.house.evidence.timeline(f"node:{node.settings.participant.did}")
    ]


def rotate(home, algorithm="ES256"):
    return rotate_home(home, algorithm, SystemClock(), by=BY)


def test_a_key_is_rotated_with_evidence_and_retired_in_time(tmp_path):
    home = make_home(tmp_path / "home")
    with open_node(home) as node:
        first = node.keys.identity_kid
    ring = rotate(home, "EdDSA")

    with open_node(home) as node:
        assert ring.identity_kid == node.keys.identity_kid != first
        assert [first] == [each.jwk["kid"] for each in node.keys.former_keys()]
        assert () == retire_former(node, SystemClock())
        later = ManualClock(SystemClock().now() + timedelta(hours=26))
        assert [first] == [each.jwk["kid"] for each in retire_former(node, later)]
        assert {"key.rotated", "key.retired"} <= set(events_of(node))

    with open_node(home) as node:
        assert () == node.keys.former_keys()


def test_a_served_node_is_not_rotated(tmp_path):
    home = make_home(tmp_path / "home")
    with (home / "serve.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AlreadyServedError, match="serves"):
            rotate(home)


@pytest.fixture
def authority(tmp_path):
    home = make_home(tmp_path / "authority", NodeRole.AUTHORITY)
    with open_node(home) as node:
        node.house.joining.create_space("Pearl", SpaceProfile.LOOPBACK, by=BY)
    return home


def test_an_authoritys_change_of_key_stands_in_the_history_of_its_space(authority):
    with open_node(authority) as node:
        first, file = node.keys.identity_kid, node.house.joining.space_file()
    ring = rotate(authority)

    with open_node(authority) as node:
        history = node.house.space.find_keys()
        after = node.house.joining.space_file()
        chain = node.house.evidence.timeline(f"space:{file['space']}")
    assert [first, ring.identity_kid] == [each.kid for each in history.keys]
    assert file["keys"]["credentials"] == after["keys"]["credentials"]
    assert 1 == len(after["keys"]["history"])
    assert "space.key_changed" == chain[-1].entry.did


def test_a_compromised_key_leaves_the_did_document_at_once(authority):
    since = iso(SystemClock().now() - timedelta(days=2))
    ring = rotate_home(authority, "ES256", SystemClock(), by=BY, compromised_since=since)

    with open_node(authority) as node:
        history = node.house.space.find_keys()
        listed = node.house.identity.did_document()["verificationMethod"]
    assert (since, True) == (history.keys[0].until, history.keys[0].is_compromised)
    assert [ring.identity_kid] == [each["publicKeyJwk"]["kid"] for each in listed]


def test_an_authority_keeps_to_what_every_member_reads(authority):
    with pytest.raises(RotationRefusedError) as refusal:
        rotate(authority, "EdDSA")
    assert "authority_es256" == refusal.value.code


@pytest.mark.parametrize("since", ["2999-01-01T00:00:00Z"])
def test_no_key_was_compromised_in_the_future(authority, since):
    with pytest.raises(RotationRefusedError) as refusal:
        rotate_home(authority, "ES256", SystemClock(), by=BY, compromised_since=since)
    assert "moment_in_future" == refusal.value.code


@pytest.mark.parametrize("place", ["rotation.staged", "rotation.recorded", "rotation.promoted"])
def test_an_authority_killed_anywhere_signs_with_the_key_its_history_names(authority, place):
    arm(place, die)
    try:
        with pytest.raises(KilledError):
            rotate(authority)
    finally:
        disarm()

    settle_rotation(read_settings(authority))

    with open_node(authority) as node:
        assert node.keys.identity_kid == node.house.space.find_keys().present.kid


def test_nothing_serves_the_home_while_its_key_changes(tmp_path):
    home = make_home(tmp_path / "home")
    refused = []

    def try_to_serve():
        with pytest.raises(AlreadyServedError) as refusal, home_held(home):
            pytest.fail("two processes hold one home")
        refused.append(refusal.value.code)

    arm("rotation.staged", try_to_serve)
    arm("rotation.recorded", try_to_serve)
    arm("rotation.promoted", try_to_serve)
    try:
        rotate(home)
    finally:
        disarm()

    assert ["already_served"] * 3 == refused
    with home_held(home):
        assert not staged_key_file(read_settings(home).keys_file).exists()


@pytest.mark.parametrize(
    ("place", "is_rotated"),
    [("rotation.staged", False), ("rotation.recorded", True), ("rotation.promoted", True)],
)
def test_a_rotation_killed_anywhere_happened_or_did_not(tmp_path, place, is_rotated):
    home = make_home(tmp_path / "home")
    settings = read_settings(home)
    with open_node(home) as node:
        first = node.keys.identity_kid
    arm(place, die)
    try:
        with pytest.raises(KilledError):
            rotate(home)
    finally:
        disarm()

    settle_rotation(settings)
    settle_rotation(settings)

    assert not staged_key_file(settings.keys_file).exists()
    with open_node(home) as node:
        assert is_rotated == (first != node.keys.identity_kid)
        assert is_rotated == ("key.rotated" in events_of(node))
    rotate(home)


def test_keys_cut_short_while_they_were_written_are_dropped(tmp_path):
    home = make_home(tmp_path / "home")
    staged = staged_key_file(read_settings(home).keys_file)
    staged.write_bytes(read_settings(home).keys_file.read_bytes()[:100])

    settle_rotation(read_settings(home))

    assert not staged.exists()
