"""What the work room refuses."""

from tidegate.kernel.errors import NotFoundError


class TaskNotFoundError(NotFoundError):
    """No parked task has this number."""
