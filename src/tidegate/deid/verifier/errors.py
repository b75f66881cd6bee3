"""Why a published table was not verified, or was found not to hold what is claimed for it."""

from tidegate.kernel.errors import CorruptError, InvalidError


class ClaimInvalidError(InvalidError):
    """What is claimed cannot be checked: an unknown criterion, a missing column, a lacking fact."""


class PublishedUnreadableError(CorruptError):
    """The published file cannot be read as the table it is said to be."""


class NotBorneOutError(CorruptError):
    """The published table does not bear out what is claimed for it."""
