"""What the audit room refuses."""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)


class ProofInvalidError(CorruptError):
    """A Merkle proof does not lead where it should."""


class SignatureInvalidError(CorruptError):
    """A signature does not verify, or its key is not known."""


class EvidenceMalformedError(InvalidError):
    """A leaf, checkpoint, statement, trust file or bundle is not in its one strict form."""


class TrustFileUnreadableError(InvalidError):
    """What was given as the trust file is none, so nothing was verified: no sign of tampering."""


class ForkError(ConflictError):
    """Another node's log went back or changed its past; it is not witnessed."""


class EventUnknownError(InvalidError):
    """An event is written that no room declared."""


class UngovernedWriteError(InvalidError):
    """SQL tried to write where the journal does not allow it."""


class LeafNotFoundError(NotFoundError):
    """The log has no such leaf, subject or checkpoint."""


class EvidenceForbiddenError(ForbiddenError):
    """The asker's roles do not let them do this with the evidence."""


class BundleRefusedError(ConflictError):
    """A bundle cannot be made now: something it must contain is missing or contradicts itself."""


class SuccessionError(CorruptError):
    """A history of the authority's key does not hold, or contradicts the one that is known."""
