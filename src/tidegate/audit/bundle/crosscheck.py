"""Checks what logs say of each other, and the documents they refer to."""

from collections.abc import Mapping

from tidegate.audit.authority.rules import KeyHistory
from tidegate.audit.bundle import layout
from tidegate.audit.bundle.logs import CheckedLog, Flaws
from tidegate.audit.encoding import decode_bytes
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError
from tidegate.audit.jws import EDDSA, Jws, check_eddsa, check_es256, read_jws
from tidegate.audit.model import CERTIFICATE, Entry
from tidegate.audit.trust import SpaceFile
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.values import dataclass

COSIGNED = "checkpoint.cosigned"
DECLARED = "key.declared"
KEY_CHANGED = "space.key_changed"
RULE_PACK_NAMES = ("pack", "rule_pack", "pack_hash")
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
    if type(size) is not int or size < 0:
        flaws.add(layout.log_member(witness), "a leaf says to have witnessed no number of leaves.")
    elif size > len(log.tree):
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
    elif entry.why.get("checkpoint") not in [point.sha256 for point in log.checkpoints]:
        flaws.add(
            layout.checkpoints_member(log.did),
            f"the checkpoint over {size} leaves that {witness} witnessed is not here.",
        )


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose signatures on certificates are believed, and why.

    Evidence keys come from credentials. Identity keys (ES256) come from the nodes' own logs, where
    they are declared under checkpoints that the evidence key signed; the authority's come from the
    trust file and the history that begins there, each with its end.
    """

    evidence: Mapping[str, bytes]
    identity: Mapping[str, tuple[dict[str, str], ...]]
    authority: KeyHistory

    def check(self, document: bytes) -> bool:
        """Verify a certificate; return False if its signer's log is not in the bundle.

        Raises SignatureInvalidError where the signature does not hold.
        """
        certificate = read_jws(document)
        signer = certificate.signer
        if certificate.issuer not in (signer, ""):
            raise EvidenceMalformedError("The certificate names another issuer than its signer.")
        if signer == self.authority.authority and certificate.algorithm not in EDDSA:
            self.authority.check(certificate, "certificate")
            return True
        if certificate.algorithm in EDDSA and signer in self.evidence:
            keys: list[bytes | dict[str, str]] = [self.evidence[signer]]
        elif signer not in self.identity:
            return False
        else:
            keys = []
        for key in (*keys, *self.identity.get(signer, ())):
            try:
                _check_signed(certificate, key)
            except SignatureInvalidError:
                continue
            return True
        raise SignatureInvalidError(
            f"No key that {signer} declared in its log has signed this certificate."
        )


def _check_signed(certificate: Jws, key: bytes | Mapping[str, str]) -> None:
    """Raise SignatureInvalidError unless an evidence key or a declared identity key signed it."""
    if isinstance(key, bytes):
        check_eddsa(certificate, key, "certificate")
    elif key.get("kty") == "OKP":
        check_eddsa(certificate, decode_bytes(key.get("x", "")), "certificate")
    else:
        check_es256(certificate, {name: key.get(name, "") for name in "xy"}, "certificate")


def find_signers(
    logs: tuple[CheckedLog, ...], keys: Mapping[str, bytes], authority: KeyHistory
) -> Signers:
    """Gather the keys that may have signed certificates."""
    identity: dict[str, tuple[dict[str, str], ...]] = {}
    for log in logs:
        declared = [
            {name: value for name, value in jwk.items() if isinstance(value, str)}
            for entry in log.entries
            if entry.did == DECLARED and entry.to == f"node:{log.did}"
            if isinstance(jwk := entry.why.get("jwk"), Mapping)
        ]
        identity[log.did] = tuple(declared)
    return Signers(keys, identity, authority)


def check_key_changes(logs: tuple[CheckedLog, ...], keys: KeyHistory, flaws: Flaws) -> None:
    """Hold the history of the authority's key against what the logs say of it.

    A history without a change that a log knows of was cut, to have a former key believed.
    """
    known = [each.succession.sha256 for each in keys.successions]
    for log in logs:
        for entry in log.entries:
            if entry.did == KEY_CHANGED and entry.why.get("succession") not in known:
                flaws.add(
                    layout.SPACE,
                    f"its key history lacks number {entry.why.get('number')}, which the log of"
                    f" {log.did} knows of: it was cut, or is older than the bundle.",
                )


def check_documents(
    logs: tuple[CheckedLog, ...],
    members: Mapping[str, bytes],
    signers: Signers,
    space: SpaceFile,
    flaws: Flaws,
) -> tuple[str, ...]:
    """Check attachments, certificates and rule packs, and that nothing else is in the bundle.

    Returns the certificates whose signer's log is not here, so that they could not be checked.
    """
    expected = {layout.SPACE} | {layout.rule_pack_member(digest) for digest in space.rule_packs}
    unchecked: set[str] = set()
    for log in logs:
        expected |= {
            layout.log_member(log.did),
            layout.checkpoints_member(log.did),
            layout.witnesses_member(log.did),
        }
        for position, entry in enumerate(log.entries):
            expected |= {layout.attachment_member(digest) for digest in entry.files}
            place = f"leaf {position} of {log.did}"
            unchecked |= _check_attachments(place, entry, members, signers, flaws)
            if any(
                entry.why.get(name, None) not in (None, *space.rule_packs)
                for name in RULE_PACK_NAMES
            ):
                flaws.add(
                    layout.log_member(log.did),
                    f"{place} was decided by a rule pack that the space does not list.",
                )
    _check_rule_packs(members, space, flaws)
    for name, _, _ in layout.list_members(members):
        if name not in expected and not name.startswith(layout.CREDENTIALS):
            flaws.add(name, "nothing in the evidence refers to it.")
    return tuple(sorted(unchecked))


def _check_attachments(
    place: str, entry: Entry, members: Mapping[str, bytes], signers: Signers, flaws: Flaws
) -> set[str]:
    unchecked = set()
    for digest, media_type in entry.files.items():
        name = layout.attachment_member(digest)
        if name not in members:
            flaws.add(name, f"it is missing; {place} refers to it.")
        elif sha256_hex(members[name]) != digest:
            flaws.add(name, "its SHA-256 is not its name.")
        elif media_type == CERTIFICATE:
            with flaws.about(name):
                if not signers.check(members[name]):
                    unchecked.add(name)
    return unchecked


def _check_rule_packs(members: Mapping[str, bytes], space: SpaceFile, flaws: Flaws) -> None:
    for digest in space.rule_packs:
        name = layout.rule_pack_member(digest)
        if name not in members:
            flaws.add(name, "a rule pack of the space is missing.")
        elif sha256_hex(members[name]) != digest:
            flaws.add(name, "its SHA-256 is not its name.")
