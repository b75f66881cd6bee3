"""What can be refused among partners, in words."""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    WithheldError,
)


class SpaceMissingError(NotFoundError):
    """The node belongs to no space yet."""


class SpaceKnownError(ConflictError):
    """The node belongs to another space already."""


class NotAuthorityError(ForbiddenError):
    """Only the authority of the space may do or say this."""


class InvitationRefusedError(ForbiddenError):
    """The invitation code is unknown, used, or past its time."""


class MemberNotFoundError(NotFoundError):
    """No member of the space has that DID."""


class MemberKnownError(ConflictError):
    """The institution is or was a member already."""


class MemberRevokedError(ConflictError):
    """The membership was revoked; a revocation is final."""


class PartnershipNotFoundError(NotFoundError):
    """No partnership has that id."""


class PartnershipInvalidError(InvalidError):
    """The terms of a partnership contradict themselves."""


class SignatureInvalidError(CorruptError):
    """A signature does not hold over the terms it claims to sign."""


class NotPartyError(ForbiddenError):
    """The node that speaks is no party to what it speaks about."""


class TrainingNotFoundError(NotFoundError):
    """No training credential has that id."""


class TrainingInvalidError(InvalidError):
    """A training credential is malformed or not the sender's to give."""


class ProjectNotFoundError(NotFoundError):
    """No study has that id."""


class ProjectInvalidError(InvalidError):
    """A study, an approval or a legal basis is incomplete or contradicts itself."""


class ProjectClosedError(ConflictError):
    """The study is closed."""


class NotLeadError(ForbiddenError):
    """Only the lead of the study may do this."""


class OwnMatterError(ForbiddenError):
    """Nobody decides on what they asked for or take part in."""


class ApplicationNotFoundError(NotFoundError):
    """No application has that id."""


class ApplicationInvalidError(InvalidError):
    """An application is incomplete or asks for what its study does not cover."""


class ApplicationRefusedError(WithheldError):
    """An application does not meet what the partnership requires."""


class PermitNotFoundError(NotFoundError):
    """No permit has that id."""


class InstrumentNotFoundError(NotFoundError):
    """No impact assessment or transfer mechanism has that id."""


class InstrumentInvalidError(InvalidError):
    """An impact assessment or transfer mechanism is incomplete or contradicts itself."""


class GateClosedError(WithheldError):
    """One of the conditions of access does not hold; the code names it."""
