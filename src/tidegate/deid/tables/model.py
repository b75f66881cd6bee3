"""The nouns of table anonymisation: hierarchies, criteria, the question asked and its answer.

Words follow ISO/IEC 20889:2018: quasi-identifier, sensitive attribute, equivalence class,
generalisation, suppression. Arrays are numpy's; this module only names them.
"""

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy import float64, int32, intp
    from numpy.typing import NDArray

    Codes: TypeAlias = NDArray[int32]
    Losses: TypeAlias = NDArray[float64]
    Records: TypeAlias = NDArray[intp]

SUPPRESSED = -1
"""The class of a record that is not published."""

ANY = "*"
"""The label of a value that was generalised to nothing."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A value generalisation hierarchy: what every leaf of one column becomes, level by level.

    `labels[level][leaf]` is the published text. Level 0 is the leaf itself, every level is coarser
    than the one before (leaves that share a label share it on all higher levels), the last level
    has the single label `*`. Leaves stand in the order of the taxonomy, so that the leaves of a
    label are neighbours; `ordered` says that this order also means something (numbers, dates,
    stages), so that a run of neighbours may be published as an interval.
    """

    name: str
    labels: tuple[tuple[str, ...], ...]
    ordered: bool = False
    source: str = ""
    """Where the levels come from, such as a code system and its version; `learned` if measured."""

    @property
    def leaves(self) -> tuple[str, ...]:
        """Return the values at level 0."""
        return self.labels[0]

    @property
    def height(self) -> int:
        """Return the number of levels, the exact value among them."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class QuasiColumn:
    """One quasi-identifier: a leaf for every record, its hierarchy and its weight in the loss."""

    name: str
    codes: "Codes"
    hierarchy: Hierarchy
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class SensitiveColumn:
    """One sensitive attribute: a value's number for every record, and how values are ordered.

    `values[code]` is the text. A hierarchy gives the hierarchical distance of t-closeness, the
    order of `values` the ordered one.
    """

    name: str
    codes: "Codes"
    values: tuple[str, ...]
    hierarchy: Hierarchy | None = None


@dataclass(frozen=True, slots=True)
class TableInput:
    """A table as codes: what the engine sees. All columns have one entry a record."""

    quasi: tuple[QuasiColumn, ...]
    sensitive: tuple[SensitiveColumn, ...] = ()

    @property
    def rows(self) -> int:
        """Return the number of records."""
        return len(self.quasi[0].codes) if self.quasi else 0

    def find_sensitive(self, name: str) -> SensitiveColumn | None:
        """Return a sensitive column, or None if the table has none of that name."""
        return next((column for column in self.sensitive if column.name == name), None)

    def take(self, records: "Records") -> "TableInput":
        """Return the table of these records alone, in their order."""
        return TableInput(
            tuple(replace(column, codes=column.codes[records]) for column in self.quasi),
            tuple(replace(column, codes=column.codes[records]) for column in self.sensitive),
        )


class Distance(StrEnum):
    """The ground distance of t-closeness (Li, Li, Venkatasubramanian 2007, section 5)."""

    EQUAL = "equal"
    ORDERED = "ordered"
    HIERARCHICAL = "hierarchical"


class Attacker(StrEnum):
    """Whose risk a threshold bounds (El Emam and Dankar 2008)."""

    PROSECUTOR = "prosecutor"
    JOURNALIST = "journalist"
    MARKETER = "marketer"


@dataclass(frozen=True, slots=True)
class KAnonymity:
    """Every class has at least k records (Sweeney 2002)."""

    k: int


@dataclass(frozen=True, slots=True)
class DistinctL:
    """Every class has at least l different sensitive values (Machanavajjhala et al. 2007)."""

    column: str
    l: float  # noqa: E741 - the letter of the paper


@dataclass(frozen=True, slots=True)
class EntropyL:
    """The entropy of every class's sensitive values is at least log l (ibid., definition 4.1)."""

    column: str
    l: float  # noqa: E741 - the letter of the paper


@dataclass(frozen=True, slots=True)
class RecursiveL:
    """In every class r1 < c (r_l + … + r_m), frequencies falling (ibid., definition 4.2)."""

    column: str
    c: float
    l: int  # noqa: E741 - the letter of the paper


@dataclass(frozen=True, slots=True)
class TCloseness:
    """No class's distribution is farther than t from the published table's (Li et al. 2007)."""

    column: str
    t: float
    distance: Distance = Distance.EQUAL


@dataclass(frozen=True, slots=True)
class DeltaPresence:
    """The chance of being in the table, given the population, lies in [least, most].

    Nergiz, Atzori, Clifton 2007. `population` are the leaves of every person of the population, in
    the columns' order, one array each; the records of the table are among them.
    """

    least: float
    most: float
    population: tuple["Codes", ...] = ()


@dataclass(frozen=True, slots=True)
class RiskThreshold:
    """The attacker's risk is at most `most`; the journalist knows a `population`, as above.

    Prosecutor and journalist: the greatest risk of a record; marketer: the mean over all records.
    """

    attacker: Attacker
    most: float
    population: tuple["Codes", ...] = ()


Criterion: TypeAlias = (
    KAnonymity | DistinctL | EntropyL | RecursiveL | TCloseness | DeltaPresence | RiskThreshold
)


class Method(StrEnum):
    """How a table is recoded."""

    LOCAL = "local"
    """Every class at levels of its own: the default, least loss."""
    FULL_DOMAIN = "full_domain"
    """One level a column for the whole table, the proven optimum, records suppressed to a limit."""
    PREVIEW = "preview"
    """Mondrian cuts: at once, for looking at while a recipe is written."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to reach: all criteria together, by one method, within the suppression limit."""

    criteria: tuple[Criterion, ...]
    method: Method = Method.LOCAL
    suppression: float = 0.0
    """The share of records that may be left out, 0 to 1."""

    @property
    def k(self) -> int:
        """Return the k that is asked for, 1 if none is."""
        return max((c.k for c in self.criteria if isinstance(c, KAnonymity)), default=1)


@dataclass(frozen=True, slots=True)
class Recoding:
    """The answer: a class for every record and what each class publishes.

    `classes[record]` is a number from 0, or `SUPPRESSED`. `labels[column][class]` is the published
    text, `losses[column][class]` its normalised certainty penalty (0 exact, 1 `*`; Xu et al.
    2006). No two classes publish the same labels.
    """

    classes: "Codes"
    labels: tuple[tuple[str, ...], ...]
    losses: "Losses"
    levels: tuple[int, ...] = ()
    """Full domain only: the level of each column."""
    proven: bool = False
    """Whether no other answer of the same kind loses less."""

    @property
    def class_count(self) -> int:
        """Return the number of published classes."""
        return len(self.labels[0]) if self.labels else 0
