"""What can stop an assessment before any rule is asked."""

from tidegate.kernel.errors import ForbiddenError


class SeatUnknownError(ForbiddenError):
    """A party's legal seat is not attested, so no rule of law can be chosen for it."""
