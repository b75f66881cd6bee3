"""What the lab refuses, in words the asker can act on and without any count of people."""

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
    WithheldError,
)


class QueryInvalidError(InvalidError):
    """The query is malformed, too complex, or names what the codebook does not have."""


class QueryNotFoundError(NotFoundError):
    """There is no such query, or it is somebody else's."""


class SmallCountError(WithheldError):
    """Too few people stand behind the result."""


class TooCloseError(WithheldError):
    """The result and an earlier release together would single people out."""


class TooManyToCompareError(WithheldError):
    """The result cannot be compared with everything that was released, within a stated bound."""


TELLING = frozenset(
    {
        "cohort_too_small",
        "groups_too_small",
        "too_close_to_earlier_release",
        "too_many_to_compare",
    }
)
"""Codes of refusals that depend on the people in the data."""


class RefusalsSpentError(WithheldError):
    """So many results were refused for the people in them that more refusals would tell."""


class QueryStoppedError(WithheldError):
    """The query was stopped because its agreement no longer allows it."""


class QueryTimeError(WithheldError):
    """The query took longer than the node allows."""


class QueryMemoryError(WithheldError):
    """The query needed more memory than the node allows."""


class RuleSaysNoError(WithheldError):
    """The rule pack does not allow this use, or a fact it needs is missing."""


class NotTheCheckerError(ForbiddenError):
    """The person may not clear this release."""


class NotTheProviderError(ForbiddenError):
    """A message about a query came from a node that does not hold the data."""


class CodebookMismatchError(CorruptError):
    """The data are not as the codebook describes them."""


class SealBrokenError(CorruptError):
    """A sealed record cannot be opened: the key is gone or the record was changed."""


class StaleRunError(ConflictError):
    """Another request moved the query meanwhile."""


class AskedRacedError(UnavailableError):
    """The query was answered at the same moment; whoever comes second looks again."""
