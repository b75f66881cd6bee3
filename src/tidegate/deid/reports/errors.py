"""What can go wrong with a report."""

from tidegate.kernel.errors import InvalidError, UnavailableError


class ReportUnreadableError(InvalidError):
    """The document is no report of an anonymised table, or lacks a part of one."""


class FontMissingError(UnavailableError):
    """No font of this machine has the characters of the report's language."""
