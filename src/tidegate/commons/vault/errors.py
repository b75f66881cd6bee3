"""What can go wrong in the vault."""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    NotFoundError,
    UnavailableError,
    WithheldError,
)


class ObjectCorruptError(CorruptError):
    """A stored object was changed, cut, extended, reordered or swapped."""


class ObjectMissingError(NotFoundError):
    """A stored object is not where the holding says it is."""


class KeyMissingError(CorruptError):
    """The key of a holding is not in the key vault; without it the objects cannot be read."""


class KeyDestroyedError(WithheldError):
    """The key was destroyed; nobody can read these data again."""


class KeyExistsError(ConflictError):
    """A key of that name was made before."""


class StorageUnwritableError(UnavailableError):
    """The disk of the vault takes no more; nothing of what was to be kept is there."""
