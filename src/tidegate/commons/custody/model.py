"""What those who keep a version see of it, and the names of what they can do with it."""

from enum import StrEnum

from tidegate.catalogue.model import Classification
from tidegate.commons.model import Destruction, DestructionState, Holding, Stage
from tidegate.kernel.values import dataclass


class Act(StrEnum):
    """Something a person can do with a version that this node keeps."""

    PROPOSE = "propose"
    APPROVE = "approve"
    DEIDENTIFY = "deidentify"
    SIGN = "sign"
    STORE = "store"
    ARCHIVE = "archive"
    RECALL = "recall"
    CHECK = "check"
    RESTRICT = "restrict"
    UNRESTRICT = "unrestrict"
    SUSPEND = "suspend"
    RESUME = "resume"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    REQUEST_DESTRUCTION = "request_destruction"
    APPROVE_DESTRUCTION = "approve_destruction"


@dataclass(frozen=True, slots=True)
class Custody:
    """A version as those who keep it see it: where it stands, and what was asked about it."""

    holding: Holding
    proposal: Classification | None = None
    """The classification proposed or approved."""
    proposed_at: str = ""
    approved_at: str = ""
    destruction: Destruction | None = None
    is_signable: bool = False
    """Whether the risk that is left is small enough to be signed."""

    @property
    def has_proposal(self) -> bool:
        """Whether a classification waits to be approved."""
        return self.proposal is not None and not self.proposal.approved_by

    @property
    def has_unsigned_report(self) -> bool:
        """Whether a risk report waits to be signed."""
        report = self.holding.report
        return (
            self.holding.stage is Stage.DEIDENTIFIED and report is not None and not report.signed_by
        )

    @property
    def is_signed(self) -> bool:
        """Whether the tables that were made may be stored."""
        return self.holding.report is not None and bool(self.holding.report.signed_by)

    @property
    def has_request(self) -> bool:
        """Whether a destruction was requested and not approved yet."""
        one = self.destruction
        return one is not None and one.state is DestructionState.REQUESTED

    @property
    def is_ending(self) -> bool:
        """Whether a destruction was requested or is being carried out."""
        return self.destruction is not None and self.destruction.state is not DestructionState.DONE
