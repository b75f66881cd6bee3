"""What two nodes say to each other about an application."""

from tidegate.kernel.values import dataclass
from tidegate.partners.model import Application, ApplicationState, Permit, TrainingCredential


@dataclass(frozen=True, slots=True)
class SubmittedMessage:
    """An application with the training its people have passed."""

    application: Application
    trainings: tuple[TrainingCredential, ...]


@dataclass(frozen=True, slots=True)
class DecidedMessage:
    """The provider's decision, with the permit when it is a yes."""

    application: str
    state: ApplicationState
    decided_by: str
    decided_at: str
    reason: str
    permit: Permit | None


@dataclass(frozen=True, slots=True)
class WithdrawnMessage:
    """The applicant wants it no more."""

    application: str
    reason: str


@dataclass(frozen=True, slots=True)
class PermitEndedMessage:
    """The provider ended a permit before its term."""

    permit: str
    reason: str
    ended_at: str
