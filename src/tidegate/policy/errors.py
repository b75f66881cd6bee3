"""What can go wrong with policies, agreements and rules."""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    WithheldError,
)


class PolicyInvalidError(InvalidError):
    """A policy says something this node does not understand, and so cannot keep."""


class PolicyUnenforceableError(ConflictError):
    """A policy holds a term nothing stands behind, or terms that contradict each other."""


class AttestationUnacceptedError(ConflictError):
    """A policy rests on the peer's word for a term nobody here has accepted by name."""


class AgreementNotFoundError(NotFoundError):
    """There is no agreement of that id at this node."""


class AgreementExistsError(ConflictError):
    """An agreement of that id is already recorded, with other words."""


class AgreementCorruptError(CorruptError):
    """The stored agreement is not the one that was signed."""


class AgreementChangeRefusedError(ForbiddenError):
    """Somebody who is not the other side, or may not do this, tried to change an agreement."""


class UseWithheldError(WithheldError):
    """The agreement does not allow this use."""


class RulepackInvalidError(InvalidError):
    """A rule pack cannot be read, or fails its own cases."""


class RulepackUnlistedError(ForbiddenError):
    """The space's authority has not listed a rule pack of this hash."""


class DecisionNotFoundError(NotFoundError):
    """There is no decision of that id at this node."""


class DecisionCorruptError(CorruptError):
    """A stored decision does not follow from its stored inputs."""


class FlowWithheldError(WithheldError):
    """The rules of law do not let this flow happen."""
