"""Composes a bundle out of this node's evidence and, if asked, other nodes' bundles."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from tidegate.audit import store
from tidegate.audit.authority.model import find_longer
from tidegate.audit.bundle import layout
from tidegate.audit.bundle.container import unpack
from tidegate.audit.bundle.logs import WITNESSED
from tidegate.audit.checkpoint import Sign, SignedCheckpoint
from tidegate.audit.encoding import encode_bytes
from tidegate.audit.errors import BundleRefusedError, EvidenceMalformedError
from tidegate.audit.jws import Membership, read_jws, read_membership
from tidegate.audit.merkle import consistency_path
from tidegate.audit.model import read_leaf
from tidegate.audit.tree import StoredTree
from tidegate.audit.trust import read_space_file, write_space_file
from tidegate.kernel.canonical import canonical_json, sha256_hex

Members = dict[str, bytes]


def collect_log(conn: Connection, did: str) -> Members:
    """Return this node's log with its checkpoints, cosignatures and attachments."""
    checkpoints = store.list_checkpoints(conn)
    if not checkpoints:
        raise BundleRefusedError("There is no checkpoint yet; make one, then export again.")
    leaves = [text.encode() for text in store.each_leaf(conn, checkpoints[-1].checkpoint.size)]
    entries = [read_leaf(leaf) for leaf in leaves]
    received = {entry.why.get("statement") for entry in entries if entry.did == WITNESSED}
    witnesses = [
        cosigned
        for cosigned, _ in store.list_witnesses(conn)
        if cosigned.statement.sha256 in received  # the log knows of it within its last checkpoint
    ]
    members = {
        layout.log_member(did): layout.write_lines(leaves),
        layout.checkpoints_member(did): layout.write_lines(_checkpoint_lines(conn, checkpoints)),
        layout.witnesses_member(did): layout.write_lines(
            canonical_json(cosigned.to_json()) for cosigned in witnesses
        ),
    }
    for entry in entries:
        for digest in entry.files:
            found = store.find_attachment(conn, digest)
            if found is None:
                raise BundleRefusedError(
                    f"The attached document {digest} is not in the database; restore it from the"
                    " backup, then export again."
                )
            members[layout.attachment_member(digest)] = found[1]
    return members


def collect_documents(
    space_file: bytes, credentials: tuple[str, ...], rule_packs: tuple[bytes, ...]
) -> Members:
    """Return the documents of the space: trust file, credentials, rule packs."""
    members = {layout.SPACE: space_file}
    for pack in rule_packs:
        members[layout.rule_pack_member(sha256_hex(pack))] = pack
    for credential in credentials:
        _keep_credential(members, credential.encode())
    return members


def merge_bundle(members: Members, path: Path) -> tuple[str, ...]:
    """Take over what another node's bundle holds; return the DIDs of the logs it brought.

    Everything in it stays signed by its own node, so merging needs no trust in who exported it.
    """
    opened = unpack(path)
    manifest = layout.read_manifest(opened.members.get(layout.MANIFEST, b""))
    if opened.flaws or layout.list_members(opened.members) != manifest.members:
        raise BundleRefusedError(f"{path.name} was changed; export it again at its node.")
    ours = read_space_file(members[layout.SPACE])
    theirs = read_space_file(opened.members[layout.SPACE])
    if (ours.space, ours.authority) != (theirs.space, theirs.authority):
        raise BundleRefusedError(f"{path.name} is a bundle of another space ({theirs.name}).")
    longer = find_longer(ours.successions, theirs.successions)
    members[layout.SPACE] = write_space_file(replace(ours, successions=longer))
    for name, content in opened.members.items():
        if name in (layout.MANIFEST, layout.SIGNATURE, layout.SPACE):
            continue
        if name.startswith(layout.CREDENTIALS):
            _keep_credential(members, content)
        elif members.setdefault(name, content) != content:
            raise BundleRefusedError(
                f"{name} of {path.name} differs from what this bundle has; include each log once."
            )
    return manifest.logs


def seal(members: Members, manifest: layout.Manifest, sign: Sign) -> None:
    """Add the manifest and its signature."""
    members[layout.MANIFEST] = manifest.canonical()
    members[layout.SIGNATURE] = encode_bytes(sign(manifest.canonical())).encode()


def _checkpoint_lines(conn: Connection, checkpoints: tuple[SignedCheckpoint, ...]) -> list[bytes]:
    tree = StoredTree(conn)
    lines, size = [], 0
    for signed in checkpoints:
        proof = consistency_path(tree.node, size, signed.checkpoint.size)
        lines.append(layout.CheckpointLine(signed, proof).canonical())
        size = signed.checkpoint.size
    return lines


def _keep_credential(members: Members, credential: bytes) -> None:
    """Keep one credential a member: the one issued last."""
    new = _membership(credential)
    if new is None:
        return
    name = layout.credential_member(new.did)
    old = _membership(members[name]) if name in members else None
    if old is None or (new.issued, credential) > (old.issued, members[name]):
        members[name] = credential


def _membership(credential: bytes) -> Membership | None:
    """Read a membership credential; other credentials a node holds do not belong into a bundle."""
    try:
        return read_membership(read_jws(credential))
    except EvidenceMalformedError:
        return None
