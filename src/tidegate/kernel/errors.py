"""The seven kinds of error every room derives its own from.

Doors map a kind to an HTTP status, a page or an exit code in one table each; a room names none.
A message says what happened and what to do next, and holds no patient's value.
"""

import re
from typing import ClassVar

from tidegate.kernel.text import without_hidden

LONGEST_WORDS = 4000


class TidegateError(Exception):
    """An anticipated refusal or failure, told in words a person can act on.

    `code` is a stable snake_case reason, used as key for translations; `details` are the ids,
    names and counts that the words mention. Both may hold what somebody else wrote, so they are
    shortened and rid of what is not seen: they end in databases, logs and answers.
    """

    kind: ClassVar[str] = "error"
    tries: ClassVar[int] = 1
    """How often background work tries before a person is asked; trouble that passes has more."""

    def __init__(self, message: str, *, code: str = "", **details: str) -> None:
        self.message = without_hidden(message[:LONGEST_WORDS])
        super().__init__(self.message)
        self.code = code or _snake(type(self).__name__.removesuffix("Error"))
        self.details = {
            name: without_hidden(value[:LONGEST_WORDS]) for name, value in details.items()
        }


class NotFoundError(TidegateError):
    """What was asked for does not exist, or the asker may not know that it does."""

    kind = "not_found"


class ForbiddenError(TidegateError):
    """The asker may not do this at all."""

    kind = "forbidden"


class ConflictError(TidegateError):
    """The present state does not allow this."""

    kind = "conflict"


class InvalidError(TidegateError):
    """The input is malformed or contradicts itself."""

    kind = "invalid"


class WithheldError(TidegateError):
    """A policy, a rule of law or disclosure control says no."""

    kind = "withheld"


class UnavailableError(TidegateError):
    """Something needed cannot be reached now; trying again later may succeed."""

    kind = "unavailable"


class CorruptError(TidegateError):
    """A hash, a signature or a proof does not hold."""

    kind = "corrupt"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
