"""Rotating the identity key of a node, and retiring the ones before in time.

The home is held from the first line to the last, so that no process serves with other keys than
the home has. The order is: the new keys lie sealed beside the old, safe on the disk; the evidence
names both; the file takes its place in one rename. Killed anywhere, the next start finishes what
stands in the evidence and drops what does not.
"""

from datetime import timedelta
from pathlib import Path

from tidegate.access.model import Actor
from tidegate.audit.authority.model import Cause, SignedSuccession, sign_succession
from tidegate.audit.authority.rules import KeyHistory, next_succession
from tidegate.connector.identity.model import IdentitySettings
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.errors import ConflictError, TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.keys.rules import EDDSA, sign_raw
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
from tidegate.settings import NodeSettings, read_passphrase, read_settings

MARGIN = timedelta(hours=1)
CHANGED = "keys.changed"


class RotationRefusedError(ConflictError):
    """The key cannot be rotated in this way."""


def rotate_home(
    home: Path, algorithm: str, clock: Clock, *, by: Actor, compromised_since: str = ""
) -> KeyRing:
    """Give the node in `home` a new identity key.

    With `compromised_since` the key before verifies nothing any more, and of what an authority's
    key signed only what is dated before that moment is believed in evidence.

    Raises:
        AlreadyServedError: the node is being served, with the keys it has.
        RotationRefusedError: an authority's key is asked to be of a kind its members do not read,
            or the moment is none that has passed.
    """
    settings = read_settings(home)
    with home_held(home):
        settle_rotation(settings)
        with open_node(home) as node:
            return _rotate(node, algorithm, clock, compromised_since, by=by)


def _rotate(node: Node, algorithm: str, clock: Clock, since: str, *, by: Actor) -> KeyRing:
    settings, now = node.settings, clock.now()
    if since and parse_iso(since) > now:
        raise RotationRefusedError(
            "A key was compromised at a moment that has passed.", code="moment_in_future"
        )
    history = node.house.space.find_keys()
    speaks_for_space = history is not None and history.authority == settings.participant.did
    if speaks_for_space and algorithm == EDDSA:
        raise RotationRefusedError(
            "The authority of a space signs with ES256, which every member reads.",
            code="authority_es256",
        )
    held = IdentitySettings()
    longest = timedelta(seconds=max(held.credential_seconds, held.status_list_seconds)) + MARGIN
    until = iso(now if since else now + longest)
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
            "compromised_since": since,
        },
    ) as tx:
        if history is not None and speaks_for_space:
            node.house.space.keep_succession(
                tx, _succession(history, node.keys, ring, iso(now), since)
            )
        for member in node.house.space.list_members():
            if member.state is MemberState.ACTIVE and member.did != settings.participant.did:
                tx.send(to=member.did, kind=CHANGED, body={"key": ring.identity_kid})
    failpoint("rotation.recorded")
    promote_key_file(settings.keys_file)
    failpoint("rotation.promoted")
    return ring


def _succession(
    history: KeyHistory, before: KeyRing, after: KeyRing, at: str, since: str
) -> SignedSuccession:
    """Return the authority's succession, signed by its evidence key and both identity keys."""
    public = {name: str(value) for name, value in after.identity_public_jwk().items()}
    made = next_succession(
        history,
        tuple(sorted(public.items())),
        at=at,
        cause=Cause.COMPROMISED if since else Cause.PLANNED,
        until=iso(parse_iso(since)) if since else at,
    )
    return sign_succession(
        made,
        evidence=before.sign_evidence,
        before=lambda data: sign_raw(before.identity_key(), data),
        after=lambda data: sign_raw(after.identity_key(), data),
    )


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
