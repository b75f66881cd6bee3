"""What can go wrong between a control plane and a data plane."""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
    WithheldError,
)


class PlaneUnknownError(NotFoundError):
    """No such plane is registered here."""


class PlaneUnauthenticatedError(ForbiddenError):
    """The caller did not prove to be a plane that is registered here."""


class RegistrationInvalidError(InvalidError):
    """The registration cannot be kept like this."""


class DataFlowUnknownError(NotFoundError):
    """There is no such data flow, or not for this plane."""


class DataFlowExistsError(ConflictError):
    """A data flow for this process exists already."""


class DataFlowRefusedError(InvalidError):
    """The data flow cannot be had like this."""


class DataFlowRacedError(UnavailableError):
    """Two things happened to a data flow at once; the second has to look again."""


class ApprovalRefusedError(ForbiddenError):
    """These datasets cannot be approved like this, or not by this person."""


class HostedWithheldError(WithheldError):
    """No byte of a hosted flow may move: its counterparty, agreement or rules are against it."""


class PlaneRefusedError(ConflictError):
    """The data plane refused what our control plane asked."""


class PlaneAnswerError(InvalidError):
    """The other plane answered outside Data Plane Signaling."""


class RenewalRefusedError(ForbiddenError):
    """The access token is not renewed for this caller."""


class SecretSealedError(CorruptError):
    """A kept secret cannot be opened with this node's keys."""
