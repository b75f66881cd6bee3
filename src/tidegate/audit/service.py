"""The evidence desk: timelines and proofs, checkpoints, witnessing, and the bundle."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from tidegate.audit import store
from tidegate.audit.bundle import layout, writer
from tidegate.audit.bundle.container import pack
from tidegate.audit.bundle.model import Report
from tidegate.audit.bundle.verify import verify_bundle
from tidegate.audit.checkpoint import Cosignature, SignedCheckpoint
from tidegate.audit.errors import (
    BundleRefusedError,
    EvidenceForbiddenError,
    EvidenceMalformedError,
    LeafNotFoundError,
)
from tidegate.audit.journal import Journal
from tidegate.audit.jws import sign_certificate
from tidegate.audit.ledger import (
    prove_consistency,
    prove_head,
    prove_inclusion,
    sign_growth,
)
from tidegate.audit.model import Asker, InclusionProof, LeafView, SubjectHead
from tidegate.audit.surroundings import Surroundings
from tidegate.audit.trust import read_space_file
from tidegate.audit.witnessing import Witnessing
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso
from tidegate.keys.service import KeyRing

__all__ = ["EvidenceService", "InclusionProof"]

MAY_EXPORT = frozenset({"operator", "auditor", "legal"})
MAY_READ = MAY_EXPORT | {"steward", "committee", "checker"}
_NEAR = 3
"""How many subjects are named to somebody whose subject is unknown."""


class EvidenceService:
    """Shows, proves, signs and exports what the journal wrote."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        keys: KeyRing,
        self_did: str,
        surroundings: Surroundings,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._keys = keys
        self._did = self_did
        self._surroundings = surroundings
        self._witnessing = Witnessing(journal, clock, keys, self_did, surroundings)

    # -- reading

    def timeline(self, *subjects: str | tuple[str, ...]) -> tuple[LeafView, ...]:
        """Return every act on the subjects, in the order of the log."""
        names: list[str] = []
        for item in subjects:
            names.extend((item,) if isinstance(item, str) else item)
        return self._journal.read(store.list_subject_leaves, tuple(names))

    def get_chain(self, subject: str) -> tuple[LeafView, ...]:
        """Return the chain of a subject; raise LeafNotFoundError where nothing is about it."""
        leaves = self.timeline(subject)
        if leaves:
            return leaves
        near = ", ".join(one.subject for one in self.find_subject(subject, limit=_NEAR))
        newest = "`tidegate evidence show` without a subject lists the newest leaves with theirs."
        raise LeafNotFoundError(
            f"Nothing in this node's log is about {subject!r}; subjects are named as in"
            f" version:ver_…. {f'Did you mean {near}?' if near else newest}",
            code="subject_unknown",
            subject=subject,
        )

    def get_leaf(self, position: int) -> LeafView:
        """Return one leaf; raise LeafNotFoundError where the log has none."""
        leaf = self._journal.read(store.find_leaf, position)
        if leaf is None:
            raise LeafNotFoundError(f"The log has no leaf {position}.", position=str(position))
        return leaf

    def list_leaves(
        self, *, before: int | None = None, limit: int = 50, event: str = ""
    ) -> tuple[LeafView, ...]:
        """Return a page of leaves, newest first; `before` continues after the last one shown."""
        return self._journal.read(store.list_leaves, before, max(1, min(limit, 500)), event)

    def find_subject(self, part: str, *, limit: int = 50) -> tuple[SubjectHead, ...]:
        """Return the subjects whose name contains `part`, with the length of their chains."""
        found = self._journal.read(store.list_subjects, part, max(1, min(limit, 500)))
        return tuple(SubjectHead(*row) for row in found)

    def check_may_read(self, by: Asker) -> None:
        """Raise EvidenceForbiddenError unless the asker's roles let them read the whole log."""
        _check_roles(by, MAY_READ, "read the log")

    # -- proofs and checkpoints

    def inclusion_proof(self, position: int) -> InclusionProof:
        """Prove that a leaf stands under the newest checkpoint; the proof was checked."""
        return self._journal.read(prove_inclusion, position)

    def head_proof(self, subject: str) -> InclusionProof:
        """Prove where a subject's chain ends under the newest checkpoint; it was checked."""
        return self._journal.read(prove_head, subject)

    def consistency_proof(self, first: int, second: int) -> tuple[str, ...]:
        """Prove that the log of `second` leaves continues the log of `first`."""
        return self._journal.read(prove_consistency, first, second)

    def latest_checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""
        return self._journal.read(store.find_latest_checkpoint)

    def checkpoint_now(self, *, by: str = "system:evidence.checkpoint") -> SignedCheckpoint:
        """Sign the log as it stands; where it has not grown, return the newest checkpoint."""
        with self._journal.upkeep() as tx:
            sign = self._keys.sign_evidence
            return sign_growth(tx.connection, self._did, sign, at=tx.at, by=by)

    def certify(self, payload: Mapping[str, Json]) -> bytes:
        """Sign a certificate as this node: compact JWS, to be attached as `model.CERTIFICATE`."""
        return sign_certificate(dict(payload), did=self._did, sign=self._keys.sign_evidence)

    # -- witnessing

    def request_witnesses(self, *, at_least_every: timedelta = timedelta(days=1)) -> int:
        """Ask the members that have not cosigned for so long; return how many were asked."""
        return self._witnessing.request_witnesses(at_least_every=at_least_every)

    def request_witnesses_now(self, *, by: Asker) -> int:
        """Ask every other member to witness the log as it stands; return how many."""
        _check_roles(by, MAY_READ, "ask for witnesses")
        return self._witnessing.request_witnesses(at_least_every=timedelta(0))

    def witness(
        self, peer: str, checkpoint: SignedCheckpoint, proof: tuple[bytes, ...]
    ) -> Cosignature:
        """Cosign a peer's checkpoint, or refuse and record why."""
        return self._witnessing.witness(peer, checkpoint, proof)

    def store_witness(self, sender: str, cosigned: Cosignature, credential: str = "") -> None:
        """Keep a cosignature over one of our checkpoints."""
        self._witnessing.store_witness(sender, cosigned, credential)

    def receive_witness_request(self, sender: str, body: Mapping[str, Any]) -> None:
        """Answer the peer message `witness.requested`."""
        self._witnessing.receive_request(sender, body)

    def receive_witness(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take the peer message `witness.given`."""
        self._witnessing.receive_answer(sender, body)

    def list_witnesses(self) -> tuple[Cosignature, ...]:
        """Return every cosignature over this log's checkpoints, newest first."""
        found = self._journal.read(store.list_witnesses)
        return tuple(cosigned for cosigned, _ in reversed(found))

    # -- the bundle

    def export(self, path: Path, *, by: Asker, include: tuple[Path, ...] = ()) -> Report:
        """Write this node's evidence, and other nodes' bundles merged in, as one bundle.

        The export is itself put into evidence first and the log is signed, so that the bundle
        knows of itself. The bundle is verified before it gets its name; raises BundleRefusedError
        naming what is wrong, and leaves no file then.
        """
        _check_roles(by, MAY_EXPORT, "export evidence")
        self._declare_identity()
        self._journal.note(
            by=by.id,
            did="evidence.exported",
            to=f"node:{self._did}",
            why={"merged": len(include)},
        )
        self.checkpoint_now(by=by.id)
        members = writer.collect_documents(
            self._surroundings.space_file(),
            self._known_credentials(),
            self._surroundings.rule_packs(),
        )
        members |= self._journal.read(writer.collect_log, self._did)
        logs = {self._did}
        for bundle in include:
            logs.update(writer.merge_bundle(members, bundle))
        writer.seal(members, self._manifest(members, logs), self._keys.sign_evidence)
        return _write_verified(path, pack(members))

    def _declare_identity(self) -> None:
        """Put the identity key into the log, so that certificates signed with it can be checked."""
        jwk = {
            name: str(value)
            for name, value in self._keys.identity_public_jwk().items()
            if name in ("crv", "kid", "kty", "x", "y")
        }
        subject = f"node:{self._did}"
        declared = (
            leaf.entry.why.get("jwk")
            for leaf in self.timeline(subject)
            if leaf.entry.did == "key.declared"
        )
        if jwk not in declared:
            self._journal.note(by=subject, did="key.declared", to=subject, why={"jwk": jwk})

    def _known_credentials(self) -> tuple[str, ...]:
        witnesses = self._journal.read(store.list_witnesses)
        carried = tuple(credential for _, credential in witnesses if credential)
        return (*self._surroundings.credentials(), *carried)

    def _manifest(self, members: writer.Members, logs: set[str]) -> layout.Manifest:
        try:
            space = read_space_file(members[layout.SPACE])
        except EvidenceMalformedError as problem:
            raise BundleRefusedError(f"The node's space.json is wrong: {problem}") from None
        return layout.Manifest(
            space.space,
            self._did,
            iso(self._clock.now()),
            tuple(sorted(logs)),
            layout.list_members(members),
        )


def _write_verified(path: Path, content: bytes) -> Report:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    try:
        report = verify_bundle(draft, None)
        if report.flaws:
            flaw = report.flaws[0]
            raise BundleRefusedError(
                f"The bundle would not verify: {flaw.member}: {flaw.problem}",
                code="bundle_unsound",
                member=flaw.member,
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return report


def _check_roles(by: Asker, needed: frozenset[str], act: str) -> None:
    if not needed.intersection(str(role) for role in by.roles):
        raise EvidenceForbiddenError(
            f"To {act}, one must be one of: {', '.join(sorted(needed))}.", code="role_missing"
        )
