"""The evidence explorer: leaves, subjects, proofs checked step by step, checkpoints, the bundle."""

import hashlib
import tempfile
from pathlib import Path

from starlette.responses import Response

from tidegate.audit.service import InclusionProof
from tidegate.kernel.errors import NotFoundError
from tidegate.kernel.values import dataclass
from tidegate.web.forms import read_whole
from tidegate.web.kit import Ask, action, page
from tidegate.web.names import names_of
from tidegate.web.steps import step_of, steps_of

_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class ProofStep:
    """One step up the tree: hash this with its neighbour on that side, get the next."""

    neighbour: str
    is_left: bool
    result: str


def show_evidence(ask: Ask) -> Response:
    """Show the newest leaves, the newest checkpoint, and who witnessed it."""
    evidence = ask.house.evidence
    evidence.check_may_read(ask.actor)
    before = read_whole(ask.query.get("before", ""))
    looked_for = ask.query.get("subject", "").strip()
    leaves = evidence.list_leaves(before=before, limit=_PER_PAGE)
    return ask.page(
        "evidence.html",
        steps=steps_of(leaves),
        checkpoint=evidence.latest_checkpoint(),
        witnesses=evidence.list_witnesses(),
        looked_for=looked_for,
        subjects=evidence.find_subject(looked_for) if looked_for else (),
        older=leaves[-1].position if len(leaves) == _PER_PAGE and leaves[-1].position else None,
        people=names_of(ask),
    )


def show_leaf(ask: Ask) -> Response:
    """Show one leaf and check the proof that it stands under a signed checkpoint."""
    evidence = ask.house.evidence
    position = read_whole(ask.path["position"])
    if position is None:
        raise NotFoundError("A leaf is named by its number.", code="leaf_not_found")
    leaf = evidence.get_leaf(position)
    if not ask.is_about(leaf.entry.to, leaf.entry.by):
        evidence.check_may_read(ask.actor)
    try:
        proof = evidence.inclusion_proof(leaf.position)
    except NotFoundError:
        proof = None
    return ask.page(
        "leaf.html",
        step=step_of(leaf),
        text=leaf.entry.canonical().decode(),
        proof=proof,
        climb=climb(proof) if proof is not None else (),
        people=names_of(ask),
    )


def climb(proof: InclusionProof) -> tuple[ProofStep, ...]:
    """Recompute the path from leaf to root (RFC 9162 section 2.1.3.2), each step to be shown."""
    place, last = proof.position, proof.size - 1
    value, steps = bytes.fromhex(proof.leaf_hash), []
    for text in proof.path:
        neighbour = bytes.fromhex(text)
        is_left = place % 2 == 1 or place == last
        pair = neighbour + value if is_left else value + neighbour
        value = hashlib.sha256(b"\x01" + pair).digest()
        steps.append(ProofStep(text, is_left, value.hex()))
        if is_left:
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    return tuple(steps)


def show_subject(ask: Ask) -> Response:
    """Show the chain of one subject, with the head under the newest checkpoint."""
    evidence = ask.house.evidence
    subject = ask.path["subject"]
    if not ask.is_about(subject):
        evidence.check_may_read(ask.actor)
    leaves = evidence.timeline(subject)
    if not leaves:
        raise NotFoundError("Nothing is recorded about this subject.", code="subject_unknown")
    try:
        head = evidence.head_proof(subject)
    except NotFoundError:
        head = None
    return ask.page(
        "subject.html", subject=subject, steps=steps_of(leaves), head=head, people=names_of(ask)
    )


def checkpoint_now(ask: Ask) -> Response:
    """Sign a checkpoint of the log as it stands."""
    ask.house.evidence.check_may_read(ask.actor)
    ask.house.evidence.checkpoint_now(by=ask.actor.id)
    return ask.go("/evidence", said="checkpoint_made")


def download(ask: Ask) -> Response:
    """Give this node's evidence as one verified bundle."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bundle-") as folder:
        path = Path(folder) / "evidence.zip"
        ask.house.evidence.export(path, by=ask.actor)
        content = path.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="evidence.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


PAGES = (
    page("/evidence", show_evidence),
    page("/evidence/leaves/{position}", show_leaf),
    page("/evidence/subjects/{subject:path}", show_subject),
    action("/evidence/checkpoint", checkpoint_now),
    action("/evidence/download", download),
)
