"""What can go wrong between nodes, in words; the kinds say what the doors answer.

Every message is safe to show to the peer: it names the check that failed, never a secret.
"""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class PeerUnauthenticatedError(ForbiddenError):
    """The caller did not prove who it is: no token, a bad one, or one used before."""


class PeerRefusedError(ForbiddenError):
    """The caller proved who it is, and lacks the standing for what it asks."""


class PeerUnreachableError(UnavailableError):
    """The other node cannot be reached now, or answers that it is not able to."""


class PeerAnswerError(InvalidError):
    """The other node answered something that the protocol does not allow."""


class PeerDeclinedError(ForbiddenError):
    """The other node understood and refused; asking again will not help."""


class MessageDeclinedError(PeerDeclinedError):
    """The other node refused a message for a reason that may pass, if it passes soon.

    A node that has just started, or has not yet heard who joined, refuses what it takes a moment
    later; whoever waits behind the message in its lane waits at most ten seconds for that.
    """

    tries = 6


class AddressRefusedError(ForbiddenError):
    """The address may not be called from here."""


class DidInvalidError(InvalidError):
    """The DID, or the document behind it, does not have the shape it must have."""


class CredentialInvalidError(CorruptError):
    """A credential or presentation does not hold: signature, holder, validity or status."""


class MessageInvalidError(InvalidError):
    """A message between nodes is malformed."""


class DefinitionUnsupportedError(InvalidError):
    """The query is a presentation definition; this node answers scopes (DCP 1.0.1 §5.4.1)."""


class StsRefusedError(ForbiddenError):
    """The secure token service gives no token; `code` is the error of RFC 6749 §5.2."""


class CertificationRefusedError(InvalidError):
    """A certification cannot be granted or withdrawn like this."""


class RequestUnknownError(NotFoundError):
    """There is no such credential request of this holder."""


class NoSpaceError(ConflictError):
    """The node belongs to no space yet."""


class SpaceConflictError(ConflictError):
    """The node's present membership does not allow this."""


class CredentialMissingError(UnavailableError):
    """The node itself holds no valid membership credential at the moment."""


class IssuanceRacedError(UnavailableError):
    """What a credential would attest changed while it was issued; it is issued anew."""
