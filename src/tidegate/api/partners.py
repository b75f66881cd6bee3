"""Management operations for partnerships, training and studies, and all of `applications`."""

from tidegate.access.model import Role, Seat
from tidegate.access.rules import check_has_role
from tidegate.api.applications import OPERATIONS as APPLICATION_OPERATIONS
from tidegate.api.applications import Reason
from tidegate.api.kit import Call, Operation
from tidegate.kernel.values import dataclass
from tidegate.partners.model import (
    ConsentFacts,
    EthicsApproval,
    LegalBasis,
    Partnership,
    Project,
    Terms,
    TrainingCredential,
)


@dataclass(frozen=True, slots=True)
class ProposePartnership:
    """The terms this institution proposes to another."""

    counterpart: str
    title: str
    programme: str
    seats: tuple[Seat, ...]
    scopes: tuple[str, ...]
    required_training: tuple[str, ...]
    starts: str
    expires: str


@dataclass(frozen=True, slots=True)
class IssueTraining:
    """Who passed which course, and until when it counts."""

    person_ref: str
    course: str
    expires: str


@dataclass(frozen=True, slots=True)
class CreateProject:
    """A study: what for, with whom, on what, where it must be approved, how data are kept."""

    title: str
    purpose: str
    data_management_plan: str
    people: tuple[str, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeProject:
    """What changes in a study; what is left out stays."""

    people: tuple[str, ...] | None = None
    dataset_ids: tuple[str, ...] | None = None
    sites: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RecordEthics:
    """An approval of this site's ethics committee."""

    reference: str
    covers_datasets: tuple[str, ...]
    covers_cross_border: bool
    expires: str


@dataclass(frozen=True, slots=True)
class RecordLegalBasis:
    """On what ground a study may use a dataset of this institution."""

    dataset_id: str
    basis: str
    consent: ConsentFacts | None = None
    security_committee: bool | None = None


def list_partnerships(call: Call[None]) -> tuple[Partnership, ...]:
    """List partnerships."""
    check_has_role(call.actor, *Role)
    return call.house.partnerships.list_partnerships()


def show_partnership(call: Call[None]) -> Partnership:
    """Show a partnership."""
    check_has_role(call.actor, *Role)
    return call.house.partnerships.get_partnership(call.path["partnership"])


def propose_partnership(call: Call[ProposePartnership]) -> Partnership:
    """Propose a partnership."""
    body = call.body
    terms = Terms(
        title=body.title,
        programme=body.programme,
        parties=(call.house.participant.did, body.counterpart),
        seats=body.seats,
        scopes=body.scopes,
        required_training=body.required_training,
        starts=body.starts,
        expires=body.expires,
    )
    return call.house.partnerships.propose(terms, by=call.actor)


def sign_partnership(call: Call[None]) -> Partnership:
    """Sign a partnership the other side proposed."""
    return call.house.partnerships.sign(call.path["partnership"], by=call.actor)


def end_partnership(call: Call[Reason]) -> Partnership:
    """End a partnership."""
    key, reason = call.path["partnership"], call.body.reason
    return call.house.partnerships.end(key, reason, by=call.actor)


def list_trainings(call: Call[None]) -> tuple[TrainingCredential, ...]:
    """List training credentials, of one person when `person` is given."""
    check_has_role(call.actor, *Role)
    return call.house.training.list_trainings(call.query.get("person", ""))


def issue_training(call: Call[IssueTraining]) -> TrainingCredential:
    """Certify that a person passed a course."""
    body = call.body
    return call.house.training.issue(body.person_ref, body.course, body.expires, by=call.actor)


def revoke_training(call: Call[Reason]) -> TrainingCredential:
    """Take a training credential back."""
    return call.house.training.revoke(call.path["training"], call.body.reason, by=call.actor)


def list_projects(call: Call[None]) -> tuple[Project, ...]:
    """List studies."""
    return call.house.projects.list_projects_for(call.actor)


def show_project(call: Call[None]) -> Project:
    """Show a study with its approvals and legal bases."""
    return call.house.projects.get_project_for(call.path["project"], by=call.actor)


def create_project(call: Call[CreateProject]) -> Project:
    """Set up a study."""
    body = call.body
    return call.house.projects.create(
        body.title,
        body.purpose,
        body.data_management_plan,
        by=call.actor,
        people=body.people,
        dataset_ids=body.dataset_ids,
        sites=body.sites,
    )


def change_project(call: Call[ChangeProject]) -> Project:
    """Change the people, datasets or sites of a study."""
    body = call.body
    return call.house.projects.change(
        call.path["project"],
        by=call.actor,
        people=body.people,
        dataset_ids=body.dataset_ids,
        sites=body.sites,
    )


def close_project(call: Call[Reason]) -> Project:
    """Close a study."""
    return call.house.projects.close(call.path["project"], call.body.reason, by=call.actor)


def record_ethics(call: Call[RecordEthics]) -> EthicsApproval:
    """Record an ethics approval of this site."""
    body = call.body
    return call.house.projects.record_ethics(
        call.path["project"],
        body.reference,
        covers_datasets=body.covers_datasets,
        covers_cross_border=body.covers_cross_border,
        expires=body.expires,
        by=call.actor,
    )


def record_legal_basis(call: Call[RecordLegalBasis]) -> LegalBasis:
    """Record the legal basis of a study's use of a dataset."""
    body = call.body
    return call.house.projects.record_legal_basis(
        call.path["project"],
        body.dataset_id,
        body.basis,
        by=call.actor,
        consent=body.consent,
        security_committee=body.security_committee,
    )


_PARTNERSHIP = "/partnerships/{partnership}"
_PROJECT = "/projects/{project}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/partnerships",
        list_partnerships,
        gives=tuple[Partnership, ...],
        summary="List partnerships",
    ),
    Operation(
        "POST",
        "/partnerships",
        propose_partnership,
        takes=ProposePartnership,
        gives=Partnership,
        summary="Propose a partnership",
    ),
    Operation(
        "GET", _PARTNERSHIP, show_partnership, gives=Partnership, summary="Show a partnership"
    ),
    Operation(
        "POST",
        f"{_PARTNERSHIP}/sign",
        sign_partnership,
        gives=Partnership,
        summary="Sign a partnership the other side proposed",
    ),
    Operation(
        "POST",
        f"{_PARTNERSHIP}/end",
        end_partnership,
        takes=Reason,
        gives=Partnership,
        summary="End a partnership",
    ),
    Operation(
        "GET",
        "/trainings",
        list_trainings,
        gives=tuple[TrainingCredential, ...],
        summary="List training credentials",
    ),
    Operation(
        "POST",
        "/trainings",
        issue_training,
        takes=IssueTraining,
        gives=TrainingCredential,
        summary="Certify that a person passed a course",
    ),
    Operation(
        "POST",
        "/trainings/{training}/revoke",
        revoke_training,
        takes=Reason,
        gives=TrainingCredential,
        summary="Take a training credential back",
    ),
    Operation("GET", "/projects", list_projects, gives=tuple[Project, ...], summary="List studies"),
    Operation(
        "POST",
        "/projects",
        create_project,
        takes=CreateProject,
        gives=Project,
        summary="Set up a study",
    ),
    Operation("GET", _PROJECT, show_project, gives=Project, summary="Show a study"),
    Operation(
        "PUT",
        _PROJECT,
        change_project,
        takes=ChangeProject,
        gives=Project,
        summary="Change the people, datasets or sites of a study",
    ),
    Operation(
        "POST",
        f"{_PROJECT}/close",
        close_project,
        takes=Reason,
        gives=Project,
        summary="Close a study",
    ),
    Operation(
        "POST",
        f"{_PROJECT}/ethics",
        record_ethics,
        takes=RecordEthics,
        gives=EthicsApproval,
        summary="Record an ethics approval of this site",
    ),
    Operation(
        "POST",
        f"{_PROJECT}/legal-bases",
        record_legal_basis,
        takes=RecordLegalBasis,
        gives=LegalBasis,
        summary="Record the legal basis of a study's use of a dataset",
    ),
    *APPLICATION_OPERATIONS,
)
