"""What can go wrong in the catalogue."""

from tidegate.kernel.errors import ConflictError, InvalidError, NotFoundError


class DatasetUnknownError(NotFoundError):
    """No such dataset in this node's catalogue, nor among the records of its peers."""


class DatasetAmbiguousError(ConflictError):
    """Several institutions use one dataset id, and it was not said whose dataset is meant."""


class VersionUnknownError(NotFoundError):
    """No such version in this node's catalogue."""


class OfferUnknownError(NotFoundError):
    """No such offer in this node's catalogue."""


class StageChangedError(ConflictError):
    """The version moved on while someone else was deciding about it."""


class NotOfferableError(ConflictError):
    """The version is not in a stage in which it may be offered."""


class OfferClosedError(ConflictError):
    """The offer was withdrawn before."""


class OfferTwiceError(ConflictError):
    """The same version is offered under the same terms and formats already."""


class BuriedError(ConflictError):
    """The version has a tombstone: its data are gone for good."""


class OfferInvalidError(InvalidError):
    """The offer names no transfer format, or a term nothing enforces."""


class QueryTooLargeError(InvalidError):
    """The search is too long, or asks for too many hits or for hits too far down."""
