"""Why rows wait for a person, or an answer about them cannot be taken."""

from tidegate.kernel.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    UnavailableError,
    WithheldError,
)


class ApprovalPendingError(WithheldError):
    """A person was asked whether these rows may leave, and has not answered."""


class ApprovalRefusedError(WithheldError):
    """A person decided that these rows stay."""


class ApprovalUnknownError(NotFoundError):
    """Nothing of that name was asked."""


class ApprovalReasonError(InvalidError):
    """An answer needs its ground."""


class ApprovalLapsedError(ConflictError):
    """What was asked is not what stands now; it is asked anew."""


class ApprovalRacedError(UnavailableError):
    """Two answers came at once; the second has to look again."""
