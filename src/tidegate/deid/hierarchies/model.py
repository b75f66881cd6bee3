"""The nouns of hierarchy making: what is asked for, a value's place in it, and what was grown."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from tidegate.deid.tables.model import Hierarchy
from tidegate.kernel.values import dataclass

OTHER = "(other)"
"""The branch of the values a code list does not know, where the recipe wants one."""

MISSING = ""
"""The leaf of the values that are not there."""

Counts: TypeAlias = Mapping[str, int]
"""How many records have each value, as the file spells it."""


class Kind(StrEnum):
    """How a hierarchy is made."""

    ICD10 = "icd10"
    """Code, three-character category, block, chapter of ICD-10 (WHO, version 2019)."""
    ATC = "atc"
    """The five levels of an ATC code: 7, 5, 4, 3 and 1 characters."""
    PLACE = "place"
    """Districts of Hong Kong, Macao and the nine Mainland cities of the Greater Bay Area."""
    DATE = "date"
    """Day, third of a month, month, quarter, year, five years, ten years."""
    AGE = "age"
    """Years of age in bands of 5, 10 and 20; the oldest pooled if the recipe says from where."""
    SEX = "sex"
    ETHNICITY = "ethnicity"
    OCCUPATION = "occupation"
    """Major groups and skill levels of ISCO-08, for codes and for usual words."""
    NUMBER = "number"
    """Learned: round cuts near the quantiles."""
    CATEGORY = "category"
    """Learned: the rarest values are pooled first."""
    FLAT = "flat"
    """The exact value or nothing."""
    GIVEN = "given"
    """The rows of a table the user wrote: leaf, coarser, still coarser."""


class Unknown(StrEnum):
    """What becomes of values that a code list does not know."""

    REFUSE = "refuse"
    OTHER = "other"
    """They share a branch of their own."""


@dataclass(frozen=True, slots=True)
class HierarchyChoice:
    """What a recipe says about one column's hierarchy."""

    kind: Kind
    unknown: Unknown = Unknown.REFUSE
    top: int = 0
    """Ages above this are pooled at every level; 0 for none."""
    ordered: bool = False
    """`given` only: whether the rows stand in an order that means something."""
    rows: tuple[tuple[str, ...], ...] = ()
    """`given` only: a row a leaf, the leaf first."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Where one value stands: its labels from level 1 up, and what it is sorted by."""

    identity: object
    """Two spellings of one value have the same."""
    labels: tuple[str, ...]
    key: tuple[object, ...]
    leaf: str = ""
    """The text of the leaf, where it is not the most frequent spelling."""


Grower: TypeAlias = Callable[[str], Branch | None]
"""Gives a value's branch, or None if the value is unknown."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A hierarchy and the leaf of every value it was made for, as the file spells the value."""

    hierarchy: Hierarchy
    leaf_of: Mapping[str, int]
    unknown: int = 0
    """Records whose value no code list knew, and which stand in the branch for such."""
