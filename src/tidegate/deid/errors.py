"""What can go wrong when data are de-identified."""

from tidegate.kernel.errors import CorruptError, InvalidError, WithheldError


class RecipeInvalidError(InvalidError):
    """The recipe does not fit the data, or leaves an identifier in."""


class NotAnonymousError(WithheldError):
    """No generalisation within the recipe reaches the k that was asked for."""


class RecountError(CorruptError):
    """The independent count of what was written disagrees with what was promised."""


class HierarchyError(InvalidError):
    """A hierarchy does not fit its column, or is none: not monotone, or without a single root."""
