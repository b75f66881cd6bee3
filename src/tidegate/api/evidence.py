"""The doors of evidence: proofs for machines, the log for people with a role, the bundle."""

import tempfile
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.api.dcp import machine_route
from tidegate.api.kit import Call, Operation, json_response
from tidegate.audit.model import InclusionProof, LeafView
from tidegate.house import House
from tidegate.kernel.canonical import Json
from tidegate.kernel.errors import InvalidError, NotFoundError
from tidegate.kernel.text import whole_number
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of the log as the API shows it."""

    position: int
    hash: str
    at: str
    by: str
    did: str
    to: str
    number: int
    previous: str
    why: dict[str, Json]
    premis: str | None
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """The newest checkpoint: what it says, and the signed text with its signature."""

    number: int
    size: int
    root: str
    heads: str
    subjects: int
    at: str
    checkpoint: str
    signature: str


@dataclass(frozen=True, slots=True)
class Asked:
    """How many members were asked to witness."""

    asked: int


def routes(house: House) -> list[Route]:
    """Return the machine routes: a checkpoint and proofs, which hold no content of any leaf."""

    def checkpoint(_request: Request, _body: object) -> Response:
        signed = house.evidence.latest_checkpoint()
        if signed is None:
            raise NotFoundError("There is no checkpoint yet.", code="checkpoint_pending")
        return json_response(signed.to_json())

    def consistency(request: Request, _body: object) -> Response:
        first, second = _number(request, "first"), _number(request, "second")
        return json_response({"proof": house.evidence.consistency_proof(first, second)})

    def inclusion(request: Request, _body: object) -> Response:
        return json_response(house.evidence.inclusion_proof(_number(request, "position")))

    return [
        machine_route("/evidence/checkpoint", "GET", checkpoint),
        machine_route("/evidence/proof/consistency", "GET", consistency),
        machine_route("/evidence/proof/inclusion", "GET", inclusion),
    ]


def list_leaves(call: Call[None]) -> tuple[Leaf, ...]:
    """Return a page of leaves, newest first."""
    call.house.evidence.check_may_read(call.actor)
    before, limit = call.query.get("before", ""), call.query.get("limit", "50")
    found = call.house.evidence.list_leaves(
        before=_whole(before, "before") if before else None,
        limit=_whole(limit, "limit"),
        event=call.query.get("event", ""),
    )
    return tuple(_leaf(leaf) for leaf in found)


def show_leaf(call: Call[None]) -> Leaf:
    """Return one leaf."""
    call.house.evidence.check_may_read(call.actor)
    return _leaf(call.house.evidence.get_leaf(_whole(call.path["position"], "position")))


def prove_leaf(call: Call[None]) -> InclusionProof:
    """Prove that a leaf stands under the newest checkpoint."""
    call.house.evidence.check_may_read(call.actor)
    return call.house.evidence.inclusion_proof(_whole(call.path["position"], "position"))


def timeline(call: Call[None]) -> tuple[Leaf, ...]:
    """Return the chain of a subject."""
    call.house.evidence.check_may_read(call.actor)
    return tuple(_leaf(leaf) for leaf in call.house.evidence.timeline(call.query.get("of", "")))


def make_checkpoint(call: Call[None]) -> CheckpointView:
    """Sign the log as it stands."""
    call.house.evidence.check_may_read(call.actor)
    signed = call.house.evidence.checkpoint_now(by=call.actor.id)
    point = signed.checkpoint
    return CheckpointView(
        number=point.number,
        size=point.size,
        root=point.root,
        heads=point.heads,
        subjects=point.subjects,
        at=point.at,
        checkpoint=point.canonical().decode(),
        signature=signed.signature,
    )


def ask_witnesses(call: Call[None]) -> Asked:
    """Ask every other member to witness the log now."""
    return Asked(call.house.evidence.request_witnesses_now(by=call.actor))


def export(call: Call[None]) -> Response:
    """Return this node's bundle."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bundle-") as folder:
        path = Path(folder) / "evidence.zip"
        call.house.evidence.export(path, by=call.actor)
        content = path.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="evidence.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/evidence/leaves", list_leaves, gives=tuple[Leaf, ...], summary="Read the log"
    ),
    Operation("GET", "/evidence/leaves/{position}", show_leaf, gives=Leaf, summary="Read a leaf"),
    Operation(
        "GET",
        "/evidence/leaves/{position}/proof",
        prove_leaf,
        gives=InclusionProof,
        summary="Prove that a leaf stands under the newest checkpoint",
    ),
    Operation(
        "GET",
        "/evidence/timeline",
        timeline,
        gives=tuple[Leaf, ...],
        summary="Read the chain of a subject (?of=version:…)",
    ),
    Operation(
        "POST",
        "/evidence/checkpoint",
        make_checkpoint,
        gives=CheckpointView,
        summary="Sign the log as it stands",
    ),
    Operation(
        "POST",
        "/evidence/witnesses",
        ask_witnesses,
        gives=Asked,
        summary="Ask the other members to witness the log now",
    ),
    Operation("GET", "/evidence/bundle", export, summary="Export this node's evidence bundle"),
)


def _leaf(leaf: LeafView) -> Leaf:
    entry = leaf.entry
    return Leaf(
        position=leaf.position,
        hash=leaf.hash,
        at=entry.at,
        by=entry.by,
        did=entry.did,
        to=entry.to,
        number=entry.number,
        previous=entry.previous,
        why=dict(entry.why),
        premis=entry.premis,
        files=dict(entry.files),
    )


def _number(request: Request, name: str) -> int:
    return _whole(request.query_params.get(name, ""), name)


def _whole(text: str, name: str) -> int:
    found = whole_number(text)
    if found is None:
        raise InvalidError(f"{name} must be a whole number.", code="number_invalid")
    return found
