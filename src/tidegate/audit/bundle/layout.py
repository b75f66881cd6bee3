"""What lies where in a bundle, and the manifest that names and hashes every member."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.audit.checkpoint import (
    Cosignature,
    SignedCheckpoint,
    read_cosignature,
    read_signed_checkpoint,
)
from tidegate.audit.encoding import decode_hash
from tidegate.audit.errors import EvidenceMalformedError
from tidegate.audit.model import read_canonical
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.values import dataclass

FORM = "tidegate-bundle/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
SPACE = "space.json"
ATTACHMENTS = "attachments/"
CREDENTIALS = "credentials/"
RULE_PACKS = "rulepacks/"
NODES = "nodes/"
_UNSIGNED = {MANIFEST, SIGNATURE}


def folder_of(did: str) -> str:
    """Return the name a DID has inside a bundle; the manifest says which DID it is."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", did.removeprefix("did:")).strip("-")


def log_member(did: str) -> str:
    """Return where a node's log lies: one leaf a line."""
    return f"{NODES}{folder_of(did)}/log.jsonl"


def checkpoints_member(did: str) -> str:
    """Return where a node's checkpoints lie, each proven to continue the one before."""
    return f"{NODES}{folder_of(did)}/checkpoints.jsonl"


def witnesses_member(did: str) -> str:
    """Return where the cosignatures over a node's checkpoints lie."""
    return f"{NODES}{folder_of(did)}/witnesses.jsonl"


def credential_member(did: str) -> str:
    """Return where a member's credential lies."""
    return f"{CREDENTIALS}{folder_of(did)}.jwt"


def attachment_member(sha256: str) -> str:
    """Return where an attached document lies."""
    return f"{ATTACHMENTS}{sha256}"


def rule_pack_member(sha256: str) -> str:
    """Return where a rule pack lies."""
    return f"{RULE_PACKS}{sha256}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Who exported what and when: the DIDs of the logs, and size and hash of every member."""

    space: str
    exporter: str
    at: str
    logs: tuple[str, ...]
    members: tuple[tuple[str, int, str], ...]

    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical_json(
            {
                "form": FORM,
                "space": self.space,
                "exporter": self.exporter,
                "at": self.at,
                "logs": self.logs,
                "members": [
                    {"name": name, "bytes": size, "sha256": digest}
                    for name, size, digest in self.members
                ],
            }
        )


def list_members(members: Mapping[str, bytes]) -> tuple[tuple[str, int, str], ...]:
    """Return name, size and hash of what a manifest must list: all members but itself."""
    return tuple(
        (name, len(members[name]), sha256_hex(members[name]))
        for name in sorted(set(members) - _UNSIGNED)
    )


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest from its one strict form."""
    content = read_canonical(data, "manifest")
    try:
        manifest = Manifest(
            _text(content["space"]),
            _text(content["exporter"]),
            _text(content["at"]),
            tuple(_text(did) for did in content["logs"]),
            tuple(
                (_text(row["name"]), int(row["bytes"]), _text(row["sha256"]))
                for row in content["members"]
            ),
        )
    except (KeyError, TypeError, ValueError):
        raise EvidenceMalformedError("The manifest lacks a field.") from None
    if manifest.canonical() != data:
        raise EvidenceMalformedError("The manifest has a field that does not belong.")
    names = [name for name, _, _ in manifest.members]
    if names != sorted(set(names)) or list(manifest.logs) != sorted(set(manifest.logs)):
        raise EvidenceMalformedError("The manifest does not list each member once, in order.")
    if len({folder_of(did) for did in manifest.logs}) != len(manifest.logs):
        raise EvidenceMalformedError("Two logs of the manifest share one folder.")
    return manifest


@dataclass(frozen=True, slots=True)
class CheckpointLine:
    """A checkpoint as it stands in a bundle: with the proof that it continues the one before."""

    signed: SignedCheckpoint
    proof: tuple[bytes, ...]

    def canonical(self) -> bytes:
        """Return the line."""
        proof = [step.hex() for step in self.proof]
        return canonical_json({**self.signed.to_json(), "proof": proof})


def read_checkpoint_line(line: bytes) -> CheckpointLine:
    """Read one line of a log's checkpoints."""
    content = read_canonical(line, "line")
    steps = content.pop("proof", None)
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise EvidenceMalformedError("The checkpoint has no consistency proof.")
    proof = tuple(decode_hash(step) for step in steps)
    return CheckpointLine(read_signed_checkpoint(content), proof)


def read_witness_line(line: bytes) -> Cosignature:
    """Read one line of a log's cosignatures."""
    return read_cosignature(read_canonical(line, "line"))


def write_lines(lines: Iterable[bytes]) -> bytes:
    """Join lines, each ended by a newline."""
    return b"".join(line + b"\n" for line in lines)


def read_lines(data: bytes) -> tuple[bytes, ...]:
    """Split what `write_lines` wrote; refuse a last line that was cut, and empty lines."""
    if not data:
        return ()
    lines = data.split(b"\n")
    if lines.pop() != b"" or b"" in lines:
        raise EvidenceMalformedError("The last line was cut, or a line is empty.")
    return tuple(lines)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
