"""Why releases of a growing table could not be held beside each other."""

from tidegate.kernel.errors import ConflictError, CorruptError, InvalidError, WithheldError


class MembershipInvalidError(InvalidError):
    """A release cannot be remembered as it is: a person stands in it twice, or its key differs."""


class MembershipCorruptError(CorruptError):
    """What was kept of an earlier release is not what was written."""


class ReleaseRefusedError(WithheldError):
    """Together with the earlier releases this one would leave a person among fewer than k."""


class ReleasesBusyError(ConflictError):
    """Another run holds the folder in which releases are kept."""
