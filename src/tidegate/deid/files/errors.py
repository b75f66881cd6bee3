"""What can go wrong with a table that is a file."""

from tidegate.kernel.errors import ConflictError, InvalidError


class TableUnreadableError(InvalidError):
    """The file is not a table that can be read without a doubt; the lines are named, no value."""


class FileExistsAlreadyError(ConflictError):
    """A file of that name is there, and nothing was said about replacing it."""


class FileBusyError(ConflictError):
    """Another run is writing there, or what stands there is not a leftover of one's own."""
