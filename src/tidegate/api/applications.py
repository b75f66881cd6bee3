"""Management operations for applications, permits, the papers of the border, and the gate."""

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.api.kit import Call, Operation
from tidegate.kernel.values import dataclass
from tidegate.partners.model import (
    Application,
    GateQuestion,
    ImpactAssessment,
    MechanismKind,
    Permit,
    TransferMechanism,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something ends or is decided."""

    reason: str


@dataclass(frozen=True, slots=True)
class RecordAssessment:
    """An impact assessment for a study."""

    dataset_ids: tuple[str, ...]
    done_on: str
    covers_3: bool
    retention_years: int


@dataclass(frozen=True, slots=True)
class RecordMechanism:
    """A contract, certificate or assessment that carries data across the border."""

    kind: MechanismKind
    counterparty: str
    effective_on: str
    purposes: tuple[str, ...]
    dataset_ids: tuple[str, ...]
    filed_on: str | None = None
    filing_reference: str = ""


@dataclass(frozen=True, slots=True)
class FileMechanism:
    """When and under which reference a mechanism was filed."""

    filed_on: str
    reference: str


@dataclass(frozen=True, slots=True)
class SubmitApplication:
    """Which dataset of whom, for whom, for what and how long."""

    project_id: str
    dataset_id: str
    provider: str
    people: tuple[str, ...]
    purposes: tuple[str, ...]
    months: int
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approve:
    """Why access is granted, and for how many months if fewer than asked."""

    reason: str
    months: int | None = None


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """Whether the gate is open, else the first reason against."""

    is_open: bool
    code: str = ""
    message: str = ""


def record_assessment(call: Call[RecordAssessment]) -> ImpactAssessment:
    """Record an impact assessment."""
    body = call.body
    return call.house.instruments.record_impact_assessment(
        call.path["project"],
        body.dataset_ids,
        done_on=body.done_on,
        covers_3=body.covers_3,
        retention_years=body.retention_years,
        by=call.actor,
    )


def list_assessments(call: Call[None]) -> tuple[ImpactAssessment, ...]:
    """List the impact assessments of a study."""
    project = call.house.projects.get_project_for(call.path["project"], by=call.actor)
    return call.house.instruments.list_impact_assessments(project.id)


def list_mechanisms(call: Call[None]) -> tuple[TransferMechanism, ...]:
    """List transfer mechanisms."""
    check_has_role(call.actor, *Role)
    return call.house.instruments.list_mechanisms()


def record_mechanism(call: Call[RecordMechanism]) -> TransferMechanism:
    """Record a transfer mechanism."""
    body = call.body
    return call.house.instruments.record_mechanism(
        body.kind,
        body.counterparty,
        effective_on=body.effective_on,
        purposes=body.purposes,
        dataset_ids=body.dataset_ids,
        by=call.actor,
        filed_on=body.filed_on,
        filing_reference=body.filing_reference,
    )


def file_mechanism(call: Call[FileMechanism]) -> TransferMechanism:
    """Record that a mechanism was filed."""
    body = call.body
    return call.house.instruments.file_mechanism(
        call.path["mechanism"], filed_on=body.filed_on, reference=body.reference, by=call.actor
    )


def end_mechanism(call: Call[Reason]) -> TransferMechanism:
    """Record that a mechanism ended."""
    key, reason = call.path["mechanism"], call.body.reason
    return call.house.instruments.end_mechanism(key, reason, by=call.actor)


def list_applications(call: Call[None]) -> tuple[Application, ...]:
    """List applications made or received."""
    return call.house.applications.list_applications_for(call.actor)


def show_application(call: Call[None]) -> Application:
    """Show an application."""
    key = call.path["application"]
    return call.house.applications.get_application_for(key, by=call.actor)


def submit_application(call: Call[SubmitApplication]) -> Application:
    """Apply for access."""
    body = call.body
    return call.house.applications.submit(
        body.project_id,
        body.dataset_id,
        body.provider,
        people=body.people,
        purposes=body.purposes,
        months=body.months,
        by=call.actor,
        variables=body.variables,
    )


def approve_application(call: Call[Approve]) -> Permit:
    """Grant an application."""
    body = call.body
    return call.house.applications.approve(
        call.path["application"], body.reason, by=call.actor, months=body.months
    )


def refuse_application(call: Call[Reason]) -> Application:
    """Refuse an application."""
    key, reason = call.path["application"], call.body.reason
    return call.house.applications.refuse(key, reason, by=call.actor)


def withdraw_application(call: Call[Reason]) -> Application:
    """Withdraw an application."""
    key, reason = call.path["application"], call.body.reason
    return call.house.applications.withdraw(key, reason, by=call.actor)


def list_permits(call: Call[None]) -> tuple[Permit, ...]:
    """List permits."""
    return call.house.applications.list_permits_for(call.actor)


def end_permit(call: Call[Reason]) -> Permit:
    """End a permit before its term."""
    key, reason = call.path["permit"], call.body.reason
    return call.house.applications.end_permit(key, reason, by=call.actor)


def ask_gate(call: Call[GateQuestion]) -> GateAnswer:
    """Ask whether the gate would be open, and the first reason why not."""
    check_has_role(call.actor, *Role)
    refusal = call.house.gate.find_refusal(call.body)
    if refusal is None:
        return GateAnswer(is_open=True)
    return GateAnswer(is_open=False, code=refusal.code, message=refusal.message)


_MECHANISM = "/mechanisms/{mechanism}"
_APPLICATION = "/applications/{application}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/projects/{project}/impact-assessments",
        list_assessments,
        gives=tuple[ImpactAssessment, ...],
        summary="List the impact assessments of a study",
    ),
    Operation(
        "POST",
        "/projects/{project}/impact-assessments",
        record_assessment,
        takes=RecordAssessment,
        gives=ImpactAssessment,
        summary="Record an impact assessment",
    ),
    Operation(
        "GET",
        "/mechanisms",
        list_mechanisms,
        gives=tuple[TransferMechanism, ...],
        summary="List transfer mechanisms",
    ),
    Operation(
        "POST",
        "/mechanisms",
        record_mechanism,
        takes=RecordMechanism,
        gives=TransferMechanism,
        summary="Record a transfer mechanism",
    ),
    Operation(
        "PUT",
        f"{_MECHANISM}/filing",
        file_mechanism,
        takes=FileMechanism,
        gives=TransferMechanism,
        summary="Record that a mechanism was filed",
    ),
    Operation(
        "POST",
        f"{_MECHANISM}/end",
        end_mechanism,
        takes=Reason,
        gives=TransferMechanism,
        summary="Record that a mechanism ended",
    ),
    Operation(
        "GET",
        "/applications",
        list_applications,
        gives=tuple[Application, ...],
        summary="List applications",
    ),
    Operation(
        "POST",
        "/applications",
        submit_application,
        takes=SubmitApplication,
        gives=Application,
        summary="Apply for access",
    ),
    Operation(
        "GET", _APPLICATION, show_application, gives=Application, summary="Show an application"
    ),
    Operation(
        "POST",
        f"{_APPLICATION}/approve",
        approve_application,
        takes=Approve,
        gives=Permit,
        summary="Grant an application",
    ),
    Operation(
        "POST",
        f"{_APPLICATION}/refuse",
        refuse_application,
        takes=Reason,
        gives=Application,
        summary="Refuse an application",
    ),
    Operation(
        "POST",
        f"{_APPLICATION}/withdraw",
        withdraw_application,
        takes=Reason,
        gives=Application,
        summary="Withdraw an application",
    ),
    Operation("GET", "/permits", list_permits, gives=tuple[Permit, ...], summary="List permits"),
    Operation(
        "POST",
        "/permits/{permit}/end",
        end_permit,
        takes=Reason,
        gives=Permit,
        summary="End a permit before its term",
    ),
    Operation(
        "POST",
        "/gate",
        ask_gate,
        takes=GateQuestion,
        gives=GateAnswer,
        summary="Ask whether the gate would be open",
    ),
)
