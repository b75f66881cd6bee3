"""Rotating a node's identity key from the command line's point of view."""

import fcntl
from datetime import timedelta

import pytest

from lib.ground import ManualClock
from lib.nodes import make_home
from tidegate.access.model import Actor
from tidegate.kernel.clock import SystemClock
from tidegate.node.build import open_node
from tidegate.node.rotation import RotationRefusedError, retire_former, rotate_identity
from tidegate.settings import NodeRole

BY = Actor("system:cli", "cli")


def events_of(node):
    return [
        leaf.entry.did
        for leaf in node.house.evidence.timeline(f"node:{node.settings.participant.did}")
    ]


def test_a_key_is_rotated_with_evidence_and_retired_in_time(tmp_path):
    home = make_home(tmp_path / "home")
    with open_node(home) as node:
        first = node.keys.identity_kid
        ring = rotate_identity(node, "EdDSA", SystemClock(), by=BY)

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
    with open_node(home) as node, (home / "serve.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RotationRefusedError, match="being served"):
            rotate_identity(node, "ES256", SystemClock(), by=BY)
    authority = make_home(tmp_path / "authority", NodeRole.AUTHORITY)
    with open_node(authority) as node, pytest.raises(RotationRefusedError, match="authority"):
        rotate_identity(node, "ES256", SystemClock(), by=BY)
