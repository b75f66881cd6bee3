"""What can go wrong in a transfer."""

from tidegate.kernel.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    UnavailableError,
    WithheldError,
)


class TransferRequestRefusedError(InvalidError):
    """The transfer cannot be asked for like this."""


class TransferRacedError(UnavailableError):
    """Two things happened to this process at once; the second has to look again."""


class AgreementSettlingError(UnavailableError):
    """The consumer holds the agreement already; we have not heard yet that it does."""


class AlreadySettledError(TransferRacedError):
    """The peer's own message settled ours while its answer was on the way: nothing is left."""


class TransferBusyError(ConflictError):
    """A message of this transfer is still on its way, or it is not there to be changed."""


class VisitRefusedError(ForbiddenError):
    """The token opens no visit, or no longer."""


class VisitWithheldError(WithheldError):
    """The visit is stopped by its agreement, or was refused by the provider."""


class VisitPendingError(UnavailableError):
    """The visit was asked for; the provider has not started it yet."""


class ScriptInvalidError(InvalidError):
    """A transfer script cannot be read, or could not be followed."""


class RowsWithheldError(WithheldError):
    """The agreement does not let rows leave, or not now."""
