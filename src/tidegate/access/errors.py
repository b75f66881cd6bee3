"""What can be refused at the door, in words."""

from tidegate.kernel.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class PersonNotFoundError(NotFoundError):
    """Nobody of this node has that id."""


class TokenNotFoundError(NotFoundError):
    """No token has that id."""


class RoleMissingError(ForbiddenError):
    """The actor lacks the role the act asks for."""


class NotYourselfError(ForbiddenError):
    """The act needs another person than the one it is about, or that very person."""


class SignInRefusedError(ForbiddenError):
    """What was shown does not prove who is asking; it never says which part was wrong."""


class TooManyAttemptsError(ForbiddenError):
    """Too many wrong guesses in a short time."""


class SignInBusyError(UnavailableError):
    """So many passwords are being checked that another would take the node's memory."""


class LinkRefusedError(ForbiddenError):
    """The one-time link is unknown, used or past its time."""


class SessionEndedError(ForbiddenError):
    """There is no such session any more."""


class TokenRefusedError(ForbiddenError):
    """The bearer token is unknown, revoked or past its time."""


class PersonDisabledError(ForbiddenError):
    """The person may no longer act at this node."""


class EmailTakenError(ConflictError):
    """Another person of this node has that e-mail address."""


class LastOperatorError(ConflictError):
    """The node would be left without an operator."""


class PersonInvalidError(InvalidError):
    """A name, an e-mail address or a set of roles is not usable."""


class TermInvalidError(InvalidError):
    """A link or token is asked for no time at all, or for longer than any may live."""


class PasswordWeakError(InvalidError):
    """The password is too easy to guess."""
