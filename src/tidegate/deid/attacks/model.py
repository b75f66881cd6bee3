"""What an attack gave."""

from typing import TYPE_CHECKING

from tidegate.deid.tables.model import Recoding, TableInput
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy import intp
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AttackResult:
    """How often an attack succeeded, with the 95 % interval, and what it is to be held against."""

    name: str
    tried: int
    succeeded: int
    low: float
    high: float
    baseline: float
    """The chance of success without the release: what the attacker could have guessed anyway."""
    unprotected: float | None
    """The rate of the same attack on the exact values, None where it means nothing."""

    @property
    def rate(self) -> float:
        """Return the share of tries that succeeded; 0 if there was nothing to try."""
        return self.succeeded / self.tried if self.tried else 0.0


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier releases about the same people: each record's class in every one, negative if none.

    Of their people those are known who are in this release too.
    """

    classes: "tuple[NDArray[intp], ...]"


@dataclass(frozen=True, slots=True)
class Companion:
    """Another release about the same people, and where each record of the first stands in it."""

    table: TableInput
    recoding: Recoding
    records: "NDArray[intp]"
    """For each record of the first table its record here, negative if the person is not here."""
