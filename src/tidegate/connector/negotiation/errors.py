"""What can go wrong in a negotiation."""

from tidegate.kernel.errors import ConflictError, InvalidError, UnavailableError, WithheldError


class OfferNotOpenError(InvalidError):
    """The offer is not one this node makes, or no longer."""


class OfferChangedError(InvalidError):
    """The terms are not the ones that were offered."""


class AgreementDiffersError(InvalidError):
    """The agreement is not what was offered, or names the wrong parties."""


class NegotiationBusyError(ConflictError):
    """A message of this negotiation is still on its way, or nobody has to decide now."""


class NegotiationRacedError(UnavailableError):
    """Two things happened to this process at once; the second has to look again."""


class TooManyNegotiationsError(UnavailableError):
    """The peer has as many negotiations open here as one participant may have."""


class AlreadySettledError(NegotiationRacedError):
    """The peer's own message settled ours while its answer was on the way: nothing is left."""


class NegotiationWithheldError(WithheldError):
    """The rules do not let this agreement be made."""


class StrategyInvalidError(InvalidError):
    """The strategy cannot be followed."""
