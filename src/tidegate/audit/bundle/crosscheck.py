"""Checks what logs say of each other, and the documents they refer to."""

from collections.abc import Mapping

from tidegate.audit.bundle import layout
from tidegate.audit.bundle.logs import CheckedLog, Flaws
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError
from tidegate.audit.jws import check_eddsa, check_es256, read_jws
from tidegate.audit.model import CERTIFICATE, Entry
from tidegate.audit.trust import SpaceFile
from tidegate.kernel.canonical import sha256_hex

COSIGNED = "checkpoint.cosigned"
RULE_PACK_NAMES = ("rule_pack", "pack_hash")
"""Names under which a leaf's `why` says which rule pack a decision was made by."""


def check_each_other(logs: tuple[CheckedLog, ...], flaws: Flaws) -> None:
    """Hold every log against what the other logs say they witnessed of it."""
    by_did = {log.did: log for log in logs}
    for witness in logs:
        for entry in witness.entries:
            log = by_did.get(entry.to.removeprefix("node:"))
            if entry.did == COSIGNED and log is not None:
                _check_witnessed(log, witness.did, entry, flaws)


def _check_witnessed(log: CheckedLog, witness: str, entry: Entry, flaws: Flaws) -> None:
    size, root = entry.why.get("size"), entry.why.get("root")
    if not isinstance(size, int) or size > len(log.tree):
        flaws.add(
            layout.log_member(log.did),
            f"it ends at {len(log.tree)} leaves, but {witness} witnessed {size}: its tail was"
            " dropped, or the bundle is older than what was witnessed.",
        )
    elif log.tree.root(size).hex() != root:
        flaws.add(
            layout.log_member(log.did),
            f"its first {size} leaves are not those that {witness} witnessed: it was rewritten.",
        )
    elif entry.why.get("checkpoint") not in {point.sha256 for point in log.checkpoints}:
        flaws.add(
            layout.checkpoints_member(log.did),
            f"the checkpoint over {size} leaves that {witness} witnessed is not here.",
        )


def check_documents(
    logs: tuple[CheckedLog, ...],
    members: Mapping[str, bytes],
    keys: Mapping[str, bytes],
    space: SpaceFile,
    flaws: Flaws,
) -> None:
    """Check attachments, certificates and rule packs, and that nothing else is in the bundle."""
    expected = {layout.SPACE}
    for log in logs:
        expected |= {
            layout.log_member(log.did),
            layout.checkpoints_member(log.did),
            layout.witnesses_member(log.did),
        }
        for position, entry in enumerate(log.entries):
            expected |= {layout.attachment_member(digest) for digest in entry.files}
            _check_leaf_documents(log.did, position, entry, members, keys, space, flaws)
    expected |= {layout.rule_pack_member(digest) for digest in space.rule_packs}
    for digest in space.rule_packs:
        name = layout.rule_pack_member(digest)
        if name not in members:
            flaws.add(name, "a rule pack of the space is missing.")
        elif sha256_hex(members[name]) != digest:
            flaws.add(name, "its SHA-256 is not its name.")
    for name, _, _ in layout.list_members(members):
        if name not in expected and not name.startswith(layout.CREDENTIALS):
            flaws.add(name, "nothing in the evidence refers to it.")


def _check_leaf_documents(
    did: str,
    position: int,
    entry: Entry,
    members: Mapping[str, bytes],
    keys: Mapping[str, bytes],
    space: SpaceFile,
    flaws: Flaws,
) -> None:
    for digest, media_type in entry.files.items():
        name = layout.attachment_member(digest)
        if name not in members:
            flaws.add(name, f"it is missing; leaf {position} of {did} refers to it.")
        elif sha256_hex(members[name]) != digest:
            flaws.add(name, "its SHA-256 is not its name.")
        elif media_type == CERTIFICATE:
            with flaws.about(name):
                _check_certificate(members[name], keys, space)
    for field in RULE_PACK_NAMES:
        pack = entry.why.get(field)
        if pack is not None and pack not in space.rule_packs:
            flaws.add(
                layout.log_member(did),
                f"leaf {position} was decided by a rule pack that the space does not list.",
            )


def _check_certificate(document: bytes, keys: Mapping[str, bytes], space: SpaceFile) -> None:
    certificate = read_jws(document)
    signer = certificate.signer
    if certificate.algorithm == "ES256" and signer == space.authority:
        check_es256(certificate, dict(space.credentials_jwk), "certificate")
        return
    if signer not in keys:
        raise SignatureInvalidError(
            f"The certificate's signer {signer or 'is not named and'} has no credential here."
        )
    check_eddsa(certificate, keys[signer], "certificate")
    issuer = certificate.payload.get("iss", signer)
    if issuer != signer:
        raise EvidenceMalformedError("The certificate names another issuer than its signer.")
