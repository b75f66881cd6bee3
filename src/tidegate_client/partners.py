"""Partnerships, training, studies and the papers of the border."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tidegate_client.transport import Transport


class Signature(msgspec.Struct, frozen=True):
    """One institution's signature over the terms."""

    did: str
    signed_by: str
    jws: str
    signed_at: str


class Partnership(msgspec.Struct, frozen=True):
    """A cooperation agreement between two institutions."""

    id: str
    title: str
    parties: tuple[str, ...]
    programme: str
    seats: tuple[str, ...]
    scopes: tuple[str, ...]
    required_training: tuple[str, ...]
    starts: str
    expires: str
    state: str
    signatures: tuple[Signature, ...] = ()
    ended_reason: str = ""


class Training(msgspec.Struct, frozen=True):
    """That a person has passed a course."""

    id: str
    person_ref: str
    course: str
    issued_at: str
    expires_at: str
    issuer: str
    revoked_at: str | None = None


class EthicsApproval(msgspec.Struct, frozen=True):
    """The approval of a study at one site."""

    id: str
    project_id: str
    site: str
    reference: str
    covers_datasets: tuple[str, ...]
    covers_cross_border: bool
    expires_at: str


class LegalBasis(msgspec.Struct, frozen=True):
    """On what ground a study may use a dataset."""

    id: str
    project_id: str
    dataset_id: str
    basis: str
    consent: dict[str, bool] | None = None


class Project(msgspec.Struct, frozen=True):
    """A study."""

    id: str
    title: str
    purpose: str
    lead: str
    people: tuple[str, ...]
    dataset_ids: tuple[str, ...]
    home: str
    data_management_plan: str
    sites: tuple[str, ...] = ()
    state: str = "live"
    revision: int = 1
    ethics: tuple[EthicsApproval, ...] = ()
    legal_basis: tuple[LegalBasis, ...] = ()


class ImpactAssessment(msgspec.Struct, frozen=True):
    """An impact assessment of the exporter."""

    id: str
    project_id: str
    dataset_ids: tuple[str, ...]
    done_on: str
    covers_3: bool
    retention_years: int


class Mechanism(msgspec.Struct, frozen=True):
    """What carries data across the border."""

    id: str
    kind: str
    counterparty: str
    effective_on: str
    filed_on: str | None
    filing_reference: str
    purposes: tuple[str, ...]
    dataset_ids: tuple[str, ...]
    ended_at: str | None = None


class Partnerships:
    """Partnerships of one node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_partnerships(self) -> tuple[Partnership, ...]:
        """Return every partnership."""
        return self._http.get("/partnerships", tuple[Partnership, ...])

    def get(self, partnership_id: str) -> Partnership:
        """Return one partnership."""
        return self._http.get(f"/partnerships/{partnership_id}", Partnership)

    def propose(self, counterpart: str, title: str, **terms: Any) -> Partnership:
        """Propose terms: programme, seats, scopes, required_training, starts, expires."""
        body = {"counterpart": counterpart, "title": title, **terms}
        return self._http.post("/partnerships", body, Partnership)

    def sign(self, partnership_id: str) -> Partnership:
        """Sign a proposal of the other side."""
        return self._http.post(f"/partnerships/{partnership_id}/sign", None, Partnership)

    def end(self, partnership_id: str, reason: str) -> Partnership:
        """End a partnership."""
        body = {"reason": reason}
        return self._http.post(f"/partnerships/{partnership_id}/end", body, Partnership)


class Trainings:
    """Training credentials of one node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_trainings(self, person_ref: str = "") -> tuple[Training, ...]:
        """Return the credentials of a person, or all that are known."""
        query = {"person": person_ref} if person_ref else {}
        return self._http.get("/trainings", tuple[Training, ...], **query)

    def issue(self, person_ref: str, course: str, expires: str) -> Training:
        """Certify that a person passed a course."""
        body = {"person_ref": person_ref, "course": course, "expires": expires}
        return self._http.post("/trainings", body, Training)

    def revoke(self, training_id: str, reason: str) -> Training:
        """Take a credential back."""
        return self._http.post(f"/trainings/{training_id}/revoke", {"reason": reason}, Training)


class Projects:
    """Studies of one node, with their approvals and papers."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_projects(self) -> tuple[Project, ...]:
        """Return every study known at the node."""
        return self._http.get("/projects", tuple[Project, ...])

    def get(self, project_id: str) -> Project:
        """Return one study."""
        return self._http.get(f"/projects/{project_id}", Project)

    def create(
        self,
        title: str,
        purpose: str,
        data_management_plan: str,
        *,
        people: tuple[str, ...] = (),
        dataset_ids: tuple[str, ...] = (),
        sites: tuple[str, ...] = (),
    ) -> Project:
        """Set up a study led by the one who calls."""
        body = {
            "title": title,
            "purpose": purpose,
            "data_management_plan": data_management_plan,
            "people": people,
            "dataset_ids": dataset_ids,
            "sites": sites,
        }
        return self._http.post("/projects", body, Project)

    def change(self, project_id: str, **changes: tuple[str, ...]) -> Project:
        """Replace `people`, `dataset_ids` or `sites` of a study."""
        return self._http.put(f"/projects/{project_id}", changes, Project)

    def close(self, project_id: str, reason: str) -> Project:
        """Close a study."""
        return self._http.post(f"/projects/{project_id}/close", {"reason": reason}, Project)

    def record_ethics(
        self,
        project_id: str,
        reference: str,
        *,
        covers_datasets: tuple[str, ...],
        covers_cross_border: bool,
        expires: str,
    ) -> EthicsApproval:
        """Record an approval of this site's ethics committee."""
        body = {
            "reference": reference,
            "covers_datasets": covers_datasets,
            "covers_cross_border": covers_cross_border,
            "expires": expires,
        }
        return self._http.post(f"/projects/{project_id}/ethics", body, EthicsApproval)

    def record_legal_basis(
        self,
        project_id: str,
        dataset_id: str,
        basis: str,
        *,
        consent: Mapping[str, bool] | None = None,
        security_committee: bool | None = None,
    ) -> LegalBasis:
        """Record the ground on which a study may use a dataset of this institution."""
        body = {
            "dataset_id": dataset_id,
            "basis": basis,
            "consent": consent,
            "security_committee": security_committee,
        }
        return self._http.post(f"/projects/{project_id}/legal-bases", body, LegalBasis)

    def record_impact_assessment(
        self,
        project_id: str,
        dataset_ids: tuple[str, ...],
        *,
        done_on: str,
        covers_3: bool,
        retention_years: int,
    ) -> ImpactAssessment:
        """Record an impact assessment of this institution as exporter."""
        body = {
            "dataset_ids": dataset_ids,
            "done_on": done_on,
            "covers_3": covers_3,
            "retention_years": retention_years,
        }
        path = f"/projects/{project_id}/impact-assessments"
        return self._http.post(path, body, ImpactAssessment)

    def list_impact_assessments(self, project_id: str) -> tuple[ImpactAssessment, ...]:
        """Return the impact assessments of a study."""
        path = f"/projects/{project_id}/impact-assessments"
        return self._http.get(path, tuple[ImpactAssessment, ...])


class Mechanisms:
    """Transfer mechanisms of one node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_mechanisms(self) -> tuple[Mechanism, ...]:
        """Return every transfer mechanism."""
        return self._http.get("/mechanisms", tuple[Mechanism, ...])

    def record(self, kind: str, counterparty: str, **paper: Any) -> Mechanism:
        """Record one: effective_on, purposes, dataset_ids, filed_on, filing_reference."""
        body = {"kind": kind, "counterparty": counterparty, **paper}
        return self._http.post("/mechanisms", body, Mechanism)

    def file(self, mechanism_id: str, *, filed_on: str, reference: str) -> Mechanism:
        """Record that it was filed."""
        body = {"filed_on": filed_on, "reference": reference}
        return self._http.put(f"/mechanisms/{mechanism_id}/filing", body, Mechanism)

    def end(self, mechanism_id: str, reason: str) -> Mechanism:
        """Record that it ended."""
        return self._http.post(f"/mechanisms/{mechanism_id}/end", {"reason": reason}, Mechanism)
