"""Rotating a node's identity key from the command line's point of view."""

import fcntl
from datetime import timedelta

import pytest

from lib.ground import ManualClock
from lib.nodes import make_home
from tidegate.access.model import Actor
from tidegate.kernel.clock import SystemClock
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


def test_a_served_node_and_the_authority_are_not_rotated(tmp_path):
    home = make_home(tmp_path / "home")
    with (home / "serve.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AlreadyServedError, match="serves"):
            rotate(home)
    authority = make_home(tmp_path / "authority", NodeRole.AUTHORITY)
    with pytest.raises(RotationRefusedError, match="authority"):
        rotate(authority)


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
