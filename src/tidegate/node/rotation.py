"""Rotating the identity key of a node, and retiring the ones before in time.

The home is held from the first line to the last, so that no process serves with other keys than
the home has. The order is: the new keys lie sealed beside the old, safe on the disk; the evidence
names both; the file takes its place in one rename. Killed anywhere, the next start finishes what
stands in the evidence and drops what does not.
"""

from datetime import timedelta
from pathlib import Path

from tidegate.access.model import Actor
from tidegate.connector.identity.model import IdentitySettings
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import ConflictError, TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.keys.rules import EDDSA
from tidegate.keys.service import (
    FormerKey,
    KeyRing,
    open_key_file,
    promote_key_file,
    replace_key_file,
    rotated,
    stage_key_file,
    staged_key_file,
)
from tidegate.keys.service import retired as retired_of
from tidegate.node.build import Node, open_node
from tidegate.node.lock import home_held
from tidegate.partners.model import MemberState
from tidegate.settings import NodeRole, NodeSettings, read_passphrase, read_settings

MARGIN = timedelta(hours=1)
CHANGED = "keys.changed"


class RotationRefusedError(ConflictError):
    """The key cannot be rotated on this node."""


def rotate_home(home: Path, algorithm: str, clock: Clock, *, by: Actor) -> KeyRing:
    """Give the node in `home` a new identity key.

    Raises:
        AlreadyServedError: the node is being served, with the keys it has.
        RotationRefusedError: the node is the authority, whose key the trust files of all members
            name.
    """
    settings = read_settings(home)
    with home_held(home):
        settle_rotation(settings)
        with open_node(home) as node:
            return _rotate(node, algorithm, clock, by=by)


def _rotate(node: Node, algorithm: str, clock: Clock, *, by: Actor) -> KeyRing:
    settings = node.settings
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
    stage_key_file(settings.keys_file, read_passphrase(settings.passphrase_file), ring)
    failpoint("rotation.staged")
    with node.journal.write(
        by=by.id,
        did="key.rotated",
        to=f"node:{settings.participant.did}",
        why={
            "before": node.keys.identity_kid,
            "after": ring.identity_kid,
            "algorithm": algorithm if algorithm == EDDSA else "ES256",
            "until": until,
        },
    ) as tx:
        for member in node.house.space.list_members():
            if member.state is MemberState.ACTIVE and member.did != settings.participant.did:
                tx.send(to=member.did, kind=CHANGED, body={"key": ring.identity_kid})
    failpoint("rotation.recorded")
    promote_key_file(settings.keys_file)
    failpoint("rotation.promoted")
    return ring


def settle_rotation(settings: NodeSettings) -> None:
    """Finish a rotation that was killed after the evidence named it; drop one that was before.

    For the process that holds the home, before it opens the node.
    """
    staged = staged_key_file(settings.keys_file)
    if not staged.exists():
        return
    try:
        ring = open_key_file(staged, read_passphrase(settings.passphrase_file))
    except TidegateError:
        staged.unlink()  # cut short while it was written: nothing refers to it yet
        return
    with open_node(settings.home) as node:
        recorded = _last_recorded(node)
    if recorded == ring.identity_kid:
        promote_key_file(settings.keys_file)
    else:
        staged.unlink()


def _last_recorded(node: Node) -> str:
    """Return the identity key that the evidence says is the node's since the last rotation."""
    found = node.house.evidence.list_leaves(limit=1, event="key.rotated")
    return str(found[0].entry.why["after"]) if found else node.keys.identity_kid


def retire_former(node: Node, clock: Clock) -> tuple[FormerKey, ...]:
    """Drop the former keys whose time is over; at every start."""
    ring, over = retired_of(node.keys, iso(clock.now()))
    for each in over:
        node.journal.note(
            by="system:keys.retire",
            did="key.retired",
            to=f"node:{node.settings.participant.did}",
            why={"key": each.jwk["kid"], "until": each.until},
        )
    if over:
        settings = node.settings
        replace_key_file(settings.keys_file, read_passphrase(settings.passphrase_file), ring)
    return over
