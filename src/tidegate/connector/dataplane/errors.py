"""What can go wrong while bytes move."""

from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TidegateError,
    UnavailableError,
    WithheldError,
)


class TokenSealedError(CorruptError):
    """A kept token cannot be opened with this node's keys."""


class DataTokenRefusedError(ForbiddenError):
    """The token opens no data, or no longer."""


class FlowUnknownError(NotFoundError):
    """There is no such data flow here."""


class FlowChangedError(UnavailableError):
    """Two things happened to this flow at once; the second has to look again."""


class FlowWithheldError(WithheldError):
    """No bytes of this flow may move now."""


class FlowBusyError(UnavailableError):
    """Another call moves bytes of this flow at this moment."""


class AddressInvalidError(InvalidError):
    """Nothing can be fetched from, or sent to, this data address."""


class RangeRefusedError(InvalidError):
    """The range asked for does not lie in the content."""


class OffsetRefusedError(ConflictError):
    """The bytes sent do not begin where the bytes received end."""


class ContentTooLargeError(InvalidError):
    """More bytes would come than were declared, or than this node takes in at once."""


class DiskLowError(UnavailableError):
    """The disk has no room for these bytes now."""


class ContentChangedError(InvalidError):
    """The bytes that arrived are not those that were promised."""


class BytesRefusedError(TidegateError):
    """The other side does not give or take bytes now; `again` says whether it may later."""

    def __init__(self, code: str, message: str, *, again: bool) -> None:
        super().__init__(message, code=code)
        self.again = again


def as_refusal(problem: TidegateError) -> BytesRefusedError:
    """Return any trouble of a worker as what it means for the next try."""
    if isinstance(problem, BytesRefusedError):
        return problem
    again = isinstance(problem, UnavailableError | ApprovalPendingError)
    return BytesRefusedError(problem.code, problem.message, again=again)
