"""The commons of a node: acquire files, lead a version through its life, end it with proof."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from tidegate_client.transport import Transport

_PIECE = 1024 * 1024


class Uploaded(msgspec.Struct, frozen=True):
    """A file the node has received and encrypted, waiting to be acquired."""

    id: str
    name: str
    bytes: int


class Acquired(msgspec.Struct, frozen=True):
    """What an acquisition took in: accepted + quarantined = received."""

    dataset: str
    version: str
    received: int
    accepted: int
    quarantined: int
    tables: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()


class Generalised(msgspec.Struct, frozen=True):
    """What became of one quasi-identifier; shares are decimal text, of all people received."""

    column: str
    description: str
    values: int = 0
    published: int = 0
    exact: str = ""
    hidden: str = ""
    loss: str = ""


class Counted(msgspec.Struct, frozen=True):
    """One criterion: what was asked, and what an independent count found."""

    criterion: str
    column: str
    asked: str
    achieved: str
    holds: bool


class AttackerRisk(msgspec.Struct, frozen=True):
    """The risk one kind of attacker has of naming a person, as exact fractions."""

    attacker: str
    greatest: str
    mean: str


class TableCount(msgspec.Struct, frozen=True):
    """Rows of one table: in = out + suppressed."""

    table: str
    rows_in: int
    rows_out: int
    suppressed: int


class RiskReport(msgspec.Struct, frozen=True):
    """What de-identification did, and the risk that is left, as exact fractions."""

    id: str
    version_id: str
    project_id: str
    method: str
    removed: tuple[str, ...]
    pseudonymised: tuple[str, ...]
    generalised: tuple[Generalised, ...]
    tables: tuple[TableCount, ...]
    k_asked: int
    k_achieved: int
    classes: int
    smallest_class: int
    largest_class: int
    suppressed: int
    scrubbed: int
    risk_max: str
    risk_mean: str
    threshold: str
    author: str
    created_at: str
    signed_by: str = ""
    signed_at: str = ""
    criteria: tuple[Counted, ...] = ()
    risks: tuple[AttackerRisk, ...] = ()
    loss: str = ""
    people_suppressed: int = 0
    releases: tuple[str, ...] = ()
    releases_smallest: int = 0


class Bar(msgspec.Struct, frozen=True):
    """How many records have a label; None where there are too few to say."""

    kind: str
    records: int | None
    label: str = ""
    labels: int = 1


class ColumnPreview(msgspec.Struct, frozen=True):
    """One quasi-identifier before and after, and what it would lose."""

    column: str
    loss: str
    exact: str
    hidden: str
    before: tuple[Bar, ...]
    after: tuple[Bar, ...]


class Point(msgspec.Struct, frozen=True):
    """One point of the curves over k; no loss and no risk where that k cannot be reached."""

    k: int
    loss: str
    risk: str


class Look(msgspec.Struct, frozen=True):
    """What one recipe would do to the records that were looked at."""

    recipe_digest: str
    k: int
    published: int
    suppressed: int
    classes: int
    smallest: int
    largest: int
    risk_max: str
    risk_mean: str
    threshold: str
    is_within: bool
    criteria: tuple[Counted, ...]
    risks: tuple[AttackerRisk, ...]
    loss: str
    columns: tuple[ColumnPreview, ...]
    curve: tuple[Point, ...]


class Difference(msgspec.Struct, frozen=True):
    """One place where two recipes differ; an empty text means that it is not there."""

    where: str
    before: str
    after: str


class Preview(msgspec.Struct, frozen=True):
    """A recipe beside another: `looked_at` of `records` records, none of them shown.

    The other is the usual recipe, unless one to compare with was given.
    """

    table: str
    records: int
    looked_at: int
    fewest: int
    alone: int
    edited: Look
    usual: Look | None
    differences: tuple[Difference, ...]


class Run(msgspec.Struct, frozen=True):
    """A de-identification that was asked for: waiting, done, refused or cancelled."""

    id: str
    version_id: str
    project_id: str
    recipe: str
    asked_by: str
    asked_at: str
    state: str
    ended_at: str
    code: str
    problem: str


class RunProgress(msgspec.Struct, frozen=True):
    """How far a run is: `done` of 100, the step it is at, how often it was begun."""

    done: int
    step: str
    tries: int


class RunView(msgspec.Struct, frozen=True):
    """A run with its progress."""

    run: Run
    progress: RunProgress


class ProposedColumn(msgspec.Struct, frozen=True):
    """The role that is proposed for a column, and why; and what it looks like."""

    column: str
    role: str
    action: str
    reason: str
    seen: str
    seen_reason: str


class ProposedRecipe(msgspec.Struct, frozen=True):
    """The usual recipe of a version, and the reason for each column's role."""

    recipe: dict[str, Any]
    columns: tuple[ProposedColumn, ...]


class Holding(msgspec.Struct, frozen=True):
    """What the node keeps of a version."""

    version_id: str
    dataset_id: str
    stage: str
    acquired_at: str
    retain_until: str
    intake_destroyed_at: str = ""
    fixity_checked_at: str = ""


class Classified(msgspec.Struct, frozen=True):
    """A classification, proposed or approved."""

    cn_class: str
    level: int
    personal: bool
    sensitive: bool
    basis: str
    important_status: str = ""
    hgr: str = "none"
    source: str = "hospital"
    proposed_by: str = ""
    approved_by: str = ""
    proposal: str = ""


class Destruction(msgspec.Struct, frozen=True):
    """A destruction on its way."""

    id: str
    version_id: str
    reason: str
    state: str
    requested_by: str
    requested_at: str


class Certificate(msgspec.Struct, frozen=True):
    """A signed certificate of destruction."""

    id: str
    subject: str
    issuer: str
    issued_at: str
    body: Mapping[str, Any]
    jws: str


class Derived(msgspec.Struct, frozen=True):
    """Something made from a version or dataset, and what became of it."""

    id: str
    source: str
    agreement_id: str
    provider: str
    holder: str
    kind: str
    name: str
    state: str
    recorded_at: str
    certificate_id: str = ""


class Fixity(msgspec.Struct, frozen=True):
    """The answer of a fixity check."""

    whole: bool


class Commons:
    """The commons of one node, as one person."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def upload(self, path: Path) -> Uploaded:
        """Stream a file to the node, which encrypts it as it arrives."""
        return self._http.upload(f"/uploads/{quote(path.name)}", _pieces(path), Uploaded)

    def acquire(
        self,
        *files: Path,
        title: str = "",
        descriptor: Mapping[str, Any] | None = None,
        roles: tuple[str, ...] = (),
        dataset: str = "",
    ) -> Acquired:
        """Upload files and acquire them as a dataset, or as a new version of one."""
        body = {
            "uploads": [self.upload(path).id for path in files],
            "title": title,
            "descriptor": descriptor or {},
            "roles": roles,
            "dataset": dataset,
        }
        return self._http.post("/datasets", body, Acquired)

    def holdings(self) -> tuple[Holding, ...]:
        """List what the node keeps."""
        return self._http.get("/holdings", tuple[Holding, ...])

    def holding(self, version_id: str) -> Holding:
        """Return what the node keeps of a version."""
        return self._http.get(f"/versions/{version_id}/holding", Holding)

    def propose_classification(self, version_id: str, **classification: Any) -> Classified:
        """Propose: cn_class, level, personal, sensitive, basis, important_status, hgr, source."""
        return self._http.post(f"/versions/{version_id}/classification", classification, Classified)

    def classification(self, version_id: str) -> Classified:
        """Return the classification of a version, proposed or approved."""
        return self._http.get(f"/versions/{version_id}/classification", Classified)

    def approve_classification(self, version_id: str, proposal: str) -> Classified:
        """Approve, as a second person, the proposal of that hash: that of what was read."""
        body = {"proposal": proposal}
        return self._http.post(f"/versions/{version_id}/classification/approval", body, Classified)

    def propose_recipe(self, version_id: str) -> ProposedRecipe:
        """Return the usual recipe of a version, with the reason for each column's role."""
        return self._http.get(f"/versions/{version_id}/recipe", ProposedRecipe)

    def preview_recipe(
        self,
        version_id: str,
        recipe: Mapping[str, Any] | None = None,
        against: Mapping[str, Any] | None = None,
    ) -> Preview:
        """Preview a recipe, which changes the usual one, beside another; nothing is written."""
        body = {"recipe": recipe or {}, "against": against or {}}
        return self._http.post(f"/versions/{version_id}/recipe/preview", body, Preview)

    def deidentify(
        self, version_id: str, project: str, recipe: Mapping[str, Any] | None = None
    ) -> RiskReport:
        """De-identify a version for a project; the recipe changes the usual one."""
        body = {"project": project, "recipe": recipe or {}}
        return self._http.post(f"/versions/{version_id}/deidentification", body, RiskReport)

    def start_deidentification(
        self, version_id: str, project: str, recipe: Mapping[str, Any] | None = None
    ) -> RunView:
        """De-identify a version in the background, as a large table needs; the node goes on."""
        body = {"project": project, "recipe": recipe or {}}
        return self._http.post(f"/versions/{version_id}/deidentification/run", body, RunView)

    def deidentification_run(self, version_id: str) -> RunView | None:
        """Return how far the newest run of a version is, or None where none was asked for."""
        answer: Any = self._http.get(f"/versions/{version_id}/deidentification/run", Any)
        return None if answer is None else msgspec.convert(answer, RunView)

    def cancel_deidentification(self, version_id: str) -> RunView:
        """Give up the run that waits; nothing of it is kept."""
        path = f"/versions/{version_id}/deidentification/run/cancellation"
        return self._http.post(path, None, RunView)

    def risk_report(self, version_id: str) -> RiskReport | None:
        """Return the risk report of a version, or None before there is one."""
        answer: Any = self._http.get(f"/versions/{version_id}/risk-report", Any)
        return None if answer is None else msgspec.convert(answer, RiskReport)

    def sign_risk_report(self, version_id: str, report_id: str) -> RiskReport:
        """Sign, as a second person, the risk report of that id: that of what was read."""
        body = {"report": report_id}
        return self._http.post(f"/versions/{version_id}/risk-report/signature", body, RiskReport)

    def store(self, version_id: str) -> Holding:
        """Store the de-identified tables; the identified intake's key is destroyed."""
        return self._http.post(f"/versions/{version_id}/storage", None, Holding)

    def archive(self, version_id: str) -> Holding:
        """Archive a version."""
        return self._http.post(f"/versions/{version_id}/archive", None, Holding)

    def check_fixity(self, version_id: str) -> bool:
        """Have the objects hashed again; True while they are what was stored."""
        return self._http.post(f"/versions/{version_id}/fixity", None, Fixity).whole

    def move_aside(self, version_id: str, action: str, reason: str = "") -> Holding:
        """Restrict, unrestrict, suspend, resume, recall, quarantine or release a version."""
        body = {"action": action, "reason": reason}
        return self._http.post(f"/versions/{version_id}/side-move", body, Holding)

    def request_destruction(self, version_id: str, reason: str) -> Destruction:
        """Ask for the destruction of a version."""
        body = {"reason": reason}
        return self._http.post(f"/versions/{version_id}/destruction", body, Destruction)

    def approve_destruction(self, version_id: str) -> Certificate:
        """Approve a destruction as a second person, which carries it out."""
        return self._http.post(f"/versions/{version_id}/destruction/approval", None, Certificate)

    def certificates(self, subject: str = "") -> tuple[Certificate, ...]:
        """List certificates given and received, about one subject (`version:…`) or all."""
        return self._http.get("/certificates", tuple[Certificate, ...], subject=subject)

    def derived(self, *, source: str = "", agreement: str = "") -> tuple[Derived, ...]:
        """List what was made from a source or under an agreement."""
        kind = tuple[Derived, ...]
        return self._http.get("/derived", kind, source=source, agreement=agreement)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
