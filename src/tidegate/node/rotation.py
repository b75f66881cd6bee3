"""Rotating the identity key of a node, and retiring the ones before in time."""

from datetime import timedelta
from pathlib import Path

from tidegate.access.model import Actor
from tidegate.connector.identity.model import IdentitySettings
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import ConflictError
from tidegate.keys.rules import EDDSA
from tidegate.keys.service import (
    FormerKey,
    KeyRing,
    replace_key_file,
    retired,
    rotated,
)
from tidegate.node.build import Node
from tidegate.node.logbook import is_locked
from tidegate.settings import NodeRole, NodeSettings, read_passphrase

MARGIN = timedelta(hours=1)


class RotationRefusedError(ConflictError):
    """The key cannot be rotated now, or not on this node."""


def rotate_identity(node: Node, algorithm: str, clock: Clock, *, by: Actor) -> KeyRing:
    """Give the node a new identity key; the one before verifies until what it signed has expired.

    The evidence names both keys before the file changes: a rotation that nobody recorded does
    not happen.

    Raises:
        RotationRefusedError: the node is being served, or is the authority, whose key the trust
            files of all members name.
    """
    settings = node.settings
    check_not_served(settings.home)
    if settings.role is NodeRole.AUTHORITY:
        raise RotationRefusedError(
            "The authority's key is named in every member's space.json and in every evidence"
            " bundle, so it is not rotated here; found a new space to change it.",
            code="authority_key_pinned",
        )
    held = IdentitySettings()
    longest = max(held.credential_seconds, held.status_list_seconds)
    until = iso(clock.now() + timedelta(seconds=longest) + MARGIN)
    ring = rotated(node.keys, algorithm, until)
    node.journal.note(
        by=by.id,
        did="key.rotated",
        to=f"node:{settings.participant.did}",
        why={
            "before": node.keys.identity_kid,
            "after": ring.identity_kid,
            "algorithm": algorithm if algorithm == EDDSA else "ES256",
            "until": until,
        },
    )
    _keep(settings, ring)
    return ring


def retire_former(node: Node, clock: Clock) -> tuple[FormerKey, ...]:
    """Drop the former keys whose time is over; at every start, and by command."""
    ring, over = retired(node.keys, iso(clock.now()))
    for each in over:
        node.journal.note(
            by="system:keys.retire",
            did="key.retired",
            to=f"node:{node.settings.participant.did}",
            why={"key": each.jwk["kid"], "until": each.until},
        )
    if over:
        _keep(node.settings, ring)
    return over


def check_not_served(home: Path) -> None:
    """Raise RotationRefusedError while a process serves the node, which holds the old keys."""
    if is_locked(home / "serve.lock"):
        raise RotationRefusedError(
            "The node is being served with its present keys; stop it, rotate, and start it again.",
            code="node_served",
        )


def _keep(settings: NodeSettings, ring: KeyRing) -> None:
    replace_key_file(settings.keys_file, read_passphrase(settings.passphrase_file), ring)
