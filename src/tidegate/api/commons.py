"""The commons over the management API: uploads, acquisition, the life of a version, its end.

Files stream: each is put to `/uploads/{name}` with its raw body, which is encrypted as it arrives;
`POST /datasets` then names the uploads. Nothing is held in memory or in the clear on the disk.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.api.kit import (
    PREFIX,
    Call,
    Operation,
    authenticate,
    json_response,
    problem_response,
)
from tidegate.catalogue.model import Classification
from tidegate.commons.model import (
    AcquireReport,
    Certificate,
    Derived,
    Destruction,
    Holding,
    Upload,
)
from tidegate.commons.runs.model import RunView
from tidegate.deid.model import RiskReport
from tidegate.deid.previews.model import Preview, ProposedRecipe
from tidegate.house import House
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.values import dataclass

UPLOADS_AT_ONCE = 8  # threads they may take, so that slow ones leave the others to the node
PATIENCE = 30  # seconds between two pieces of a file
READERS = (
    Role.OPERATOR, Role.STEWARD, Role.COMMITTEE, Role.CHECKER, Role.LEGAL, Role.AUDITOR,
)  # fmt: skip
"""Who sees what is kept here and how; what is offered, everybody finds in the catalogue."""


class UploadStalledError(UnavailableError):
    """The sender of a file has fallen silent."""


@dataclass(frozen=True, slots=True)
class AcquireDataset:
    """The body of an acquisition: the uploads, a description, `column=role` lines."""

    uploads: tuple[str, ...]
    title: str = ""
    descriptor: Mapping[str, Any] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class ProposeClassification:
    """The body of a proposed classification."""

    cn_class: str
    level: int
    personal: bool
    sensitive: bool
    basis: str
    important_status: str
    hgr: str = "none"
    source: str = "hospital"


@dataclass(frozen=True, slots=True)
class ApproveClassification:
    """The body of an approval: the hash of the proposal that was read."""

    proposal: str


@dataclass(frozen=True, slots=True)
class SignRiskReport:
    """The body of a signature: the id of the risk report that was read."""

    report: str


@dataclass(frozen=True, slots=True)
class Deidentify:
    """The body of a de-identification: a project, and a recipe that changes the usual one."""

    project: str
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreviewRecipe:
    """The body of a preview: a recipe that changes the usual one, and one to compare it with."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WithReason:
    """A body that gives a reason."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class MoveAside:
    """The body of a side move, such as restrict, suspend, quarantine or recall."""

    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fixity:
    """The answer of a fixity check."""

    whole: bool


def acquire(call: Call[AcquireDataset]) -> AcquireReport:
    """Acquire uploaded files."""
    body, acquisition = call.body, call.house.acquisition
    descriptor = acquisition.read_descriptor(body.descriptor, title=body.title, roles=body.roles)
    return acquisition.acquire_uploads(
        body.uploads, descriptor, by=call.actor, dataset_id=body.dataset
    )


def get_holding(call: Call[None]) -> Holding:
    """Return what this node keeps of a version."""
    check_has_role(call.actor, *READERS)
    return call.house.holdings.get_holding(call.path["version_id"])


def list_holdings(call: Call[None]) -> tuple[Holding, ...]:
    """List what this node keeps."""
    check_has_role(call.actor, *READERS)
    return call.house.holdings.list_holdings()


def propose_classification(call: Call[ProposeClassification]) -> Classification:
    """Propose a classification."""
    body = call.body
    proposal = Classification(
        cn_class=body.cn_class,
        level=body.level,
        personal=body.personal,
        sensitive=body.sensitive,
        basis=body.basis,
        important_status=body.important_status,
        hgr=body.hgr,
        source=body.source,
    )
    return call.house.classification.propose(call.path["version_id"], proposal, by=call.actor)


def get_classification(call: Call[None]) -> Classification:
    """Return the proposed or approved classification of a version."""
    return call.house.classification.get(call.path["version_id"], by=call.actor)


def approve_classification(call: Call[ApproveClassification]) -> Classification:
    """Approve the proposed classification that the body names."""
    version, proposal = call.path["version_id"], call.body.proposal
    return call.house.classification.approve(version, proposal, by=call.actor)


def propose_recipe(call: Call[None]) -> ProposedRecipe:
    """Propose a recipe for a version."""
    return call.house.previews.propose(call.path["version_id"], by=call.actor)


def preview_recipe(call: Call[PreviewRecipe]) -> Preview:
    """Preview a recipe."""
    version = call.path["version_id"]
    body = call.body
    return call.house.previews.preview(version, body.recipe, by=call.actor, against=body.against)


def deidentify(call: Call[Deidentify]) -> RiskReport:
    """De-identify a version."""
    version, rooms = call.path["version_id"], call.house.deidentification
    recipe = rooms.read_recipe(version, call.body.recipe)
    return rooms.deidentify(version, recipe, call.body.project, by=call.actor)


def start_deidentification(call: Call[Deidentify]) -> RunView | None:
    """De-identify a version in the background."""
    version, body = call.path["version_id"], call.body
    call.house.runs.start(version, body.recipe, body.project, by=call.actor)
    return call.house.runs.find_latest(version)


def get_deidentification_run(call: Call[None]) -> RunView | None:
    """Return how far the newest run of a version is."""
    check_has_role(call.actor, *READERS)
    return call.house.runs.find_latest(call.path["version_id"])


def cancel_deidentification(call: Call[None]) -> RunView | None:
    """Give up the run of a version that waits."""
    version = call.path["version_id"]
    call.house.runs.cancel(version, by=call.actor)
    return call.house.runs.find_latest(version)


def get_risk_report(call: Call[None]) -> RiskReport | None:
    """Return the risk report of a version."""
    check_has_role(call.actor, *READERS)
    return call.house.deidentification.find_report(call.path["version_id"])


def sign_risk_report(call: Call[SignRiskReport]) -> RiskReport:
    """Sign the risk report that the body names."""
    version, report = call.path["version_id"], call.body.report
    return call.house.deidentification.sign_risk_report(version, report, by=call.actor)


def store_version(call: Call[None]) -> Holding:
    """Store the de-identified version."""
    return call.house.holdings.store(call.path["version_id"], by=call.actor)


def archive_version(call: Call[None]) -> Holding:
    """Archive a version."""
    return call.house.holdings.archive(call.path["version_id"], by=call.actor)


def check_fixity(call: Call[None]) -> Fixity:
    """Hash a version's objects again."""
    return Fixity(call.house.holdings.check_fixity(call.path["version_id"], by=call.actor))


def move_aside(call: Call[MoveAside]) -> Holding:
    """Restrict, suspend, quarantine or recall a version, or undo it."""
    version, body = call.path["version_id"], call.body
    return call.house.holdings.move_aside(version, body.action, body.reason, by=call.actor)


def request_destruction(call: Call[WithReason]) -> Destruction:
    """Ask for the destruction of a version."""
    version = call.path["version_id"]
    return call.house.destruction.request(version, call.body.reason, by=call.actor)


def approve_destruction(call: Call[None]) -> Certificate:
    """Approve a destruction, which carries it out."""
    return call.house.destruction.approve(call.path["version_id"], by=call.actor)


def list_certificates(call: Call[None]) -> tuple[Certificate, ...]:
    """List certificates of destruction."""
    check_has_role(call.actor, *READERS)
    return call.house.destruction.list_certificates(call.query.get("subject", ""))


def list_derived(call: Call[None]) -> tuple[Derived, ...]:
    """List derived copies."""
    check_has_role(call.actor, *READERS)
    return call.house.destruction.list_derived(
        source=call.query.get("source", ""), agreement_id=call.query.get("agreement", "")
    )


_V = "/versions/{version_id}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/datasets", acquire, takes=AcquireDataset, gives=AcquireReport,
        summary="Acquire uploaded files",
    ),
    Operation("GET", "/holdings", list_holdings, gives=tuple[Holding, ...], summary="Holdings"),
    Operation("GET", f"{_V}/holding", get_holding, gives=Holding, summary="Show a holding"),
    Operation(
        "POST", f"{_V}/classification", propose_classification, takes=ProposeClassification,
        gives=Classification, summary="Propose a classification",
    ),
    Operation(
        "GET", f"{_V}/classification", get_classification, gives=Classification,
        summary="Show the classification, proposed or approved",
    ),
    Operation(
        "POST", f"{_V}/classification/approval", approve_classification,
        takes=ApproveClassification, gives=Classification, summary="Approve a classification",
    ),
    Operation(
        "GET", f"{_V}/recipe", propose_recipe, gives=ProposedRecipe,
        summary="Propose a recipe, with the reason for each column's role",
    ),
    Operation(
        "POST", f"{_V}/recipe/preview", preview_recipe, takes=PreviewRecipe, gives=Preview,
        summary="Preview a recipe beside the usual one; nothing is written",
    ),
    Operation(
        "POST", f"{_V}/deidentification", deidentify, takes=Deidentify, gives=RiskReport,
        summary="De-identify a version",
    ),
    Operation(
        "POST", f"{_V}/deidentification/run", start_deidentification, takes=Deidentify,
        gives=RunView, summary="De-identify a version in the background",
    ),
    Operation(
        "GET", f"{_V}/deidentification/run", get_deidentification_run, gives=RunView,
        summary="Show how far a de-identification is",
    ),
    Operation(
        "POST", f"{_V}/deidentification/run/cancellation", cancel_deidentification, gives=RunView,
        summary="Cancel a de-identification",
    ),
    Operation(
        "GET", f"{_V}/risk-report", get_risk_report, gives=RiskReport, summary="Show the risk"
    ),
    Operation(
        "POST", f"{_V}/risk-report/signature", sign_risk_report, takes=SignRiskReport,
        gives=RiskReport, summary="Sign the risk report",
    ),
    Operation("POST", f"{_V}/storage", store_version, gives=Holding, summary="Store a version"),
    Operation("POST", f"{_V}/archive", archive_version, gives=Holding, summary="Archive a version"),
    Operation("POST", f"{_V}/fixity", check_fixity, gives=Fixity, summary="Check fixity"),
    Operation(
        "POST", f"{_V}/side-move", move_aside, takes=MoveAside, gives=Holding,
        summary="Restrict, suspend, quarantine or recall a version",
    ),
    Operation(
        "POST", f"{_V}/destruction", request_destruction, takes=WithReason, gives=Destruction,
        summary="Request destruction",
    ),
    Operation(
        "POST", f"{_V}/destruction/approval", approve_destruction, gives=Certificate,
        summary="Approve and carry out destruction",
    ),
    Operation(
        "GET", "/certificates", list_certificates, gives=tuple[Certificate, ...],
        summary="List certificates of destruction",
    ),
    Operation(
        "GET", "/derived", list_derived, gives=tuple[Derived, ...], summary="List derived copies"
    ),
)  # fmt: skip


def routes(house: House) -> list[Route]:
    """Return the streaming door for files; everything else is in OPERATIONS."""
    at_once = anyio.CapacityLimiter(UPLOADS_AT_ONCE)

    async def receive(request: Request) -> Response:
        try:
            actor = await run_in_threadpool(authenticate, request)
            upload: Upload = await anyio.to_thread.run_sync(
                lambda: house.acquisition.receive_upload(
                    request.path_params["name"], _pieces(request), by=actor
                ),
                limiter=at_once,
            )
        except TidegateError as problem:
            return problem_response(problem)
        return json_response({"id": upload.id, "name": upload.name, "bytes": upload.stored.size})

    return [Route(f"{PREFIX}/uploads/{{name}}", receive, methods=["PUT"])]


def _pieces(request: Request) -> Iterator[bytes]:
    """Hand the body on piece by piece to the thread that encrypts it."""
    stream = request.stream()

    async def following() -> bytes | None:
        with anyio.move_on_after(PATIENCE):
            return await anext(stream, None)
        raise UploadStalledError(
            f"Nothing of the file came for {PATIENCE} seconds; upload it again.",
            code="upload_stalled",
        )

    while (piece := anyio.from_thread.run(following)) is not None:
        yield piece
