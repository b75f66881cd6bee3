"""What can go wrong between acquisition and destruction."""

from tidegate.commons.vault.errors import (
    KeyDestroyedError,
    KeyMissingError,
    ObjectCorruptError,
    ObjectMissingError,
)
from tidegate.kernel.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)

__all__ = [
    "DescriptorInvalidError",
    "FileRefusedError",
    "HoldingChangedError",
    "HoldingUnknownError",
    "KeyDestroyedError",
    "KeyMissingError",
    "NotReadyError",
    "ObjectCorruptError",
    "ObjectMissingError",
    "PreviewBusyError",
    "ProposalChangedError",
    "ReportChangedError",
    "RunCancelledError",
    "RunChangedError",
    "RunUnknownError",
    "SecondPersonError",
]


class FileRefusedError(InvalidError):
    """A file cannot be acquired as it is; nothing of it was kept."""


class DescriptorInvalidError(InvalidError):
    """The description beside the files is malformed or names what is not there."""


class HoldingUnknownError(NotFoundError):
    """No such holding at this node."""


class HoldingChangedError(ConflictError):
    """Somebody else moved the holding on at the same moment."""


class ProposalChangedError(ConflictError):
    """What is approved is not what is proposed now."""


class ReportChangedError(ConflictError):
    """What is signed is not the report that stands now."""


class NotReadyError(ConflictError):
    """An earlier step is still missing."""


class PreviewBusyError(UnavailableError):
    """As many recipes are being previewed as may be at a time."""


class RunUnknownError(NotFoundError):
    """No such run of a de-identification."""


class RunChangedError(ConflictError):
    """The run has ended, or another one waits."""


class RunCancelledError(ConflictError):
    """A person gave the run up while it was worked on."""


class SecondPersonError(ForbiddenError):
    """Two different people must act, and this is the same one, or no person at all."""
