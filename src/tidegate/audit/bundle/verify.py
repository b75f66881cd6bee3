"""The offline verifier: a bundle, a trust file, and nothing else.

Pure but for reading the file: no node, database or network. Only keys of the trust file and keys in
credentials it verifies are believed. The checks go from the outside in (container, manifest,
credentials, logs, what logs say of each other, documents), and each flaw names its member.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from tidegate.audit.authority.model import find_longer
from tidegate.audit.authority.rules import KeyHistory
from tidegate.audit.bundle import layout
from tidegate.audit.bundle.container import CONTAINER, Opened, unpack
from tidegate.audit.bundle.crosscheck import (
    check_documents,
    check_each_other,
    check_key_changes,
    find_signers,
)
from tidegate.audit.bundle.life import tell_lives
from tidegate.audit.bundle.logs import CheckedLog, Flaws, check_log
from tidegate.audit.bundle.model import LogSummary, Report
from tidegate.audit.encoding import check_signature
from tidegate.audit.errors import (
    EvidenceMalformedError,
    SignatureInvalidError,
    SuccessionError,
)
from tidegate.audit.jws import read_jws, read_membership
from tidegate.audit.trust import SpaceFile, find_differences, read_space_file
from tidegate.kernel.values import dataclass


@dataclass(slots=True)
class _Known:
    """What is believed so far: keys by DID, and names to show."""

    keys: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def verify_bundle(path: Path, trust: SpaceFile | None) -> Report:
    """Verify a bundle against a trust file, or its consistency alone without one."""
    return verify_members(unpack(path), trust)


def verify_members(opened: Opened, trust: SpaceFile | None) -> Report:
    """Verify what a container holds; see `verify_bundle`."""
    flaws, known = Flaws(list(opened.flaws)), _Known()
    manifest = _check_manifest(opened.members, flaws)
    # Where bytes are not those of the manifest, only who signed the manifest is still asked:
    # what a changed member says would be no evidence of anything.
    is_whole = not flaws.found
    space = _check_space(opened.members, manifest, trust, flaws) if manifest else None
    keys = _check_keys(space, flaws) if space else None
    if manifest is not None and space is not None and keys is not None:
        known = _check_credentials(opened.members, space, keys, flaws)
        _check_exporter(opened.members, manifest, known, flaws)
    logs: tuple[CheckedLog, ...] = ()
    unchecked: tuple[str, ...] = ()
    if manifest is not None and space is not None and keys is not None and is_whole:
        found = (check_log(did, opened.members, known.keys, flaws) for did in manifest.logs)
        logs = tuple(log for log in found if log is not None)
        check_each_other(logs, flaws)
        if len(logs) == len(manifest.logs):
            check_key_changes(logs, keys, flaws)
            signers = find_signers(logs, known.keys, keys)
            unchecked = check_documents(logs, opened.members, signers, space, flaws)
    remarks = (
        *_remarks(logs, known.names),
        *known.remarks,
        *(f"{name}: signed by a node whose log is not here, so not checked." for name in unchecked),
    )
    return Report(
        space=manifest.space if manifest else "",
        exporter=manifest.exporter if manifest else "",
        at=manifest.at if manifest else "",
        is_authenticated=trust is not None and not flaws.found,
        members=len(opened.members),
        logs=tuple(_summary(log, known.names) for log in logs),
        lives=() if flaws.found else tell_lives(logs, known.names),
        remarks=remarks,
        flaws=tuple(flaws.found),
    )


def _check_manifest(members: Mapping[str, bytes], flaws: Flaws) -> layout.Manifest | None:
    flawed = {flaw.member for flaw in flaws.found}
    missing = {layout.MANIFEST, layout.SIGNATURE} - members.keys()
    for name in sorted(missing - flawed) if CONTAINER not in flawed else ():
        flaws.add(name, "it is missing.")
    if missing:
        return None
    try:
        manifest = layout.read_manifest(members[layout.MANIFEST])
    except EvidenceMalformedError as problem:
        flaws.add(layout.MANIFEST, problem.message)
        return None
    listed = {row[0]: row for row in manifest.members}
    present = {row[0]: row for row in layout.list_members(members)}
    for name in sorted((listed.keys() | present.keys()) - flawed):
        if name not in present:
            flaws.add(name, "it is missing.")
        elif name not in listed:
            flaws.add(name, "it is not in the manifest.")
        elif listed[name] != present[name]:
            flaws.add(name, "it was changed: its SHA-256 is not the one in the manifest.")
    return manifest


def _check_space(
    members: Mapping[str, bytes], manifest: layout.Manifest, trust: SpaceFile | None, flaws: Flaws
) -> SpaceFile | None:
    try:
        bundled = read_space_file(members.get(layout.SPACE, b""))
    except EvidenceMalformedError as problem:
        if layout.SPACE in members:
            flaws.add(layout.SPACE, problem.message)
        return trust
    space = trust or bundled
    if manifest.space != space.space:
        flaws.add(
            layout.MANIFEST,
            f"the bundle is of another space: {manifest.space}, trusted is {space.space}.",
        )
    differences = find_differences(space, bundled)
    if differences:
        flaws.add(
            layout.SPACE,
            f"it differs from the trust file in {', '.join(differences)}: another space, or one of"
            " the two was changed.",
        )
        return space
    try:
        return replace(space, successions=find_longer(space.successions, bundled.successions))
    except SuccessionError as problem:
        flaws.add(layout.SPACE, problem.message)
        return space


def _check_keys(space: SpaceFile, flaws: Flaws) -> KeyHistory | None:
    try:
        return space.keys()
    except SuccessionError as problem:
        flaws.add(layout.SPACE, problem.message)
        return None


def _check_credentials(
    members: Mapping[str, bytes], space: SpaceFile, keys: KeyHistory, flaws: Flaws
) -> _Known:
    known = _Known({space.authority: space.evidence_key}, {space.authority: "Authority"})
    for name in sorted(members):
        if not name.startswith(layout.CREDENTIALS):
            continue
        with flaws.about(name):
            credential = read_jws(members[name])
            key = keys.check(credential, "membership credential")
            member = read_membership(credential)
            if member.issuer != space.authority:
                raise SignatureInvalidError(f"It is issued by {member.issuer}, not the authority.")
            if name != layout.credential_member(member.did):
                raise EvidenceMalformedError(f"It is the credential of another: {member.did}.")
            if known.keys.setdefault(member.did, member.evidence_key) != member.evidence_key:
                raise EvidenceMalformedError("It gives the authority another evidence key.")
            known.names[member.did] = member.name or member.did
            if key.is_compromised:
                known.remarks.append(
                    f"The credential of {known.names[member.did]} is signed with a key that was"
                    f" compromised; it is dated before {key.until}, from when that key counts no"
                    " more. Ask for a bundle with a newer credential."
                )
    return known


def _check_exporter(
    members: Mapping[str, bytes], manifest: layout.Manifest, known: _Known, flaws: Flaws
) -> None:
    key = known.keys.get(manifest.exporter)
    if key is None:
        flaws.add(
            layout.MANIFEST,
            f"its exporter {manifest.exporter} has no valid credential of this space.",
        )
        return
    signature = members.get(layout.SIGNATURE, b"").decode("ascii", "replace")
    try:
        check_signature(key, manifest.canonical(), signature, "manifest")
    except SignatureInvalidError:
        flaws.add(layout.MANIFEST, f"it is not what {layout.SIGNATURE} signs.")
        flaws.add(layout.SIGNATURE, f"it does not sign {layout.MANIFEST}.")


def _summary(log: CheckedLog, names: Mapping[str, str]) -> LogSummary:
    by = sorted({cosigned.statement.witness for cosigned in log.witnesses})
    return LogSummary(
        did=log.did,
        name=names.get(log.did, log.did),
        leaves=len(log.tree),
        subjects=log.subjects,
        checkpoints=len(log.checkpoints),
        witnessed=max((cosigned.statement.size for cosigned in log.witnesses), default=0),
        witnesses=tuple(names.get(did, did) for did in by),
    )


def _remarks(logs: tuple[CheckedLog, ...], names: Mapping[str, str]) -> list[str]:
    """Say what is no flaw of the bundle, but what a reader should know."""
    remarks = []
    for log in logs:
        name = names.get(log.did, log.did)
        witnessed = max((cosigned.statement.size for cosigned in log.witnesses), default=0)
        if witnessed < len(log.tree):
            remarks.append(
                f"The last {len(log.tree) - witnessed} leaves of {name} are vouched for by that"
                " node alone; no other node witnessed them yet."
            )
        refused = [entry for entry in log.entries if entry.did == "witness.refused"]
        remarks.extend(
            f"{name} refused to witness {entry.to.removeprefix('node:')} at {entry.at}:"
            f" {entry.why.get('reason')}."
            for entry in refused
        )
    return remarks
