"""What can be wrong with a message between connectors."""

from tidegate.kernel.errors import ForbiddenError, InvalidError, NotFoundError


class MessageRefusedError(InvalidError):
    """The message is not one the protocol allows, here and now."""


class ProcessUnknownError(NotFoundError):
    """There is no such negotiation or transfer, or it belongs to somebody else."""


class CallbackRefusedError(ForbiddenError):
    """The callback address does not belong to the peer that gave it."""
