"""Keep the memberships of a table's releases in a folder, one file each, chained and sealed.

`0001.release`, `0002.release`, … are a line of JSON and a membership. The line holds the SHA-256 of
the file before it and of the published table, and a seal (BLAKE2b, RFC 7693) under the key over all
of it, so that a file that was changed, taken out or put in between shows. The key is derived from
the one the user names, so that the same file may hold the key of pseudonyms. Nobody without the key
can tell who is in a membership, or test a guess.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tidegate.deid.releases.errors import (
    MembershipCorruptError,
    MembershipInvalidError,
    ReleasesBusyError,
)
from tidegate.deid.releases.memory import key_id, read_membership, write_membership
from tidegate.deid.releases.model import Kept, Membership

_FORM = "tidegate-deid-release/1"
_NAME = re.compile(r"[0-9]{4,}\.release")
_LEAST_KEY = 32
_PURPOSE = b"tidegate release membership"


def derive(secret: bytes) -> bytes:
    """Return the key of memberships. Raises MembershipInvalidError for a short secret."""
    if len(secret) < _LEAST_KEY:
        raise MembershipInvalidError(
            f"Releases are remembered under a key; give a file of at least {_LEAST_KEY} bytes with"
            " --key-file, the same for all releases of the table.",
            code="membership_key",
        )
    return hmac.new(secret, _PURPOSE, hashlib.sha256).digest()


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Hold the folder, so that no two runs check themselves against the same past.

    Raises ReleasesBusyError, or MembershipInvalidError if there is no such folder.
    """
    if not folder.is_dir():
        raise MembershipInvalidError(
            f"There is no folder {folder} with earlier releases; correct its name, or say"
            " --first-release if this is the table's first.",
            code="releases_missing",
        )
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ReleasesBusyError(
            f"Another run is publishing a release kept in {folder}; wait until it ends.",
            code="releases_busy",
        ) from None
    finally:
        os.close(number)


def read_all(folder: Path, key: bytes) -> tuple[Kept, ...]:
    """Read every release that is kept, oldest first.

    Raises MembershipInvalidError for another key, MembershipCorruptError if the chain is broken.
    """
    names = sorted(
        (path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)),
        key=lambda name: int(name.partition(".")[0]),
    )
    found: list[Kept] = []
    before = ""
    for number, name in enumerate(names, start=1):
        content = (folder / name).read_bytes()
        if name != name_of(number):
            raise _broken(folder, name_of(number), "is missing")
        one = _read(content, key, folder, name)
        if one.previous != before or one.number != number:
            raise _broken(folder, name, "does not follow the one before it")
        found.append(one)
        before = hashlib.sha256(content).hexdigest()
    return tuple(found)


def name_of(number: int) -> str:
    """Return the name of a release's file."""
    return f"{number:04d}.release"


def pack(membership: Membership, folder: Path, number: int, table: str, key: bytes) -> bytes:
    """Write what is kept of a release after those in the folder; `table` is its SHA-256."""
    before = folder / name_of(number - 1)
    head = {
        "format": _FORM,
        "number": number,
        "previous": hashlib.sha256(before.read_bytes()).hexdigest() if number > 1 else "",
        "table": table,
    }
    body = write_membership(membership)
    return _line({**head, "seal": _seal(head, body, key)}) + b"\n" + body


def _read(content: bytes, key: bytes, folder: Path, name: str) -> Kept:
    line, _, body = content.partition(b"\n")
    try:
        head = json.loads(line)
        seal = str(head.pop("seal"))
        number, previous = int(head["number"]), str(head["previous"])
        table, form = str(head["table"]), str(head["format"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _broken(folder, name, "is no release that was kept") from None
    membership = read_membership(body)
    if membership.key_id != key_id(key):
        raise MembershipInvalidError(
            f"The releases in {folder} were remembered by another key, so their people cannot be"
            " matched; name the table's own with --key-file.",
            code="membership_other_key",
        )
    if form != _FORM or not hmac.compare_digest(seal, _seal(head, body, key)):
        raise _broken(folder, name, "is not what was written")
    return Kept(number, previous, table, membership)


def _line(head: Mapping[str, object]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _seal(head: Mapping[str, object], body: bytes, key: bytes) -> str:
    told = hashlib.blake2b(_line(head) + b"\n", digest_size=16, key=key, person=b"seal")
    told.update(body)
    return told.hexdigest()


def _broken(folder: Path, name: str, what: str) -> MembershipCorruptError:
    return MembershipCorruptError(
        f"{folder / name} {what}; restore the folder from the backup, or publish no further release"
        " of this table.",
        code="releases_broken",
    )
