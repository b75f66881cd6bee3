"""What can go wrong when a stuck process is helped on."""

from tidegate.kernel.errors import ConflictError


class NothingWaitsError(ConflictError):
    """No message of the process waits to be sent."""
