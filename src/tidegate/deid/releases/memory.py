"""Remember a release by keyed digests, and write and read what is remembered.

A person's digest is BLAKE2b (RFC 7693) keyed with the node's secret, 16 bytes; the key never leaves
the node and is the same for all releases of one table, so that persons can be matched and nobody
without it can test a guess.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence

from tidegate.deid.releases.errors import MembershipCorruptError, MembershipInvalidError
from tidegate.deid.releases.model import ABSENT, Membership
from tidegate.deid.spellings import meaning

_FORM = "tidegate-release-membership/2"
_BYTES = 16
_CLASS_BYTES = 4
_LEAST_KEY = 16


def remember(
    release: str, persons: Sequence[str], classes: Iterable[int], key: bytes
) -> Membership:
    """Return what is kept of a release: each person's digest and class; suppressed ones are left.

    `persons` are the stable keys of the records, `classes` their class numbers, negative if not
    published. Raises MembershipInvalidError if a person is published twice or the key is short.
    """
    if not _LEAST_KEY <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise MembershipInvalidError(
            "The key of the memberships has 16 to 64 bytes; take the table's own from the vault.",
            code="membership_key",
        )
    known: dict[bytes, int] = {}
    for person, number in zip(persons, classes, strict=True):
        if number > ABSENT:
            digest = digest_person(person, key)
            if digest in known:
                raise MembershipInvalidError(
                    "A person stands in the release more than once; publish one record a person, "
                    "or k would count records instead of people.",
                    code="membership_twice",
                )
            known[digest] = int(number)
    return Membership(release, key_id(key), known)


def digest_person(person: str, key: bytes) -> bytes:
    """Return the keyed digest that stands for a person in all releases of a table.

    However the person's key is spelt: a spreadsheet that makes `7` of `007` would otherwise send
    everybody away and bring everybody anew, and no intersection would be seen.
    """
    name = meaning(person)
    return hashlib.blake2b(name.encode(), digest_size=_BYTES, key=key, person=b"person").digest()


def key_id(key: bytes) -> str:
    """Return what tells a key from others and does not tell the key."""
    return hashlib.blake2b(b"", digest_size=8, key=key, person=b"key id").hexdigest()


def write_membership(membership: Membership) -> bytes:
    """Write a membership: a line of JSON, then each person's digest and class, sorted.

    The order is that of the digests, so that nothing of the table's order is kept; the line holds
    the SHA-256 of what follows.
    """
    body = b"".join(
        digest + number.to_bytes(_CLASS_BYTES, "big")
        for digest, number in sorted(membership.classes.items())
    )
    head = {
        "format": _FORM,
        "key_id": membership.key_id,
        "people": len(membership.classes),
        "release": membership.release,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode() + b"\n" + body


def read_membership(content: bytes) -> Membership:
    """Read a membership again. Raises MembershipCorruptError if a byte of it changed."""
    line, _, body = content.partition(b"\n")
    step = _BYTES + _CLASS_BYTES
    try:
        head = json.loads(line)
        sound = (
            head["format"] == _FORM
            and head["sha256"] == hashlib.sha256(body).hexdigest()
            and head["people"] * step == len(body)
        )
        release, key_id = str(head["release"]), str(head["key_id"])
    except (ValueError, KeyError, TypeError) as problem:
        raise _corrupt() from problem
    if not sound:
        raise _corrupt()
    parts = (body[place : place + step] for place in range(0, len(body), step))
    classes = {part[:_BYTES]: int.from_bytes(part[_BYTES:], "big") for part in parts}
    return Membership(release, key_id, classes)


def _corrupt() -> MembershipCorruptError:
    return MembershipCorruptError(
        "What was kept of an earlier release is not what was written, or an earlier program wrote "
        "it; restore it from the backup, or publish no further release of this table.",
        code="membership_corrupt",
    )
